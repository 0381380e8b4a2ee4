"""Files on their way: what the threads that fetch, and the thread that waits for them, share."""

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from tqdm import tqdm

from innerview.core.errors import OutputError

T = TypeVar("T")
R = TypeVar("R")

THREADS = 8
THREAD_NAME = "innerview-assets"
GRACE = 1.0
"""Seconds that threads get to notice the end; later ones, stuck in a silent connection, are left behind."""


class Stopped(Exception):  # never seen outside: it only ends a thread
    """The waiting thread wants no more."""


class Transfer:
    """One call's downloads together: their bar, their end, and the partial files to clear away."""

    def __init__(self, bar: "tqdm[Any]") -> None:
        self._bar = bar
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._partial: set[Path] = set()

    def check(self) -> None:
        """Raise `Stopped` when no more is wanted."""
        if self._over.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than anything is wanted."""
        if seconds > 0:
            self._over.wait(seconds)
        self.check()

    def advance(self, count: int) -> None:
        """Move the bar by bytes; back where a file starts again."""
        with self._lock:
            self._bar.update(count)

    def expect(self, count: int) -> None:
        """Tell the bar of bytes that it did not know of."""
        with self._lock:
            self._bar.total = (self._bar.total or 0) + count
            self._bar.refresh()

    def say(self, message: str) -> None:
        """Show a line above the bar, also where no bar is shown: it explains a wait."""
        with self._lock:
            tqdm.write(message, file=sys.stderr)

    def started(self, path: Path) -> None:
        """Remember a partial file."""
        with self._lock:
            self._partial.add(path)

    def finished(self, path: Path) -> None:
        """Forget a file that is whole or gone."""
        with self._lock:
            self._partial.discard(path)

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Do `work` on all items in several threads and return the results in order.

        The first exception, a Ctrl-C too, ends all threads and is raised; none of them can hold the program up.
        """
        todo: SimpleQueue[tuple[int, T]] = SimpleQueue()
        for numbered in enumerate(items):
            todo.put(numbered)
        done: SimpleQueue[tuple[int, R | None, BaseException | None]] = SimpleQueue()
        crew = [
            threading.Thread(target=self._work, args=(work, todo, done), name=THREAD_NAME, daemon=True)
            for _ in range(min(THREADS, len(items)))
        ]
        try:
            for thread in crew:
                thread.start()
            return self._results(done, len(items))
        except BaseException:
            self._end(crew)
            raise

    def _work(self, work: Callable[[T], R], todo: "SimpleQueue[tuple[int, T]]", done: "SimpleQueue") -> None:
        while not self._over.is_set():
            try:
                index, item = todo.get_nowait()
            except Empty:
                return
            try:
                done.put((index, work(item), None))
            except BaseException as error:  # noqa: BLE001  (raised again in the waiting thread)
                done.put((index, None, error))

    @staticmethod
    def _results(done: "SimpleQueue", count: int) -> list:
        results = [None] * count
        for _ in range(count):
            index, result, error = _next(done)
            if error is not None:
                raise error
            results[index] = result
        return results

    def _end(self, crew: Iterable[threading.Thread]) -> None:
        self._over.set()
        until = monotonic() + GRACE
        for thread in crew:
            if thread.ident is not None:
                thread.join(max(0.0, until - monotonic()))
        with self._lock:
            for path in self._partial:
                with suppress(OSError):
                    path.unlink()


def _next(done: "SimpleQueue") -> tuple:
    while True:  # a wait without end could not be interrupted on Windows
        with suppress(Empty):
            return done.get(timeout=0.2)


class Partial:
    """One file on its way into the cache.

    Args:
        path: Where it is written, under a temporary name.
        size: Bytes that it will have, if known.
        transfer: What it is part of.
    """

    def __init__(self, path: Path, size: int | None, transfer: Transfer) -> None:
        self.path = path
        self.expected = size
        self.transfer = transfer
        self.size = 0

    def restart(self) -> None:
        """Forget what came so far."""
        self.transfer.advance(-self.size)
        self.size = 0

    def expect(self, size: int | None) -> None:
        """Learn the size from the server, where the catalog does not tell it."""
        if self.expected is None and size is not None:
            self.expected = size
            self.transfer.expect(size)

    def add(self, chunks: Iterable[bytes]) -> None:
        """Write what `chunks` brings behind what is there; stop at more than the file can hold.

        Raises:
            OutputError: the disk takes no more.
        """
        self.transfer.check()  # before the file would appear again that the end has cleared away
        try:
            with self.path.open("ab" if self.size else "wb") as file:
                for chunk in chunks:
                    self.transfer.check()
                    file.write(chunk)
                    self.size += len(chunk)
                    self.transfer.advance(len(chunk))
                    if self.expected is not None and self.size > self.expected:
                        return
        except OSError as error:
            raise cannot_write(self.path.parent, error) from error


def cannot_write(folder: Path, error: OSError) -> OutputError:
    """Return the error to raise where the cache cannot be written."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return OutputError(
        f"cannot write to the cache {folder}: {cause.strerror or cause}; free space there, or name another folder with "
        "INNERVIEW_CACHE"
    )
