"""What each activation adds to each class; of many classes only those that it adds most to are kept."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from innerview.atlas.grid import Grid
from innerview.core.errors import BadInput


@dataclass(frozen=True)
class Attributions:
    """Attributions of n activations, sparse: each to the k classes that it adds most to, largest first.

    Args:
        classes: ``(n, k)``, indices.
        values: ``(n, k)``, in logits. What is not kept is smaller, and counts as 0.
        count: Classes in all.
    """

    classes: Int[Tensor, "n k"]
    values: Float[Tensor, "n k"]
    count: int

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, indices: Tensor) -> "Attributions":
        """Return those of some activations."""
        return Attributions(self.classes[indices], self.values[indices], self.count)

    def of(self, target: int) -> Float[Tensor, " n"]:
        """Return the attribution of each activation to one class.

        Raises:
            BadInput: no such class.
        """
        if not 0 <= target < self.count:
            raise BadInput(f"class index {target} is out of range; it runs from 0 to {self.count - 1}")
        return torch.where(self.classes == target, self.values, 0).sum(1)

    def mean(self, grid: Grid) -> Float[Tensor, "m classes"]:
        """Return the mean attribution of each cell's members to each class."""
        inside = grid.cells >= 0
        flat = grid.cells[inside, None] * self.count + self.classes[inside]
        sums = torch.zeros(len(grid) * self.count, dtype=torch.float64)
        sums.index_add_(0, flat.flatten(), self.values[inside].double().flatten())
        return (sums.reshape(len(grid), self.count) / grid.counts[:, None]).to(self.values.dtype)


def strongest(dense: Float[Tensor, "n classes"], keep: int) -> Attributions:
    """Keep the `keep` largest attributions of each activation, or all if there are no more classes."""
    top = dense.topk(min(keep, dense.shape[1]), dim=1)
    return Attributions(top.indices, top.values, dense.shape[1])
