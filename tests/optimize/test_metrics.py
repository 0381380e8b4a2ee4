"""Metrics: closed forms, unit length, and that no other direction of that length is steeper."""

import math
from typing import Any

import pytest
import torch

from innerview.optimize import L2, Decorrelated, Fourier, LInf, Metric, Smoothed, frequencies
from innerview.optimize.colors import color_matrix, mixed

SIZES = pytest.mark.parametrize("size", [(8, 8), (6, 9), (7, 4)])
METRICS = [L2(), LInf(), Decorrelated(), Decorrelated(decay=1.5, decorrelated=False), Smoothed(1.3), Smoothed(0.0)]
EVERY = pytest.mark.parametrize("metric", METRICS, ids=str)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear_part(decay, decorrelated, size):
    """The matrix from all numbers of a spectrum to all pixels, column by column."""
    module: Any = Fourier(decay=decay).planes([0], size).double()
    columns = []
    with torch.no_grad():
        for place in range(module.spectrum.numel()):
            module.spectrum.zero_()
            module.spectrum.view(-1)[place] = 1
            columns.append(mixed(color_matrix(decorrelated).double(), module()).flatten())
    return torch.stack(columns, 1)


def gaussian(sigma, size):
    """The matrix of the blur that goes around the borders."""
    cells = torch.eye(size[0] * size[1], dtype=torch.float64).reshape(-1, *size)
    passed = torch.exp(-2 * (math.pi * sigma * frequencies(size).double()) ** 2)
    plane = torch.fft.irfft2(torch.fft.rfft2(cells) * passed, s=size).flatten(1)
    return torch.block_diag(plane, plane, plane)


def inverse_metric(metric, size):
    """The matrix A of the length sqrt(d A^-1 d)."""
    match metric:
        case Decorrelated(decay, decorrelated):
            linear = linear_part(decay, decorrelated, size)
            return linear @ linear.T
        case Smoothed(sigma):
            return gaussian(sigma, size)
    return torch.eye(3 * size[0] * size[1], dtype=torch.float64)


@EVERY
@SIZES
def test_no_other_direction_of_that_length_is_steeper(metric, size):
    gradient = draw(2, 3, *size)
    found = metric(gradient).flatten(1)
    rises = (gradient.flatten(1) * found).sum(1)
    others = draw(500, found.shape[1], seed=1)
    others = torch.cat([others, found[:1] * 0.99 + 0.05 * others[:50] * found[:1].std()])  # near ones too
    if metric == LInf():
        lengths = others.abs().amax(1)
        assert float((found.abs().amax(1) - 1).abs().max()) == 0
    else:
        inverse = torch.linalg.inv(inverse_metric(metric, size))
        lengths = torch.einsum("na,ab,nb->n", others, inverse, others).sqrt()
        own = torch.einsum("na,ab,nb->n", found, inverse, found).sqrt()
        torch.testing.assert_close(own, torch.ones(2, dtype=torch.float64), rtol=1e-3, atol=0)
    other_rises = (others / lengths[:, None]) @ gradient.flatten(1).T
    assert (other_rises <= rises * (1 + 1e-3)).all()
    assert (rises > 0).all()


@EVERY
@SIZES
def test_the_direction_is_the_closed_form(metric, size):
    gradient = draw(1, 3, *size)
    if metric == LInf():
        expected = torch.tensor([-1.0 if number < 0 else 1.0 for number in gradient.flatten().tolist()]).double()
    else:
        matrix = inverse_metric(metric, size)
        pulled = matrix @ gradient.flatten()
        expected = pulled / (gradient.flatten() @ pulled).sqrt()
    torch.testing.assert_close(metric(gradient).flatten(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("decorrelated", [True, False])
@pytest.mark.parametrize("decay", [1.0, 0.0, 1.7])
@SIZES
def test_decorrelated_is_one_gradient_step_of_length_one_in_fourier_coefficients(decay, decorrelated, size):
    """Before the sigmoid: the pixels' change is the direction, to the last digits."""
    gradient = draw(2, 3, *size)
    module: Any = Fourier(sd=0.3, decay=decay, decorrelated=decorrelated).start([0, 1], size).double()

    def pixels():
        return mixed(module.colors.matrix, module.planes())

    before = pixels()
    (slope,) = torch.autograd.grad((before * gradient).sum(), module.planes.spectrum)
    with torch.no_grad():
        module.planes.spectrum += slope / slope.flatten(1).norm(dim=1).reshape(2, 1, 1, 1, 1)
        change = pixels() - before
    torch.testing.assert_close(Decorrelated(decay, decorrelated)(gradient), change, rtol=1e-5, atol=1e-6)


def test_decorrelated_weighs_frequencies_as_the_spectrum_does():
    """An independent filter: 1/16 of the squared scale, twice in columns that stand for two coefficients."""
    size = (8, 12)
    gradient = draw(1, 3, *size)
    scale = frequencies(size).double().clamp(min=1 / 12) ** -1.0 / 4
    weight = torch.full((8, 7), 2.0, dtype=torch.float64)
    weight[:, [0, 6]] = 1
    matrix = color_matrix().double()
    filtered = torch.fft.irfft2(
        torch.fft.rfft2(torch.einsum("cp,bcyx->bpyx", matrix, gradient)) * weight * scale**2, s=size
    )
    # A cosine along the rows alone, whose mirror image lies in the same column, counts once.
    pulled = torch.einsum("rp,bpyx->bryx", matrix, filtered)
    expected = pulled / (gradient * pulled).sum().sqrt()
    torch.testing.assert_close(Decorrelated()(gradient), expected, rtol=1e-4, atol=1e-5)


def test_high_frequencies_are_suppressed_and_low_ones_kept():
    size = (32, 32)
    place = torch.arange(32.0)
    for metric, suppressed in [(L2(), 1.0), (Decorrelated(decorrelated=False), 12**2), (Smoothed(2.0), math.exp(
        2 * (math.pi * 2) ** 2 * ((12 / 32) ** 2 - (1 / 32) ** 2)
    ))]:  # fmt: skip
        low, high = (torch.cos(2 * math.pi * turns * place / 32).expand(1, 3, *size) for turns in (1, 12))
        found = torch.fft.rfft2(metric(low + high)).abs()[0, 0, 0]
        assert float(found[1] / found[12]) == pytest.approx(suppressed, rel=1e-2 if suppressed < 1e6 else 1)


@EVERY
def test_each_image_has_a_direction_of_its_own(metric):
    gradient = draw(3, 3, 8, 10).float()
    gradient[1] *= 1e6  # a strong one does not drown the others
    found = metric(gradient)
    assert found.shape == gradient.shape
    assert found.dtype == torch.float32
    for place in range(3):
        torch.testing.assert_close(found[place], metric(gradient[place : place + 1])[0], rtol=1e-4, atol=1e-5)


@EVERY
def test_the_gradients_strength_plays_no_part(metric):
    gradient = draw(1, 3, 8, 8).float()
    for factor in (1e-8, 1e8):
        torch.testing.assert_close(metric(factor * gradient), metric(gradient), rtol=1e-4, atol=1e-5)


@EVERY
def test_no_gradient_no_direction(metric):
    assert torch.equal(metric(torch.zeros(2, 3, 8, 8)), torch.zeros(2, 3, 8, 8))


@EVERY
def test_metrics_are_values_and_need_no_gradient_mode(metric):
    gradient = draw(1, 3, 8, 8)
    with torch.no_grad():
        without = metric(gradient)
    assert torch.equal(without, metric(gradient))
    assert not metric(gradient).requires_grad
    assert isinstance(metric, Metric)
