"""What the feature visualization replication trains, and the grids that strides leave."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.store import Store
from innerview.models import activations, evaluate, layer_shapes
from replication.olah2017_feature_visualization import grids, networks, training

KINDS = grids.UPSAMPLINGS


def draws(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# Networks


@pytest.mark.parametrize(
    "make", [networks.SmallNet, networks.DigitNet, *(partial(networks.Decoder, kind) for kind in KINDS)]
)
def test_a_seed_names_the_weights_and_leaves_the_programs_randomness_alone(make):
    state = torch.random.get_rng_state()
    first, again, other = (make(seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_small_network_is_small_and_its_layers_are_as_wide_and_dense_as_said():
    model = networks.SmallNet().eval()
    assert sum(parameter.numel() for parameter in model.parameters()) <= 400_000
    shapes = layer_shapes(model, 64)
    assert [shapes[f"conv{number}"] for number in (1, 2, 3, 4)] == [
        (32, 32, 32), (64, 16, 16), (96, 8, 8), (128, 8, 8)
    ]  # fmt: skip
    assert shapes["logits"] == (10,)
    assert model(torch.rand(2, 3, 96, 80)).shape == (2, 10)


def test_digits_are_seen_in_grey_and_in_any_size():
    model = networks.DigitNet().eval()
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    with torch.no_grad():
        logits = model(images)
        torch.testing.assert_close(model(F.interpolate(images, scale_factor=4.0)), logits)
        torch.testing.assert_close(model(images * torch.tensor([0.5, 1.0, 1.5]).reshape(1, 3, 1, 1)), logits)
    assert activations(model, images, ["relu"])["relu"].shape == (3, 64)


def test_decoders_of_both_kinds_have_as_many_weights_and_make_images():
    sizes = [sum(p.numel() for p in networks.Decoder(kind).parameters()) for kind in KINDS]
    assert sizes[0] == sizes[1]
    for kind in KINDS:
        images = networks.Decoder(kind, latent=5)(draws(2, 5))
        assert images.shape == (2, 3, 64, 64)
        assert float(images.detach().min()) > 0
        assert float(images.detach().max()) < 1


def test_kernels_of_a_deconvolution_overlap_unevenly_those_behind_a_resize_do_not():
    """The decoders' own layers with a kernel of ones on an image of ones: how many taps meet in each pixel."""
    for kind, taps in zip(KINDS, ([[1, 2], [2, 4]], [[9, 9], [9, 9]]), strict=True):
        doubling: Any = networks.Decoder(kind).doublings[0]
        (layer,) = (module for module in doubling.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d))
        with torch.no_grad():
            layer.weight.fill_(1 / layer.in_channels)
            made = doubling(torch.ones(1, layer.in_channels, 6, 6))[0, 0, 2:10, 2:10]
        torch.testing.assert_close(made, torch.tensor(taps).float().repeat(4, 4))


# Grids


def test_the_spectrum_is_that_of_a_slow_sum():
    images = draws(2, 3, 8, 8).double()
    window = [0.5 - 0.5 * math.cos(2 * math.pi * place / 8) for place in range(8)]
    for row, column in ((0, 0), (1, 0), (4, 4), (3, 6)):
        powers = []
        for plane in images.flatten(0, 1):
            wave = sum(
                complex(plane[y, x] - plane.mean()) * window[y] * window[x]
                * np.exp(-2j * math.pi * (row * y + column * x) / 8)
                for y in range(8)
                for x in range(8)
            )  # fmt: skip
            powers.append(abs(wave) ** 2)
        assert float(grids.power_spectrum(images)[row, column]) == pytest.approx(np.mean(powers), rel=1e-9, abs=1e-12)


def test_noise_has_no_grid():
    power = grids.power_spectrum(draws(400, 3, 64, 64))
    for period in (2, 4, 8, 16):
        assert grids.peak_ratio(power, period) == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_grid_stands_out_at_its_period_alone(period):
    pattern = torch.zeros(64, 64)
    pattern[::period, ::period] = 1
    harmonics = torch.fft.ifft2(torch.fft.fft2(pattern) * _primitive(64, period)).real
    power = grids.power_spectrum(draws(64, 3, 64, 64) + 2 * harmonics / harmonics.std())
    for other in (2, 4, 8):
        ratio = grids.peak_ratio(power, other)
        assert ratio > 40 if other == period else ratio < 1.4
    assert grids.peak_ratio(7 * power, period) == pytest.approx(grids.peak_ratio(power, period))


def _primitive(size, period):
    """A mask of the frequencies that belong to this period and to no shorter one."""
    step = size // period
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    on = (rows % step == 0) & (columns % step == 0)
    shorter = (rows % (2 * step) == 0) & (columns % (2 * step) == 0)  # periods here are powers of two
    return on & ~shorter


