"""Regions: each part of a picture is compared with its own style, and only it."""

from dataclasses import replace

import pytest
import torch
from synthesis.small import network, pictures

from innerview.core.errors import BadInput
from innerview.synthesis.grams import gram_matrix
from innerview.synthesis.losses import style_loss
from innerview.synthesis.regions import Region, region_loss

DOUBLE = torch.float64
LAYERS = {"relu1": 0.25, "relu2": 2.0}


def mask(share=1.0, size=(8, 6), dtype=DOUBLE):
    """White from the top down to a share of the height."""
    where = torch.zeros(1, 1, *size, dtype=dtype)
    where[..., : round(share * size[0]), :] = 1
    return where


@pytest.fixture
def model():
    return network(DOUBLE)


def test_one_region_that_is_all_of_the_picture_is_a_style(model):
    image, style = pictures(2, (8, 6), 1, DOUBLE), pictures(1, (10, 14), 2, DOUBLE)
    expected = style_loss(model, style, LAYERS)(model, image)
    torch.testing.assert_close(region_loss(model, [Region(mask(), style)], LAYERS)(model, image), expected)
    half = Region(mask() / 2, style, 0.3 * mask(size=(5, 7)))
    torch.testing.assert_close(region_loss(model, [half], LAYERS)(model, image), expected)


def test_each_region_counts_as_its_share_of_the_picture(model):
    """Two halves of one style: the mean of what each half is from it, at the layer with a pixel's positions."""
    image, styles = pictures(1, (8, 6), 1, DOUBLE), [pictures(1, (8, 6), seed, DOUBLE) for seed in (2, 3)]
    regions = [Region(mask(0.25), styles[0]), Region(1 - mask(0.25), styles[1])]
    found = region_loss(model, regions, ["relu1"]).parts(model, image)
    features, wanted = model[:2](image), [gram_matrix(model[:2](style)) for style in styles]
    pieces = [features[..., :2, :], features[..., 2:, :]]
    squares = [(gram_matrix(piece) - gram).square().mean() / 4 for piece, gram in zip(pieces, wanted, strict=True)]
    assert list(found) == ["style 0 relu1", "style 1 relu1"]
    # Positions without weight count a millionth.
    assert float(found["style 0 relu1"]) == pytest.approx(0.25 * float(squares[0]), rel=1e-3)
    assert float(found["style 1 relu1"]) == pytest.approx(0.75 * float(squares[1]), rel=1e-3)


def test_only_a_part_of_a_style_can_be_wanted(model):
    image = pictures(1, (8, 6), 1, DOUBLE)
    upper, lower = pictures(1, (4, 6), 2, DOUBLE), pictures(1, (4, 6), 3, DOUBLE)
    whole = torch.cat([upper, lower], 2)
    loss = region_loss(model, [Region(mask(), whole, mask(0.5))], ["relu1"])
    gram = gram_matrix(model[:2](whole)[..., :4, :])
    expected = (gram_matrix(model[:2](image)) - gram).square().mean() / 4
    assert float(loss(model, image)) == pytest.approx(float(expected), rel=1e-3)


def test_a_mask_of_any_size_fits_and_pulls_at_its_own_part(model):
    image = pictures(1, (16, 12), 1, DOUBLE).requires_grad_()
    region = Region(mask(0.5, (64, 48), torch.float32), pictures(1, (10, 14), 2, DOUBLE))
    (gradient,) = torch.autograd.grad(region_loss(model, [region], ["relu1"])(model, image).sum(), image)
    inside, outside = gradient[..., :8, :].abs().mean(), gradient[..., 9:, :].abs().mean()
    assert float(inside) > 1e3 * float(outside)


FULL = Region(mask(), pictures(1, (8, 6), 2, DOUBLE))


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ([], "there is no region; give at least one"),
        ([FULL, replace(FULL, where=0 * mask())], "region 1 is empty; give a mask that is not all black"),
        ([replace(FULL, style_where=0 * mask())], "region 0 is empty"),
        ([replace(FULL, where=2 * mask())], r"the mask of region 0 leaves \[0, 1\] or holds NaN; scale it"),
        ([replace(FULL, where=-mask())], "leaves"),
        ([replace(FULL, style_where=mask() * float("nan"))], "holds NaN"),
        (
            [replace(FULL, style_where=mask().expand(-1, 3, -1, -1))],
            r"is \(1, 3, 8, 6\) of float64; give \(1, 1, h, w\)",
        ),
        ([replace(FULL, style_where=mask().bool())], r"is \(1, 1, 8, 6\) of bool; give \(1, 1, h, w\) of float"),
        ([replace(FULL, style=pictures(2, (8, 6), 2, DOUBLE))], "a style is one image"),
    ],
)
def test_regions_that_cannot_be_are_refused(model, regions, message):
    with pytest.raises(BadInput, match=message):
        region_loss(model, regions, LAYERS)
