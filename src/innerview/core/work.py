"""Long work in units: kept as files, continued after a stop, and spread over processes or machines."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, TypeVar

from safetensors.torch import load, save
from torch import Tensor

from innerview.core.errors import BadInput, InnerviewError
from innerview.core.progress import progress
from innerview.core.store import Store, Tensors, own

Unit = TypeVar("Unit")

WINDOW: Final = 32
"""Units that an executor holds at once: two for each of 16 workers, so that none waits for the next one. Each may carry
a network of 30 MB, which dask's scheduler keeps until the unit is finished: 1 GB."""

KILLED: Final = "KilledWorker"
"""Name of dask's exception for a unit whose workers died again and again; its class is not there without dask."""


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
        window: Most units that the executor holds at once; at least twice its workers.
    """

    store: Store | None = None
    executor: Executor | None = None
    progress: bool = False
    window: int = WINDOW

    def __post_init__(self) -> None:
        if self.window < 1:
            raise BadInput(f"a window of {self.window} units starts none; give at least 1")

    def each(
        self, name: str, compute: Callable[[Unit], Tensors], units: Sequence[Unit], made_from: Callable[[Unit], Any]
    ) -> list[dict[str, Tensor]]:
        """Return ``compute(unit)`` for every unit, in order.

        After a unit's exception no further one is started; what the executor has begun is awaited and kept.

        Args:
            name: For people: of the bar and the files.
            compute: From a unit to tensors by name; can be pickled if there is an executor.
            units: What there is to do, in little: numbers, paths, parts of one tensor. In a process pool each tensor of
                its own is an open file.
            made_from: From a unit to all that its result depends on; see `innerview.core.store.fingerprint`.

        Raises:
            InnerviewError: a worker of the executor died.
            OutputError: a result cannot be kept.
        """
        paths = [self.store.path(name, made_from(unit)) if self.store else None for unit in units]
        stored = [self._load(path) for path in paths]
        missing = [index for index, result in enumerate(stored) if result is None]
        found = {index: result for index, result in enumerate(stored) if result is not None}
        here = ((index, compute(units[index])) for index in missing)
        computed = here if self.executor is None else self._apart(self.executor, compute, units, missing)
        for index, result in progress(computed, name, self.progress, total=len(missing)):
            found[index] = self._keep(paths[index], result)
        return [found[index] for index in range(len(units))]

    def _load(self, path: Path | None) -> dict[str, Tensor] | None:
        return self.store.load(path) if self.store and path else None

    def _keep(self, path: Path | None, result: Tensors) -> dict[str, Tensor]:
        if self.store and path:
            self.store.save(path, result)
        return dict(result)

    def _apart(
        self, executor: Executor, compute: Callable[[Unit], Tensors], units: Sequence[Unit], missing: Sequence[int]
    ) -> Iterator[tuple[int, Tensors]]:
        """Yield index and result of every missing unit, as they are finished."""
        waiting, running = iter(missing), dict[Future[bytes], int]()
        call = token_hex(8)
        try:
            while True:
                for index in islice(waiting, self.window - len(running)):
                    running[executor.submit(_packed, compute, units[index], call)] = index
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), load(future.result())
        except Exception as error:
            yield from _ended(running)
            if isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == KILLED:
                raise InnerviewError(_lost(error, kept=self.store is not None)) from error
            raise
        finally:
            for future in running:
                future.cancel()


def _packed(compute: Callable[[Unit], Tensors], unit: Unit, _call: str) -> bytes:
    """Return the result as bytes: torch would hand each tensor on as an open file, and a process may open few.

    Each call of `Work.each` has another `_call`, or dask would answer a unit that failed before with that failure.
    """
    return save({name: own(tensor) for name, tensor in compute(unit).items()})


def _ended(running: dict[Future[bytes], int]) -> Iterator[tuple[int, Tensors]]:
    """Cancel what has not begun; yield the rest when it ends well."""
    begun = [future for future in running if not future.cancel()]
    for future in wait(begun).done:
        if future.exception() is None:
            yield running[future], load(future.result())


def _lost(error: Exception, kept: bool) -> str:
    mend = "what was finished is kept, run again to go on" if kept else "with a store it could go on from there"
    return f"a worker died or was stopped ({type(error).__name__}), often for lack of memory; use fewer workers; {mend}"
