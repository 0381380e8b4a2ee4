"""Pictures side by side, each pixel of theirs a whole number of the figure's."""

from collections.abc import Mapping
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.images import contact_sheet, to_array
from innerview.figures.style import DPI, LOOK, figure, text_width

MOST_COLUMNS: Final = 7
GAP: Final = 16  # pixels of the figure
LINE: Final = 27  # height of a line of title
NARROWEST: Final = 106  # a title has at least this much room

Picture = np.ndarray | Tensor
"""``(h, w, 3)`` bytes, or one image ``(1, 3, h, w)`` in [0, 1]."""


def panels(pictures: Mapping[str, Picture], *, columns: int | None = None, scale: int = 1) -> Figure:
    """Draw pictures in rows, each under its title.

    Args:
        pictures: Title -> picture, in reading order; an empty title (or one of spaces) leaves its line blank.
        columns: Pictures a row, at most 7; by default all in one row if there are that few.
        scale: Figure pixels for each pixel of a picture. Pages show figures at half size.

    Raises:
        BadInput: nothing to draw, more than seven columns, or a scale below 1.
    """
    columns = min(len(pictures), MOST_COLUMNS) if columns is None else columns
    if not pictures or not 1 <= columns <= MOST_COLUMNS or scale < 1:
        raise BadInput(f"{len(pictures)} pictures in {columns} columns at scale {scale} cannot be drawn")
    arrays = [as_array(picture) for picture in pictures.values()]
    cell_h = max(array.shape[0] for array in arrays) * scale
    cell_w = max(array.shape[1] for array in arrays) * scale
    if any(title.strip() for title in pictures):
        cell_w = max(cell_w, NARROWEST)
    titles = [wrapped(title, cell_w) for title in pictures]
    title_h = LINE * max(len(lines) for lines in titles) + (10 if any(titles) else 0)
    rows = -(-len(arrays) // columns)
    width = columns * (cell_w + GAP) - GAP
    height = rows * (cell_h + title_h + GAP) - GAP
    with mpl.rc_context(LOOK):
        made = figure(width / DPI, height / DPI)
        for index, (lines, array) in enumerate(zip(titles, arrays, strict=True)):
            left = index % columns * (cell_w + GAP)
            top = index // columns * (cell_h + title_h + GAP) + title_h
            box = (left, height - top - array.shape[0] * scale, array.shape[1] * scale, array.shape[0] * scale)
            axes = made.add_axes(tuple(side / whole for side, whole in zip(box, (width, height) * 2, strict=True)))
            axes.imshow(array, interpolation="nearest", aspect="auto")
            axes.set_axis_off()
            place = (left / width, 1 - (top - 8) / height)
            made.text(*place, "\n".join(lines), va="bottom", ha="left", linespacing=1.15, parse_math=False)
    return made


def strips(rows: Mapping[str, Tensor], *, scale: int = 1) -> Figure:
    """Draw rows of images, each row under one title.

    Args:
        rows: Title -> images ``(b, 3, h, w)`` in [0, 1].
        scale: Figure pixels for each pixel of an image.

    Raises:
        BadInput: nothing to draw, or a scale below 1.
    """
    shown = {title: contact_sheet(to_array(images), columns=max(len(images), 1)) for title, images in rows.items()}
    return panels(shown, columns=1, scale=scale)


def wrapped(title: str, width: float) -> list[str]:
    """Break a title into lines of at most `width` pixels, inside a word only where it is longer than that."""
    lines: list[str] = []
    for word in title.split():
        if lines and text_width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and text_width(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def as_array(picture: Picture) -> np.ndarray:
    """Return a picture as ``(h, w, 3)`` bytes.

    Raises:
        BadInput: a batch of several images, or another shape or kind of numbers.
    """
    if isinstance(picture, Tensor):
        if len(picture) != 1:
            raise BadInput(f"a panel shows one image, not a batch of {len(picture)}")
        return to_array(picture)[0]
    if picture.ndim != 3 or picture.shape[-1] != 3 or picture.dtype != np.uint8:
        raise BadInput(f"a panel is (h, w, 3) bytes, not {picture.dtype} {picture.shape}")
    return picture
