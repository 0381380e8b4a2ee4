"""How far a replication is: papers, cells, and an estimate of the time left."""

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from tqdm import tqdm

EVERY = 1.0
"""Seconds between looks at the clock on a terminal."""

EVERY_IN_LOG = 60.0
"""Seconds between lines where the output goes to a file."""


@dataclass
class Pace:
    """Estimates the seconds left.

    Args:
        expected: Paper -> seconds that it took last time or on our machine, where that is known.
        cells: Paper -> number of its code cells.
    """

    expected: Mapping[str, float | None]
    cells: Mapping[str, int]
    ended: dict[str, float] = field(default_factory=dict)
    """Paper -> seconds that it took now."""

    def left(self, paper: str, seconds: float, done: int) -> float | None:
        """Return the seconds left, or None where nothing tells.

        Args:
            paper: The one that is running.
            seconds: Since it began.
            done: Its cells that have ended.
        """
        waiting = [name for name in self.expected if name != paper and name not in self.ended]
        each = [self._rest(paper, seconds, done), *(self.expected[name] for name in waiting)]
        known = [rest for rest in each if rest is not None]
        return sum(known) if len(known) == len(each) else None

    def _rest(self, paper: str, seconds: float, done: int) -> float | None:
        expected, share = self.expected[paper], min(done / max(self.cells[paper], 1), 1)
        if expected is not None and seconds < expected and share < 1:
            return expected - seconds
        return seconds * (1 - share) / share if share else None


class Display:
    """Shows the pace on the standard error: a bar on a terminal, now and then a line elsewhere.

    Args:
        pace: What estimates the time left.
        show: Whether to show anything.
        what: What a line calls that which runs.
    """

    def __init__(self, pace: Pace, *, show: bool = True, what: str = "paper") -> None:
        self.pace = pace
        self._what = what
        self._show = show
        self._terminal = sys.stderr.isatty()
        self._paper, self._since, self._done, self._note = "", 0.0, 0, ""
        self._over = threading.Event()
        self._bar: tqdm[Any] | None = None
        self._clock = threading.Thread(target=self._tick, name="innerview-display", daemon=True)

    def __enter__(self) -> Self:
        if self._show:
            if self._terminal:
                form = "{desc}|{bar:20}| {n_fmt}/{total_fmt} cells{postfix}"
                total = sum(self.pace.cells.values())
                self._bar = tqdm(total=total, bar_format=form, dynamic_ncols=True, leave=False, file=sys.stderr)
            self._clock.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._clock.is_alive():
            self._clock.join()
        if self._bar is not None:
            self._bar.close()

    def begin(self, paper: str) -> None:
        """Turn to the next paper."""
        self._paper, self._since, self._done, self._note = paper, time.monotonic(), 0, ""
        self._refresh()

    def announce(self) -> None:
        """The paper really runs: say so where no bar shows it."""
        if not self._terminal:
            self.say(self._line())

    def end(self) -> None:
        """The paper has ended, well or not."""
        self.pace.ended[self._paper] = time.monotonic() - self._since
        if self._bar is not None:
            self._bar.update(self.pace.cells[self._paper] - self._done)

    def cell_done(self) -> None:
        """One more cell has ended."""
        self._done += 1
        self._note = ""
        if self._bar is not None:
            self._bar.update(1)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if self._show and line:
            tqdm.write(line, file=sys.stderr)

    def note(self, line: str) -> None:
        """Show what the notebook's own bar says."""
        self._note = line.strip()

    def _tick(self) -> None:
        while not self._over.wait(EVERY if self._terminal else EVERY_IN_LOG):
            self._refresh()
            self.announce()

    def _refresh(self) -> None:
        if self._bar is not None:
            number = f"{len(self.pace.ended) + 1}/{len(self.pace.expected)} "
            self._bar.set_description_str(f"{number}{self._paper} ", refresh=False)
            self._bar.set_postfix_str("; ".join(filter(None, [self._time(), self._note[:60]])))

    def _line(self) -> str:
        cells = f"{self._done} of {self.pace.cells[self._paper]} cells"
        number = f"{len(self.pace.ended) + 1} of {len(self.pace.expected)}"
        return f"{self._paper} ({self._what} {number}): {cells}, {self._time()}"

    def _time(self) -> str:
        gone = time.monotonic() - self._since
        left = self.pace.left(self._paper, gone, self._done)
        return f"{clock(gone)} gone, {'time left unknown' if left is None else f'about {clock(left)} left'}"


def clock(seconds: float) -> str:
    """Return seconds as a person reads them: ``42 s``, ``3 min 5 s``, ``1 h 20 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
