"""Patches: the pixels they touch, networks whose answers are counted by hand, and the same written down slowly."""

import math
from itertools import product

import pytest
import torch
from adversarial.networks import Curved, network
from torch import nn
from torch.nn import functional as F

from innerview.adversarial import (
    PLACES,
    PatchAttack,
    Place,
    correctly_classified,
    noise_patch,
    paste,
    patch_attack,
    size_sweep,
)
from innerview.core.errors import BadInput, NotFinite
from innerview.core.spectrum import radial_spectrum
from innerview.models import as_classifier

CORNERS = {"lower right": (2, 2), "lower left": (2, 0), "upper right": (0, 2), "upper left": (0, 0)}
WHITE, BLACK = torch.ones(1, 3, 2, 2), torch.zeros(2, 3, 4, 4)


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


class Corners(nn.Module):
    """Class 0 has the logit 0.5; class i that of the mean of a corner of 2x2 pixels, in the order of `PLACES`."""

    labels = ("nothing", *CORNERS)

    def forward(self, images):
        means = [images[:, :, y : y + 2, x : x + 2].mean((1, 2, 3)) for y, x in CORNERS.values()]
        return torch.stack([torch.full_like(means[0], 0.5), *means], 1)


class Area(nn.Module):
    """Lines in the mean x of the image: source 1, related 0.8 + 2x, own 4x."""

    labels = ("source", "related", "own")

    def forward(self, images):
        x = images.mean((1, 2, 3))
        return torch.stack([torch.ones_like(x), 0.8 + 2 * x, 4 * x], 1)


@pytest.mark.parametrize(
    ("place", "top", "left"),
    [
        ("upper left", 0, 0),
        ("upper right", 0, 6),
        ("lower left", 4, 0),
        ("lower right", 4, 6),
        ("middle", 2, 3),
        (Place(0.25, 0.5), 1, 3),
    ],
)
def test_a_patch_covers_exactly_its_pixels(place, top, left):
    images, patch = draw(3, 3, 8, 10), draw(1, 3, 4, 4, seed=1)
    given = images.clone()
    found = paste(images, patch, 0.5, place)  # half of the shorter side, 8
    wanted = images.clone()
    wanted[:, :, top : top + 4, left : left + 4] = patch
    assert torch.equal(found, wanted)
    assert torch.equal(images, given)


def test_patches_are_scaled_to_their_share():
    images = draw(2, 3, 10, 10).double()
    for share, side in ((0.3, 3), (0.4, 4), (1.0, 10)):
        patches = draw(2, 3, 5, 5, seed=1)
        small = F.interpolate(patches.double(), (side, side), mode="bilinear", antialias=True)
        found = paste(images, patches, share)
        torch.testing.assert_close(found[:, :, 10 - side :, 10 - side :], small, rtol=0, atol=1e-6)
        assert torch.equal(found[:, :, : 10 - side], images[:, :, : 10 - side])
        assert found.dtype == torch.float64
    assert torch.equal(paste(images, patches, 0), images)


@pytest.mark.parametrize("side", [1, 4, 5, 8])
def test_a_round_patch_is_the_disc_in_the_square(side):
    found = paste(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, side, side), side / 8, "upper left", outline="round")
    for y, x in product(range(8), repeat=2):
        inside = math.hypot(y + 0.5 - side / 2, x + 0.5 - side / 2) <= side / 2
        assert bool(found[0, 0, y, x]) == inside


