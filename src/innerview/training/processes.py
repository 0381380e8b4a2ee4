"""The processes that train together, started by ``torchrun``; or one alone."""

from typing import Any

import torch
from torch import Tensor, distributed


class Processes:
    """All processes of a training; each takes its share of every batch, and the first writes the files.

    Args:
        device: Where this process trains.
    """

    def __init__(self, device: torch.device) -> None:
        self.together = distributed.is_available() and distributed.is_initialized()
        self.rank, self.count = (distributed.get_rank(), distributed.get_world_size()) if self.together else (0, 1)
        self._device = device

    def mean(self, value: Tensor) -> float:
        """Return the mean over all processes, so that all of them stop where one of them has to."""
        value = value.detach().float() / self.count
        if self.count > 1:
            distributed.all_reduce(value)
        return float(value)

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.mean(torch.zeros((), device=self._device))

    def from_first(self, value: Any) -> Any:
        """Return the value that the first process gives."""
        values = [value]
        if self.count > 1:
            distributed.broadcast_object_list(values, src=0, device=self._device)
        return values[0]
