"""What one waits for before anything happens: importing the package, and the command's help."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alternating import compare, record_measure

pytestmark = pytest.mark.benchmark(group="Start-up")

INNERVIEW = str(Path(sys.executable).with_name("innerview"))


def python(code: str) -> Callable[[], Any]:
    return lambda: subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def command(*arguments: str) -> Callable[[], Any]:
    return lambda: subprocess.run([INNERVIEW, *arguments], capture_output=True, check=True)


@pytest.mark.parametrize(
    ("what", "rival"),
    [("`import innerview`", "pass"), ("`from innerview import grad_cam, visualize`", "import torch")],
    ids=["package", "methods"],
)
def test_importing(benchmark: Any, what: str, rival: str) -> None:
    theirs = f"Python alone, `{rival}`"
    compare(benchmark, what, python(what.strip("`")), theirs, python(rival), rounds=10)


@pytest.mark.parametrize("arguments", [("--help",), ("visualize", "--help"), ("models",)], ids=" ".join)
def test_command_line(benchmark: Any, arguments: tuple[str, ...]) -> None:
    run = command(*arguments)
    benchmark.pedantic(run, rounds=10, warmup_rounds=1)
    at_most = 0.3 if "--help" in arguments else None
    record_measure(benchmark, f"`innerview {' '.join(arguments)}`", benchmark.stats.stats.median, "s", at_most)
