"""What an activation atlas is made of {cite}`carter2019atlas`."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from innerview.atlas.grid import Grid, Layout
from innerview.optimize.icons import Icons


@dataclass(frozen=True)
class Level:
    """An atlas at one density: an icon for each cell.

    Args:
        grid: The cells.
        directions: ``(m, c)``, the mean activation of each cell.
        attributions: ``(m, classes)``, the mean attribution of each cell's members to each class, in logits.
        icons: ``m`` of them, in the grid's order.
    """

    grid: Grid
    directions: Float[Tensor, "m c"]
    attributions: Float[Tensor, "m classes"]
    icons: Icons


@dataclass(frozen=True)
class Atlas:
    """An activation atlas of one layer.

    Args:
        layer: Its name; empty where the cells show photographs, see `innerview.atlas.photographs`.
        layout: Where each activation lies on the plane.
        levels: The coarsest first.
    """

    layer: str
    layout: Layout
    levels: tuple[Level, ...]
