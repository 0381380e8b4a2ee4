"""Diagrams: blocks on a grid and arrows between them, such as the parts of a network and what flows through it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from innerview.core.errors import BadInput
from innerview.figures.routing import CLEAR, GAP, SPACE, Point, Route, middle, parts, routes
from innerview.figures.style import COLORS, DPI, LOOK, TEXT, figure, text_width

PAD: Final = 10  # pixels from a block's edge to its text
MARGIN: Final = 3  # pixels around the diagram, so that no line is cut
ROUND: Final = 9  # radius of corners, in pixels
NAME: Final = 8.0  # points
DETAIL: Final = 7.0
LEADING: Final = 3.3  # pixels of a line for each point of its letters
MUTED: Final = "#57606a"


@dataclass(frozen=True)
class Block:
    """A rounded box in a place of the grid.

    Args:
        name: What arrows call it; no two blocks share a name.
        column: From the left.
        row: From the top; 0.5 lies between the rows 0 and 1.
        title: What its first line says, if not the name.
        detail: Its smaller lines.
        color: Index into the book's colours, which tell branches apart; None is grey.
        columns: How many it covers.
    """

    name: str
    column: int
    row: float = 0.0
    title: str = ""
    detail: str = ""
    color: int | None = None
    columns: int = 1

    @property
    def lines(self) -> list[tuple[str, float]]:
        """Its text, each line with its size in points."""
        return [(self.title or self.name, NAME), *((line, DETAIL) for line in self.detail.splitlines())]

    @property
    def covered(self) -> range:
        """The columns that it covers."""
        return range(self.column, self.column + self.columns)


@dataclass(frozen=True)
class Arrow:
    """An arrow between two blocks, named; the label stands beside the longest part of its line."""

    start: str
    end: str
    label: str = ""


def diagram(blocks: Sequence[Block], arrows: Sequence[Arrow], *, width: float = 7.0) -> Figure:
    """Draw blocks and the arrows between them.

    Columns are as wide as their text needs; what is left makes the narrowest wider. An arrow to the right leaves and
    enters at the sides and turns once between columns. Any other goes straight up or down, or turns between rows.
    Arrows of one start or one end share what they have in common of their lines.

    Args:
        blocks: In any order.
        arrows: Each leads through no block, and across as few other arrows as can be.
        width: In inches at figure size; pages show half of it.

    Raises:
        BadInput: no blocks, two of one name or in one place, or a width too small for their text; an arrow that names
            no block, whose ways all lead through blocks, or whose label has no room.
    """
    boxes = _boxes(blocks, width * DPI)
    found = routes([(arrow.start, arrow.end) for arrow in arrows], boxes)
    taken = [*boxes.values(), *(part for route in found for part in parts(route))]
    height = int(np.ceil(max(box.y1 for box in boxes.values()))) + MARGIN
    with mpl.rc_context(LOOK):
        made = figure(width, height / DPI)
        axes = made.add_axes((0, 0, 1, 1), xlim=(0, width * DPI), ylim=(height, 0))
        axes.set_axis_off()
        for block in blocks:
            _add_block(axes, block, boxes[block.name])
        for arrow, route in zip(arrows, found, strict=True):
            _add_arrow(axes, route)
            if arrow.label:
                taken.append(_add_label(axes, arrow.label, route, taken))
    return made


def _boxes(blocks: Sequence[Block], width: float) -> dict[str, Bbox]:
    """Return where each block lies, in pixels from the upper left."""
    if not blocks or len({block.name for block in blocks}) < len(blocks) or min(block.columns for block in blocks) < 1:
        raise BadInput("a diagram needs blocks, each with a name of its own, that cover at least one column")
    columns = _columns(blocks, width)
    height = max(sum(LEADING * size for _, size in block.lines) for block in blocks) + 2 * PAD
    stacked = [pair for pair in combinations(blocks, 2) if {*pair[0].covered} & {*pair[1].covered}]
    for one, other in stacked:
        if one.row == other.row:
            raise BadInput(f"the blocks {one.name} and {other.name} lie in one place; move one")
    nearest = min((abs(one.row - other.row) for one, other in stacked), default=1.0)
    first, step = min(block.row for block in blocks), (height + SPACE) / nearest
    tops = {block.name: MARGIN + (block.row - first) * step for block in blocks}
    return {
        block.name: Bbox.from_extents(
            columns[block.covered[0]][0], tops[block.name], columns[block.covered[-1]][1], tops[block.name] + height
        )
        for block in blocks
    }


def _columns(blocks: Sequence[Block], width: float) -> dict[int, tuple[float, float]]:
    """Return where each column begins and ends."""
    needed = dict.fromkeys(range(min(b.column for b in blocks), max(b.covered.stop for b in blocks)), 0.0)
    for block in sorted(blocks, key=lambda block: block.columns):
        text = max(text_width(line, size) for line, size in block.lines) + 2 * PAD
        missing = text - sum(needed[column] for column in block.covered) - GAP * (block.columns - 1)
        for column in block.covered:
            needed[column] += max(missing, 0.0) / block.columns
    taken = GAP * (len(needed) - 1) + 2 * MARGIN
    if sum(needed.values()) + taken > width:
        least = (sum(needed.values()) + taken) / DPI
        raise BadInput(f"the text of this diagram needs a width of {least:.2f} inches, not {width / DPI:.2f}")
    wide = _widened(list(needed.values()), width - taken)
    starts = MARGIN + np.cumsum([0.0, *(side + GAP for side in wide[:-1])])
    return {
        column: (float(start), float(start) + side) for column, start, side in zip(needed, starts, wide, strict=True)
    }


def _widened(needed: Sequence[float], room: float) -> list[float]:
    """Widen the narrowest, all to one width, until the room is taken."""
    narrow = sorted(needed)
    while (level := (room - sum(needed) + sum(narrow)) / len(narrow)) < narrow[-1]:
        narrow.pop()
    return [max(side, level) for side in needed]


def _add_block(axes: Axes, block: Block, box: Bbox) -> None:
    edge = "#8c959f" if block.color is None else COLORS[block.color % len(COLORS)]
    light = tuple(0.92 + 0.08 * channel for channel in to_rgb(edge))
    style = f"round,pad=0,rounding_size={ROUND}"
    axes.add_patch(
        FancyBboxPatch(box.min, box.width, box.height, style, facecolor=light, edgecolor=edge, linewidth=1.1)
    )
    x, y = middle(box)
    y -= sum(LEADING * size for _, size in block.lines) / 2
    for line, size in block.lines:
        _add_text(axes, line, size, (x, y + LEADING * size / 2), TEXT if size == NAME else MUTED)
        y += LEADING * size


def _add_text(axes: Axes, line: str, size: float, place: Point, color: str) -> None:
    """Write a line whose capitals are centred on a place."""
    baseline = place[1] + 0.73 / 2 * size * DPI / 72  # DejaVu's capitals are 0.73 em high
    axes.text(place[0], baseline, line, fontsize=size, color=color, ha="center", va="baseline", parse_math=False)


def _add_arrow(axes: Axes, route: Route) -> None:
    """Draw a line with rounded corners and a head."""
    points, codes = [route[0]], [Path.MOVETO]
    for before, corner, after in zip(route, route[1:], route[2:], strict=False):
        points += [_toward(corner, before), corner, _toward(corner, after)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    path = Path([*points, route[-1]], [*codes, Path.LINETO])
    axes.add_patch(
        FancyArrowPatch(
            path=path, arrowstyle="-|>,head_length=4.2,head_width=2", mutation_scale=1, color=MUTED, linewidth=1.1,
            capstyle="butt", joinstyle="miter", snap=False,
        )
    )  # fmt: skip


def _toward(corner: Point, point: Point) -> Point:
    """Return the point where the line leaves a rounded corner."""
    along = np.subtract(point, corner)
    length = float(np.abs(along).sum())
    x, y = corner + along * min(ROUND / length, 0.5)
    return float(x), float(y)


def _add_label(axes: Axes, label: str, route: Route, taken: Iterable[Bbox]) -> Bbox:
    """Write a label above the longest part of a line, or to the right of it where that is upright; return its place."""
    part = max(parts(route), key=lambda part: part.width + part.height)
    (x, y), wide, high = middle(part), text_width(label, DETAIL), LEADING * DETAIL
    x, y = (x, y - CLEAR - high / 2) if part.height == 0 else (x + CLEAR + wide / 2, y)
    place = Bbox.from_bounds(x - wide / 2, y - high / 2, wide, high)
    if place.x0 < 0 or place.x1 > axes.get_xlim()[1] or any(place.overlaps(other) for other in taken):
        raise BadInput(f"the label {label!r} has no room beside its arrow; shorten it, or move the blocks apart")
    _add_text(axes, label, DETAIL, (x, y), MUTED)
    return place
