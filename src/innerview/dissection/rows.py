"""The numbers of a survey on disk: one record for each image."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from innerview.core.rows import Rows

VALUES = ("maxima", "minima", "means", "samples")
PLACES = ("max_places", "min_places")


def row_type(channels: int) -> np.dtype:
    """Return the record of one image: for each channel its values, and the flat indices of the extremes' positions."""
    values = [(name, np.float32, (channels,)) for name in VALUES]
    return np.dtype(values + [(name, np.int32, (channels,)) for name in PLACES])


class RowFile:
    """Records in a folder, ``survey.rows``, and how many of them are done; see `innerview.core.rows`.

    Args:
        folder: Made when the first record is written.
        made_from: Hash of all that the records depend on; records made from something else are written anew.
    """

    def __init__(self, folder: str | Path, made_from: str) -> None:
        self._rows = Rows(Path(folder) / "survey", made_from)
        self.channels: int = self._rows.told.get("channels", 0)
        self.grid: tuple[int, ...] = tuple(self._rows.told.get("grid", ()))

    @property
    def done(self) -> int:
        """How many records there are."""
        return self._rows.done

    def check_writable(self) -> None:
        """Raise `OutputError` if records could not be written there."""
        self._rows.check_writable()

    def extend(self, stop: int, rows: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
        """Write the records up to `stop`; `channels` and `grid` are known by then.

        Args:
            stop: Records that are done afterwards.
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
        self._rows.append(block, {"channels": self.channels, "grid": list(self.grid)})

    def read(self) -> np.ndarray:
        """Return all records as a memory map, read-only."""
        return self._rows.read(row_type(self.channels))
