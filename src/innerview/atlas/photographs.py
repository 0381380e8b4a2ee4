"""Photographs on a map, as a sheet of the explorer: a cell shows one photograph, not what a layer sees."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import one_hot

from innerview.atlas.atlas import Atlas, Level
from innerview.atlas.export import Sheet
from innerview.atlas.grid import Grid, Layout
from innerview.core.errors import BadInput
from innerview.core.types import Images
from innerview.optimize.icons import Icons


def photograph_sheet(
    images: Images, layout: Layout, cells: Int[Tensor, "b 2"], classes: Sequence[int], *, title: str
) -> Sheet:
    """Return a map of photographs for `export_explorer`.

    Its atlas has no layer, by which the explorer knows that it shows photographs. A photograph's attribution is 1 to
    its own class, so that choosing a class fades all others.

    Args:
        images: ``(b, 3, s, s)`` in [0, 1].
        layout: ``(b, 2)``, where each lies on the map.
        cells: ``(b, 2)``, row and column of each, no two the same; see `innerview.embedding.grid_assignment`.
        classes: Index of the class of each among the explorer's labels.
        title: See `Sheet`.

    Raises:
        BadInput: not one place, cell and class for each photograph, or two photographs in a cell.
    """
    counts = [len(images), len(layout), len(cells), len(classes)]
    if len(set(counts)) > 1 or not len(images):
        told = ", ".join(map(str, counts))
        raise BadInput(f"photographs, places, cells and classes are as many of each, not {told}")
    density = int(cells.max()) + 1
    flat = cells[:, 0] * density + cells[:, 1]
    order = flat.argsort()
    if len(flat.unique()) < len(flat):
        raise BadInput("two photographs lie in the same cell; give each a cell of its own, as grid_assignment does")
    own = one_hot(torch.tensor(classes)[order], max(classes) + 1).float()
    ones = torch.ones(len(order))
    level = Level(
        Grid(density, cells[order, 0], cells[order, 1], ones.long(), order.argsort()),
        torch.zeros(len(order), 0),
        own,
        Icons(images[order], ones, torch.zeros(len(order), dtype=torch.bool)),
    )
    return Sheet(Atlas("", layout, (level,)), title, "Photographs")
