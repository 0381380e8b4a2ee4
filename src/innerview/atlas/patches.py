"""Patches that an atlas suggests: what a model mistakes one class for another by {cite}`carter2019atlas`.

Where a cell speaks for one class and against another, the class that it is named by shares with the first what the
second lacks. A photograph of the naming class, pasted on one of the second, may then turn it into the first: snorkel
and a steam locomotive make a scuba diver.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations

import torch
from jaxtyping import Float
from torch import Tensor

from innerview.atlas.atlas import Level
from innerview.core.errors import BadInput, NotFinite


@dataclass(frozen=True)
class Suggestion:
    """A cell that tells two classes apart, and the class whose photographs may carry what it shows.

    Args:
        cell: Its index; ``level.icons.images[cell]`` is its picture, a patch as well.
        named: The class that the cell is named by.
        strength: Its mean attribution to the target less that to the source, in logits.
        margin: How much higher its mean attribution to the naming class is than to the next of those that
            might name it, in logits; infinite if there is none.
    """

    cell: int
    named: int
    strength: float
    margin: float


@dataclass(frozen=True)
class Pair:
    """Two classes, and what may turn a photograph of the source into the target."""

    source: int
    target: int
    suggestion: Suggestion


def suggestions(
    level: Level, source: int, target: int, count: int = 3, *, among: Sequence[int] | None = None
) -> tuple[Suggestion, ...]:
    """Return the cells that speak most for the target and against the source.

    A cell is named by the class with its largest mean attribution, the source and the target left out. Left out are
    cells that speak for the target no more than for the source, cells that no class names (no attribution above 0), and
    cells whose name a stronger cell has.

    Args:
        level: Cells with their mean attributions; of the whole atlas, or of a view of the two classes.
        source: The class of the photographs to be pasted on.
        target: The class that they shall be taken for.
        count: How many.
        among: The classes that may name a cell, such as those of which there are photographs; all by default.

    Returns:
        The strongest first; of equal ones, the first cell.

    Raises:
        BadInput: a class out of range or without a positive attribution in any cell, one class twice, or fewer cells
            than suggestions.
        NotFinite: an attribution is NaN or infinite.
    """
    _check(level, (source, target), among)
    if source == target:
        raise BadInput(f"source and target are both class {source}; give two classes")
    if count < 1:
        raise BadInput(f"{count} suggestions are none; ask for one or more")
    found = tuple(islice(_strongest(level.attributions, source, target, among), count))
    if len(found) < count:
        raise BadInput(
            f"only {len(found)} cells suggest how class {source} becomes class {target}, not {count}; ask for fewer, "
            "or take a denser level"
        )
    return found


def found_pairs(
    level: Level, classes: Sequence[int], count: int = 10, *, each: int = 2, among: Sequence[int] | None = None
) -> tuple[Pair, ...]:
    """Return the ordered pairs of classes with the strongest suggestions.

    Args:
        level: See `suggestions`.
        classes: Of which the pairs are.
        count: How many pairs.
        each: At most so many with the same source, and so many with the same target: the strongest cell of one class
            would fill the list as the target of all others.
        among: See `suggestions`.

    Returns:
        The strongest first; of equal ones, the lower source, then the lower target.

    Raises:
        BadInput, NotFinite: as for `suggestions`; or there are fewer pairs than asked for.
    """
    chosen = sorted(set(classes))
    _check(level, chosen, among)
    if count < 1 or each < 1:
        raise BadInput(f"{count} pairs, {each} for each source, are none; ask for one or more")
    best = [
        Pair(source, target, suggestion)
        for source, target in permutations(chosen, 2)
        for suggestion in islice(_strongest(level.attributions, source, target, among), 1)
    ]
    kept: list[Pair] = []
    for pair in sorted(best, key=lambda pair: -pair.suggestion.strength):  # stable: equal ones keep their order
        used = (sum(one.source == pair.source for one in kept), sum(one.target == pair.target for one in kept))
        if max(used) < each:
            kept.append(pair)
    if len(kept) < count:
        raise BadInput(
            f"{len(chosen)} classes give {len(kept)} pairs with a suggestion, at most {each} for each class, not "
            f"{count}; ask for fewer pairs, or more for each class"
        )
    return tuple(kept[:count])


def _strongest(
    attributions: Float[Tensor, "m classes"], source: int, target: int, among: Sequence[int] | None
) -> Iterator[Suggestion]:
    """Yield the suggestions, the strongest first."""
    strengths = attributions[:, target] - attributions[:, source]
    others = torch.zeros(attributions.shape[1], dtype=torch.bool)
    others[slice(None) if among is None else list(among)] = True
    others[[source, target]] = False
    names: set[int] = set()
    for cell in strengths.argsort(descending=True, stable=True).tolist():
        if strengths[cell] <= 0 or not others.any():
            return
        row = attributions[cell].where(others, -torch.inf)
        named = int(row.argmax())
        if row[named] <= 0 or named in names:
            continue
        names.add(named)
        next_one = row.index_fill(0, torch.tensor(named), -torch.inf).max()
        yield Suggestion(cell, named, float(strengths[cell]), float(row[named] - next_one))


def _check(level: Level, classes: Sequence[int], among: Sequence[int] | None) -> None:
    attributions = level.attributions
    if not torch.isfinite(attributions).all():
        raise NotFinite("the attributions hold NaN or infinite numbers; check the activations")
    for index in (*classes, *(among or ())):
        if not 0 <= index < attributions.shape[1]:
            raise BadInput(f"class index {index} is out of range; it runs from 0 to {attributions.shape[1] - 1}")
    for index in classes:
        if not (attributions[:, index] > 0).any():
            raise BadInput(
                f"class {index} has no positive attribution in any cell of this atlas; take a class that its images "
                "show, or collect more"
            )
