"""Views: which activations speak of which classes, and where activations of other images lie."""

from typing import Any

import pytest
import torch
from atlas.small import CLASSES, level_of, random_collection
from torch import Tensor

from innerview.atlas import (
    Attributions,
    Collection,
    Grid,
    Level,
    Reduction,
    Whitening,
    focus,
    histogram,
    of_class,
    of_classes,
    place,
    reduce,
    two_classes,
    typical,
    whitening,
)
from innerview.core.errors import BadInput

COUNT = 200
PCA = Reduction("pca")


@pytest.fixture(scope="module")
def collection() -> Collection:
    return random_collection(COUNT)


@pytest.fixture(scope="module")
def attributions(collection: Collection) -> Attributions:
    return collection.attributed()


@pytest.fixture(scope="module")
def whitened(collection: Collection) -> Whitening:
    return whitening(collection.activations)


def literally(found: Attributions, target: int, count: int) -> list[int]:
    dense = [
        dict(zip(classes, values, strict=True))
        for classes, values in zip(found.classes.tolist(), found.values.tolist(), strict=True)
    ]
    strongest = sorted(range(len(dense)), key=lambda index: -dense[index].get(target, 0))[:count]
    chosen = {index for index in strongest if dense[index].get(target, 0) > 0}
    for index, of in enumerate(dense):
        if max(of, key=lambda one: of[one]) == target and of[target] > 0:
            chosen.add(index)
    return sorted(chosen)


@pytest.mark.parametrize("count", [1, 20, 60, 3000])
@pytest.mark.parametrize("target", range(CLASSES))
def test_the_activations_of_a_class(attributions: Attributions, target: int, count: int) -> None:
    found = of_class(attributions, target, count).tolist()
    assert found == literally(attributions, target, count)
    first = {index for index in range(COUNT) if int(attributions.classes[index, 0]) == target}
    assert 10 < len(first & set(found)) <= len(first)
    if count == 3000:
        assert len(found) > len(first)  # also such as add more to another class


def test_only_what_adds_to_a_class_is_chosen() -> None:
    classes = torch.tensor([[0, 1], [1, 0], [0, 1], [2, 0]])
    values = torch.tensor([[3.0, 1.0], [4.0, -1.0], [-1.0, -2.0], [1.0, 0.5]])
    some = Attributions(classes, values, 4)
    assert of_class(some, 0).tolist() == [0, 3]
    assert of_class(some, 0, 1).tolist() == [0]
    assert of_class(some, 2, 1).tolist() == [3]
    with pytest.raises(BadInput, match=r"^no activation adds to class 3, so it has no atlas; collect more .*$"):
        of_class(some, 3)
    for target in (-1, 4):
        with pytest.raises(BadInput, match="is out of range; it runs from 0 to 3"):
            of_class(some, target)


def test_several_classes_are_each_of_them_once(attributions: Attributions) -> None:
    found = of_classes(attributions, [3, 1], 30).tolist()
    assert found == sorted({*literally(attributions, 3, 30), *literally(attributions, 1, 30)})


def test_two_classes_lie_left_and_right(collection: Collection, whitened: Whitening) -> None:
    found = two_classes(collection, 3, 1, whitened, count=30, reduction=PCA)
    assert torch.equal(found.chosen, of_classes(collection.attributed(), [3, 1], 30))
    few = collection.attributed()[found.chosen]
    torch.testing.assert_close(found.layout[:, 0], few.of(3) - few.of(1))
    line = reduce(collection.activations[found.chosen], whitened, PCA, dimensions=1)
    torch.testing.assert_close(found.layout[:, 1:], line)
    mirrored = two_classes(collection, 1, 3, whitened, count=30, reduction=PCA)
    torch.testing.assert_close(mirrored.layout[:, 0], -found.layout[:, 0])


def test_two_classes_that_cannot_be(collection: Collection, whitened: Whitening) -> None:
    with pytest.raises(BadInput, match="two classes are compared, not class 2 with itself"):
        two_classes(collection, 2, 2, whitened)
    with pytest.raises(BadInput, match="class index 5 is out of range"):
        two_classes(collection, 2, 5, whitened)


# Cells


