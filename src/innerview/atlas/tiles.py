"""Tiles of an atlas: a deep-zoom pyramid in which each doubling of the size shows the next denser grid."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from innerview.atlas.atlas import Level
from innerview.core.images import to_array

GROUND = 128
"""Grey where there is no cell: the page lays its own ground over it, light or dark, and no edge shines through."""

LARGEST = 512
"""Pixels of a tile's side, unless two icons are larger."""

QUALITY = 90  # with full colour resolution: icons are saturated textures, which 4:2:0 dulls


@dataclass(frozen=True)
class Pyramid:
    """How an atlas is cut into tiles.

    Args:
        icon: Pixels of an icon's side.
        densities: Of the grids, each twice the one before.
        side: Pixels of a tile's side: a whole, even number of icons, so that no icon is cut and each tile halves.
        below: Levels smaller than the coarsest grid's, each half the next; the smallest fits into one tile.
    """

    icon: int
    densities: tuple[int, ...]
    side: int
    below: int

    @property
    def sides(self) -> tuple[int, ...]:
        """Pixels of each level's side, the smallest first."""
        coarsest = self.densities[0] * self.icon
        smaller = [-(-coarsest // 2**step) for step in range(self.below, 0, -1)]
        return (*smaller, *(density * self.icon for density in self.densities))


def pyramid(icon: int, densities: tuple[int, ...]) -> Pyramid:
    """Return how to cut icons of `icon` pixels at these densities."""
    side = 2 * icon * max(1, LARGEST // (2 * icon))
    below = 0
    while -(-densities[0] * icon // 2**below) > side:
        below += 1
    return Pyramid(icon, densities, side, below)


def write_tiles(folder: Path, levels: tuple[Level, ...], plan: Pyramid) -> None:
    """Write the tiles of all levels as ``LEVEL/COLUMN_ROW.jpg``, level 0 being the smallest.

    Only a row of tiles is held in memory at a time, and half of the coarsest grid's sheet.
    """
    halves = []
    for number, level in enumerate(levels):
        for row, strip in enumerate(strips(level, plan)):
            _write_row(folder / str(plan.below + number), row, strip, plan.side)
            if number == 0 and plan.below:
                halves.append(np.asarray(Image.fromarray(strip).reduce(2)))
    if halves:
        _write_below(folder, np.concatenate(halves), plan)


def strips(level: Level, plan: Pyramid) -> Iterator[np.ndarray]:
    """Yield the sheet of a level from the top down as bytes ``(h, w, 3)``, as high as a tile each."""
    density, icon = level.grid.density, plan.icon
    for top in range(0, density, plan.side // icon):
        bottom = min(density, top + plan.side // icon)
        inside = ((level.grid.rows >= top) & (level.grid.rows < bottom)).nonzero()[:, 0]
        strip = np.full((bottom - top, icon, density, icon, 3), GROUND, dtype=np.uint8)
        rows, columns = (level.grid.rows[inside] - top).numpy(), level.grid.columns[inside].numpy()
        strip[rows, :, columns] = to_array(level.icons.images[inside])
        yield strip.reshape((bottom - top) * icon, density * icon, 3)


def _write_below(folder: Path, sheet: np.ndarray, plan: Pyramid) -> None:
    picture = Image.fromarray(sheet)
    for number in range(plan.below - 1, -1, -1):
        whole = np.asarray(picture)
        for row, top in enumerate(range(0, len(whole), plan.side)):
            _write_row(folder / str(number), row, whole[top : top + plan.side], plan.side)
        picture = picture.reduce(2)


def _write_row(folder: Path, row: int, strip: np.ndarray, side: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for column, left in enumerate(range(0, strip.shape[1], side)):
        tile = Image.fromarray(np.ascontiguousarray(strip[:, left : left + side]))
        encoded = io.BytesIO()  # on a full disk Pillow may leave a JPEG cut off without an error
        tile.save(encoded, "JPEG", quality=QUALITY, subsampling=0)  # `optimize` wants a buffer that noise overflows
        (folder / f"{column}_{row}.jpg").write_bytes(encoded.getbuffer())
