"""The numbers of a survey on disk: rows that are written once, in order, and counted only when they are whole."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from innerview.core.errors import BadInput, OutputError
from innerview.core.files import check_writable, read_json, write_json

VALUES = ("maxima", "minima", "means", "samples")
PLACES = ("max_places", "min_places")


def row_type(channels: int) -> np.dtype:
    """Return the record of one image: for each channel its values, and the flat indices of the extremes' positions."""
    values = [(name, np.float32, (channels,)) for name in VALUES]
    return np.dtype(values + [(name, np.int32, (channels,)) for name in PLACES])


class RowFile:
    """Rows in a folder, and how many of them are done.

    ``survey.rows`` holds the records one after the other. ``survey.json`` says what they were made from and how many
    count; it is renewed after the rows are on the disk, so that what a kill leaves half-written is never read.

    Args:
        folder: Made when the first row is written.
        made_from: Hash of all that the rows depend on; rows made from something else are written anew.
        total: Rows when all are done.
    """

    def __init__(self, folder: str | Path, made_from: str, total: int) -> None:
        self.path, self.state = Path(folder) / "survey.rows", Path(folder) / "survey.json"
        self.made_from, self.total = made_from, total
        self.done, self.channels = 0, 0
        self.grid: tuple[int, ...] = ()
        found = self._found()
        if found is not None:
            self.done, self.channels, self.grid = found["done"], found["channels"], tuple(found["grid"])

    def _found(self) -> Mapping | None:
        try:
            state = read_json(self.state)
            size = self.path.stat().st_size
        except (BadInput, OSError):
            return None
        ours = isinstance(state, Mapping) and state.get("made_from") == self.made_from
        return state if ours and size >= state["done"] * row_type(state["channels"]).itemsize else None

    def check_writable(self) -> None:
        """Raise `OutputError` if rows could not be written there."""
        check_writable(self.path)
        check_writable(self.state)

    def extend(self, stop: int, rows: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
        """Write the rows up to `stop`; `channels` and `grid` are known by then.

        Args:
            stop: Rows that are done afterwards.
            rows: ``(b,)``, those that are known; the others become NaN.
            columns: Their numbers, ``(b, channels)`` by the names of `row_type`.

        Raises:
            OutputError: they cannot be written.
        """
        block = np.zeros(stop - self.done, row_type(self.channels))
        for name in VALUES:
            block[name] = np.nan
        for name, column in columns.items():
            block[name][rows - self.done] = column
        try:
            self._write(block)
        except OSError as error:
            raise OutputError(
                f"cannot write {self.path}: {error.strerror}; free space or choose another place"
            ) from error
        self.done = stop
        state = {"made_from": self.made_from, "done": stop, "channels": self.channels, "grid": list(self.grid)}
        write_json(self.state, state)

    def _write(self, block: np.ndarray) -> None:
        if self.done == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.state.unlink(missing_ok=True)  # what it says no longer holds
            self.path.unlink(missing_ok=True)  # an older survey may still be mapped; it keeps the old file
            self.path.touch()
        with self.path.open("r+b") as file:
            file.truncate(self.done * block.itemsize)
            file.seek(0, os.SEEK_END)
            file.write(block.tobytes())
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> np.ndarray:
        """Return all rows as a memory map, read-only."""
        return np.memmap(self.path, row_type(self.channels), "r", shape=(self.total,))