@pytest.fixture(scope="module")
def level(collection: Collection) -> Level:
    """Ten cells of eighteen activations each, and some in none."""
    cells = (torch.arange(COUNT) * 7 % 11) - 1
    counts = cells[cells >= 0].bincount()
    grid = Grid(4, torch.arange(10) // 4, torch.arange(10) % 4, counts, cells)
    return level_of(grid, grid.mean(collection.activations.float()), collection.attributed().mean(grid))


def test_where_classes_live(level: Level) -> None:
    found = focus(level, [4, 0], 3)
    assert [*found] == [4, 0]
    for target in (4, 0):
        values = level.attributions[:, target].tolist()
        wanted = sorted(range(10), key=lambda cell: -values[cell])[:3]
        assert found[target].tolist() == [cell for cell in wanted if values[cell] > 0]


def test_cells_that_do_not_add_to_a_class_are_left_out(level: Level) -> None:
    attributions = torch.zeros(10, 3)
    attributions[:, 0] = torch.tensor([-1.0, 2, 0, 0, 5, 0, 0, 0, 0, -3])
    attributions[:, 1] = -1
    some = level_of(level.grid, level.directions, attributions)
    assert focus(some, [0], 8)[0].tolist() == [4, 1]
    assert focus(some, [0], 100)[0].tolist() == [4, 1]
    for target in (1, 2):
        with pytest.raises(BadInput, match=f"no cell of the atlas adds to class {target}; choose another class"):
            focus(some, [0, target])
    for target in (-1, 3):
        with pytest.raises(BadInput, match=f"class index {target} is out of range; it runs from 0 to 2"):
            focus(some, [target])


def most_alike(whitened: Whitening, activation: Tensor, cells: Tensor) -> int:
    """Return the cell with the highest cosine, whitened: h S v / (|h| |v|) by the products themselves."""
    inverse = whitened.inverse.double()
    h = activation.double()

    def cosine(v: Tensor) -> float:
        return float((h @ inverse @ v) / ((h @ inverse @ h) ** 0.5 * (v @ inverse @ v) ** 0.5))

    return max(range(len(cells)), key=lambda cell: cosine(cells[cell].double()))


def test_each_activation_lies_in_the_cell_it_is_most_like(level: Level, whitened: Whitening) -> None:
    others = random_collection(150, seed=5).activations
    found = place(level, whitened, others)
    assert found.tolist() == [most_alike(whitened, one, level.directions) for one in others]
    assert len(set(found.tolist())) > 5
    assert torch.equal(place(level, whitened, others.float() * 3), found)  # how strong it is plays no part


def test_a_histogram_counts_them(level: Level, whitened: Whitening) -> None:
    others = random_collection(150, seed=5).activations
    found, cells = histogram(level, whitened, others), place(level, whitened, others).tolist()
    assert found.tolist() == [cells.count(cell) for cell in range(10)]
    assert histogram(level, whitened, others[:1]).shape == (10,)


def test_many_activations_are_placed_as_few_are(level: Level, whitened: Whitening) -> None:
    others = random_collection(5000, seed=5).activations
    torch.testing.assert_close(place(level, whitened, others)[4090:4110], place(level, whitened, others[4090:4110]))


@pytest.mark.parametrize("count", [1, 5, 100])
def test_the_typical_members_of_a_cell(level: Level, collection: Collection, whitened: Whitening, count: int) -> None:
    inverse, members = whitened.inverse.double(), [index for index in range(COUNT) if int(level.grid.cells[index]) == 6]
    mean = level.directions[6].double()

    def cosine(index: int) -> float:
        h = collection.activations[index].double()
        return float((h @ inverse @ mean) / (h @ inverse @ h) ** 0.5)

    wanted = sorted(members, key=lambda index: -cosine(index))[:count]
    assert typical(level, collection, whitened, 6, count).tolist() == wanted


@pytest.mark.parametrize("cell", [-1, 10])
def test_a_cell_that_is_not_there(level: Level, collection: Collection, whitened: Whitening, cell: Any) -> None:
    with pytest.raises(BadInput, match=f"the grid has the cells 0 to 9; {cell} is out of range"):
        typical(level, collection, whitened, cell)