def test_a_patch_brings_the_class_of_the_corner_where_it_lies():
    for index, name in enumerate(CORNERS, start=1):
        found = patch_attack(Corners().eval(), BLACK, WHITE, name, share=0.5)
        assert found.target == index
        assert found.predicted.tolist() == [[[1, 2, 3, 4, 0]]] * 2  # in the middle it covers a pixel of each corner
        assert found.predicted_before.tolist() == [0, 0]
        assert (found.success_before, found.success_fixed, found.success_best) == (0, float(index == 1), 1)
        there = math.e / (math.e + math.exp(0.5) + 3)
        elsewhere, around = 1 / (math.e + math.exp(0.5) + 3), math.exp(0.25) / (4 * math.exp(0.25) + math.exp(0.5))
        wanted = torch.tensor([there if place == index else elsewhere for place in range(1, 5)] + [around])
        torch.testing.assert_close(found.probabilities, wanted.expand(2, 1, 5))
        assert found.probability_best == pytest.approx(there)
        assert found.probability_fixed == pytest.approx(there if index == 1 else elsewhere)
        assert found.probability_before == pytest.approx(1 / (4 + math.exp(0.5)))


def test_the_fixed_place_is_the_first():
    turned = patch_attack(Corners().eval(), BLACK, WHITE, 2, share=0.5, places=["lower left", Place(1, 1)])
    assert turned.predicted.tolist() == [[[2, 1]]] * 2
    assert turned.success_fixed == 1
    assert patch_attack(Corners().eval(), BLACK, WHITE, 2, share=0.5, places=["middle"]).success_best == 0


def test_rates_are_counted_over_images_and_patches():
    predicted = torch.tensor([[[1, 0], [0, 1], [0, 0]], [[0, 0], [1, 1], [2, 0]]])
    probabilities = torch.tensor([[[0.7, 0.1], [0.2, 0.6], [0.3, 0.2]], [[0.1, 0.4], [0.9, 0.8], [0.2, 0.2]]])
    found = PatchAttack(1, torch.tensor([1, 0]), torch.tensor([0.5, 0.1]), predicted, probabilities)
    assert (found.success_before, found.success_fixed, found.success_best) == (0.5, 2 / 6, 3 / 6)
    assert found.probability_before == pytest.approx(0.3)
    assert found.probability_fixed == pytest.approx((0.7 + 0.2 + 0.3 + 0.1 + 0.9 + 0.2) / 6)
    assert found.probability_best == pytest.approx((0.7 + 0.6 + 0.3 + 0.4 + 0.9 + 0.2) / 6)


def curved(height, width):
    """A random network of images of this size, and of 4 classes."""
    model = network(Curved)
    model.fc = nn.Linear(3 * height * width, 4, dtype=torch.float64).requires_grad_(False)
    model.fc.weight.data = torch.randn(
        4, 3 * height * width, dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    )
    return model


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_an_attack_is_what_is_written_down_whatever_the_batch(batch):
    images, patches, model = draw(4, 3, 6, 8).double(), draw(3, 3, 3, 3, seed=1).double(), curved(6, 8)
    found = patch_attack(model, images, patches, 2, share=0.5, batch=batch)
    corners = {"lower right": (3, 5), "lower left": (3, 0), "upper right": (0, 5), "upper left": (0, 0)}
    corners["middle"] = (2, 2)  # 1.5 and 2.5, rounded to the even number
    assert list(corners) == list(PLACES)
    for i, k, (j, (y, x)) in product(range(4), range(3), enumerate(corners.values())):
        changed = images[i : i + 1].clone()
        changed[..., y : y + 3, x : x + 3] = patches[k]
        assert found.predicted[i, k, j] == model(changed).argmax()
        torch.testing.assert_close(found.probabilities[i, k, j], model(changed).softmax(1)[0, 2])
    assert torch.equal(found.predicted_before, model(images).argmax(1))
    torch.testing.assert_close(found.probabilities_before, model(images).softmax(1)[:, 2])
    assert 0 < found.success_fixed < found.success_best < 1
    assert found.probability_fixed < found.probability_best


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_batch_is_the_most_that_the_model_sees_at_once(count):
    seen = []

    class Counting(Corners):
        def forward(self, images):
            seen.append(len(images))
            return super().forward(images)

    patch_attack(Counting().eval(), BLACK, WHITE.expand(3, 3, 2, 2), 1, share=0.5, batch=count)
    assert max(seen) <= count
    assert sum(seen) == 2 + 2 * 3 * 5


