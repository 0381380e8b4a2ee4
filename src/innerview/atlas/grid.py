"""Grids: activations that lie close to one another on the plane, averaged cell by cell {cite}`carter2019atlas`."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite

Layout = Float[Tensor, "n 2"]
"""Where each activation lies on the plane: x to the right and y downwards, in any unit."""


@dataclass(frozen=True)
class Grid:
    """The cells that hold enough activations, row by row from the top left.

    Args:
        density: Cells along each side.
        rows: ``(m,)``, of each cell that is kept, from 0 at the top.
        columns: ``(m,)``, from 0 at the left.
        counts: ``(m,)``, activations in each cell.
        cells: ``(n,)``, the cell of each activation as an index into these; -1 where it lies in none.
    """

    density: int
    rows: Int[Tensor, " m"]
    columns: Int[Tensor, " m"]
    counts: Int[Tensor, " m"]
    cells: Int[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.counts)

    def mean(self, values: Float[Tensor, "n d"]) -> Float[Tensor, "m d"]:
        """Return the mean of each cell's members."""
        inside = self.cells >= 0
        sums = torch.zeros(len(self), values.shape[1], dtype=torch.float64)
        sums.index_add_(0, self.cells[inside], values[inside].double())
        return (sums / self.counts[:, None]).to(values.dtype)

    def members(self, cell: int) -> Int[Tensor, " members"]:
        """Return the indices of a cell's activations.

        Raises:
            BadInput: no such cell.
        """
        if not 0 <= cell < len(self):
            raise BadInput(f"the grid has the cells 0 to {len(self) - 1}; {cell} is out of range")
        return (self.cells == cell).nonzero()[:, 0]


def grid(layout: Layout, density: int, *, minimum: int = 10, clip: tuple[float, float] = (1, 99)) -> Grid:
    """Lay a grid over the plane and keep the cells that hold enough activations.

    Args:
        layout: Where each activation lies.
        density: Cells along each side; {cite}`carter2019atlas` shows 20, 40, 80 and 160.
        minimum: Activations that a cell needs to be kept; its released notebook's 10.
        clip: Percentiles of each axis between which the grid is stretched, so that a few far points do not squeeze all
            others; what lies outside counts to the cells at the border.

    Raises:
        BadInput: fewer activations than cells, no cell with enough of them, or percentiles out of order.
        NotFinite: a place is NaN or infinite.
    """
    _check(layout, density, minimum, clip)
    points = layout.double().numpy()
    low, high = np.percentile(points, clip, axis=0)
    span = np.where(high > low, high - low, 1)  # all at one place: one column, or one row
    steps = np.clip((points - low) / span * density, 0, density - 1).astype(np.int64)
    places = torch.from_numpy(steps[:, 1] * density + steps[:, 0])
    counts = places.bincount(minlength=density**2)
    kept = (counts >= minimum).nonzero()[:, 0]
    if not len(kept):
        raise BadInput(
            f"no cell of {density}x{density} holds {minimum} of {len(layout)} activations, the fullest {counts.max()}; "
            "collect more, or lower the density or the minimum"
        )
    numbers = torch.full((density**2,), -1)
    numbers[kept] = torch.arange(len(kept))
    return Grid(density, kept // density, kept % density, counts[kept], numbers[places])


def _check(layout: Layout, density: int, minimum: int, clip: tuple[float, float]) -> None:
    if density < 1 or minimum < 1:
        raise BadInput(f"a grid has a density ({density}) and a minimum ({minimum}) of at least 1")
    if not 0 <= clip[0] < clip[1] <= 100:
        raise BadInput(f"percentiles run from 0 to 100, the lower first; {clip[0]} and {clip[1]} do not")
    if len(layout) < density**2:
        raise BadInput(
            f"{len(layout)} activations are fewer than the {density**2} cells of {density}x{density}; collect more, or "
            "lower the density"
        )
    if not torch.isfinite(layout).all():
        raise NotFinite("the layout holds NaN or infinite numbers; check the activations")
