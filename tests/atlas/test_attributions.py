"""Sparse attributions: equal to dense ones whose smaller numbers are zero."""

import pytest
import torch
from torch import Tensor

from innerview.atlas import Attributions, grid
from innerview.atlas.attributions import strongest
from innerview.core.errors import BadInput

COUNT, CLASSES = 120, 7


def dense() -> Tensor:
    return torch.randn(COUNT, CLASSES, generator=torch.Generator().manual_seed(0))


def literally(full: Tensor, keep: int) -> Tensor:
    """Set all but the largest numbers of each row to zero."""
    rows = []
    for row in full.tolist():
        least = sorted(row, reverse=True)[min(keep, len(row)) - 1]
        rows.append([value if value >= least else 0.0 for value in row])
    return torch.tensor(rows)


@pytest.mark.parametrize("keep", [1, 3, CLASSES, 100])
def test_one_class_after_the_other_is_the_dense_matrix(keep: int) -> None:
    found, wanted = strongest(dense(), keep), literally(dense(), keep)
    assert (len(found), found.count) == (COUNT, CLASSES)
    for target in range(CLASSES):
        torch.testing.assert_close(found.of(target), wanted[:, target], rtol=0, atol=0)


def test_the_largest_come_first_by_sign_not_by_size() -> None:
    found = strongest(torch.tensor([[-5.0, 1.0, -0.5, 2.0]]), 3)
    assert found.classes.tolist() == [[3, 1, 2]]
    assert found.values.tolist() == [[2, 1, -0.5]]


@pytest.mark.parametrize("keep", [1, 3, 100])
def test_means_of_cells_are_dense_means(keep: int) -> None:
    layout = torch.randn(COUNT, 2, generator=torch.Generator().manual_seed(1))
    cells = grid(layout, 4, minimum=5)
    assert bool((cells.cells == -1).any())
    found, wanted = strongest(dense(), keep).mean(cells), literally(dense(), keep)
    assert found.shape == (len(cells), CLASSES)
    for cell in range(len(cells)):
        torch.testing.assert_close(found[cell], wanted[cells.members(cell)].mean(0), rtol=1e-5, atol=1e-6)


def test_some_of_them() -> None:
    whole, chosen = strongest(dense(), 3), torch.tensor([5, 5, 0])
    some: Attributions = whole[chosen]
    assert torch.equal(some.of(2), whole.of(2)[chosen])
    assert some.count == CLASSES


@pytest.mark.parametrize("target", [-1, CLASSES])
def test_a_class_that_is_not_there(target: int) -> None:
    with pytest.raises(BadInput, match=rf"class index {target} is out of range; it runs from 0 to 6"):
        strongest(dense(), 3).of(target)
