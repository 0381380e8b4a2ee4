"""The one look of the book: every figure is made by `figure`."""

from functools import cache
from typing import Any, Final

from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

DPI: Final = 200
"""Twice the resolution at which a page shows a figure."""

TEXT: Final = "#24292f"
COLORS: Final = ("#1d4ed8", "#c2410c", "#047857", "#7c3aed", "#b45309", "#0e7490", "#be185d")

LOOK: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.color": TEXT,
    "axes.edgecolor": "#8c959f",
    "axes.labelcolor": TEXT,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=COLORS),
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "figure.facecolor": "white",
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "image.interpolation": "nearest",
}


def figure(width: float, height: float, **options: Any) -> Figure:
    """Return an empty white figure of this size in inches, apart from pyplot's global state."""
    made = Figure(figsize=(width, height), dpi=DPI, facecolor="white", **options)
    FigureCanvasAgg(made)
    return made


def text_width(line: str, size: float = LOOK["font.size"]) -> float:
    """Return how many pixels of a figure a line of text takes, its letters this many points large."""
    font = FontProperties(family=LOOK["font.family"], size=size)
    return _renderer().get_text_width_height_descent(line, font, ismath=False)[0]


@cache
def _renderer() -> RendererAgg:
    return RendererAgg(1, 1, DPI)
