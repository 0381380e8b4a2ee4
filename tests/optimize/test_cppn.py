"""CPPN: a literal network per pixel, parity with lucent, the start, and any size."""

import math
from typing import Any

import pytest
import torch

from innerview.optimize import CPPN


def filled(kind, seeds, size, seed=3):
    """A started network whose last layer, zero at the start, holds numbers too."""
    module: Any = kind.start(seeds, size)
    drawing = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        module.weights[-1].copy_(torch.randn(module.weights[-1].shape, generator=drawing))
        module.biases[-1].copy_(torch.randn(module.biases[-1].shape, generator=drawing))
    return module


def test_a_pixel_is_the_literal_network_of_its_place():
    height, width = 5, 9
    module = filled(CPPN(hidden=4, layers=2), [7], (height, width))
    found = module().detach()[0]
    reach = 3**0.5
    for row, column in [(0, 0), (2, 4), (4, 8), (1, 6)]:
        x = -reach + 2 * reach * column / (width - 1)
        y = (-reach + 2 * reach * row / (height - 1)) * height / width  # the longer side spans all
        values = [x, y]
        for layer in range(3):
            if layer:
                angles = [math.atan(value) for value in values]
                values = [angle / 0.67 for angle in angles] + [angle**2 / 0.6 for angle in angles]
            weight, bias = module.weights[layer].detach()[0].tolist(), module.biases[layer].detach()[0, :, 0].tolist()
            values = [
                sum(w * value for w, value in zip(line, values, strict=True)) + b
                for line, b in zip(weight, bias, strict=True)
            ]
        for color in range(3):
            assert float(found[color, row, column]) == pytest.approx(1 / (1 + math.exp(-values[color])), abs=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_the_same_weights_give_lucents_image():
    from lucent.optvis.param.cppn import cppn  # noqa: PLC0415  (warns at import)

    module = filled(CPPN(hidden=6, layers=3), [1], (12, 12))
    parameters, image = cppn(12, num_hidden_channels=6, num_layers=4)
    ours = [tensor for pair in zip(module.weights, module.biases, strict=True) for tensor in pair]
    with torch.no_grad():
        for theirs, mine in zip(parameters, ours, strict=True):
            theirs.copy_(mine[0].reshape(theirs.shape))
        torch.testing.assert_close(module()[0], image()[0].transpose(1, 2), rtol=0, atol=1e-5)  # their x runs down


def test_every_image_starts_grey():
    assert torch.equal(CPPN().start([0, 1], (8, 8))().detach(), torch.full((2, 3, 8, 8), 0.5))


def test_the_gradient_reaches_all_layers_once_the_last_is_not_zero():
    module = filled(CPPN(hidden=5, layers=3), [0, 1], (6, 6))
    (module()[:, 0] * torch.rand(2, 6, 6, generator=torch.Generator().manual_seed(0))).sum().backward()
    assert all((parameter.grad.flatten(1).abs().amax(1) > 0).all() for parameter in module.parameters())


@pytest.mark.parametrize("layers", [1, 4, 12])
def test_numbers_keep_about_unit_size_through_all_layers(layers):
    module: Any = CPPN(layers=layers).start(range(8), (24, 24))
    last = module.weights[-1]
    with torch.no_grad():
        last.copy_(torch.randn(last.shape, generator=torch.Generator().manual_seed(0)) / last.shape[2] ** 0.5)
        planes = torch.logit(module())
    assert 0.5 < float(planes.square().mean().sqrt()) < 2


def test_a_finer_rendering_agrees_where_pixels_meet():
    module = filled(CPPN(hidden=8, layers=3), [2], (9, 9))
    with torch.no_grad():
        coarse, fine = module(), module.render((17, 17))
    assert fine.shape == (1, 3, 17, 17)
    torch.testing.assert_close(fine[..., ::2, ::2], coarse, rtol=0, atol=1e-5)


def test_an_image_of_one_pixel_has_a_colour():
    assert CPPN(hidden=3, layers=1).start([0], (1, 1))().shape == (1, 3, 1, 1)


def test_without_hidden_layers_colours_are_a_ramp():
    module = filled(CPPN(layers=0), [0], (5, 5))
    ramp = torch.logit(module().detach())[0]
    torch.testing.assert_close(
        ramp[:, :, 2:] - 2 * ramp[:, :, 1:-1] + ramp[:, :, :-2], torch.zeros(3, 5, 3), rtol=0, atol=1e-5
    )
