"""The patch prior: against loops, closed forms, and what an ascent under it becomes."""

import math

import pytest
import torch
from synthesis.small import network, pictures
from torch import nn

from innerview.core.errors import BadInput
from innerview.optimize import Fourier, Recipe, layer, visualize
from innerview.synthesis import PatchPrior, photograph_patches

DOUBLE = torch.float64
ANY = nn.Identity()  # the prior runs no network


def database(count=7, side=3, seed=0, dtype=DOUBLE):
    """Normalised patches of noise."""
    rows = torch.randn(count, 3 * side**2, generator=torch.Generator().manual_seed(seed)).to(dtype)
    rows -= rows.mean(1, keepdim=True)
    return rows / rows.norm(dim=1, keepdim=True)


def literal(image, patches, side, spacing):
    """Return the joined picture and the mean distance, patch by patch and pixel by pixel."""
    total, count, distances = torch.zeros_like(image), torch.zeros_like(image), []
    height, width = image.shape[1:]
    for top in range(0, height - side + 1, spacing):
        for left in range(0, width - side + 1, spacing):
            patch = image[:, top : top + side, left : left + side].flatten()
            mean = patch.mean()
            products = [float((patch - mean) @ known) for known in patches]
            best = max(range(len(patches)), key=lambda row, products=products: products[row])
            contrast = math.sqrt(float((patch - mean).square().sum()))
            match = mean + contrast * patches[best]
            distances.append(math.sqrt(float(((patch - mean) / contrast - patches[best]).square().sum())))
            total[:, top : top + side, left : left + side] += match.view(3, side, side)
            count[:, top : top + side, left : left + side] += 1
    return torch.where(count > 0, total / count.clamp(min=1), image), sum(distances) / len(distances)


@pytest.mark.parametrize(("size", "spacing"), [((7, 7), 2), ((8, 11), 3), ((6, 7), 1)])
def test_joined_and_distances_are_those_of_loops(size, spacing):
    images, prior = pictures(2, size, dtype=DOUBLE), PatchPrior(database(), spacing)
    expected = [literal(image, prior.patches, 3, spacing) for image in images]
    torch.testing.assert_close(prior.joined(images), torch.stack([picture for picture, _ in expected]))
    assert prior.distances(images).tolist() == pytest.approx([distance for _, distance in expected])


def test_patches_lie_half_a_side_apart_by_default():
    assert [PatchPrior(database(2, side)).spacing for side in (2, 3, 8)] == [1, 1, 4]


def tiled(patches, rows, columns):
    """Return an image put together from patches, each with a brightness and a contrast of its own."""
    draws = torch.Generator().manual_seed(3)
    side = round((patches.shape[1] / 3) ** 0.5)
    image = torch.zeros(1, 3, rows * side, columns * side, dtype=patches.dtype)
    for row in range(rows):
        for column in range(columns):
            number = int(torch.randint(len(patches), (), generator=draws))
            light, contrast = (float(torch.rand((), generator=draws)) for _ in range(2))
            patch = 0.3 + 0.4 * light + 0.2 * contrast * patches[number].view(3, side, side)
            image[0, :, row * side : (row + 1) * side, column * side : (column + 1) * side] = patch
    return image


def test_an_image_made_of_known_patches_stays_as_it_is_whatever_their_brightness_and_contrast():
    patches = database()
    image, prior = tiled(patches, 3, 4), PatchPrior(patches, 3)
    torch.testing.assert_close(prior.joined(image), image)
    assert float(prior.distances(image)) == pytest.approx(0, abs=1e-9)


def test_a_patch_takes_the_pattern_that_is_nearest_and_keeps_its_mean_and_contrast():
    known = database(5)
    patch = 0.4 + 0.07 * known[3] + 0.01 * known[1]
    found = PatchPrior(known, 3).joined(patch.view(1, 3, 3, 3)).flatten()
    torch.testing.assert_close(found, patch.mean() + (patch - patch.mean()).norm() * known[3])


def test_distances_are_those_of_angles_and_flat_images_have_none():
    known = database(2)
    across = known[1] - (known[1] @ known[0]) * known[0]
    turned = 0.5 + 0.1 * (0.8 * known[0] + 0.6 * across / across.norm())
    prior = PatchPrior(known[:1], 3)
    assert float(prior.distances(turned.view(1, 3, 3, 3))) == pytest.approx(math.sqrt(2 - 2 * 0.8))
    assert float(prior.distances((0.5 - 0.1 * known[0]).view(1, 3, 3, 3))) == pytest.approx(2)
    assert float(prior.distances(torch.full((1, 3, 6, 6), 0.3, dtype=DOUBLE))) == 0
    assert torch.equal(prior.joined(torch.full((1, 3, 6, 6), 0.25)), torch.full((1, 3, 6, 6), 0.25))


