"""Rows of numbers on disk: written once, in order, counted only when they are whole, read as a memory map."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from innerview.core.errors import BadInput, OutputError
from innerview.core.files import check_writable, read_json, write_json
from innerview.core.store import fingerprint

CHECK = "check"
"""Key of the hash of all that the file of the count says."""


def _check(state: Mapping[str, Any]) -> str:
    return fingerprint(json.dumps(state, sort_keys=True))


class Rows:
    """A growing file of rows, all of one kind.

    ``NAME.rows`` holds the rows one after the other. ``NAME.json`` says what they were made from and how many count; it
    is renewed after the rows are on the disk, so that what a kill leaves half-written is never read.

    Args:
        path: Of both files, without an ending; the folder is made when the first row is written.
        made_from: Hash of all that the rows depend on; rows made from something else are written anew.
    """

    def __init__(self, path: str | Path, made_from: str) -> None:
        self.path, self.state = Path(f"{path}.rows"), Path(f"{path}.json")
        self.made_from = made_from
        self.done = 0
        self.told: dict[str, Any] = {}
        """What the writer says of the rows, kept with their count."""
        found = self._found()
        if found is not None:
            self.done, self.told = found["done"], found["told"]

    def _found(self) -> Mapping[str, Any] | None:
        try:
            state = read_json(self.state, dict)
            size = self.path.stat().st_size
            if state.pop(CHECK, None) != _check(state):
                return None  # damaged
        except (BadInput, OSError, RecursionError):
            return None
        return state if state["made_from"] == self.made_from and size >= state["done"] * state["bytes"] else None

    def check_writable(self) -> None:
        """Raise `OutputError` if rows could not be written there."""
        check_writable(self.path)
        check_writable(self.state)

    def append(self, block: np.ndarray, told: Mapping[str, Any]) -> None:
        """Write rows behind those that are done.

        Args:
            block: ``(b, …)``, or ``(b,)`` of records.
            told: What to say of the rows; see `told`.

        Raises:
            OutputError: they cannot be written.
        """
        row = block.nbytes // len(block)
        try:
            self._write(block, row)
        except OSError as error:
            raise OutputError(
                f"cannot write {self.path}: {error.strerror}; free space or choose another place"
            ) from error
        self.done += len(block)
        self.told = dict(told)
        state = {"made_from": self.made_from, "done": self.done, "bytes": row, "told": self.told}
        write_json(self.state, state | {CHECK: _check(state)})

    def _write(self, block: np.ndarray, row: int) -> None:
        if self.done == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.state.unlink(missing_ok=True)  # what it says no longer holds
            self.path.unlink(missing_ok=True)  # older rows may still be mapped; who maps them keeps the old file
            self.path.touch()
        with self.path.open("r+b") as file:
            file.truncate(self.done * row)
            file.seek(0, os.SEEK_END)
            file.write(np.ascontiguousarray(block).data)
            file.flush()
            os.fsync(file.fileno())

    def read(self, dtype: np.dtype | type, shape: tuple[int, ...] = ()) -> np.ndarray:
        """Return all rows that are done as a read-only memory map ``(done, *shape)``."""
        return np.memmap(self.path, dtype, "r", shape=(self.done, *shape))
