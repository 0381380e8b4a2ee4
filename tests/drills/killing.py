"""Long runs that are killed at random moments and started again: what they may not lose, and what they come to."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import psutil
import torch
from tqdm import tqdm

KILLS = 20
SEED = 10
HANGS = 300.0
"""Seconds after which a run that has not ended hangs."""

NOTICED = 30.0
"""Seconds within which processes of other groups, such as kernels, notice that the one they work for was killed."""

Found = dict[str, Any]


@dataclass(frozen=True)
class LongRun:
    """A run that goes on where it was killed.

    Args:
        do: Called in a process of its own, with the folder of the run, which is empty or holds what a kill left there.
        finished: From that folder to all that is finished: its name, and what may never change. Fails where something
            that counts as finished is damaged.
        results: From that folder to what the run came to, without seconds and dates: name -> content.
        opening: Share of a run that passes before there is anything to lose; few kills fall into it.
        grows: Whether a result is extended until the end; otherwise it is whole as soon as it is there.
        clears: Whether what is finished is removed in the end, once the results are there.
    """

    do: Callable[[Path], None]
    finished: Callable[[Path], Found]
    results: Callable[[Path], Found]
    opening: float = 0.0
    grows: bool = False
    clears: bool = False


@dataclass
class Drilled:
    """What a drill was like."""

    seconds: float
    """Of a run that nobody disturbed."""
    kills: int = 0
    runs: int = 0
    """That were killed, once or more, and came to their end."""
    went_on: int = 0
    """Kills before which something more was finished than before the kill ahead of it."""


def drill(run: LongRun, place: Path, name: str) -> Drilled:
    """Kill a run at so many random moments, let it go on each time, and compare what it comes to.

    A run that ends before its moment is followed by another one from nothing.

    Args:
        run: What is killed.
        place: An empty folder.
        name: Of the run; it and the seed give the moments.
    """
    whole, seconds = undisturbed(run, place / "whole")
    told, moments = Drilled(seconds), moments_of(run, seconds, name)
    while told.kills < KILLS:
        chain(run, place / f"killed-{told.runs}", moments, whole, told)
        told.runs += 1
    return told


def undisturbed(run: LongRun, folder: Path) -> tuple[Found, float]:
    """Return what a run comes to, and its seconds."""
    running = Running(run.do, folder)
    running.end()
    seconds = time.monotonic() - running.begun
    return run.results(folder), seconds


def moments_of(run: LongRun, seconds: float, name: str) -> Iterator[float]:
    """Draw moments, in seconds after a start: mostly soon after it, so that kills follow kills, and some late."""
    draws = random.Random(f"{name} {SEED}")
    while True:
        yield seconds * (run.opening + (1 - run.opening) * draws.random() ** 1.5)


def chain(run: LongRun, folder: Path, moments: Iterator[float], whole: Found, told: Drilled) -> None:
    """Kill one run, and kill it again when it goes on, until it ends before its moment or was killed often enough."""
    kept: Found = {}
    while told.kills < KILLS:
        moment = next(moments)
        if not Running(run.do, folder).killed_at(moment):
            break
        told.kills += 1
        where = f"after kill {told.kills}, {moment:.3f} s after a start (seed {SEED}), in {folder},"
        now, results = run.finished(folder), run.results(folder)
        if not run.grows:
            assert_same(results, {name: whole.get(name) for name in results}, where)
        if not (run.clears and results.keys() == whole.keys()):
            assert_kept(kept, now, where)
        told.went_on += bool(now) and now != kept
        kept = now
    else:
        Running(run.do, folder).end()
    where = f"at the end (seed {SEED}), in {folder},"
    if not run.clears:
        assert_kept(kept, run.finished(folder), where)
    assert_same(run.results(folder), whole, where)


def assert_kept(before: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """What was finished is there, and is what it was."""
    gone = [name for name in before if name not in now]
    assert not gone, f"{where} these are gone: {gone}"
    again = [name for name, value in before.items() if now[name] != value]
    assert not again, f"{where} these were finished, and made once more: {again}"


def assert_same(found: Mapping[str, Any], wanted: Mapping[str, Any], where: str) -> None:
    assert sorted(found) == sorted(wanted), where
    other = [name for name, value in wanted.items() if found[name] != value]
    assert not other, f"{where} these are other than in an undisturbed run: {other}"


class Running:
    """A run that has begun, as the leader of a group of processes.

    Args:
        do: What the process does.
        folder: Passed to it; made if it is missing. What it prints is beside it, in ``FOLDER.log``.
    """

    def __init__(self, do: Callable[[Path], None], folder: Path) -> None:
        folder.mkdir(exist_ok=True, parents=True)
        context = forking()
        self._log = folder.with_suffix(".log")
        hears, tells = context.Pipe(duplex=False)
        self._process = context.Process(target=_alone, args=(do, folder, self._log, tells))
        self._process.start()
        tells.close()
        assert hears.poll(HANGS), "no process began"
        hears.recv()
        self.begun = time.monotonic()

    def killed_at(self, moment: float) -> bool:
        """Kill all its processes at a moment, in seconds after its begin; tell whether it had not yet ended."""
        self._process.join(max(0.0, self.begun + moment - time.monotonic()))
        family = self.family()
        if self._process.exitcode is None:
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        self._ended(family)
        return self._process.exitcode == -signal.SIGKILL

    def end(self) -> None:
        """Wait until it has ended."""
        self._process.join(HANGS)
        if self._process.exitcode is None:
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        self._ended([])

    def family(self) -> list[psutil.Process]:
        """Return the processes that it has started, and those that these have."""
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _ended(self, family: list[psutil.Process]) -> None:
        self._process.join(HANGS)
        assert self._process.exitcode in (0, -signal.SIGKILL), self._log.read_text(encoding="utf-8")[-3000:]
        _, left = psutil.wait_procs(family, timeout=NOTICED)
        for one in left:
            one.kill()
        assert not left, f"these outlive the kill: {left}"


def _alone(do: Callable[[Path], None], folder: Path, log: Path, tells: Connection) -> None:
    """Do it in a group of its own, on one thread."""
    os.setsid()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # its own is known to the system, which would miss it after the kill
    os.chdir(folder)
    tells.send(None)
    tells.close()
    do(folder)


PREPARED = [
    "torch", "torch._dynamo", "scipy.ndimage", "sklearn.decomposition", "skimage.data", "matplotlib.figure",
    "nbgrader.apps", "papermill", "innerview", "innerview.atlas.explore", "innerview.cli", "innerview.dissection",
    "innerview.embedding", "innerview.localization", "innerview.attribution.scouter_files",
    "innerview.course.grading", "innerview.replicate", "innerview.synthesis.dream_files",
    "innerview.synthesis.fast_style", "innerview.training",
]  # fmt: skip
"""What a process would spend seconds on before it does anything; the first optimiser alone imports `torch._dynamo`."""


def forking() -> ForkServerContext:
    """Processes that fork off one which has imported all: they are there in milliseconds."""
    context = get_context("forkserver")
    context.set_forkserver_preload(PREPARED)
    return context
