"""Comparisons that hold on a noisy machine: two functions in turn, and the ratio pair by pair.

A benchmark records what it measured in pytest-benchmark's ``extra_info``, in one of three shapes: a comparison, a
measure or a growth. `tools/publish_benchmarks.py` makes the book's numbers of them.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

Pairs = Sequence[tuple[float, float]]
"""Seconds of ours and of theirs, measured right after one another."""


def seconds(function: Callable[[], Any]) -> float:
    """Time one call, with all that it has asked of a GPU."""
    start = time.perf_counter()
    function()
    synchronize()
    return time.perf_counter() - start


def synchronize() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def printed(code: str, *arguments: object) -> str:
    """Run a program in a process of its own, where it finds this module, and return what it prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def peak_mib() -> float:
    """Return the most memory that this process held, in MiB.

    From Linux itself, since ``ru_maxrss`` begins at what the process that started this one held.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def record_comparison(benchmark: Any, what: str, rival: str, pairs: Pairs, goal: float | None = None) -> None:
    """Note how many times as fast as its rival something is: median and quartiles of theirs / ours.

    Where the rival is the network alone, the number is at most about 1: what is missing is all that we do beside it.
    """
    low, median, high = statistics.quantiles((theirs / ours for ours, theirs in pairs), n=4)
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    benchmark.extra_info["comparison"] = {
        "what": what, "rival": rival, "speed": median, "low": low, "high": high, "ours": ours, "theirs": theirs,
        "rounds": len(pairs), "goal": goal,
    }  # fmt: skip


def record_measure(benchmark: Any, what: str, value: float, unit: str, at_most: float | None = None) -> None:
    """Note a number that has no rival; a benchmark may have several."""
    told = {"what": what, "value": value, "unit": unit, "at_most": at_most}
    benchmark.extra_info.setdefault("measures", []).append(told)


def compare(
    benchmark: Any,
    what: str,
    ours: Callable[[], Any],
    rival: str,
    theirs: Callable[[], Any],
    *,
    rounds: int = 12,
    goal: float | None = None,
) -> None:
    """Benchmark ours, each round right after one of theirs, and record the comparison; two rounds warm up."""
    rivals: list[float] = []

    def whole() -> None:
        ours()
        synchronize()

    benchmark.pedantic(whole, setup=lambda: rivals.append(seconds(theirs)), rounds=rounds, warmup_rounds=2)
    pairs = list(zip(benchmark.stats.stats.data, rivals[2:], strict=True))
    record_comparison(benchmark, what, rival, pairs, goal)


def grow(benchmark: Any, what: str, variable: str, calls: Mapping[int, Callable[[], Any]], rounds: int = 5) -> None:
    """Time a call for each value of a variable, all values in each round, and record the medians."""
    times: dict[int, list[float]] = {value: [] for value in calls}

    def sweep() -> None:
        for value, call in calls.items():
            times[value].append(seconds(call))

    benchmark.pedantic(sweep, rounds=rounds, warmup_rounds=1)
    medians = [statistics.median(taken[1:]) for taken in times.values()]
    benchmark.extra_info["growth"] = {"what": what, "variable": variable, "values": list(calls), "seconds": medians}
