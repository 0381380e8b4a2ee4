"""The benchmarks' own report: ratios and memory under pytest-benchmark's table."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: Any, config: Any) -> Iterator[None]:
    yield
    session = getattr(config, "_benchmarksession", None)
    for benchmark in session.benchmarks if session else []:
        facts = ", ".join(f"{key} {value:.3g}" for key, value in benchmark.extra_info.items())
        terminalreporter.write_line(f"{benchmark.name}: {facts}")


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    """All threads, unlike the tests."""