def test_the_penaltys_gradient_is_the_way_back_and_its_value_half_the_square():
    images, prior = pictures(2, (9, 9), seed=5, dtype=DOUBLE).requires_grad_(), PatchPrior(database())
    values = prior.penalty()(ANY, images)
    (gradient,) = torch.autograd.grad(values.sum(), images)
    way = images.detach() - prior.joined(images)
    torch.testing.assert_close(gradient, way)
    torch.testing.assert_close(values.detach(), way.square().sum((1, 2, 3)) / 2)


def test_a_share_of_nothing_changes_nothing_and_the_whole_share_is_the_joined_picture():
    images, prior = pictures(2, (9, 9), dtype=DOUBLE), PatchPrior(database())
    assert torch.equal(prior.pulled(images, 0), images)
    torch.testing.assert_close(prior.pulled(images, 1), prior.joined(images))
    torch.testing.assert_close(prior.pulled(images, 0.25), 0.75 * images + 0.25 * prior.joined(images))


@pytest.mark.parametrize(("size", "spacing"), [((9, 12), 3), ((16, 16), 1)])
def test_every_pull_brings_the_patches_nearer(size, spacing):
    images, prior = pictures(2, size, dtype=DOUBLE), PatchPrior(database(40), spacing)
    before = prior.distances(images)
    for _ in range(3):
        images = prior.pulled(images, 0.5)
        after = prior.distances(images)
        assert (after < before).all()
        before = after


def test_the_search_in_pieces_is_that_of_one_product(monkeypatch):
    images, prior = pictures(2, (12, 12)), PatchPrior(database(30, dtype=torch.float32))
    whole = prior.joined(images)
    monkeypatch.setattr("innerview.synthesis.patch_prior.NUMBERS_AT_ONCE", 61)
    torch.testing.assert_close(prior.joined(images), whole)


# The database


def test_patches_of_photographs_are_normalised_and_lie_in_them():
    photographs = [pictures(1, (9, 12), seed=1), pictures(2, (8, 8), seed=2)]
    patches = photograph_patches(photographs, side=4, count=31, seed=5)
    assert patches.shape == (31, 48)
    assert patches.mean(1).tolist() == pytest.approx([0] * 31, abs=1e-6)
    assert patches.norm(dim=1).tolist() == pytest.approx([1] * 31, rel=1e-5)
    everywhere = [one.unfold(2, 4, 1).unfold(3, 4, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 48) for one in photographs]
    windows = torch.cat(everywhere)
    windows = windows - windows.mean(1, keepdim=True)
    alike = patches @ (windows / windows.norm(dim=1, keepdim=True)).T
    assert float(alike.amax(1).min()) > 1 - 1e-5
    assert torch.equal(photograph_patches(photographs, side=4, count=31, seed=5), patches)
    assert not torch.equal(photograph_patches(photographs, side=4, count=31, seed=6), patches)


def test_flat_patches_are_left_out():
    half = torch.full((1, 3, 20, 20), 0.4)
    half[..., 10:] = pictures(1, (20, 10), seed=4)
    patches = photograph_patches([half], side=3, count=200)
    assert 60 < len(patches) < 140


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: photograph_patches([]), "no photographs"),
        (lambda: photograph_patches([pictures(1, (4, 9))], side=5), "holds no patch of 5"),
        (lambda: photograph_patches([torch.full((1, 3, 9, 9), 0.2)]), "only flat patches"),
        (lambda: photograph_patches([pictures()], side=1), "at least 2"),
        (lambda: photograph_patches([pictures()], count=0), "at least one"),
        (lambda: PatchPrior(torch.ones(3, 13)), "3 \\* side"),
        (lambda: PatchPrior(torch.ones(0, 12)), "at least one"),
        (lambda: PatchPrior(database(), 4), "1 to 3 pixels apart"),
        (lambda: PatchPrior(database()).pulled(pictures(dtype=DOUBLE), 1.2), "0 to 1"),
        (lambda: PatchPrior(database()).joined(pictures(1, (2, 9), dtype=DOUBLE)), "hold no patch of 3"),
    ],
)
def test_wrong_input_is_named(wrong, told):
    with pytest.raises(BadInput, match=told):
        wrong()


# With an ascent


def ascended(weight, prior):
    recipe = Recipe(steps=12, parameterization=Fourier(sd=0.3), transforms=())
    objective = layer("conv2") - weight * prior.penalty()
    return visualize(network(), objective, size=24, recipe=recipe, seed=2).images


def test_an_ascent_under_the_prior_ends_nearer_to_the_photographs_and_weight_0_changes_nothing():
    side = torch.linspace(0, 1, 40)
    smooth = torch.stack([side[:, None] * side, side[:, None] * (1 - side), 1 - side[:, None].expand(40, 40)])[None]
    prior = PatchPrior(photograph_patches([smooth], side=6, count=200))
    free = visualize(
        network(), layer("conv2"), size=24, recipe=Recipe(steps=12, parameterization=Fourier(sd=0.3), transforms=()),
        seed=2,
    ).images  # fmt: skip
    assert torch.equal(ascended(0, prior), free)
    distances = [float(prior.distances(ascended(weight, prior))) for weight in (0, 1, 10)]
    assert distances[0] > 1.5 * distances[1] > 1.53 * distances[2]