def test_the_power_at_a_known_place_is_counted():
    power = torch.ones(16, 16)
    power[8, 0], power[0, 8], power[8, 8] = 4.0, 7.0, 10.0
    assert grids.peak_ratio(power, 2) == pytest.approx(7)
    assert grids.peak_ratio(power, 4) == pytest.approx(1)
    assert math.isnan(grids.peak_ratio(torch.zeros(16, 16), 2))


@pytest.mark.parametrize(("size", "period"), [(64, 3), (16, 8), (64, 1), (60, 8)])
def test_periods_that_do_not_fit_are_refused(size, period):
    with pytest.raises(BadInput, match=f"a period of {period} pixels needs sides of a multiple of it"):
        grids.peak_ratio(torch.ones(size, size), period)


def test_a_profile_is_the_mean_by_place():
    pattern = torch.tensor([[1.0, -3.0], [0.0, 4.0]])
    images = pattern.repeat(3, 3, 3, 5).reshape(3, 3, 6, 10)
    torch.testing.assert_close(grids.profile(images, 2), (pattern.abs() / 2).double())
    with pytest.raises(BadInput, match="images of 6x10 hold no whole number of 4 pixels"):
        grids.profile(images, 4)


def counting(stride):
    """A network whose gradient counts the windows that hold a pixel."""
    layer = nn.Conv2d(3, 2, 3, stride, 1, bias=False)
    nn.init.ones_(layer.weight)
    return nn.Sequential(layer).requires_grad_(False)


def test_the_gradient_of_a_stride_is_a_grid_and_without_a_stride_it_is_even():
    images = grids.noise(2, 64)
    strided, even = (grids.gradient_grid(counting(stride), "0", [0, 1], images, (2, 4)) for stride in (2, 1))
    counts = torch.tensor([[1, 2], [2, 4]]) / (32 * 32)
    torch.testing.assert_close(strided["gradient"][:, :62, :62], counts.repeat(31, 31).expand(3, -1, -1))
    torch.testing.assert_close(strided["profile/2"], counts.double() / counts.mean(), rtol=0.05, atol=0)
    assert float(strided["ratios"][0]) > 1e3
    assert float(strided["strength/ratios"][0]) > 1e3
    assert float(even["ratios"][0]) < 10  # of what the image's border leaves
    torch.testing.assert_close(even["profile/2"], torch.ones(2, 2).double(), rtol=0.01, atol=0)
    assert strided["periods"].tolist() == [2, 4]
    assert int(strided["power"].argmax()) // 64 in (0, 32)  # frequency zero lies in the middle, one half at the border


