"""Parameterizations: parity with lucent, a literal loop for the frequencies, and what a seed decides."""

import cmath
import math
from typing import Any

import numpy as np
import pytest
import torch

from innerview.optimize import (
    CPPN,
    Fourier,
    Laplacian,
    Maco,
    OneStart,
    Parameterization,
    Pixels,
    Planar,
    RawPixels,
    Recipe,
    Transparent,
    channel,
    frequencies,
    visualize,
)
from innerview.optimize.colors import COLOR_SQRT, Colors, planes_of

BOTH = pytest.mark.parametrize("kind", [Fourier(), Pixels()], ids=["fourier", "pixels"])
EVERY = pytest.mark.parametrize(
    "kind",
    [Fourier(), Pixels(), RawPixels(), Laplacian(), CPPN(hidden=8, layers=3), Maco(), Transparent()],
    ids=lambda kind: type(kind).__name__,
)


@pytest.mark.parametrize("size", [(6, 8), (7, 5), (5, 6), (8, 7), (1, 1), (2, 3)])
def test_frequencies_are_those_of_a_literal_loop(size):
    height, width = size
    found = frequencies(size)
    assert found.shape == (height, width // 2 + 1)
    for row in range(height):
        for column in range(width // 2 + 1):
            down = row / height if row < (height + 1) // 2 else row / height - 1
            assert float(found[row, column]) == pytest.approx(math.hypot(down, column / width), abs=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("decay", [1.0, 1.5])
@pytest.mark.parametrize("size", [(16, 16), (8, 24), (30, 18)])
def test_the_same_coefficients_give_lucents_image(size, decay):
    from lucent.optvis.param.color import to_valid_rgb  # noqa: PLC0415  (warns at import)
    from lucent.optvis.param.spatial import fft_image  # noqa: PLC0415

    ours: Any = Fourier(sd=1.0, decay=decay).start([0, 1], size)
    (coefficients,), planes = fft_image((2, 3, *size), decay_power=decay)
    with torch.no_grad():
        coefficients.copy_(ours.planes.spectrum)
        theirs = to_valid_rgb(planes, decorrelate=True)()
        found = ours()
    assert float(found.std()) > 0.1
    torch.testing.assert_close(found, theirs, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("decorrelated", [True, False])
def test_the_same_planes_give_lucents_colours(decorrelated):
    from lucent.optvis.param.color import to_valid_rgb  # noqa: PLC0415  (warns at import)

    ours: Any = Pixels(sd=2.0, decorrelated=decorrelated).start([0, 1], (9, 7))
    with torch.no_grad():
        theirs = to_valid_rgb(lambda: ours.planes.pixels, decorrelate=decorrelated)()
        torch.testing.assert_close(ours(), theirs, rtol=0, atol=1e-6)


def test_the_colour_matrix_is_the_published_one_over_its_largest_column():
    module: Any = Pixels().start([0], (4, 4))
    matrix = module.colors.matrix
    assert COLOR_SQRT == ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
    assert float(matrix.norm(dim=0).max()) == pytest.approx(1)
    assert float(matrix[0, 0]) == pytest.approx(0.26 / math.sqrt(0.26**2 + 2 * 0.27**2))


@pytest.mark.parametrize("size", [(5, 7), (4, 7), (5, 6)])
def test_odd_sizes_give_the_literal_inverse_transform(size):
    height, width = size
    module: Any = Fourier(sd=1.0, decorrelated=False).start([3], size)
    coefficients = torch.view_as_complex(module.planes.spectrum.detach())[0].numpy().astype(np.complex128)
    with torch.no_grad():
        found = module()[0].double().numpy()
    assert found.shape == (3, height, width)
    scale = np.maximum(frequencies(size).double().numpy(), 1 / max(size)) ** -1.0
    for plane in range(3):
        half = coefficients[plane] * scale
        # The column of frequency zero (and of one half) stands for its own mirror image: only its even part counts.
        whole = np.zeros(size, dtype=np.complex128)
        for row in range(height):
            for column in range(width):
                mirrored = ((-row) % height, (-column) % width)
                if column == mirrored[1]:
                    whole[row, column] = (half[row, column] + half[mirrored].conj()) / 2
                else:
                    whole[row, column] = half[row, column] if column <= width // 2 else half[mirrored].conj()
        for y in (0, 1, height - 1):
            for x in (0, 2, width - 1):
                total = sum(
                    whole[row, column] * cmath.exp(2j * cmath.pi * (row * y / height + column * x / width))
                    for row in range(height)
                    for column in range(width)
                )
                pixel = total.real / math.sqrt(height * width) / 4
                assert found[plane, y, x] == pytest.approx(1 / (1 + math.exp(-pixel)), abs=1e-5)


@EVERY
@pytest.mark.parametrize("size", [(64, 48), (33, 31)])
def test_an_image_depends_on_its_own_seed_alone(kind, size):
    together = kind.start([5, 6, 7], size)
    with torch.no_grad():
        images = together()
        for place, seed in enumerate([5, 6, 7]):
            alone = kind.start([seed], size)
            for many, one in zip(together.parameters(), alone.parameters(), strict=True):
                assert torch.equal(many[place], one[0])
            torch.testing.assert_close(images[place], alone()[0], rtol=0, atol=1e-6)  # kernels differ in the last bits
    assert len(images) == 3
    starts = [parameter for parameter in together.parameters() if parameter.any()]  # a last layer starts at zero
    assert starts
    assert all(float((start[0] - start[1]).detach().abs().max()) > 1e-3 for start in starts)


@EVERY
def test_the_global_state_of_randomness_plays_no_part(kind):
    torch.manual_seed(1)
    first = next(kind.start([0], (16, 16)).parameters())
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(first, next(kind.start([0], (16, 16)).parameters()))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("sd", [0.01, 0.3])
@pytest.mark.parametrize("kind", [Fourier, Pixels])
def test_the_start_has_the_standard_deviation_asked_for(kind, sd):
    start = next(kind(sd=sd).start(range(4), (64, 64)).parameters()).detach()
    assert float(start.std()) == pytest.approx(sd, rel=0.02)
    assert abs(float(start.mean())) < 0.02 * sd


@BOTH
def test_images_start_grey_and_stay_in_the_open_interval(kind):
    module = kind.start([0], (32, 32))
    with torch.no_grad():
        assert abs(float(module().mean()) - 0.5) < 0.02
        next(module.parameters()).mul_(1000)
        images = module()
    assert images.shape == (1, 3, 32, 32)
    assert 0 <= float(images.min()) < 0.05
    assert 0.95 < float(images.max()) <= 1


def test_the_fourier_start_falls_with_frequency_as_photographs_do():
    with torch.no_grad():
        planes = torch.logit(Fourier(sd=0.1, decorrelated=False).start(range(8), (64, 64))()).double()
    power = torch.fft.rfft2(planes).abs().square().mean((0, 1))
    radius = frequencies((64, 64)).double()
    low, high = ((radius - at).abs() < 0.02 for at in (0.1, 0.4))
    assert float(power[low].mean() / power[high].mean()) == pytest.approx(16, rel=0.2)


@EVERY
def test_every_parameter_moves_the_images(kind):
    module = kind.start([0, 1], (16, 16))
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(1))
    module().square().sum().backward()
    for parameter in module.parameters():
        assert parameter.grad is not None
        assert (parameter.grad.flatten(1).abs().amax(1) > 0).all()  # of both images


@EVERY
def test_configurations_are_parameterizations(kind):
    assert isinstance(kind, Parameterization)
    assert isinstance(kind, Planar) == isinstance(kind, Fourier | Pixels | Laplacian)


@pytest.mark.parametrize("kind", [Fourier(), Pixels(), Laplacian()], ids=lambda kind: type(kind).__name__)
def test_planes_come_in_any_number_and_start_apart_in_streams_of_other_names(kind):
    one, other = (kind.planes([3, 4], (16, 12), count=1, stream=stream)() for stream in ("a", "b"))
    assert one.shape == (2, 1, 16, 12)
    assert float((one - other).detach().abs().max()) > 1e-3
    assert torch.equal(one, kind.planes([3, 4], (16, 12), count=1, stream="a")())


@BOTH
def test_an_image_is_its_planes_in_colours(kind):
    with torch.no_grad():
        planes = kind.planes([2], (8, 6))()[0].double()
        found = kind.start([2], (8, 6))()[0].double()
    root = torch.tensor(COLOR_SQRT).double()
    for row, column in [(0, 0), (3, 5), (7, 1)]:
        for color in range(3):
            number = sum(root[color, plane] / root.norm(dim=0).max() * planes[plane, row, column] for plane in range(3))
            assert float(found[color, row, column]) == pytest.approx(1 / (1 + math.exp(-number)), abs=1e-6)


def test_colours_lead_back_to_their_planes():
    planes = torch.randn(2, 3, 7, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(planes_of(Colors(decorrelated=True)(planes)), planes, rtol=1e-4, atol=1e-4)


def test_black_and_white_have_finite_planes():
    sides = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)])
    shown = Colors(decorrelated=True)(planes_of(sides))
    torch.testing.assert_close(shown, sides.clamp(0.02, 0.98), rtol=0, atol=1e-5)


def test_raw_pixels_are_the_image_brought_back_into_the_range():
    module: Any = RawPixels(sd=0.1).start([0], (6, 6))
    start = module.pixels.detach().clone()
    assert torch.equal(module().detach(), start)
    assert abs(float(start.mean()) - 0.5) < 0.05
    change = torch.linspace(-2, 2, 108).reshape(1, 3, 6, 6)
    with torch.no_grad():
        module.pixels.add_(change)
    assert torch.equal(module().detach(), (start + change).clamp(0, 1))
    assert torch.equal(module.pixels.detach(), (start + change).clamp(0, 1))


def test_every_raw_pixel_keeps_its_whole_gradient():
    module: Any = RawPixels().start([0], (4, 4))
    with torch.no_grad():
        module.pixels.copy_(torch.linspace(-1, 2, 48).reshape(1, 3, 4, 4))
    (gradient,) = torch.autograd.grad(module().sum(), module.pixels)
    assert torch.equal(gradient, torch.ones_like(gradient))


def test_what_was_kept_of_raw_pixels_does_not_change_with_the_next_step():
    module: Any = RawPixels().start([0], (4, 4))
    kept = module().detach()
    before = kept.clone()
    with torch.no_grad():
        module.pixels.add_(0.1)
    assert torch.equal(kept, before)


@pytest.mark.mirror
@EVERY
def test_a_real_channel_is_excited_through_each(googlenet, kind):
    learning_rate = {RawPixels: 0.02, CPPN: 0.005, Maco: 0.2, Transparent: 0.1}.get(type(kind), 0.05)
    recipe = Recipe(steps=32, learning_rate=learning_rate, parameterization=kind)
    found = visualize(googlenet, channel("inception_4a", 97), size=64, recipe=recipe)
    assert float(found.history[-4:].mean()) > 1.5 * float(found.history[:4].mean())


@EVERY
def test_one_start_begins_all_images_alike_whatever_their_seeds(kind):
    module = OneStart(kind, 7).start([0, 5, 6], (16, 12))
    alone = kind.start([7], (16, 12))
    for many, one in zip(module.parameters(), alone.parameters(), strict=True):
        assert many.shape[0] == 3
        assert all(torch.equal(each, one[0]) for each in many)
    with torch.no_grad():
        torch.testing.assert_close(module(), alone().expand(3, *alone().shape[1:]), rtol=0, atol=1e-6)
    assert isinstance(OneStart(kind), Parameterization)


def test_one_start_leaves_each_image_its_own_numbers():
    module = OneStart(Fourier()).start([0, 1], (8, 8))
    parameter = next(module.parameters())
    with torch.no_grad():
        parameter[0] += 1
        images = module()
    assert float((images[0] - images[1]).abs().max()) > 1e-3
    torch.testing.assert_close(images[1], Fourier().start([0], (8, 8))()[0].detach(), rtol=0, atol=1e-6)


def test_another_seed_of_one_start_is_another_start():
    first, second = (next(OneStart(Pixels(), seed).start([0], (8, 8)).parameters()) for seed in (0, 1))
    assert not torch.equal(first, second)
