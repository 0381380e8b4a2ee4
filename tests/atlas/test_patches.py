"""Suggestions: written down cell by cell, and cells counted by hand."""

from itertools import product

import pytest
import torch

from innerview.atlas.atlas import Level
from innerview.atlas.grid import Grid
from innerview.atlas.patches import Suggestion, found_pairs, suggestions
from innerview.core.errors import BadInput, NotFinite
from innerview.optimize.icons import Icons


def level(attributions):
    """A level whose cells have these attributions."""
    values = torch.as_tensor(attributions, dtype=torch.float32)
    count, numbers = len(values), torch.arange(len(values))
    grid = Grid(count, numbers, numbers, torch.ones_like(numbers), numbers)
    icons = Icons(torch.zeros(count, 3, 8, 8), torch.ones(count), torch.zeros(count, dtype=torch.bool))
    return Level(grid, torch.ones(count, 2), values, icons)


# Classes: snorkel, scuba diver, locomotive, shark, whale.
SEA = level(
    [
        [1, 5, 2.0, 0.5, 0.0],  # 4 for the diver, a locomotive's
        [0, 3, 1.0, 0.5, 0.0],  # 3, a locomotive's again
        [6, 9, 0.0, 2.0, 1.5],  # 3, a shark's
        [2, 1, 0.0, 0.0, 4.0],  # against the diver
        [0, 2, 0.0, -1.0, 0.0],  # 2, nobody else's
        [1, 2, 0.0, 0.0, 0.5],  # 1, a whale's
    ]
)


def test_the_strongest_cells_suggest_different_classes():
    assert suggestions(SEA, 0, 1) == (
        Suggestion(0, 2, 4.0, 1.5),
        Suggestion(2, 3, 3.0, 0.5),
        Suggestion(5, 4, 1.0, 0.5),
    )
    assert suggestions(SEA, 1, 0, 1) == (Suggestion(3, 4, 1.0, 4.0),)


def test_only_the_classes_asked_for_name_a_cell():
    assert suggestions(SEA, 0, 1, 2, among=[3, 4]) == (Suggestion(0, 3, 4.0, 0.5), Suggestion(5, 4, 1.0, 0.5))
    assert suggestions(SEA, 0, 1, 1, among=[1, 4, 0]) == (Suggestion(2, 4, 3.0, torch.inf),)


def draw(cells, classes, seed=0):
    values = torch.randn(cells, classes, generator=torch.Generator().manual_seed(seed))
    return level((values * 4).round() / 4)  # steps, so that some are equal


def slowly(attributions, source, target, among=None):
    """All suggestions of a pair, cell by cell."""
    rows = attributions.tolist()
    order = sorted(range(len(rows)), key=lambda cell: (-(rows[cell][target] - rows[cell][source]), cell))
    found = {}
    for cell in order:
        strength = rows[cell][target] - rows[cell][source]
        others = [c for c in (among or range(len(rows[cell]))) if c not in (source, target)]
        ranked = sorted(others, key=lambda c: (-rows[cell][c], c))
        first, second = rows[cell][ranked[0]], rows[cell][ranked[1]]
        if strength > 0 and first > 0 and ranked[0] not in found:
            found[ranked[0]] = Suggestion(cell, ranked[0], strength, first - second)
    return tuple(found.values())


@pytest.mark.parametrize("among", [None, [0, 3, 4, 7, 9]])
@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 0), (4, 9)])
def test_suggestions_are_what_is_written_down(source, target, among):
    drawn = draw(60, 12)
    wanted = slowly(drawn.attributions, source, target, among)
    assert len(wanted) >= 3
    for count in range(1, len(wanted) + 1):
        assert suggestions(drawn, source, target, count, among=among) == wanted[:count]
    with pytest.raises(BadInput, match=f"only {len(wanted)} cells suggest how class {source} becomes class {target}"):
        suggestions(drawn, source, target, len(wanted) + 1, among=among)


@pytest.mark.parametrize("each", [1, 2, 5])
def test_pairs_are_the_strongest_of_all(each):
    drawn, classes = draw(40, 9, seed=2), [7, 2, 5, 0, 3]
    ranked = []
    for source, target in product(sorted(classes), repeat=2):
        if source != target:
            best = slowly(drawn.attributions, source, target)[0]
            ranked.append((-best.strength, source, target, best))
    ranked.sort(key=lambda entry: entry[:3])
    assert len({entry[0] for entry in ranked}) < len(ranked)  # some are equal
    wanted, sources, targets = [], dict.fromkeys(classes, 0), dict.fromkeys(classes, 0)
    for _, source, target, best in ranked:
        if sources[source] < each and targets[target] < each:
            sources[source] += 1
            targets[target] += 1
            wanted.append((source, target, best))
    for count in (1, 3, len(wanted)):
        found = found_pairs(drawn, classes, count, each=each)
        assert [(pair.source, pair.target, pair.suggestion) for pair in found] == wanted[:count]
        assert found == found_pairs(drawn, classes[::-1] + classes, count, each=each)


def test_a_pair_without_a_suggestion_is_left_out():
    assert [(pair.source, pair.target) for pair in found_pairs(SEA, [0, 1], 2)] == [(0, 1), (1, 0)]
    one_way = level([[1, 2, 1], [2, 5, 0.5]])
    assert [(pair.source, pair.target) for pair in found_pairs(one_way, [0, 1], 1)] == [(0, 1)]
    with pytest.raises(BadInput, match="2 classes give 1 pairs with a suggestion, at most 2 for each class, not 2"):
        found_pairs(one_way, [0, 1], 2)


def test_bad_input_is_refused():
    for source, target, wrong in ((5, 1, 5), (0, 5, 5), (-1, 1, -1)):
        with pytest.raises(BadInput, match=f"class index {wrong} is out of range; it runs from 0 to 4"):
            suggestions(SEA, source, target)
    with pytest.raises(BadInput, match="class index 9 is out of range"):
        suggestions(SEA, 0, 1, among=[2, 9])
    with pytest.raises(BadInput, match="source and target are both class 1"):
        suggestions(SEA, 1, 1)
    with pytest.raises(BadInput, match="0 suggestions are none"):
        suggestions(SEA, 0, 1, 0)
    with pytest.raises(BadInput, match="only 3 cells suggest how class 0 becomes class 1, not 4"):
        suggestions(SEA, 0, 1, 4)
    with pytest.raises(BadInput, match="only 1 cells suggest"):  # the second speaks for both alike
        suggestions(level([[1, 2, 1, 0], [2, 2, 0, 1]]), 0, 1, 2)
    absent = level([[1, 2, 0, 1], [2, 1, -1, 1]])
    for source, target in ((0, 2), (2, 0)):
        with pytest.raises(BadInput, match="class 2 has no positive attribution in any cell of this atlas; take"):
            suggestions(absent, source, target)
    with pytest.raises(BadInput, match="class 2 has no positive attribution"):
        found_pairs(absent, [0, 1, 2])
    for count, each in ((0, 1), (1, 0)):
        with pytest.raises(BadInput, match="are none; ask for one or more"):
            found_pairs(SEA, [0, 1], count, each=each)
    with pytest.raises(NotFinite, match="the attributions hold NaN or infinite numbers"):
        suggestions(level([[1.0, torch.nan, 2]]), 0, 1)
