"""Parameterizations: parity with lucent, a literal loop for the frequencies, and what a seed decides."""

import cmath
import math
from typing import Any

import numpy as np
import pytest
import torch

from innerview.optimize import Fourier, Pixels, frequencies
from innerview.optimize.parameterizations import COLOR_SQRT

BOTH = pytest.mark.parametrize("kind", [Fourier(), Pixels()], ids=["fourier", "pixels"])


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
        coefficients.copy_(ours.spectrum)
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
        theirs = to_valid_rgb(lambda: ours.pixels, decorrelate=decorrelated)()
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
    coefficients = torch.view_as_complex(module.spectrum.detach())[0].numpy().astype(np.complex128)
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


@BOTH
@pytest.mark.parametrize("size", [(64, 48), (33, 31)])
def test_an_image_depends_on_its_own_seed_alone(kind, size):
    together = kind.start([5, 6, 7], size)
    with torch.no_grad():
        images = together()
        for place, seed in enumerate([5, 6, 7]):
            alone = kind.start([seed], size)
            assert torch.equal(next(together.parameters())[place], next(alone.parameters())[0])
            torch.testing.assert_close(images[place], alone()[0], rtol=0, atol=1e-6)  # kernels differ in the last bits
    assert float((images[0] - images[1]).abs().max()) > 1e-3


@BOTH
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
    start = next(kind(sd=sd).start(range(4), (64, 64)).parameters())
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


@BOTH
def test_only_the_coefficients_are_parameters(kind):
    module = kind.start([0], (8, 8))
    (parameter,) = module.parameters()
    module().sum().backward()
    assert parameter.grad is not None
    assert float(parameter.grad.abs().max()) > 0