def test_a_growing_patch_brings_the_related_class_and_then_its_own():
    images, patch = torch.zeros(2, 3, 10, 10), torch.ones(1, 3, 3, 3)
    found = size_sweep(Area().eval(), images, patch, ["source", "related", 2], [0, 0.2, 0.5, 0.8, 1])
    assert found.shares == (0, 0.2, 0.5, 0.8, 1)
    assert found.classes == (0, 1, 2)
    assert found.predicted.tolist() == [[[0], [0]], [[0], [0]], [[1], [1]], [[2], [2]], [[2], [2]]]
    x = torch.tensor([0, 0.04, 0.25, 0.64, 1])
    wanted = torch.stack([torch.ones(5), 0.8 + 2 * x, 4 * x], 1).softmax(1)
    torch.testing.assert_close(found.probabilities, wanted)
    assert (found.probabilities[:, 2].diff() > 0).all()
    assert (found.probabilities[:, 0].diff() < 0).all()


def test_a_sweep_is_an_attack_at_each_share_averaged():
    images, patches, model = draw(3, 3, 6, 8).double(), draw(2, 3, 4, 4, seed=1).double(), curved(6, 8)
    options = {"outline": "round", "batch": 4}
    found = size_sweep(model, images, patches, [3, 1], [0.5, 0.9], place="middle", **options)
    for row, share in enumerate((0.5, 0.9)):
        for column, target in enumerate((3, 1)):
            one = patch_attack(model, images, patches, target, share=share, places=["middle"], **options)
            assert float(found.probabilities[row, column]) == pytest.approx(one.probability_fixed)
            assert torch.equal(found.predicted[row], one.predicted[..., 0])


def test_correctly_classified_compares_with_each_label():
    images = torch.cat([BLACK, paste(BLACK, WHITE, 0.5, "upper right")])
    model = Corners().eval()
    assert correctly_classified(model, images, [0, 1, 3, "upper right"], batch=3).tolist() == [True, False, True, True]
    assert correctly_classified(model, images, "nothing").tolist() == [True, True, False, False]
    with pytest.raises(BadInput, match="2 classes for 4 images"):
        correctly_classified(model, images, [0, 1])


def test_noise_is_uniform_and_repeats():
    noise = noise_patch(100, seed=4)
    assert noise.shape == (1, 3, 100, 100)
    assert float(noise.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(noise.var()) == pytest.approx(1 / 12, rel=0.03)
    assert abs(float(torch.corrcoef(noise[0].flatten(1))[0, 1])) < 0.05
    assert torch.equal(noise, noise_patch(100, seed=4))
    assert not torch.equal(noise, noise_patch(100, seed=5))


@pytest.mark.parametrize("slope", [0.0, 1.0, 1.5])
def test_noise_with_a_slope_has_it(slope):
    noise = torch.cat([noise_patch(128, seed, slope=slope) for seed in range(8)])
    assert noise.min() >= 0
    assert noise.max() <= 1
    middles, energies = radial_spectrum(noise, 32)
    kept = slice(2, 28)
    density = (energies.mean(0).float() / middles)[kept].log()  # a ring's area grows with its radius
    logarithms = middles[kept].log()
    fitted = ((logarithms - logarithms.mean()) * density).sum() / (logarithms - logarithms.mean()).square().sum()
    assert float(fitted) == pytest.approx(-2 * slope, abs=0.25)
    if slope:
        assert float(noise.mean()) == pytest.approx(0.5, abs=0.02)
        assert float(noise.std()) == pytest.approx(0.25, abs=0.02)
    assert noise_patch(1, slope=slope).shape == (1, 3, 1, 1)


def test_the_model_is_as_it_was_and_nothing_keeps_a_graph():
    model = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(48, 4))).requires_grad_()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    found = patch_attack(model, BLACK.clone().requires_grad_(), WHITE, 1, share=0.5)
    assert not found.probabilities.requires_grad
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.requires_grad
    for module in model.modules():
        assert not module._forward_hooks


