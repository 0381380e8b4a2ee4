"""Boxes and outlines of masks over images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import AbstractPathEffect, withStroke

from innerview.core.errors import BadInput
from innerview.figures.coloring import Map, finite, on_host
from innerview.figures.panels import GAP, LINE, Picture, as_array, wrapped
from innerview.figures.sheets import NARROWEST_FOOT, even_columns, foot, sheet
from innerview.figures.style import COLORS, DPI, LOOK

HALO: Final[list[AbstractPathEffect]] = [withStroke(linewidth=2.8, foreground="white")]
"""Around every line, so that it is seen on any ground."""


@dataclass(frozen=True)
class Marked:
    """A picture under its title, with boxes and outlines of masks: label -> corners ``(n, 4)``, or ``(h, w)`` of bool.

    A box ``x0, y0, x1, y1`` covers the pixels from x0 up to, not including, x1.
    """

    title: str
    picture: Picture
    boxes: Mapping[str, Map] = field(default_factory=dict)
    masks: Mapping[str, Map] = field(default_factory=dict)


def outlines(pictures: Sequence[Marked], *, columns: int | None = None, scale: int = 1) -> Figure:
    """Draw boxes and outlines of masks over pictures, a colour for each label, told by a legend.

    Args:
        pictures: In reading order.
        columns: Pictures a row, at most 7; by default rows of equal length.
        scale: Figure pixels for each pixel of a picture.

    Raises:
        BadInput: nothing to draw, boxes that are not ``(n, 4)``, or a mask of another size than its picture.
    """
    labels = dict.fromkeys(label for picture in pictures for label in (*picture.boxes, *picture.masks))
    colors = {label: COLORS[index % len(COLORS)] for index, label in enumerate(labels)}
    drawn = [(picture.title, as_array(picture.picture)) for picture in pictures]
    made = sheet(drawn, even_columns(len(pictures)) if columns is None else columns, scale)
    with mpl.rc_context(LOOK):
        for axes, picture, (_, pixels) in zip(made.axes, pictures, drawn, strict=True):
            for label, corners in picture.boxes.items():
                _add_boxes(axes, finite(corners), colors[label])
            for label, mask in picture.masks.items():
                _add_outline(axes, on_host(mask), pixels.shape[:2], colors[label])
        _add_legend(made, colors)
    return made


def _add_boxes(axes: Axes, corners: np.ndarray, color: str) -> None:
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise BadInput(f"boxes are (n, 4), their corners x0, y0, x1, y1, not {corners.shape}")
    for x0, y0, x1, y1 in corners:
        axes.add_patch(
            Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=color, linewidth=1.4,
                      path_effects=HALO)
        )  # fmt: skip


def _add_outline(axes: Axes, mask: np.ndarray, size: tuple[int, int], color: str) -> None:
    if mask.shape != size or mask.dtype != bool:
        raise BadInput(f"a mask is {size} of bool like its picture, not {mask.shape} of {mask.dtype}")
    if not mask.any():
        return
    framed = np.pad(mask, 1).astype(float)  # so that an outline closes along the picture's edge
    rows, columns = (np.arange(-1, side + 1) for side in size)
    drawn = axes.contour(columns, rows, framed, levels=[0.5], colors=[color], linewidths=1.4)
    drawn.set_path_effects(HALO)
    axes.set(xlim=(-0.5, size[1] - 0.5), ylim=(size[0] - 0.5, -0.5))


def _add_legend(made: Figure, colors: Mapping[str, str]) -> None:
    """Add the legend below a figure: in one row if it is wide enough, else one label a row."""
    if not colors:
        return
    width = max(round(made.get_figwidth() * DPI), NARROWEST_FOOT)
    lines = ["\n".join(wrapped(label, width - 3 * LINE)) for label in colors]
    handles = [Line2D([], [], color=color) for color in colors.values()]
    place = {"loc": "lower left", "bbox_to_anchor": (0, 0), "borderpad": 0, "borderaxespad": 0.2}
    legend = made.legend(handles, lines, ncols=len(lines), **place)
    if legend.get_window_extent().width > width:
        legend.remove()
        legend = made.legend(handles, lines, **place)
    foot(made, round(legend.get_window_extent().height) + GAP)
