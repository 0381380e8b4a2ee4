"""Priors on the pixels, pixel by pixel as the paper prints them."""

import pytest
import torch
from synthesis.small import pictures
from torch import nn

from innerview.core.errors import BadInput
from innerview.synthesis.priors import norm_loss, variation_loss

DOUBLE = torch.float64
ANY = nn.Identity()  # no prior runs a network


def variation(image, beta):
    """Mahendran and Vedaldi 2015, Sec. 2: finite differences to the right and down, where both exist."""
    colours, height, width = image.shape
    total = 0.0
    for c in range(colours):
        for i in range(height - 1):
            for j in range(width - 1):
                right, down = image[c, i, j + 1] - image[c, i, j], image[c, i + 1, j] - image[c, i, j]
                total += float(right**2 + down**2) ** (beta / 2)
    return total


@pytest.mark.parametrize("beta", [1, 1.5, 2.0, 3])
def test_the_total_variation_is_the_papers(beta):
    images = pictures(2, (5, 4), dtype=DOUBLE)
    expected = [variation(image, beta) for image in images]
    assert variation_loss(beta)(ANY, images).tolist() == pytest.approx(expected, rel=1e-9)


def test_the_variation_of_an_edge_is_counted_by_hand():
    """One edge of height 0.5 across four rows, of which the last has nothing below: 3 colours times 3 times 0.5^2."""
    image = torch.zeros(1, 3, 4, 5)
    image[..., 3:] = 0.5
    assert float(variation_loss()(ANY, image)) == pytest.approx(3 * 3 * 0.25)
    assert float(variation_loss(1.0)(ANY, image)) == pytest.approx(3 * 3 * 0.5, rel=1e-4)


@pytest.mark.parametrize(("alpha", "center"), [(1, 0.5), (2, 0.0), (6.0, 0.5), (2.5, 0.3)])
def test_the_norm_is_the_papers(alpha, center):
    images = pictures(2, (5, 4), dtype=DOUBLE)
    expected = [sum(abs(float(x) - center) ** alpha for x in image.flatten()) for image in images]
    assert norm_loss(alpha, center)(ANY, images).tolist() == pytest.approx(expected, rel=1e-12)


PRIORS = pytest.mark.parametrize(
    "loss", [variation_loss(1), variation_loss(1.5), variation_loss(2), norm_loss(1), norm_loss(1.5), norm_loss(6)]
)


@PRIORS
def test_gradients_are_those_of_finite_differences(loss):
    image = pictures(1, (4, 3), seed=3, dtype=DOUBLE).requires_grad_()
    assert torch.autograd.gradcheck(lambda images: loss(ANY, images), image)


@PRIORS
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_a_constant_image_has_no_slope_and_no_nan(loss, dtype):
    image = torch.full((1, 3, 5, 5), 0.5, dtype=dtype, requires_grad=True)
    value = loss(ANY, image)
    (gradient,) = torch.autograd.grad(value.sum(), image)
    assert float(value.detach()) == pytest.approx(0, abs=1e-4)
    assert torch.equal(gradient, torch.zeros_like(image))


def test_one_row_has_no_variation():
    assert variation_loss(1)(ANY, pictures(2, (1, 6))).tolist() == [0, 0]


@pytest.mark.parametrize("exponent", [0.9, 0, -2, float("nan"), float("inf")])
def test_exponents_below_one_are_refused(exponent):
    with pytest.raises(BadInput, match=f"beta of a total variation is at least 1, not {exponent}"):
        variation_loss(exponent)
    with pytest.raises(BadInput, match=f"alpha of a norm is at least 1, not {exponent}"):
        norm_loss(exponent)
