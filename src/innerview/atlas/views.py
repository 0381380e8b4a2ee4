"""Views: which activations speak of one class, of several, of what tells two apart {cite}`carter2019atlas`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from innerview.atlas.atlas import Level
from innerview.atlas.attributions import Attributions
from innerview.atlas.collection import Collection
from innerview.atlas.grid import Layout
from innerview.atlas.reduce import Reduction, Whitening, across, reduce
from innerview.core.errors import BadInput
from innerview.core.work import Work
from innerview.optimize.icons import HERE


def of_class(attributions: Attributions, target: int, count: int = 3000) -> Int[Tensor, " chosen"]:
    """Choose the activations of a class atlas: those that add most to the class, and those that add most to it.

    The first are the `count` with the highest attribution to the class, as far as it is positive; the second those
    whose highest attribution of all classes is the one to this class.

    Args:
        attributions: Of all activations.
        target: Index of the class.
        count: The article's 3000, of 400,000.

    Returns:
        Indices, ascending.

    Raises:
        BadInput: no activation adds to the class.
    """
    of, first = attributions.of(target), attributions.classes[:, 0] == target
    highest = of.topk(min(count, len(of))).indices
    chosen = first & (of > 0)
    chosen[highest[of[highest] > 0]] = True
    if not chosen.any():
        raise BadInput(
            f"no activation adds to class {target}, so it has no atlas; collect more of them, or choose another class"
        )
    return chosen.nonzero()[:, 0]


def of_classes(attributions: Attributions, targets: Sequence[int], count: int = 3000) -> Int[Tensor, " chosen"]:
    """Choose the activations of several classes: each that `of_class` chooses for one of them."""
    return torch.cat([of_class(attributions, target, count) for target in targets]).unique()


@dataclass(frozen=True)
class TwoClasses:
    """The activations of two classes, and where they lie.

    Args:
        chosen: Indices among all activations.
        layout: x is the attribution to the first class minus that to the second, so that what speaks for the second
            lies on the left; y follows the activations' order along one dimension.
    """

    chosen: Int[Tensor, " chosen"]
    layout: Layout


def two_classes(
    collection: Collection,
    first: int,
    second: int,
    whitened: Whitening,
    *,
    count: int = 2000,
    reduction: Reduction | None = None,
    work: Work = HERE,
) -> TwoClasses:
    """Lay out what tells two classes apart {cite}`carter2019atlas`.

    Args:
        collection: With attributions.
        first: Index of a class.
        second: Index of another.
        whitened: Of the whole collection.
        count: Activations of each class; the article's 2000.
        reduction: How they are brought to one dimension.
        work: Its store keeps the layout.

    Raises:
        BadInput: the same class twice, or a class that no activation adds to.
    """
    if first == second:
        raise BadInput(f"two classes are compared, not class {first} with itself")
    attributions = collection.attributed()
    chosen = of_classes(attributions, (first, second), count)
    few = collection[chosen]
    line = reduce(few.activations, whitened, reduction, dimensions=1, work=work)
    differences = few.attributed().of(first) - few.attributed().of(second)
    return TwoClasses(chosen, across(differences, line))


def focus(level: Level, targets: Sequence[int], count: int = 8) -> dict[int, Int[Tensor, " cells"]]:
    """Find where in an atlas some classes live: class -> the cells that add most to it, the highest first.

    Raises:
        BadInput: no such class, or one that no cell adds to.
    """
    found, classes = {}, level.attributions.shape[1]
    for target in targets:
        if not 0 <= target < classes:
            raise BadInput(f"class index {target} is out of range; it runs from 0 to {classes - 1}")
        values = level.attributions[:, target]
        cells = values.topk(min(count, len(values))).indices
        found[target] = cells[values[cells] > 0]
        if not len(found[target]):
            raise BadInput(f"no cell of the atlas adds to class {target}; choose another class, or a larger atlas")
    return found


def place(level: Level, whitened: Whitening, activations: Float[Tensor, "n c"]) -> Int[Tensor, " n"]:
    """Find the cell that each activation, of any images, is most like: by the cosine, whitened."""
    cells = normalize(whitened.activations(level.directions), dim=1)
    parts = [normalize(whitened.activations(part), dim=1) @ cells.T for part in activations.split(4096)]
    return torch.cat([part.argmax(1) for part in parts])


def histogram(level: Level, whitened: Whitening, activations: Float[Tensor, "n c"]) -> Int[Tensor, " m"]:
    """Count how many activations of a data set lie in each cell of an atlas, perhaps one of other images."""
    return place(level, whitened, activations).bincount(minlength=len(level.grid))


def typical(
    level: Level, collection: Collection, whitened: Whitening, cell: int, count: int = 9
) -> Int[Tensor, " chosen"]:
    """Return the members of a cell that are most like its mean, the most alike first: what images it was made from.

    Raises:
        BadInput: no such cell.
    """
    members = level.grid.members(cell)
    mean = whitened.activations(level.directions[cell][None])
    alike = normalize(whitened.activations(collection.activations[members]), dim=1) @ normalize(mean, dim=1)[0]
    return members[alike.argsort(descending=True, stable=True)[:count]]
