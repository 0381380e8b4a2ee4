"""Pointing game and class discrimination: maps whose answer is seen at once, distances one by one."""

import math

import pytest
import torch
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.evaluation import box_masks, discriminates, energy_inside, pointing_hits


def dot(y: int, x: int, size: tuple[int, int] = (40, 50)) -> Tensor:
    heat = torch.zeros(1, *size)
    heat[0, y, x] = 0.7
    return heat


def box(*corners: float, size: tuple[int, int] = (40, 50)) -> Tensor:
    return box_masks(torch.tensor([corners], dtype=torch.float32), size)[None]


@pytest.mark.parametrize("tolerance", [0.0, 1.0, 4.9, 5.0, 15.0])
def test_distances_one_by_one(tolerance: float) -> None:
    random = torch.Generator().manual_seed(0)
    masks = torch.rand(30, 40, 50, generator=random) < 0.004
    heat = torch.rand(30, 40, 50, generator=random)
    verdicts = pointing_hits(heat, masks, tolerance)
    for one, mask, verdict in zip(heat, masks, verdicts, strict=True):
        y, x = divmod(int(one.argmax()), 50)
        nearest = min(math.hypot(y - int(row), x - int(column)) for row, column in mask.nonzero())
        assert bool(verdict) == (nearest <= tolerance)


def test_the_tolerance_is_fifteen_pixels_and_counts_itself() -> None:
    mask = box(10, 10, 12, 12)
    assert pointing_hits(dot(10, 11 + 15), mask).item()
    assert not pointing_hits(dot(10, 11 + 16), mask).item()
    assert pointing_hits(dot(11 + 9, 11 + 12), mask).item()
    assert not pointing_hits(dot(11 + 12, 11 + 12), mask).item()  # 17 pixels along the diagonal
    assert pointing_hits(dot(11, 11), mask, 0).item()
    assert not pointing_hits(dot(11, 12), mask, 0).item()


def test_a_map_that_is_the_same_everywhere_points_nowhere() -> None:
    everywhere = torch.ones(2, 40, 50, dtype=torch.bool)
    maps = torch.stack([torch.zeros(40, 50), torch.full((40, 50), 0.5)])
    assert pointing_hits(maps, everywhere).tolist() == [False, False]
    assert pointing_hits(dot(3, 3), everywhere[:1]).tolist() == [True]
    assert pointing_hits(-1 - dot(3, 3), everywhere[:1]).tolist() == [True]


def test_of_several_maxima_all_have_to_hit() -> None:
    mask = box(0, 0, 10, 10)
    both = dot(5, 5) + dot(30, 40)
    assert not pointing_hits(both, mask).item()
    assert pointing_hits(dot(5, 5) + dot(6, 6), mask).item()
    assert pointing_hits(both + dot(5, 5), mask).item()


def test_a_coarse_map_points_at_its_place_in_the_image() -> None:
    coarse = torch.zeros(1, 4, 5)
    coarse[0, 3, 4] = 1  # rows 30 to 39, columns 40 to 49
    assert pointing_hits(coarse, box(40, 30, 50, 40), 0).item()
    assert not pointing_hits(coarse, box(0, 0, 30, 20)).item()


def test_boxes_mark_the_pixels_whose_middle_they_hold() -> None:
    mask = box_masks(torch.tensor([[1.0, 0.0, 3.0, 2.0]]), (4, 5))
    assert mask.int().tolist() == [[0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0] * 5, [0] * 5]
    shares = box_masks(torch.tensor([[0.6, 1.4, 3.4, 9.0]]), (4, 5))
    assert shares.int().tolist() == [[0] * 5, [0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0]]
    two = box_masks(torch.tensor([[0.0, 0.0, 1.0, 1.0], [4.0, 3.0, 5.0, 4.0]]), (4, 5))
    assert two.nonzero().tolist() == [[0, 0], [3, 4]]


def test_heat_is_shared_out_by_hand() -> None:
    heat = torch.tensor([[[1.0, 2.0], [-5.0, 1.0]], [[-1.0, -2.0], [0.0, 3.0]], [[-1.0, 0.0], [0.0, -2.0]]])
    masks = torch.tensor([[[True, False], [True, True]], [[True, True], [True, False]], [[True, True], [True, True]]])
    found = energy_inside(heat, masks)
    torch.testing.assert_close(found, torch.tensor([0.5, 0.0, torch.nan]), equal_nan=True)


def test_shares_do_not_depend_on_the_scale_and_add_up() -> None:
    random = torch.Generator().manual_seed(0)
    heat = torch.randn(4, 5, 6, generator=random, dtype=torch.float64)
    masks = torch.rand(4, 20, 24, generator=random) < 0.3
    inside = energy_inside(heat, masks)
    torch.testing.assert_close(inside + energy_inside(heat, ~masks), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(inside, energy_inside(heat * 7, masks))


def test_both_maps_have_to_keep_to_their_own_object() -> None:
    left, right = torch.tensor([[[4.0, 1.0]]]), torch.tensor([[[1.0, 4.0]]])
    masks = torch.tensor([[[True, False]]]), torch.tensor([[[False, True]]])
    cases = {(left, right): True, (right, left): False, (left, left): False, (left, left * 0): False}
    assert [discriminates(*maps, *masks).item() for maps in cases] == list(cases.values())
    # The second map has the larger share of its own object, and of the first one's too.
    third = torch.tensor([[[3.0, 1.0, 4.0]]]), torch.tensor([[[4.0, 4.0, 0.0]]])
    apart = torch.tensor([[[True, False, False]]]), torch.tensor([[[False, True, False]]])
    assert not discriminates(*third, *apart).item()
    other_way = discriminates(third[1], third[0], apart[1], apart[0])
    assert not other_way.item()
    # A share that is only as large is not larger.
    even = torch.tensor([[[2.0, 1.0, 1.0]]]), torch.tensor([[[1.0, 1.0, 2.0]]])
    assert not discriminates(*even, *apart).item()
    assert not discriminates(even[1], even[0], apart[1], apart[0]).item()


def test_bad_pairs_are_named() -> None:
    heat, masks = torch.rand(2, 4, 5), torch.ones(2, 4, 5, dtype=torch.bool)
    for measure in (pointing_hits, energy_inside):
        with pytest.raises(BadInput, match="2 heatmaps but 1 masks"):
            measure(heat, masks[:1])
        with pytest.raises(BadInput, match="mask 1 marks no pixel"):
            measure(heat, torch.stack([masks[0], ~masks[0]]))
        with pytest.raises(NotFinite, match="heatmaps hold NaN"):
            measure(torch.where(heat == heat.max(), torch.inf, heat), masks)
    with pytest.raises(BadInput, match="tolerance must be"):
        pointing_hits(heat, masks, -1)
