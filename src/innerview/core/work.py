"""Long work in units: kept as files, continued after a stop, and spread over processes or machines."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from innerview.core.progress import progress
from innerview.core.store import Store, Tensors

Unit = TypeVar("Unit")


@dataclass(frozen=True)
class Work:
    """Where units of work are computed and kept.

    The configuration fixes the units; an executor only hands them out. So the same units with the same threads give
    the same bits wherever they run.

    Args:
        store: Keeps finished units, so that an interrupted piece of work goes on; None keeps nothing.
        executor: A `concurrent.futures.Executor`: a process pool, ``dask.distributed``'s ``client.get_executor()``.
            None computes one unit after another in this process.
        progress: Whether to show a bar.
    """

    store: Store | None = None
    executor: Executor | None = None
    progress: bool = False

    def each(
        self, name: str, compute: Callable[[Unit], Tensors], units: Sequence[Unit], made_from: Callable[[Unit], Any]
    ) -> list[dict[str, Tensor]]:
        """Return ``compute(unit)`` for every unit, in order.

        Args:
            name: For people: of the bar and the files.
            compute: From a unit to tensors by name; can be pickled if there is an executor.
            units: What there is to do.
            made_from: From a unit to all that its result depends on; see `innerview.core.store.fingerprint`.
        """
        paths = [self.store.path(name, made_from(unit)) if self.store else None for unit in units]
        stored = [self._load(path) for path in paths]
        missing = [index for index, result in enumerate(stored) if result is None]
        found = {index: result for index, result in enumerate(stored) if result is not None}
        for index, result in self._computed(name, compute, units, missing):
            found[index] = self._keep(paths[index], result)
        return [found[index] for index in range(len(units))]

    def _load(self, path: Path | None) -> dict[str, Tensor] | None:
        return self.store.load(path) if self.store and path else None

    def _keep(self, path: Path | None, result: Tensors) -> dict[str, Tensor]:
        if self.store and path:
            self.store.save(path, result)
        return dict(result)

    def _computed(
        self, name: str, compute: Callable[[Unit], Tensors], units: Sequence[Unit], missing: list[int]
    ) -> Iterator[tuple[int, Tensors]]:
        """Yield index and result of every missing unit, as they are finished."""
        if self.executor is None:
            for index in progress(missing, name, self.progress):
                yield index, compute(units[index])
            return
        futures: dict[Future[Tensors], int] = {self.executor.submit(compute, units[index]): index for index in missing}
        try:
            for future in progress(as_completed(futures), name, self.progress, total=len(futures)):
                yield futures[future], future.result()
        finally:
            for future in futures:
                future.cancel()
