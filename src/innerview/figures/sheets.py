"""Sheets of panels with something below them: a colour bar, a legend."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from innerview.figures.panels import MOST_COLUMNS, panels
from innerview.figures.style import DPI

NARROWEST_FOOT: Final = 300


def even_columns(count: int) -> int:
    """Return how many columns give the fewest rows, as equal as can be."""
    rows = -(-count // MOST_COLUMNS)
    return -(-count // max(rows, 1))


def sheet(drawn: Sequence[tuple[str, np.ndarray]], columns: int, scale: int) -> Figure:
    """Draw panels whose titles may be equal."""
    titles = (title + " " * index for index, (title, _) in enumerate(drawn))
    return panels(dict(zip(titles, (pixels for _, pixels in drawn), strict=True)), columns=columns, scale=scale)


def foot(made: Figure, height: int) -> None:
    """Add a strip of so many pixels below a figure, and widen a narrow figure so that text has room in the strip."""
    width, before = (round(side * DPI) for side in made.get_size_inches())
    wide, after = max(width, NARROWEST_FOOT), before + height
    made.set_size_inches(wide / DPI, after / DPI)
    for axes in made.axes:
        left, bottom, across, up = axes.get_position().bounds
        axes.set_position(
            (left * width / wide, (bottom * before + height) / after, across * width / wide, up * before / after)
        )
    for text in made.texts:
        left, bottom = text.get_position()
        text.set_position((left * width / wide, (bottom * before + height) / after))


def rendered(made: Figure) -> np.ndarray:
    """Return a figure's pixels, ``(h, w, 3)`` bytes, to be written like any picture."""
    canvas = FigureCanvasAgg(made)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
