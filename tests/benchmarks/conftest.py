"""The benchmarks' machine and their own report: ratios and measures under pytest-benchmark's table."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from innerview.core.allocator import keep_freed_memory
from innerview.core.devices import choose_device
from innerview.replicate.machine import machine, versions


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="where GoogLeNet runs: cpu, cuda or mps")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    return choose_device(str(request.config.getoption("--device")))


@pytest.fixture(scope="session")
def googlenet(googlenet: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """On the device."""
    return googlenet.to(device)


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    """All threads, unlike the tests; memory as the command line has it, for us and for the rivals."""
    keep_freed_memory()


@pytest.hookimpl
def pytest_benchmark_update_machine_info(config: Any, machine_info: dict[str, Any]) -> None:
    machine_info["innerview"] = machine(choose_device(config.getoption("--device"))) | {"versions": versions()}


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: Any, config: Any) -> Iterator[None]:
    yield
    session = getattr(config, "_benchmarksession", None)
    for benchmark in session.benchmarks if session else []:
        for line in lines(benchmark.extra_info):
            terminalreporter.write_line(f"{benchmark.group}: {line}")


def lines(told: dict[str, Any]) -> Iterator[str]:
    if one := told.get("comparison"):
        goal = f", goal {one['goal']:.3g}" if one["goal"] else ""
        yield (
            f"{one['what']}, beside {one['rival']}: {one['speed']:.3g} ({one['low']:.3g} to {one['high']:.3g}){goal}; "
            f"{one['ours']:.3g} and {one['theirs']:.3g} s"
        )
    for one in told.get("measures", []):
        goal = f", at most {one['at_most']:.4g}" if one["at_most"] else ""
        yield f"{one['what']}: {one['value']:.4g} {one['unit']}{goal}"
    if one := told.get("growth"):
        points = ", ".join(f"{value}: {taken:.3g}" for value, taken in zip(one["values"], one["seconds"], strict=True))
        yield f"{one['what']}, seconds by {one['variable']}: {points}"
