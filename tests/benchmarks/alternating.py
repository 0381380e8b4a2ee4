"""Comparisons that hold on a noisy machine: two functions in turn, and the ratio pair by pair."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as its rival something is."""

    median: float
    low: float
    high: float
    ours: float
    """Median seconds."""
    theirs: float


def alternate(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int = 15) -> Ratio:
    """Time two functions in turn, after a warm-up; low and high are quartiles of the ratio theirs / ours."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds + 2)][2:]
    low, median, high = statistics.quantiles((b / a for a, b in pairs), n=4)
    return Ratio(median, low, high, *(statistics.median(side) for side in zip(*pairs, strict=True)))


def seconds(function: Callable[[], Any]) -> float:
    """Time one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
