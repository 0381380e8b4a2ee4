"""Distances and rounding: by hand, and as properties of any images."""

import pytest
import torch

from innerview.adversarial import NORMS, distances, to_levels
from innerview.adversarial.balls import ball, inwards, limited
from innerview.core.errors import BadInput

EPSILONS = (0.0, 1e-9, 1e-4, 1 / 255, 8 / 255, 0.1, 1 / 3, 1.0)
CASES = [(norm, epsilon, seed) for norm in NORMS for epsilon in EPSILONS for seed in range(4)]


def drawn(seed, *, levels):
    """Return images with values at the ends of the range, on levels of 255 or not."""
    draws = torch.Generator().manual_seed(seed)
    images = (torch.rand(2, 3, 5, 4, generator=draws) * 1.4 - 0.2).clamp(0, 1)
    return (images * 255).round() / 255 if levels else images


def test_distances_are_those_of_the_norms():
    image = torch.full((2, 3, 2, 2), 0.5)
    changed = image.clone()
    changed[0, 0, 0, 0], changed[0, 1, 1, 1], changed[1, 2, 0, 1] = 0.75, 1.0, 0.375
    assert distances(image, changed).tolist() == [0.5, 0.125]
    assert distances(image, changed, "l2").tolist() == pytest.approx([(0.25**2 + 0.5**2) ** 0.5, 0.125])
    with pytest.raises(BadInput, match="no norm is called 'l3'"):
        distances(image, changed, "l3")


@pytest.mark.parametrize(("norm", "epsilon", "seed"), CASES)
def test_what_is_projected_is_in_the_ball_and_nothing_inside_is_moved(norm, epsilon, seed):
    images = drawn(seed, levels=False)
    changed = images + 10 ** (seed - 3) * torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    around = ball(images, epsilon, norm)
    found = around.project(changed)
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert (distances(images, found, norm) <= epsilon).all()
    assert torch.equal(around.project(found), found)
    assert (distances(images, around.start(seed), norm) <= epsilon).all()


def test_rounding_inwards_never_leads_farther_away():
    images = torch.tensor([0.1, 0.7, 0.3]).view(1, 3, 1, 1)
    exact = images.double()
    third = torch.tensor([1 / 3, -1 / 3, 0.0], dtype=torch.float64).view(1, 3, 1, 1)
    found = inwards(images, exact + third)
    assert ((found.double() - exact).abs() <= third.abs()).all()
    assert ((found.double() - exact).abs() >= third.abs() - 1e-7).all()
    assert (found[0, 2] == images[0, 2]).all()


def test_changes_are_shortened_each_on_its_own():
    change = torch.zeros(3, 3, 1, 1, dtype=torch.float64)
    change[0, 0], change[1, :2, 0, 0] = 0.25, torch.tensor([3.0, 4.0])
    found = limited(change, 1.0, "l2")
    assert found[0].flatten().tolist() == [0.25, 0, 0]
    assert found[1].flatten().tolist() == pytest.approx([0.6, 0.8, 0])
    assert found[2].flatten().tolist() == [0, 0, 0]
    assert limited(change, 1.0, "linf")[1].flatten().tolist() == [1, 1, 0]


def test_levels_are_the_nearest_that_the_ball_allows():
    images = torch.full((1, 3, 1, 2), 100 / 255)
    moved = torch.tensor([[2.4, 2.6], [-2.6, -0.4], [0.6, 3.2]]).view(1, 3, 1, 2)
    found = to_levels(images, images + moved / 255, 3.4 / 255) * 255 - 100
    assert found.flatten().tolist() == pytest.approx([2, 3, -3, 0, 1, 3], abs=1e-4)
    inside = to_levels(images, images + moved / 255, 2.8 / 255) * 255 - 100  # cut to 2.8, and 3 is too far
    assert inside.flatten().tolist() == pytest.approx([2, 2, -2, 0, 1, 2], abs=1e-4)


@pytest.mark.parametrize(("norm", "epsilon", "seed"), CASES)
def test_rounded_images_are_levels_inside_the_ball(norm, epsilon, seed):
    images = drawn(seed, levels=True)
    changed = ball(images, epsilon, norm).start(seed)
    found = to_levels(images, changed, epsilon, norm)
    levels = found.double() * 255
    assert (levels - levels.round()).abs().max() < 1e-4
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert (distances(images, found, norm) <= epsilon + 1e-6).all()
    assert (distances(changed, found) <= 1 / 255 + 1e-6).all()


def test_a_change_of_whole_levels_is_kept_and_one_of_less_than_half_undone():
    images = drawn(3, levels=True) * 0.8
    images = (images * 255).round() / 255
    assert torch.equal(to_levels(images, images + 8 / 255, 8 / 255), ((images * 255).round() + 8) / 255)
    assert torch.equal(to_levels(images, images + 0.4 / 255, 8 / 255), images)
    assert torch.equal(to_levels(images, images + 0.9 / 255, 0.9 / 255), images)  # a level is more than the ball


@pytest.mark.parametrize("norm", NORMS)
def test_images_that_are_on_no_level_go_to_their_nearest_ones(norm):
    images = drawn(4, levels=False)
    assert torch.equal(to_levels(images, images, 0.5, norm), (images * 255).round() / 255)
