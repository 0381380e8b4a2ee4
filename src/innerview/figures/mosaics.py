"""Mosaics: small pictures at their places in a grid, such as the icons of an activation atlas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
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
            BadInput: no square pictures of bytes, another number of places than pictures, a place outside the grid or
                taken twice, or an opacity outside [0, 1].
        """
        opacity = self._checked_opacity()
        drawn = 255 - (255 - self.pictures.astype(np.float32)) * opacity[:, None, None, None]
        side = self.pictures.shape[1]
        grid = np.full((self.density, self.density, side, side, 3), 255, np.uint8)
        grid[self.rows, self.columns] = drawn.round().astype(np.uint8)
        return grid.swapaxes(1, 2).reshape(self.density * side, self.density * side, 3)

    def _checked_opacity(self) -> np.ndarray:
        shape = self.pictures.shape
        if self.pictures.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3:
            raise BadInput(f"a mosaic has pictures (m, s, s, 3) of bytes, not {shape} {self.pictures.dtype}")
        opacity = np.ones(len(self.pictures)) if self.opacity is None else self.opacity
        counts = [len(self.pictures), len(self.rows), len(self.columns), len(opacity)]
        if len(set(counts)) > 1:
            told = ", ".join(map(str, counts))
            raise BadInput(f"pictures, rows, columns and opacities are as many of each, not {told}")
        places = list(zip(self.rows.tolist(), self.columns.tolist(), strict=True))
        if any(not 0 <= number < self.density for place in places for number in place):
            raise BadInput(f"a picture lies outside the grid of {self.density}x{self.density} cells")
        if len(set(places)) < len(places):
            raise BadInput("two pictures lie in the same cell of the grid; give each a cell of its own")
        if not ((opacity >= 0) & (opacity <= 1)).all():
            raise BadInput("an opacity lies in [0, 1]; one is outside, or no number")
        return opacity


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
        with mpl.rc_context(LOOK):
            for index, name in mosaic.names.items():
                if not 0 <= index < len(mosaic.pictures):
                    raise BadInput(f"a mosaic of {len(mosaic.pictures)} pictures has none of number {index} to name")
                _write(axes, mosaic, index, name)
    return made


def _write(axes: Axes, mosaic: Mosaic, index: int, name: str) -> None:
    """Write a name on a picture: in its middle, in the outermost columns from the mosaic's edge inwards."""
    side, column = mosaic.pictures.shape[1], int(mosaic.columns[index])
    edges = {0: ("left", 0.0), mosaic.density - 1: ("right", 1.0)} if mosaic.density > 1 else {}
    anchor = edges.get(column, ("center", 0.5))
    place = ((column + anchor[1]) * side, (mosaic.rows[index] + 0.5) * side)
    text = name.replace(" ", "\n")
    written = axes.text(*place, text, ha=anchor[0], va="center", fontsize=5.5, linespacing=0.95)
    written.set(path_effects=[withStroke(linewidth=1.8, foreground="white")], parse_math=False)


def spread_names(mosaic: Mosaic, names: Sequence[str], ranks: np.ndarray, apart: float = 2.0) -> dict[int, str]:
    """Choose pictures to name: the highest ranks first, no name twice, none nearer to another than `apart` cells.

    Args:
        mosaic: Where the pictures lie.
        names: Of all pictures.
        ranks: ``(m,)``.
        apart: Cells between two named pictures.

    Raises:
        BadInput: another number of names or ranks than pictures.
    """
    counts = [len(mosaic.pictures), len(names), len(ranks)]
    if len(set(counts)) > 1:
        raise BadInput(f"pictures, names and ranks are as many of each, not {', '.join(map(str, counts))}")
    chosen: dict[int, str] = {}
    order: list[int] = np.argsort(-ranks, kind="stable").tolist()
    for index in order:
        far = all(
            np.hypot(mosaic.rows[index] - mosaic.rows[other], mosaic.columns[index] - mosaic.columns[other]) >= apart
            for other in chosen
        )
        if far and names[index] not in chosen.values():
            chosen[index] = names[index]
    return chosen