class Spatial(nn.Module):
    def forward(self, images):
        return images


class Broken(Corners):
    def forward(self, images):
        return super().forward(images) / 0


def test_bad_input_of_a_paste_is_refused():
    with pytest.raises(BadInput, match=r"images must be \(b, 3, h, w\)"):
        paste(BLACK[:0], WHITE)
    with pytest.raises(BadInput, match="patches must be square, not 2x1; crop them"):
        paste(BLACK, WHITE[..., :1])
    with pytest.raises(BadInput, match=r"patches must lie in \[0, 1\], not in \[2, 2\]"):
        paste(BLACK, WHITE * 2)
    with pytest.raises(BadInput, match=r"images must lie in \[0, 1\], not in \[-1, -1\]"):
        paste(BLACK - 1, WHITE)
    with pytest.raises(BadInput, match="3 patches for 2 images; give one for all, or one for each"):
        paste(BLACK, WHITE.expand(3, 3, 2, 2))
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        paste(BLACK, WHITE / 0)
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(BadInput, match="a patch is 0 to 1 of the images' shorter side wide"):
            paste(BLACK, WHITE, share)
    with pytest.raises(BadInput, match=r"a patch of 0.1 of 4 pixels has no pixel; make it wider"):
        paste(BLACK, WHITE, 0.1)
    with pytest.raises(BadInput, match="no place is called 'lower rigth'; near ones: lower right"):
        paste(BLACK, WHITE, 0.5, "lower rigth")
    with pytest.raises(BadInput, match="a patch is square or round, not 'oval'"):
        paste(BLACK, WHITE, outline="oval")
    for down, right in ((-0.1, 0), (0, 1.1), (math.nan, 0)):
        with pytest.raises(BadInput, match="a place lies between 0 and 1"):
            Place(down, right)
    for size, slope in ((0, 0.0), (4, -1.0), (4, math.nan)):
        with pytest.raises(BadInput, match=f"a patch of {size} pixels with slope {slope} cannot be made"):
            noise_patch(size, slope=slope)


def test_bad_input_of_an_attack_is_refused():
    model = Corners().eval()
    with pytest.raises(BadInput, match="Corners is in training mode"):
        patch_attack(Corners(), BLACK, WHITE, 1)
    with pytest.raises(BadInput, match="no class is called 'horse'"):
        patch_attack(model, BLACK, WHITE, "horse")
    with pytest.raises(BadInput, match="no place for the patches; give one or more of lower right, lower left"):
        patch_attack(model, BLACK, WHITE, 1, places=[])
    with pytest.raises(BadInput, match="a batch holds at least one image, not 0"):
        patch_attack(model, BLACK, WHITE, 1, batch=0)
    with pytest.raises(BadInput, match="patches must be square"):
        patch_attack(model, BLACK, WHITE[..., :1], 1)
    with pytest.raises(BadInput, match=r"Spatial puts out \(2, 3, 4, 4\), not \(b, classes\)"):
        patch_attack(Spatial().eval(), BLACK, WHITE, 1)
    with pytest.raises(BadInput, match="class index 4 is out of range; it runs from 0 to 3"):
        patch_attack(nn.Sequential(nn.Flatten(), nn.Linear(48, 4)).eval(), BLACK, WHITE, 4)
    with pytest.raises(NotFinite, match="the logits are NaN or infinite"):
        patch_attack(Broken().eval(), BLACK, WHITE, 1)
    for classes, shares in (([], [0.5]), ([1], [])):
        with pytest.raises(BadInput, match="leave nothing to watch"):
            size_sweep(model, BLACK, WHITE, classes, shares)
    with pytest.raises(BadInput, match="has no pixel"):
        size_sweep(model, BLACK, WHITE, [1], [0.5, 0.01])
