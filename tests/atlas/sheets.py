"""Atlases of flat colours, whose every number is known."""

import torch
from torch import Tensor

from innerview.atlas.atlas import Atlas, Level
from innerview.atlas.grid import Grid
from innerview.optimize.icons import Icons


def level(places: list[tuple[int, int]], density: int, colors: Tensor, attributions: Tensor, icon: int = 8) -> Level:
    """Lay icons of the colours (m, 3) at the places (row, column), which are in the grid's order."""
    rows, columns = torch.tensor(places).T
    count = len(places)
    counts = 10 + 3 * (torch.arange(count) % 50)
    images = colors[:, :, None, None].expand(-1, -1, icon, icon).contiguous()
    icons = Icons(images, torch.zeros(count), torch.zeros(count, dtype=torch.bool))
    cells = torch.arange(count).repeat_interleave(counts)
    return Level(Grid(density, rows, columns, counts, cells), torch.zeros(count, 2), attributions, icons)


def random_level(density: int, *, icon: int = 8, classes: int = 6, share: float = 0.6, seed: int = 0) -> Level:
    """Fill a share of the grid with icons of random colours."""
    generator = torch.Generator().manual_seed(seed + density)
    taken = (torch.rand(density, density, generator=generator) < share).nonzero().tolist()
    colors = torch.rand(len(taken), 3, generator=generator)
    attributions = torch.randn(len(taken), classes, generator=generator)
    return level([(row, column) for row, column in taken], density, colors, attributions, icon)


def atlas(*levels: Level, layer: str = "mixed") -> Atlas:
    return Atlas(layer, torch.zeros(1, 2), levels)
