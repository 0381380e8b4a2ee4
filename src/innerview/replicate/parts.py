"""The parts of a run: results that outlive it, with the seconds that each took."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.files import read_json, write_json
from innerview.core.store import Store

Tensors = Mapping[str, Tensor]

TIMINGS = "timings.json"


class Parts:
    """Resumable parts in a folder, and the record of their seconds in its ``timings.json``.

    Args:
        folder: Where the parts lie.
    """

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self._names: dict[str, str] = {}  # of the parts that this run used, by the stem of their file
        self._resumed: set[str] = set()  # the parts that were there when this run came to them
        self._inner: list[float] = []  # seconds of the parts inside each part that is being computed

    def keep(self, name: str, compute: Callable[[], Tensors], *made_from: Any) -> dict[str, Tensor]:
        """Return a stored part, or compute, time and store it."""
        key = self.store.path(name, *made_from).stem
        computed = False

        def timed() -> Tensors:
            nonlocal computed
            tensors, computed = self._timed(key, compute), True
            if not isinstance(tensors, Mapping):
                raise BadInput(f"the part {name!r} returns a {type(tensors).__name__}; return a dict of tensors")
            return tensors

        result = self.store.keep(name, timed, *made_from)
        if not computed and key not in self._names:
            self._resumed.add(key)
        self._names[key] = name
        return result

    def _timed(self, key: str, compute: Callable[[], Tensors]) -> Tensors:
        """Compute a part and record its seconds, without those of parts inside it."""
        self._inner.append(0.0)
        start = time.perf_counter()
        try:
            tensors = compute()
        finally:
            seconds, inner = time.perf_counter() - start, self._inner.pop()
        if self._inner:
            self._inner[-1] += seconds
        write_json(self.store.folder / TIMINGS, timings(self.store.folder) | {key: round(seconds - inner, 3)})
        return tensors

    def seconds(self) -> dict[str, float]:
        """Return the seconds that each part of this run took when it was computed, now or earlier, by its name."""
        known, total = timings(self.store.folder), dict.fromkeys(self._names.values(), 0.0)
        for key, name in self._names.items():
            total[name] += known.get(key, 0.0)
        return {name: round(seconds, 2) for name, seconds in total.items()}

    def seconds_resumed(self) -> float:
        """Return the seconds that the parts which were there already had taken."""
        known = timings(self.store.folder)
        return round(sum(known.get(key, 0.0) for key in self._resumed), 2)


def timings(folder: Path) -> dict[str, float]:
    """Return the seconds that parts took, by the stem of their file; nothing where the record is missing or damaged."""
    try:
        return read_json(folder / TIMINGS, dict)
    except BadInput:
        return {}
