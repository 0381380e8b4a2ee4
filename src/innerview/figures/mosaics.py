"""Mosaics: small pictures at their places in a grid, such as the icons of an activation atlas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from innerview.core.errors import BadInput
from innerview.figures.panels import panels
from innerview.figures.style import LOOK


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Square pictures in some cells of a square grid; the other cells stay white.

    Args:
        pictures: ``(m, s, s, 3)`` bytes.
        rows: ``(m,)``, from 0 at the top.
        columns: ``(m,)``, from 0 at the left.
        density: Cells along each side.
        opacity: ``(m,)`` in [0, 1], how far each stands out from white; fully by default.
        names: Index of a picture -> text on it.
    """

    pictures: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    density: int
    opacity: np.ndarray | None = None
    names: Mapping[int, str] = field(default_factory=dict)

    def array(self) -> np.ndarray:
        """Return the whole as ``(h, w, 3)`` bytes.

        Raises:
            BadInput: another number of places than pictures, or a place outside the grid.
        """
        count, side = self.pictures.shape[:2]
        places = np.stack([self.rows, self.columns])
        if places.shape[1] != count or (self.opacity is not None and len(self.opacity) != count):
            raise BadInput(f"{count} pictures need as many places and opacities, not {places.shape[1]}")
        if count and (places.min() < 0 or places.max() >= self.density):
            raise BadInput(f"a picture lies outside the grid of {self.density}x{self.density} cells")
        opacity = np.ones(count) if self.opacity is None else np.clip(self.opacity, 0, 1)
        drawn = 255 - (255 - self.pictures.astype(np.float32)) * opacity[:, None, None, None]
        grid = np.full((self.density, self.density, side, side, 3), 255, np.uint8)
        grid[self.rows, self.columns] = drawn.round().astype(np.uint8)
        return grid.swapaxes(1, 2).reshape(self.density * side, self.density * side, 3)


def mosaics(shown: Mapping[str, Mosaic], *, columns: int | None = None, scale: int = 1) -> Figure:
    """Draw mosaics in rows, each under its title, with names on some of their pictures.

    Args:
        shown: Title -> mosaic.
        columns: Mosaics a row.
        scale: Figure pixels for each pixel.

    Raises:
        BadInput: as `panels` and `Mosaic.array`, or a name for a picture that is not there.
    """
    made = panels({title: mosaic.array() for title, mosaic in shown.items()}, columns=columns, scale=scale)
    for axes, mosaic in zip(made.axes, shown.values(), strict=True):
        side = mosaic.pictures.shape[1]
        with mpl.rc_context(LOOK):
            for index, name in mosaic.names.items():
                if not 0 <= index < len(mosaic.pictures):
                    raise BadInput(f"a mosaic of {len(mosaic.pictures)} pictures has none of number {index} to name")
                place = ((mosaic.columns[index] + 0.5) * side, (mosaic.rows[index] + 0.5) * side)
                written = axes.text(
                    *place, name.replace(" ", "\n"), ha="center", va="center", fontsize=5.5, linespacing=0.95
                )
                written.set(path_effects=[withStroke(linewidth=1.8, foreground="white")], parse_math=False)
    return made


def spread_names(mosaic: Mosaic, names: Sequence[str], ranks: np.ndarray, apart: float = 2.0) -> dict[int, str]:
    """Choose pictures to name: the highest ranks first, no name twice, none nearer to another than `apart` cells.

    Args:
        mosaic: Where the pictures lie.
        names: Of all pictures.
        ranks: ``(m,)``.
        apart: Cells between two named pictures.
    """
    chosen: dict[int, str] = {}
    for index in np.argsort(-ranks, kind="stable").tolist():
        far = all(
            np.hypot(mosaic.rows[index] - mosaic.rows[other], mosaic.columns[index] - mosaic.columns[other]) >= apart
            for other in chosen
        )
        if far and names[index] not in chosen.values():
            chosen[index] = names[index]
    return chosen
