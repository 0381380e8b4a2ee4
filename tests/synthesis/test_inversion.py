"""Inversion: the paper's objective in NumPy, and that a layer's activations are found again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthesis.small import network, pictures
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models import activations
from innerview.models.classifier import frozen
from innerview.synthesis.descent import Descent
from innerview.synthesis.inversion import InversionRecipe, inversion_loss, invert
from innerview.synthesis.texture import noise

DOUBLE = torch.float64
FREE = InversionRecipe(variation=0, norm=0, descent=Descent(80))
"""Without priors."""


def smooth_picture(count=1, size=(12, 10)):
    """Noise, blurred."""
    return nn.functional.interpolate(pictures(count, (4, 4), 3), size, mode="bilinear")


def error(model, images, found, layer):
    wanted, made = (activations(model, one, layer)[layer].flatten(1) for one in (images, found))
    return (made - wanted).square().sum(1) / wanted.square().sum(1)


@pytest.mark.parametrize("layer", ["conv1", "relu1", "relu2"])
def test_the_activations_are_found_again(layer):
    model, image = network(), smooth_picture()
    found = invert(model, image, layer, recipe=FREE)
    before = error(model, image, noise((12, 10), 0), layer)
    after = error(model, image, found.images, layer)
    assert float(after) < 1e-3
    assert float(after) < 0.02 * float(before)
    assert found.images.shape == image.shape
    torch.testing.assert_close(found.parts[f"content {layer}"] / FREE.fidelity, after, rtol=1e-3, atol=1e-8)


def test_a_layer_that_keeps_everything_gives_the_image_itself():
    mixing = nn.Sequential(nn.Conv2d(3, 8, 1))
    nn.init.orthogonal_(mixing.get_parameter("0.weight"), gain=2)
    found = invert(frozen(mixing), smooth_picture(), "0", recipe=FREE)
    torch.testing.assert_close(found.images, smooth_picture(), rtol=0, atol=0.01)


def test_the_objective_is_the_papers():
    """Mahendran and Vedaldi 2016, Sec. 3: B = 80 levels, V = B / 6.5; finite differences right and down."""
    model, recipe = network(DOUBLE), InversionRecipe(fidelity=7, variation=3, beta=1.5, norm=2, alpha=4)
    image, other = pictures(1, (6, 8), 1, DOUBLE), pictures(1, (6, 8), 2, DOUBLE)
    wanted, made = (activations(model, one, "relu2")["relu2"].numpy() for one in (image, other))
    x, reach = other[0].numpy(), 80 / 255
    right, down = (x[:, :-1, 1:] - x[:, :-1, :-1]), (x[:, 1:, :-1] - x[:, :-1, :-1])
    expected = {
        "content relu2": 7 * ((made - wanted) ** 2).sum() / (wanted**2).sum(),
        "norm": 2 * (np.abs(x - 0.5) ** 4).sum() / (6 * 8 * reach**4),
        "variation": 3 * ((right**2 + down**2) ** 0.75).sum() / (6 * 8 * (reach / 6.5) ** 1.5),
    }
    parts = inversion_loss(model, image, "relu2", recipe).parts(model, other)
    assert {name: float(value) for name, value in parts.items()} == pytest.approx(expected, rel=1e-8)


def test_priors_make_a_smoother_picture():
    model, image = network(), smooth_picture()
    usual = replace(FREE, fidelity=1.0, descent=Descent(40))
    free, natural = (
        invert(model, image, "relu2", recipe=recipe).images for recipe in (usual, replace(usual, variation=1.0))
    )

    def roughness(images):
        return float(images.diff(dim=-1).square().mean() + images.diff(dim=-2).square().mean())

    assert roughness(natural) < 0.5 * roughness(free)


def test_each_image_is_inverted_on_its_own():
    model, images = network(), smooth_picture(3)
    recipe = replace(FREE, norm=1.0, descent=Descent(8))
    together = invert(model, images, "relu2", recipe=recipe, seed=5)
    alone = [invert(model, image, "relu2", recipe=recipe, seed=5) for image in images.split(1)]
    assert torch.equal(together.images, torch.cat([one.images for one in alone]))
    assert torch.equal(together.history, torch.cat([one.history for one in alone]))
    assert torch.equal(together.parts["norm"], torch.cat([one.parts["norm"] for one in alone]))
    assert together.loss.shape == (3,)
    assert not torch.equal(together.images, invert(model, images, "relu2", recipe=recipe, seed=6).images)


def test_layers_without_positions_and_the_output_itself_can_be_inverted():
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(3, 4, 3))
    model.add_module("flat", nn.Flatten())
    model.add_module("fc", nn.Linear(4 * 80, 12))
    image = smooth_picture()
    for layer in ("fc", ""):
        found = invert(frozen(model), image, layer, recipe=FREE)
        assert float(error(model, image, found.images, layer)) < 1e-4


def test_a_silent_layer_is_refused():
    model = network()
    with torch.no_grad():
        model.get_parameter("conv2.weight").zero_()
        model.get_parameter("conv2.bias").fill_(-1)
    with pytest.raises(BadInput, match="layer relu2 is silent for this image, so that nothing can be found again"):
        invert(model, smooth_picture(), "relu2", recipe=FREE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fidelity": -1.0}, "fidelity of an inversion is at least 0, not -1"),
        ({"variation": float("nan")}, "variation of an inversion is at least 0, not nan"),
        ({"norm": float("inf")}, "norm of an inversion is at least 0, not inf"),
        ({"norm": 1.0, "alpha": 0.5}, "alpha of a norm is at least 1"),
        ({"variation": 1.0, "beta": 0.5}, "beta of a total variation is at least 1"),
        ({"fidelity": 0.0}, "all weights of the loss are zero"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        invert(network(), smooth_picture(), "relu2", recipe=replace(FREE, **settings))


def test_wrong_layers_and_images_are_refused():
    with pytest.raises(LayerNotFound, match="no layer 'relu3'; near ones: relu2"):
        invert(network(), smooth_picture(), "relu3")
    with pytest.raises(BadInput, match=r"images of 1x1 pixels are too small for layers \['relu2'\]"):
        invert(network(), pictures(1, (1, 1)), "relu2")
