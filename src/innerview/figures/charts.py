"""Charts: numbers in, one plain chart out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

from innerview.core.errors import BadInput, NotFinite
from innerview.figures.style import COLORS, DPI, LOOK, TEXT, figure, text_width

Numbers = Sequence[float] | np.ndarray
DASHES: Final = ("--", ":", "-.")
"""Of reference lines."""

Series = Mapping[str, tuple[Numbers, Numbers]]
"""Label -> (x, y)."""

Interval = tuple[float, float, float]
"""Middle, low, high."""


def lines(
    series: Series,
    x: str,
    y: str,
    *,
    log: str = "",
    reference: Mapping[str, float] | None = None,
    spread: Mapping[str, tuple[Numbers, Numbers]] | None = None,
    markers: bool = False,
    width: float = 5.2,
) -> Figure:
    """Draw curves.

    Args:
        series: Label -> (x values, y values).
        x: What the x axis shows, with its unit.
        y: Likewise.
        log: ``"x"``, ``"y"`` or ``"xy"`` for logarithmic axes.
        reference: Label -> value of a horizontal line, such as a paper's number.
        spread: Label -> (low, high), each as long as the curve of this label, which gets a light band between them.
        markers: Whether a dot marks each point, for curves of a few measured ones.
        width: In inches at figure size; pages show half of it.

    Raises:
        BadInput: a spread without a curve, of another length than its curve, or whose low is not below its high.
    """
    spread = {label: (np.asarray(low), np.asarray(high)) for label, (low, high) in (spread or {}).items()}
    for label, (low, high) in spread.items():
        if label not in series or not low.shape == high.shape == np.shape(series[label][1]) or not (low <= high).all():
            raise BadInput(f"the spread {label!r} needs a curve of this label, and low <= high at each of its points")
    with mpl.rc_context(LOOK):
        made = figure(width, width * 0.56, layout="constrained")
        axes = made.add_subplot()
        for label, (along, values) in series.items():
            (line,) = axes.plot(along, values, label=label, marker="o" if markers else "", markersize=4)
            if label in spread:
                axes.fill_between(along, *spread[label], color=line.get_color(), alpha=0.15, linewidth=0)
        for index, (label, value) in enumerate((reference or {}).items()):
            axes.axhline(value, color=TEXT, linestyle=DASHES[index % len(DASHES)], linewidth=1.0, label=label)
        if "x" in log:
            axes.set_xscale("log")
        if "y" in log:
            axes.set_yscale("log")
        axes.set(xlabel=x, ylabel=y)
        if len(axes.get_legend_handles_labels()[1]) > 1:
            axes.legend()
    return made


def bars(groups: Mapping[str, Mapping[str, float]], value: str, *, width: float = 5.2, **axis: Any) -> Figure:
    """Draw horizontal bars: one row a label, one bar a group.

    Args:
        groups: Group (legend) -> label (row) -> value; all groups have the same rows.
        value: What the bars show, with the unit.
        width: In inches at figure size.
        axis: Further properties of the axes, such as ``xscale="log"``.

    Raises:
        BadInput: no groups, or groups of different rows.
    """
    rows = _rows(groups, "bars")
    thickness = 0.8 / len(groups)
    with mpl.rc_context(LOOK):
        made = figure(width, 0.5 + 0.16 * len(rows) * (len(groups) + 0.6), layout="constrained")
        axes = made.add_subplot()
        for index, (group, values) in enumerate(groups.items()):
            places = np.arange(len(rows)) + (index - (len(groups) - 1) / 2) * thickness
            axes.barh(places, [values[row] for row in rows], thickness, label=group, color=COLORS[index % len(COLORS)])
        axes.set_yticks(range(len(rows)), rows)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel=value, **axis)
        if len(groups) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(groups))  # above, where no bar is
    return made


def dots(
    groups: Mapping[str, Mapping[str, Interval]],
    value: str,
    *,
    reference: Mapping[str, float] | None = None,
    width: float = 5.2,
) -> Figure:
    """Draw measured values as dots on their intervals: one row a label, one dot a group.

    Args:
        groups: Group (legend) -> label (row) -> (middle, low, high); all groups have the same rows.
        value: What the dots show, with the unit, and what the intervals are.
        reference: Label (legend) -> value of a vertical dashed line, such as a paper's number.
        width: In inches at figure size; pages show half of it.

    Raises:
        BadInput: no groups, groups of different rows, or a middle outside its interval.
        NotFinite: a number is NaN or infinite.
    """
    rows, reference = _rows(groups, "dots"), reference or {}
    _intervals("Reference", {label: (place, place, place) for label, place in reference.items()})
    numbers = {group: _intervals(group, {row: values[row] for row in rows}) for group, values in groups.items()}
    labels = [*groups, *reference]
    room = width * DPI - max(text_width(row, LOOK["ytick.labelsize"]) for row in rows)
    columns = max(1, int(room // max(text_width(label, LOOK["legend.fontsize"]) + 75 for label in labels)))
    height = 0.5 + 0.13 * len(rows) * (len(groups) + 0.8) + 0.16 * -(-len(labels) // columns)
    with mpl.rc_context(LOOK):
        made = figure(width, height, layout="constrained")
        axes = made.add_subplot()
        for index, (group, (middle, low, high)) in enumerate(numbers.items()):
            places = np.arange(len(rows)) + (index - (len(groups) - 1) / 2) / (len(groups) + 0.8)
            color, marker = COLORS[index % len(COLORS)], "osD^v"[index % 5]
            axes.hlines(places, low, high, color=color)
            axes.plot(middle, places, marker, color=color, markersize=4, label=group)
        for index, (label, place) in enumerate(reference.items()):
            style = DASHES[index % len(DASHES)]
            axes.axvline(place, color=TEXT, linestyle=style, linewidth=1.0, label=label, zorder=1)
        axes.set_yticks(range(len(rows)), rows)
        axes.set(xlabel=value, ylim=(len(rows) - 0.5, -0.5))
        axes.grid(visible=False, axis="y")
        if len(labels) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns)  # above, where no dot is
    return made


def histograms(groups: Mapping[str, np.ndarray], value: str, share: str, *, width: float = 5.2) -> Figure:
    """Draw how numbers are spread, group beside group, with each group's mean as a dashed line.

    Args:
        groups: Legend -> numbers ``(n,)``. Where they take few values, each value has its own bars.
        value: What the numbers are, with the unit.
        share: What the bars' heights are.
        width: In inches at figure size; pages show half of it.

    Raises:
        BadInput: no groups, or an empty one.
    """
    if not groups or not all(len(numbers) for numbers in groups.values()):
        raise BadInput("histograms need at least one group, and numbers in each")
    values = np.unique(np.concatenate(list(groups.values())))
    middles = values if len(values) <= 20 else np.linspace(values[0], values[-1], 20)
    step = float(np.diff(middles).min()) if len(middles) > 1 else 1.0
    edges = np.concatenate([middles - step / 2, middles[-1:] + step / 2])
    with mpl.rc_context(LOOK):
        made = figure(width, width * 0.5, layout="constrained")
        axes = made.add_subplot()
        for index, (label, numbers) in enumerate(groups.items()):
            color, thickness = COLORS[index % len(COLORS)], 0.8 * step / len(groups)
            heights = np.histogram(numbers, edges)[0] / len(numbers)
            places = middles + (index - (len(groups) - 1) / 2) * thickness
            axes.bar(places, heights, thickness, label=label, color=color)
            axes.axvline(float(np.mean(numbers)), color=color, linestyle="--", linewidth=1.0)
        axes.grid(visible=False, axis="x")
        axes.set(xlabel=value, ylabel=share)
        if len(groups) > 1:
            axes.legend()
    return made


def signed_map(
    points: np.ndarray, values: np.ndarray, names: Mapping[int, str], value: str, width: float = 6.4
) -> Figure:
    """Draw points on a plane, coloured by a signed value.

    Args:
        points: ``(n, 2)`` in [0, 1]; the axes have no meaning of their own.
        values: ``(n,)``; the colours are centred on zero.
        names: Index of a point -> text beside it.
        value: What the colours show, with the unit.
        width: In inches at figure size; pages show half of it.
    """
    order = np.argsort(np.abs(values))  # the strongest on top
    reach = float(np.abs(values).max()) or 1.0
    with mpl.rc_context(LOOK):
        made = figure(width, width * 0.68, layout="constrained")
        axes = made.add_subplot()
        drawn = axes.scatter(
            *points[order].T, c=values[order], s=7 + 60 * np.abs(values[order]) / reach, cmap="PuOr_r",
            norm=SymLogNorm(reach / 30, vmin=-reach, vmax=reach), edgecolors="#8c959f", linewidths=0.3,
        )  # fmt: skip
        for index, name in _joined(points, names).items():
            axes.annotate(name, points[index], xytext=(4, 3), textcoords="offset points", fontsize=7)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.grid(visible=False)
        made.colorbar(drawn, ax=axes, label=value, shrink=0.7)
    return made


def _joined(points: np.ndarray, names: Mapping[int, str], reach: float = 0.05) -> dict[int, str]:
    """Join the names of points that lie too close to one another for a name each."""
    joined: dict[int, list[str]] = {}
    for index, name in names.items():
        near = [other for other in joined if np.abs(points[other] - points[index]).max() < reach]
        joined.setdefault(near[0] if near else index, []).append(name)
    return {index: ", ".join(group) for index, group in joined.items()}


def _rows(groups: Mapping[str, Mapping[str, Any]], what: str) -> list[str]:
    """Return the labels that all groups have."""
    rows = list(next(iter(groups.values()), []))
    if not rows or any(set(values) != set(rows) for values in groups.values()):
        raise BadInput(f"{what} need at least one group, and the same rows in every group")
    return rows


def _intervals(group: str, values: Mapping[str, Interval]) -> np.ndarray:
    """Return the middles, lows and highs ``(3, rows)``; raise `BadInput` or `NotFinite` if they are none."""
    for row, (middle, low, high) in values.items():
        if not np.isfinite([middle, low, high]).all():
            raise NotFinite(f"{group}, {row}: NaN or infinite; check what it was computed from")
        if not low <= middle <= high:
            raise BadInput(f"{group}, {row}: {middle:g} lies outside its interval [{low:g}, {high:g}]")
    return np.array(list(values.values()), float).T