def test_each_gradient_counts_alike_however_strong():
    layer = nn.Conv2d(3, 2, 3, 2, 1, bias=False)
    model = nn.Sequential(layer)
    with torch.no_grad():
        layer.weight.copy_(draws(2, 3, 3, 3))
    images = grids.noise(3, 32)
    before = grids.gradient_grid(model, "0", [0, 1], images, (2, 4))
    with torch.no_grad():
        layer.weight[1] *= 100
    after = grids.gradient_grid(model, "0", [0, 1], images, (2, 4))
    torch.testing.assert_close(before["power"], after["power"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(before["strength/ratios"], after["strength/ratios"], rtol=1e-5, atol=0)


@pytest.mark.mirror
def test_googlenet_leaves_its_stride_in_the_strength_of_the_gradient_and_nothing_at_seven(googlenet):
    found = grids.gradient_grid(googlenet, "inception_4c", [0, 100, 200, 300], grids.noise(2, 112), (2, 7))
    two, seven = found["strength/ratios"].tolist()
    assert two > 3
    assert seven < 1.3


def test_untrained_deconvolutions_make_a_checkerboard_and_resizes_do_not(tmp_path):
    photographs = draws(4, 3, 64, 64).mul(0.1).add(0.5).clamp(0, 1)
    found = grids.checkerboard(photographs, steps=6, decoders=3)
    first, second = (found[f"{kind}/untrained/ratios"] for kind in KINDS)
    assert (first[:2] > 20).all()
    assert (second < 2).all()
    for kind in KINDS:
        history = found[f"{kind}/history"]
        assert float(history[-1]) < float(history[0])
        assert found[f"{kind}/trained/images"].shape == (4, 3, 64, 64)
    assert found["photographs/power"].shape == (64, 64)
    store = Store(tmp_path)
    store.save(store.path("part"), found)
    assert set(store.load(store.path("part")) or {}) == set(found)


# Training


@pytest.fixture
def colours(tmp_path):
    """Twelve files: noise that is reddish or bluish."""
    paths, names = [], []
    for number in range(12):
        picture = np.random.default_rng(number).integers(0, 128, (90, 100, 3), dtype=np.uint8)
        picture[..., 0 if number % 2 else 2] += 100
        paths.append(tmp_path / f"{number}.png")
        names.append("red" if number % 2 else "blue")
        Image.fromarray(picture).save(paths[-1])
    return paths, names


def test_photographs_are_read_as_squares_with_the_indices_of_their_classes(colours):
    images, labels = training.read_labelled(*colours)
    assert (images.dtype, images.shape) == (torch.uint8, (12, 3, 72, 72))
    assert labels.tolist() == [0, 1] * 6
    assert (images.float().mean((2, 3)).argmax(1) == 2 - 2 * labels).all()
    _, others = training.read_labelled(*colours, classes=["green", "red", "blue"], size=80)
    assert others.tolist() == [2, 1] * 6
    assert torch.equal(training.middle(images), images[..., 4:68, 4:68])


@pytest.fixture
def recipe():
    return replace(training.recipe_of(3), batch=4, snapshots=(0, 1, 3))


def test_a_small_network_is_kept_at_its_ages(colours, recipe, tmp_path):
    data = training.read_labelled(*colours)
    found = training.train_small_net(data, data, recipe, folder=tmp_path / "net")
    assert found["epochs"].tolist() == [0, 1, 3]
    assert found["history"].shape == (9,)
    assert found["accuracy"].shape == found["training accuracy"].shape == (3,)
    start, first, last = (training.small_net(found, epoch) for epoch in (0, 1, 3))
    begun = networks.SmallNet(2, recipe.seed).state_dict()
    assert all(torch.equal(tensor, begun[name]) for name, tensor in start.state_dict().items())
    assert not torch.equal(first.logits.weight, last.logits.weight)
    with torch.no_grad():
        right = last(training.middle(data.images) / 255).argmax(1) == data.labels
    assert float(found["accuracy"][-1]) == pytest.approx(float(right.float().mean()))
    again = training.train_small_net(data, data, recipe, folder=tmp_path / "net")
    assert all(torch.equal(tensor, again[name]) for name, tensor in found.items())
    with pytest.raises(BadInput, match=r"snapshots of the epochs \[0.0, 1.0, 3.0\], none of 2"):
        training.small_net(found, 2)


def test_it_learns_what_tells_the_classes_apart(colours, recipe, tmp_path):
    data = training.read_labelled(*colours)
    longer = replace(recipe, epochs=12, snapshots=(0, 12))
    found = training.train_small_net(data, data, longer, folder=tmp_path / "net")
    assert float(found["accuracy"][-1]) == 1
    assert float(found["history"][-4:].mean()) < 0.5 * float(found["history"][:2].mean())


@pytest.mark.parametrize(
    ("epochs", "kept"), [(12, (0, 1, 2, 4, 8, 12)), (3, (0, 1, 2, 3)), (20, (0, 1, 2, 4, 8, 12, 20))]
)
def test_another_number_of_epochs_keeps_the_snapshots_that_fit(epochs, kept):
    recipe = training.recipe_of(epochs, seed=2)
    assert (recipe.epochs, recipe.snapshots, recipe.seed) == (epochs, kept, 2)


def test_digits_are_images_and_every_kind_is_on_both_sides():
    images, labels = training.digits()
    assert images.shape == (1797, 3, 8, 8)
    assert (float(images.min()), float(images.max())) == (0, 1)
    assert set(labels[: training.TRAINING_DIGITS].tolist()) == set(labels[training.TRAINING_DIGITS :].tolist())


@pytest.fixture(scope="module")
def found_digits():
    return training.train_digits(replace(training.DIGITS, epochs=4), networks=1)


def test_digits_are_learnt(found_digits):
    assert found_digits["accuracy"].shape == (1,)
    assert float(found_digits["accuracy"]) > 0.9


def test_units_and_directions_are_purer_than_chance(found_digits):
    for name in ("units", "directions", "chance"):
        assert found_digits[name].shape == (1, 64)
    assert float(found_digits["chance"].mean()) == pytest.approx(0.295, abs=0.05)  # eight draws from ten equal classes
    for name in ("units", "directions"):
        assert float(found_digits[name].nanmean()) > 0.6


def test_the_digits_at_the_top_are_those_that_excite_the_network_most(found_digits):
    model = training.digit_net(found_digits)
    hidden = evaluate(model, found_digits["tests"], ["relu"])["relu"]
    _, labels = training.digits()
    for unit in (0, 17, 63):
        top = found_digits["unit tops"][unit]
        torch.testing.assert_close(hidden[top, unit], hidden[:, unit].topk(8).values)
        classes = labels[training.TRAINING_DIGITS :][top].bincount()
        if float(hidden[top[-1], unit]) > 0:
            assert float(found_digits["units"][0, unit]) == pytest.approx(float(classes.max()) / 8)


def test_a_unit_that_tells_nothing_apart_has_no_purity():
    responses = torch.zeros(20, 2)
    responses[:, 1] = torch.arange(20)
    labels = torch.tensor([0] * 10 + [1] * 10)
    found = training._purity(responses, labels, 4, 0)
    assert math.isnan(float(found[0]))
    assert float(found[1]) == 1
