"""Grid assignment: every point a cell of its own, and together no way shorter."""

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.embedding import grid_assignment


def points(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(seed))


def cost(places: Tensor, cells: Tensor, shape: tuple[int, int]) -> float:
    """Sum of squared ways, in cells, from the points, stretched over the grid, to their cells' centres."""
    unit = (places - places.amin(0)) / (places.amax(0) - places.amin(0))
    wanted = unit.flip(1) * torch.tensor(shape) - 0.5
    return float((wanted.double() - cells).square().sum())


@pytest.mark.parametrize("seed", range(40))
def test_every_point_gets_a_cell_of_its_own(seed: int) -> None:
    draws = np.random.default_rng(seed)
    count, spare, exact = (int(draws.integers(*ends)) for ends in ((1, 90), (0, 20), (1, 100)))
    rows = max(1, int(count**0.4))
    shape = (rows, -(-(count + spare) // rows))
    cells = grid_assignment(points(count, seed), shape, exact=exact)
    assert len({tuple(cell) for cell in cells.tolist()}) == count
    assert (cells >= 0).all()
    assert (cells < torch.tensor(shape)).all()


@pytest.mark.parametrize("seed", range(4))
def test_no_other_assignment_is_shorter(seed: int) -> None:
    """Literally: all of them."""
    places = points(5, seed)
    cells = grid_assignment(places, (2, 3))
    every = [(row, column) for row in range(2) for column in range(3)]
    least = min(cost(places, torch.tensor(chosen), (2, 3)) for chosen in permutations(every, 5))
    assert cost(places, cells, (2, 3)) == pytest.approx(least)


def test_points_on_a_grid_stay_where_they_are() -> None:
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(6), indexing="ij")
    where = torch.stack([rows.flatten(), columns.flatten()], 1)
    order = torch.randperm(36, generator=torch.Generator().manual_seed(0))
    for exact in (36, 9, 1):
        cells = grid_assignment(where.flip(1)[order].float(), exact=exact)
        assert torch.equal(cells, where[order])


def test_halving_costs_little() -> None:
    places = points(400) ** 1.5
    whole = cost(places, grid_assignment(places), (20, 20))
    halved = cost(places, grid_assignment(places, exact=100), (20, 20))
    chance = cost(places, grid_assignment(points(400, 1)), (20, 20))
    assert whole <= halved < 1.15 * whole
    assert halved < 0.5 * chance


def test_x_runs_to_the_right_and_y_downwards() -> None:
    assert grid_assignment(torch.tensor([[0.9, 0.1], [0.1, 0.2], [0.2, 0.9], [0.8, 0.8]])).tolist() == [
        [0, 1], [0, 0], [1, 0], [1, 1],
    ]  # fmt: skip
    assert len(set(map(tuple, grid_assignment(torch.zeros(7, 2)).tolist()))) == 7  # all at one place


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(BadInput, match="7 points do not fit 2x3 cells"):
        grid_assignment(points(7), (2, 3))
    with pytest.raises(BadInput, match="0 points"):
        grid_assignment(points(0))
    with pytest.raises(BadInput, match="0 at once"):
        grid_assignment(points(4), exact=0)
    with pytest.raises(NotFinite, match="NaN or infinite points"):
        grid_assignment(torch.tensor(np.array([[0.0, np.nan], [1.0, 1.0]]), dtype=torch.float32))
