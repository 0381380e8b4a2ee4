"""Units of work that other processes import, and what they leave."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from innerview.core.store import Store
from innerview.core.work import Work

Result = dict[str, Tensor]


def gradients(unit: int) -> Result:
    """A convolution forwards and backwards, on one thread wherever it runs."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(unit)
    images = torch.rand(2, 8, 24, 24, generator=generator).requires_grad_()
    kernels = torch.rand(16, 8, 3, 3, generator=generator).requires_grad_()
    value = F.conv2d(images, kernels).tanh().sum()
    of_images, of_kernels = torch.autograd.grad(value, [images, kernels])
    return {"value": value, "of images": of_images, "of kernels": of_kernels}


def large(unit: int) -> Result:
    """8 MB: writing them takes so long that a kill can fall into it."""
    return {"noise": torch.rand(2**21, generator=torch.Generator().manual_seed(unit))}


def three_tensors(unit: int) -> Result:
    return {name: torch.tensor([float(unit)]) for name in "abc"}


@dataclass(frozen=True)
class Logged:
    """Computes, after a line in an append-only log.

    It may kill its own process when it first comes to one unit, and wait until so many processes have taken part.
    """

    compute: Callable[[int], Result]
    log: Path
    dies_at: int = -1
    together: int = 1

    def __call__(self, unit: int) -> Result:
        with self.log.open("a") as file:
            file.write(f"{unit} {os.getpid()}\n")
        if unit == self.dies_at and self.units().count(unit) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        end = time.monotonic() + 60
        while len(self.processes()) < self.together:
            assert time.monotonic() < end, "the others never came"
            time.sleep(0.01)
        return self.compute(unit)

    def units(self) -> list[int]:
        """All that were begun."""
        return self._column(0)

    def processes(self) -> set[int]:
        """Those that took part."""
        return set(self._column(1))

    def _column(self, index: int) -> list[int]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [int(line.split()[index]) for line in lines]


def forking() -> ForkServerContext:
    """Processes that fork off one which has imported torch: they are there in milliseconds."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["innerview.core.work"])
    return context


def do(work: Work, compute: Callable[[int], Result], units: Sequence[int]) -> list[Result]:
    return work.each("unit", compute, units, lambda unit: unit)


def do_alone(folder: Path, compute: Callable[[int], Result], count: int) -> None:
    """What a process does that a test kills."""
    do(Work(Store(folder)), compute, range(count))


def path_of(store: Store, unit: int) -> Path:
    return store.path("unit", unit)


def assert_same(found: Sequence[Result], wanted: Sequence[Result]) -> None:
    """Bit for bit."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
