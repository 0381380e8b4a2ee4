"""Colours: mean and covariance in closed form, grey styles, and luminance."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from synthesis.small import pictures

from innerview.models.normalization import luminance
from innerview.synthesis.recoloring import FLOOR, grey, grey_like, with_colors_like, with_luminance

DOUBLE = torch.float64


def muted(seed, size=(12, 10), dtype=DOUBLE):
    """Noise around grey whose colours go together, so that nothing is clipped."""
    mixed = torch.tensor([[0.12, 0.02, 0.0], [0.05, 0.08, 0.01], [0.03, 0.02, 0.06]], dtype=dtype)
    image = torch.einsum("ij,bjhw->bihw", mixed, pictures(1, size, seed, dtype) - 0.5)
    return image + torch.tensor([0.55, 0.5, 0.4], dtype=dtype)[:, None, None]


def statistics(image):
    pixels = image[0].double().flatten(1)
    return pixels.mean(1), torch.cov(pixels)


def test_a_recoloured_style_has_the_contents_mean_and_covariance():
    style, content = pictures(1, (14, 9), 1, DOUBLE), muted(2)
    found = with_colors_like(style, content)
    assert found.shape == style.shape
    assert float(found.min()) > 0  # nothing is clipped, else the equations would not hold
    assert float(found.max()) < 1
    for one, wanted in zip(statistics(found), statistics(content), strict=True):
        torch.testing.assert_close(one, wanted, rtol=1e-9, atol=1e-12)


def test_the_change_of_colours_is_that_of_the_papers_equation():
    style, content = pictures(1, (14, 9), 1, DOUBLE), muted(2)
    (mean, covariance), (wanted, goal) = statistics(style), statistics(content)
    change = sqrtm(goal.numpy()) @ np.linalg.inv(sqrtm(covariance.numpy()))
    expected = change @ (style[0].flatten(1) - mean[:, None]).numpy() + wanted[:, None].numpy()
    np.testing.assert_allclose(with_colors_like(style, content)[0].flatten(1), expected, rtol=1e-8)


def test_a_style_with_the_contents_colours_stays_as_it_is():
    style = muted(1)
    torch.testing.assert_close(with_colors_like(style, style), style, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_a_grey_style_takes_the_contents_mean_and_no_nan(dtype):
    style = grey(pictures(1, (14, 9), 1, dtype))
    found = with_colors_like(style, muted(2, dtype=dtype))
    assert torch.isfinite(found).all()
    assert found.dtype == dtype
    torch.testing.assert_close(statistics(found)[0], statistics(muted(2))[0], rtol=0, atol=1e-5)
    assert float(found.std()) > 0.01  # it still shows what it showed


def test_a_constant_style_or_content_gives_no_nan():
    flat = torch.full((1, 3, 6, 5), 0.3)
    content = muted(2, dtype=torch.float32)
    found = with_colors_like(flat, content)
    torch.testing.assert_close(statistics(found)[0], statistics(content)[0], rtol=0, atol=1e-5)
    assert float(statistics(found)[1].abs().max()) < 1e-10
    calmed = with_colors_like(content, flat)
    torch.testing.assert_close(calmed, torch.full_like(content, 0.3), rtol=0, atol=6 * FLOOR**0.5)
    assert torch.isfinite(grey_like(flat, content)).all()
    torch.testing.assert_close(grey_like(content, flat), torch.full_like(content, 0.3))


def test_clipping_keeps_strong_colours_in_range():
    found = with_colors_like(muted(1), (pictures(1, (9, 9), 2, DOUBLE) > 0.5).double())
    assert float(found.min()) == 0
    assert float(found.max()) == 1


def test_grey_is_the_luminance_in_all_colours():
    image = pictures(2, (5, 4), 1, DOUBLE)
    expected = 0.299 * image[:, 0] + 0.587 * image[:, 1] + 0.114 * image[:, 2]
    for colour in range(3):
        torch.testing.assert_close(grey(image)[:, colour], expected)


def test_a_grey_style_has_the_mean_and_spread_of_the_contents_luminance():
    style, content = muted(1, (14, 9)), muted(2)
    found = grey_like(style, content)
    assert found.shape == style.shape
    assert torch.equal(found[:, :1].expand(-1, 3, -1, -1), found)
    torch.testing.assert_close(found[:, 0].mean(), luminance(content).mean())
    torch.testing.assert_close(found[:, 0].std(), luminance(content).std())
    moved, own = found[:, 0] - found[:, 0].mean(), luminance(style)[:, 0] - luminance(style).mean()
    torch.testing.assert_close(moved / moved.std(), own / own.std())


def test_colours_are_kept_and_the_luminance_is_that_of_the_other():
    content, made = muted(1), muted(2)
    found = with_luminance(content, made)
    torch.testing.assert_close(luminance(found), luminance(made))
    torch.testing.assert_close(found - luminance(found), content - luminance(content))
    torch.testing.assert_close(with_luminance(content, grey(made)), found)
    assert float(with_luminance(content, torch.ones_like(content)).max()) == 1
