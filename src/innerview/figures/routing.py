"""Ways of arrows between boxes: along the grid, through no box, across as few other arrows as can be."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from matplotlib.transforms import Bbox

from innerview.core.errors import BadInput, near

# All in pixels of the figure; y counts from the top.
GAP: Final = 48  # between columns of boxes: room for an arrow that turns
SPACE: Final = 40  # between boxes above one another
TURN: Final = 20  # from a side to where an arrow turns
CLEAR: Final = 6  # between an arrow and a box that it passes

Point = tuple[float, float]
Route = list[Point]
"""The corners of an arrow's line, its ends included."""


def routes(arrows: Sequence[tuple[str, str]], boxes: Mapping[str, Bbox]) -> list[Route]:
    """Find a way for each arrow.

    Args:
        arrows: Names of the boxes where each starts and ends.
        boxes: Name -> place.

    Raises:
        BadInput: a name that no box has, or an arrow all of whose ways lead through a box.
    """
    ways = [_free(start, end, boxes) for start, end in arrows]
    found: dict[int, Route] = {}
    for index in sorted(range(len(ways)), key=lambda index: len(ways[index])):  # first those that have no choice
        others = [route for other, route in found.items() if _unrelated(arrows[index], arrows[other])]
        found[index] = min(ways[index], key=lambda way: sum(_cross(way, other) for other in others))
    return [found[index] for index in range(len(ways))]


def middle(box: Bbox) -> Point:
    """Return the middle of a box."""
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def parts(route: Route) -> list[Bbox]:
    """Return where each straight part of a line lies."""
    return [Bbox([np.minimum(*ends), np.maximum(*ends)]) for ends in pairwise(route)]


def _free(start: str, end: str, boxes: Mapping[str, Bbox]) -> list[Route]:
    """Return the ways of an arrow that lead through no box."""
    for name in (start, end):
        if name not in boxes:
            raise BadInput(f"an arrow names {name!r}, but no block has this name{near(name, boxes)}")
    ways = list(_ways(boxes[start], boxes[end]))
    others = [name for name in boxes if name not in (start, end)]
    met = [[name for name in others if _meets(way, boxes[name].padded(CLEAR))] for way in ways]
    free = [way for way, names in zip(ways, met, strict=True) if not names]
    if not free:
        blocked = ", ".join(dict.fromkeys(name for names in met for name in names))
        raise BadInput(f"no way from {start} to {end}{f' but through {blocked}' * bool(blocked)}; move a block")
    return free


def _ways(start: Bbox, end: Bbox) -> Iterator[Route]:
    """Yield the ways that an arrow can take, the nicest first; none to the left in the same row."""
    (x0, y0), (x1, y1) = middle(start), middle(end)
    if end.x0 > start.x1:
        if y0 == y1:
            yield [(start.x1, y0), (end.x0, y1)]
        else:
            for x in (start.x1 + TURN, end.x0 - GAP + TURN):
                yield [(start.x1, y0), (x, y0), (x, y1), (end.x0, y1)]
    elif y0 != y1:
        leave, enter = (start.y1, end.y0) if y1 > y0 else (start.y0, end.y1)
        if x0 == x1:
            yield [(x0, leave), (x1, enter)]
        else:
            half = np.sign(y1 - y0) * SPACE / 2
            for y in ((leave + enter) / 2, leave + half, enter - half):
                yield [(x0, leave), (x0, y), (x1, y), (x1, enter)]


def _unrelated(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Say whether two arrows have no end in common; others may share a part of their lines."""
    return one[0] != other[0] and one[1] != other[1]


def _cross(one: Route, other: Route) -> bool:
    return any(_meets(one, part) for part in parts(other))


def _meets(route: Route, box: Bbox) -> bool:
    return any(part.overlaps(box) for part in parts(route))
