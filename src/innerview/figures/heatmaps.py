"""Heatmaps over the images that they explain, on one scale that a colour bar shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from innerview.core.errors import BadInput, NotFinite
from innerview.figures.coloring import AREAS, MIDDLE, Look, Map, colored, largest, mixed, numbers_of
from innerview.figures.panels import GAP, LINE, Picture, as_array, wrapped
from innerview.figures.sheets import NARROWEST_FOOT, even_columns, foot, sheet
from innerview.figures.style import DPI, LOOK

BAR: Final = 18  # height of a colour bar, in pixels of the figure
LONGEST_BAR: Final = 464


@dataclass(frozen=True)
class Explained:
    """An image under its title, with a heatmap or, without one, as it is."""

    title: str
    image: Picture
    heatmap: Map | None = None
    look: Look = AREAS


def heatmaps(
    pictures: Sequence[Explained | None], *, unit: str | None = None, columns: int | None = None, scale: int = 1
) -> Figure:
    """Draw heatmaps side by side, on one scale, with a colour bar for each look.

    Args:
        pictures: In reading order; None leaves its place empty. A map that is zero everywhere says so.
        unit: What all the maps measure, such as ``"logit"``: they share this scale. None: each map is divided by its
            own largest absolute value, since maps of different methods have no unit in common.
        columns: Pictures a row, at most 7; by default rows of equal length.
        scale: Figure pixels for each pixel of an image.

    Raises:
        BadInput: nothing to draw; a map of another shape, or a negative one whose look is not signed.
        NotFinite: a map holds NaN or infinite values.
    """
    columns = even_columns(len(pictures)) if columns is None else columns
    reaches = [_reach(picture) for picture in pictures]
    shared = None if unit is None else (max((reach or 0.0 for reach in reaches), default=0.0) or 1.0)
    made = sheet([_drawn(picture, shared) for picture in pictures], columns, scale)
    with mpl.rc_context(LOOK):
        for axes, reach in zip(made.axes, reaches, strict=True):
            if reach == 0:
                _say_zero(axes)
        looks = (picture.look for picture in pictures if picture is not None and picture.heatmap is not None)
        _add_bars(made, {look: _label(look, unit) for look in looks}, shared or 1.0)
    return made


def _drawn(picture: Explained | None, shared: float | None) -> tuple[str, np.ndarray]:
    if picture is None:
        return "", np.full((1, 1, 3), 255, np.uint8)
    if picture.heatmap is None:
        return picture.title, as_array(picture.image)
    return picture.title, colored(picture.image, picture.heatmap, picture.look, shared)


def _reach(picture: Explained | None) -> float | None:
    """Return the largest absolute value of a picture's map; None without a map."""
    if picture is None or picture.heatmap is None:
        return None
    try:
        return largest(numbers_of(picture.heatmap, picture.look), picture.look)
    except (BadInput, NotFinite) as error:
        raise type(error)(f"{picture.title}: {error}") from error


def _say_zero(axes: Axes) -> None:
    """Write it on the map, in words short enough for the narrowest panel."""
    axes.text(
        0.03, 0.97, "zero\neverywhere", transform=axes.transAxes, va="top", color="white", fontsize=6.5,
        linespacing=1.1, path_effects=[withStroke(linewidth=2.5, foreground="black")],
    )  # fmt: skip


def _label(look: Look, unit: str | None) -> str:
    """Say what a colour bar shows."""
    clipped = "" if look.percentile == 100 else f"{look.percentile:g}th percentile"
    if unit is not None:
        return f"{unit}, clipped at the {clipped}" if clipped else unit
    if clipped:
        return f"Share of the map's {clipped}, clipped there"
    return "Share of the map's largest absolute value" if look.signed else "Share of the map's maximum"


def _add_bars(made: Figure, labels: Mapping[Look, str], limit: float) -> None:
    """Add the colour bars below a figure, in rows."""
    width = max(round(made.get_figwidth() * DPI), NARROWEST_FOOT)
    count = max(1, min(len(labels), (width + GAP) // (NARROWEST_FOOT + GAP)))
    long = min((width + GAP) // count - GAP, LONGEST_BAR)
    for start in range(0, len(labels), count):
        row = {look: wrapped(label, long) for look, label in [*labels.items()][start : start + count]}
        foot(made, GAP + LINE * max(map(len, row.values())) + 9 + BAR + LINE)
        for index, (look, lines) in enumerate(row.items()):
            _add_bar(made, look, lines, (index * (long + GAP), long), limit)


def _add_bar(made: Figure, look: Look, lines: Sequence[str], place: tuple[int, int], limit: float) -> None:
    """Add one colour bar at the figure's lower edge: numbers below, label above."""
    (width, height), (left, long) = (round(side * DPI) for side in made.get_size_inches()), place
    start = -1.0 if look.signed else 0.0
    shares = np.broadcast_to(np.linspace(start, 1.0, long), (BAR, long))
    axes = made.add_axes((left / width, (LINE + 3) / height, long / width, BAR / height))
    axes.imshow(mixed(shares, look, np.full((BAR, long, 3), MIDDLE)), aspect="auto")
    axes.set_axis_off()
    for align, share, along in (("left", start, 0.0), ("center", (start + 1) / 2, 0.5), ("right", 1.0, 1.0)):
        made.text((left + along * long) / width, (LINE - 3) / height, f"{share * limit:.3g}", ha=align, va="top")
    above = (LINE + BAR + 9) / height
    made.text(left / width, above, "\n".join(lines), va="bottom", ha="left", linespacing=1.15, parse_math=False)
