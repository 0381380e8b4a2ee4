"""Deletion and insertion: the sums of a linear model, one pixel after another, blur, and the class that is meant."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite
from innerview.core.maps import enlarged
from innerview.evaluation import Curve, blurred, deletion, insertion
from innerview.optimize import Objective, class_logit


class Linear(nn.Module):
    """One weight for each class and number of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(3, 3, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        )

    def forward(self, images: Tensor) -> Tensor:
        return torch.einsum("bchw,kchw->bk", images, self.weight)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return Linear().eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(3, 3, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture(scope="module")
def heatmaps() -> Tensor:
    return torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@torch.no_grad()
def literally(model: nn.Module, start: Tensor, end: Tensor, heatmap: Tensor, target: int) -> list[float]:
    """Replace one pixel after another, the hottest first."""
    image, height, width = start.clone(), *heatmap.shape
    places = sorted(((y, x) for y in range(height) for x in range(width)), key=lambda place: -float(heatmap[place]))
    scores = [float(model(image[None]).softmax(1)[0, target])]
    for y, x in places:
        image[:, y, x] = end[:, y, x]
        scores.append(float(model(image[None]).softmax(1)[0, target]))
    return scores


@pytest.mark.parametrize("batch", [1, 5, None])
def test_one_pixel_after_another(model: nn.Module, images: Tensor, heatmaps: Tensor, batch: int | None) -> None:
    deleted = deletion(model, images, heatmaps, [2, 0, 1], steps=24, baseline=0.3, batch=batch)
    inserted = insertion(model, images, heatmaps, [2, 0, 1], steps=24, batch=batch)
    grey, soft = torch.full_like(images, 0.3), blurred(images)
    for index, target in enumerate([2, 0, 1]):
        one, heat = images[index], heatmaps[index]
        away = torch.tensor(literally(model, one, grey[index], heat, target), dtype=torch.float64)
        back = torch.tensor(literally(model, soft[index], one, heat, target), dtype=torch.float64)
        torch.testing.assert_close(deleted.scores[index], away)
        torch.testing.assert_close(inserted.scores[index], back)
        area = sum((a + b) / 2 / 24 for a, b in pairwise(away.tolist()))
        torch.testing.assert_close(deleted.area[index], torch.tensor(area, dtype=torch.float64))
    torch.testing.assert_close(deleted.shares, torch.arange(25, dtype=torch.float64) / 24)


def test_a_linear_model_loses_the_sums_of_its_evidence(model: Linear, images: Tensor) -> None:
    """By the logit, with the evidence itself as heatmap: the fastest that any order can take it away."""
    evidence = (model.weight[[0, 1, 2]] * (images - 0.5)).sum(1).detach()
    logits = class_logit([0, 1, 2])
    curve = deletion(model, images, evidence, logits, steps=24)
    falling = evidence.flatten(1).sort(1, descending=True).values.cumsum(1)
    clean = logits(model, images).detach()[:, None]
    torch.testing.assert_close(curve.scores, torch.cat([clean, clean - falling], 1))
    for seed in range(5):
        others = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        assert (curve.area < deletion(model, images, others, logits, steps=24).area).all()
        best = insertion(model, images, evidence, logits, steps=24, baseline=0.5).area
        assert (best > insertion(model, images, others, logits, steps=24, baseline=0.5).area).all()


def test_deletion_backwards_is_insertion(model: nn.Module, images: Tensor, heatmaps: Tensor) -> None:
    deleted = deletion(model, images, heatmaps, 1, steps=8, baseline=0.2)
    inserted = insertion(model, images, -heatmaps, 1, steps=8, baseline=0.2)
    torch.testing.assert_close(deleted.scores.flip(1), inserted.scores)
    torch.testing.assert_close(deleted.area, inserted.area)


def test_a_flat_score_has_its_own_height_as_area(images: Tensor, heatmaps: Tensor) -> None:
    """Also with steps that divide the pixels unevenly."""
    score = Objective("flat", (), lambda reading: reading.images.new_tensor([0.25, 0.5, 2.0])[: len(reading.images)])
    for steps in (1, 5, 7, 24):
        curve = deletion(Linear().eval(), images, heatmaps, score, steps=steps)
        assert curve.shares[[0, -1]].tolist() == [0, 1]
        torch.testing.assert_close(curve.shares * 24, (curve.shares * 24).round())
        assert (curve.shares.diff() - 1 / steps).abs().max() <= 1 / 24
        torch.testing.assert_close(curve.area, torch.tensor([0.25, 0.5, 2.0], dtype=torch.float64))


def test_uneven_steps_count_by_their_width(model: nn.Module, images: Tensor, heatmaps: Tensor) -> None:
    curve = deletion(model, images, heatmaps, class_logit(0), steps=5)
    assert (curve.shares * 24).round(decimals=12).tolist() == [0, 5, 10, 14, 19, 24]
    fine = deletion(model, images, heatmaps, class_logit(0), steps=24)
    torch.testing.assert_close(curve.scores, fine.scores[:, [0, 5, 10, 14, 19, 24]])
    pieces = list(zip(pairwise(curve.shares.tolist()), pairwise(curve.scores.unbind(1)), strict=True))
    area = torch.stack([(right - left) * (a + b) / 2 for (left, right), (a, b) in pieces]).sum(0)
    torch.testing.assert_close(curve.area, area)


@pytest.mark.parametrize("measure", [deletion, insertion])
def test_the_class_is_that_of_the_whole_image(
    model: nn.Module, images: Tensor, heatmaps: Tensor, measure: Callable[..., Curve]
) -> None:
    predicted = model(images).argmax(1)
    assert (model(blurred(images)).argmax(1) != predicted).any() or len(predicted.unique()) > 1
    torch.testing.assert_close(
        measure(model, images, heatmaps, steps=9, batch=2).scores,
        measure(model, images, heatmaps, predicted, steps=9).scores,
    )


def test_the_ends_are_the_images_and_their_baselines(model: nn.Module, images: Tensor, heatmaps: Tensor) -> None:
    def chance(some: Tensor) -> Tensor:
        return model(some).softmax(1)[:, 1].detach()

    deleted, inserted = deletion(model, images, heatmaps, 1, steps=3), insertion(model, images, heatmaps, 1, steps=3)
    torch.testing.assert_close(deleted.scores[:, 0], chance(images))
    torch.testing.assert_close(deleted.scores[:, -1], chance(torch.full_like(images, 0.5)))
    torch.testing.assert_close(inserted.scores[:, 0], chance(blurred(images)))
    torch.testing.assert_close(inserted.scores[:, -1], chance(images))


def test_scores_take_part_in_a_graph_later(model: nn.Module, images: Tensor, heatmaps: Tensor) -> None:
    curve = deletion(model, images, heatmaps, 1, steps=4, batch=64)
    factor = torch.ones(5, dtype=torch.float64, requires_grad=True)
    (curve.scores * factor).sum().backward()
    torch.testing.assert_close(factor.grad, curve.scores.sum(0))


def test_coarse_maps_are_enlarged_and_ties_go_row_by_row(model: nn.Module, images: Tensor) -> None:
    coarse = torch.rand(3, 2, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    torch.testing.assert_close(
        deletion(model, images, coarse, 0, steps=24).scores,
        deletion(model, images, enlarged(coarse, (4, 6)), 0, steps=24).scores,
    )
    rows = -torch.arange(24, dtype=torch.float64).reshape(1, 4, 6).expand(3, 4, 6)
    torch.testing.assert_close(
        deletion(model, images, torch.zeros(3, 4, 6), 0, steps=24).scores,
        deletion(model, images, rows, 0, steps=24).scores,
    )


def test_blur_is_a_gaussian_mean_that_keeps_what_is_even() -> None:
    even = torch.full((1, 3, 9, 12), 0.3, dtype=torch.float64)
    torch.testing.assert_close(blurred(even, 2.0), even)
    dot = torch.zeros(1, 3, 41, 51, dtype=torch.float64)
    dot[0, 1, 20, 25] = 1
    spot = blurred(dot, 3.0)
    assert spot[0, [0, 2]].abs().max() == 0
    total = sum(math.exp(-(y * y + x * x) / 18) for y in range(-9, 10) for x in range(-9, 10))
    for y, x in ((0, 0), (2, 5), (-9, 9), (9, -4)):
        expected = math.exp(-(y * y + x * x) / 18) / total
        assert float(spot[0, 1, 20 + y, 25 + x]) == pytest.approx(expected, rel=1e-9)
    assert spot[0, 1, 20, 35:].abs().max() == 0
    torch.testing.assert_close(spot.sum(), torch.tensor(1.0, dtype=torch.float64))


def test_blur_repeats_the_edge() -> None:
    step = torch.zeros(1, 3, 8, 30, dtype=torch.float64)
    step[..., 15:] = 1
    soft = blurred(step, 2.0)
    torch.testing.assert_close(soft[..., 0, :], soft[..., 4, :])
    torch.testing.assert_close(soft[..., [0, -1]], step[..., [0, -1]])
    torch.testing.assert_close(soft + soft.flip(3), torch.ones_like(soft))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"steps": 0}, BadInput, "steps must be from 1 to the 24 pixels of the images, not 0"),
        ({"steps": 25}, BadInput, "not 25"),
        ({"heatmaps": torch.zeros(2, 4, 6)}, BadInput, "2 heatmaps but 3 images"),
        ({"heatmaps": torch.full((3, 4, 6), torch.nan)}, NotFinite, "heatmaps hold NaN"),
        ({"baseline": -1.0}, BadInput, "grey value"),
    ],
)
@pytest.mark.parametrize("measure", [deletion, insertion])
def test_bad_input_is_named(
    model: nn.Module,
    images: Tensor,
    measure: Callable[..., Curve],
    change: dict[str, Any],
    error: type[Exception],
    said: str,
) -> None:
    settings = {"heatmaps": torch.zeros(3, 4, 6), "steps": 2} | change
    with pytest.raises(error, match=said):
        measure(model, images, target=0, **settings)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan")])
def test_blur_needs_a_width(images: Tensor, sigma: float) -> None:
    with pytest.raises(BadInput, match="sigma must be"):
        blurred(images, sigma)
