"""Grids: equal to a slow loop over points, with what lies outside the percentiles in the cells at the border."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from innerview.atlas import Grid, grid
from innerview.core.errors import BadInput, NotFinite


def points(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)) * torch.tensor([1.0, 50.0])


def slowly(layout: Tensor, density: int, minimum: int, clip: tuple[float, float]) -> dict[tuple[int, int], list[int]]:
    """Return the members of each cell that is kept: (row, column) -> indices."""
    columns, rows = layout.double().numpy().T
    members: dict[tuple[int, int], list[int]] = {}
    for index in range(len(layout)):
        place = []
        for axis, value in ((rows, rows[index]), (columns, columns[index])):
            low, high = np.percentile(axis, clip[0]), np.percentile(axis, clip[1])
            share = (value - low) / (high - low) if high > low else value - low
            place.append(min(max(int(np.floor(share * density)), 0), density - 1))
        members.setdefault((place[0], place[1]), []).append(index)
    return {place: found for place, found in sorted(members.items()) if len(found) >= minimum}


def as_members(found: Grid) -> dict[tuple[int, int], list[int]]:
    places = zip(found.rows.tolist(), found.columns.tolist(), strict=True)
    return {place: found.members(cell).tolist() for cell, place in enumerate(places)}


SHAPES: dict[str, Tensor] = {
    "round": points(300),
    "far away": points(300) + 1e6,
    "duplicates": points(60).repeat(5, 1),
    "a line": points(300) * torch.tensor([0.0, 1.0]),
    "two places": torch.tensor([[0.0, 3.0], [1.0, 3.0]]).repeat(100, 1),
    "mostly one place": torch.cat([torch.zeros(295, 2), points(5)]),
}


@pytest.mark.parametrize("layout", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("density", "minimum", "clip"),
    [(1, 1, (1, 99)), (5, 1, (1, 99)), (5, 10, (1, 99)), (7, 3, (0, 100)), (8, 4, (20, 70)), (14, 1, (0, 50))],
)
def test_cells_are_those_of_a_slow_loop(layout: Tensor, density: int, minimum: int, clip: tuple[float, float]) -> None:
    found = grid(layout, density, minimum=minimum, clip=clip)
    wanted = slowly(layout, density, minimum, clip)
    assert as_members(found) == wanted
    assert found.counts.tolist() == [len(members) for members in wanted.values()]
    assert [*zip(found.rows.tolist(), found.columns.tolist(), strict=True)] == [*wanted]  # row by row
    assert len(found) == len(wanted)
    assert int((found.cells >= 0).sum()) == sum(map(len, wanted.values()))


def test_x_counts_columns_and_y_rows() -> None:
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    found = grid(corners, 2, minimum=1, clip=(0, 100))
    assert found.rows.tolist() == [0, 0, 1, 1]
    assert found.columns.tolist() == [0, 1, 0, 1]
    assert found.cells.tolist() == [0, 1, 2, 3]


def test_all_at_one_place_are_one_cell() -> None:
    found = grid(torch.full((30, 2), 0.3), 4, minimum=10)
    assert as_members(found) == {(0, 0): [*range(30)]}


def test_the_article_s_defaults() -> None:
    layout = points(400)
    assert as_members(grid(layout, 6)) == slowly(layout, 6, 10, (1, 99))


def test_the_unit_of_the_layout_plays_no_part() -> None:
    layout = points(300).double()
    wanted = grid(layout, 6, minimum=2)
    found = grid(layout * 1024 - 512, 6, minimum=2)
    assert torch.equal(found.cells, wanted.cells)


def test_means_are_those_of_the_members() -> None:
    layout, values = points(300), torch.randn(300, 4, generator=torch.Generator().manual_seed(1)) * 100
    found = grid(layout, 6, minimum=7)
    assert bool((found.cells == -1).any())
    means = found.mean(values)
    for cell in range(len(found)):
        torch.testing.assert_close(means[cell], values[found.members(cell)].double().mean(0).float())
    assert found.mean(values.half()).dtype == torch.float16


def test_a_mean_of_many_in_half_precision_does_not_overflow() -> None:
    found = grid(torch.zeros(5000, 2), 1)
    assert found.mean(torch.full((5000, 1), 60000.0).half()).item() == 60000


@pytest.mark.parametrize("cell", [-1, 1, 9])
def test_a_cell_that_is_not_there(cell: int) -> None:
    with pytest.raises(BadInput, match=rf"the grid has the cells 0 to 0; {cell} is out of range"):
        grid(torch.zeros(20, 2), 3).members(cell)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"density": 0}, BadInput, "a density"),
        ({"minimum": 0}, BadInput, "and a minimum"),
        ({"clip": (99, 1)}, BadInput, "percentiles run from 0 to 100"),
        ({"clip": (-1, 99)}, BadInput, "percentiles run from 0 to 100"),
        ({"clip": (1, 101)}, BadInput, "percentiles run from 0 to 100"),
        ({"clip": (5, 5)}, BadInput, "percentiles run from 0 to 100"),
        ({"density": 11}, BadInput, "100 activations are fewer than the 121 cells of 11x11"),
        ({"minimum": 101}, BadInput, "no cell of 5x5 holds 101 of 100 activations, the fullest"),
        ({"layout": points(100) / 0}, NotFinite, "the layout holds NaN or infinite numbers"),
        ({"layout": points(100) * float("nan")}, NotFinite, "the layout holds NaN or infinite numbers"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(change: dict[str, Any], error: type[Exception], message: str) -> None:
    asked: dict[str, Any] = {"layout": points(100), "density": 5, "minimum": 1} | change
    with pytest.raises(error, match=message) as raised:
        grid(**asked)
    assert "\n" not in str(raised.value)


def test_as_many_activations_as_cells_are_enough() -> None:
    assert len(grid(points(100), 10, minimum=1)) > 10
