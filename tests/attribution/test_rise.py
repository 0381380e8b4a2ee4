"""RISE: its equation written out mask by mask, what it expects, and the same masks for every batch."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from innerview.attribution.rise import _drawn, rise
from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.optimize import class_logit


class Sums(nn.Module):
    """Logits are means over two parts of the image, and a class of the rest."""

    def forward(self, images: Tensor) -> Tensor:
        left, right = images[..., :6].mean((1, 2, 3)), images[..., 6:].mean((1, 2, 3))
        return torch.stack([20 * left, 20 * right, torch.full_like(left, 10)], 1)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(3, 3, 9, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def between(grid: list[list[float]], row: float, column: float) -> float:
    """Read a grid between its places, bilinearly; beyond its outermost places their value goes on."""
    last = len(grid) - 1
    row, column = min(max(row, 0.0), last), min(max(column, 0.0), last)
    top, left = min(int(row), last - 1), min(int(column), last - 1)
    y, x = row - top, column - left
    above = (1 - x) * grid[top][left] + x * grid[top][left + 1]
    below = (1 - x) * grid[top + 1][left] + x * grid[top + 1][left + 1]
    return (1 - y) * above + y * below


def literal_masks(count: int, cells: int, keep: float, size: tuple[int, int], seed: int) -> Tensor:
    """Enlarge grids by one cell more than the image has, pixel by pixel, and cut the image's size out of them."""
    random = generator("rise", seed)
    grids = (torch.rand(count, cells, cells, generator=random) < keep).double().tolist()
    cell = [math.ceil(side / cells) for side in size]
    tops, lefts = (torch.randint(0, side, (count,), generator=random).tolist() for side in cell)
    masks = torch.zeros(count, *size, dtype=torch.float64)
    for number, (grid, top, left) in enumerate(zip(grids, tops, lefts, strict=True)):
        scale = [cells / ((cells + 1) * side) for side in cell]
        for y in range(size[0]):
            for x in range(size[1]):
                place = (y + top + 0.5) * scale[0] - 0.5, (x + left + 0.5) * scale[1] - 0.5
                masks[number, y, x] = between(grid, *place)
    return masks


@pytest.mark.parametrize("batch", [1, 4, 64, None])
def test_the_equation_mask_by_mask(images: Tensor, batch: int | None) -> None:
    model, classes = Sums().eval(), [1, 0, 1]
    masks = literal_masks(40, 4, 0.3, (9, 12), seed=5)
    expected = torch.zeros(3, 9, 12, dtype=torch.float64)
    for number, (image, own) in enumerate(zip(images, classes, strict=True)):
        for mask in masks:
            seen = image * mask + 0.5 * (1 - mask)
            expected[number] += model(seen[None]).softmax(1)[0, own] * mask
    found = rise(model, images, classes, masks=40, cells=4, keep=0.3, seed=5, batch=batch)
    torch.testing.assert_close(found, expected / (40 * 0.3), atol=1e-6, rtol=1e-5)


def test_masks_lie_between_0_and_1_and_show_the_share_that_is_kept() -> None:
    drawn = _drawn(4000, 5, 0.3, (22, 31), seed=0)
    masks = drawn.enlarged(range(4000), (22, 31))
    assert (drawn.grids.unique() == torch.tensor([0.0, 1.0])).all()
    assert masks.min() >= 0
    assert masks.max() <= 1 + 1e-6
    assert drawn.cell == (5, 7)
    assert [set(shifts.tolist()) for shifts in drawn.shifts.unbind(1)] == [set(range(5)), set(range(7))]
    assert (masks.mean(0) - 0.3).abs().max() < 0.04  # five standard errors of 4000 draws


def test_a_score_that_no_mask_changes_is_found_at_every_pixel(images: Tensor) -> None:
    """The expectation of the equation: the mean score, divided by how often a pixel is seen."""

    class Constant(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.new_tensor([0.0, 2.0]).expand(len(images), 2)

    heat = rise(Constant().eval(), images, 1, masks=3000, batch=600)
    chance = torch.tensor([0.0, 2.0]).softmax(0)[1]
    assert (heat / chance - 1).abs().max() < 0.08


def test_heat_lies_where_the_evidence_is(images: Tensor) -> None:
    heat = rise(Sums().eval(), images * 0 + 1, [0, 1, 0], masks=600, batch=600)
    left, right = heat[..., :4].mean((1, 2)), heat[..., -4:].mean((1, 2))
    assert ((left > 1.1 * right) == torch.tensor([True, False, True])).all()
    assert ((right > 1.1 * left) == torch.tensor([False, True, False])).all()


def test_the_same_masks_for_every_image_and_another_seed_has_others(images: Tensor) -> None:
    model = Sums().eval()
    together = rise(model, images, 0, masks=70, batch=64)
    apart = torch.cat([rise(model, image[None], 0, masks=70, batch=3) for image in images])
    torch.testing.assert_close(together, apart)
    assert torch.equal(together, rise(model, images, 0, masks=70, batch=64))
    assert not torch.allclose(together, rise(model, images, 0, masks=70, seed=1), rtol=0.01)


def test_nothing_hidden_gives_the_score_itself(images: Tensor) -> None:
    chances = Sums()(images).softmax(1)
    heat = rise(Sums().eval(), images, masks=3, keep=1.0)
    torch.testing.assert_close(heat, chances.amax(1)[:, None, None].expand(3, 9, 12), atol=1e-6, rtol=1e-6)


def test_an_objective_scores_as_it_is(images: Tensor) -> None:
    heat = rise(Sums().eval(), images, class_logit([0, 1, 2]), masks=3, keep=1.0)
    logits = Sums()(images)[torch.arange(3), torch.arange(3)]
    torch.testing.assert_close(heat, logits[:, None, None].expand(3, 9, 12), atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"masks": 0}, "at least one mask, not 0"),
        ({"cells": 0}, "cells must be from 1 to 9"),
        ({"cells": 10}, "9x12 pixels, not 10"),
        ({"keep": 0.0}, "keep is a probability"),
        ({"keep": 1.5}, "keep is a probability"),
        ({"batch": -1}, "at least one image"),
    ],
)
def test_bad_settings_are_named(images: Tensor, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        rise(Sums().eval(), images, 0, **settings)
