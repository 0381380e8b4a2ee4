"""Textures: the noise that they begin with, their size, their colours, and that their Gram matrices come near."""

from dataclasses import replace

import pytest
import torch
from synthesis.small import network, pictures

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models import activations
from innerview.models.vgg import VGG19
from innerview.synthesis.descent import Descent, descend
from innerview.synthesis.grams import gram_matrix
from innerview.synthesis.losses import style_loss
from innerview.synthesis.texture import TEXTURE_LAYERS, TextureRecipe, noise, texture

LAYERS = {"relu1": 1e9, "relu2": 1e9}
RECIPE = TextureRecipe(LAYERS, descent=Descent(40))


def stripes(size=(16, 20)):
    """Red and blue by turns, two pixels each."""
    image = torch.zeros(1, 3, *size)
    red = torch.arange(size[1]) % 4 < 2
    image[:, 0, :, red], image[:, 2, :, ~red] = 0.9, 0.8
    return image + 0.05 * pictures(1, size)


def test_gram_matrices_come_near_the_samples():
    model, sample = network(), stripes()
    found = texture(model, sample, recipe=RECIPE)
    assert found.images.shape == sample.shape
    begin = noise((16, 20), 0)
    for layer in LAYERS:
        grams = [gram_matrix(activations(model, image, layer)[layer]) for image in (sample, begin, found.images)]
        before, after = ((gram - grams[0]).norm() / grams[0].norm() for gram in grams[1:])
        assert float(after) < 0.1 * float(before)
    assert float(found.loss) < 0.02 * float(found.history[0, 0])


@pytest.mark.parametrize(
    ("size", "shape"),
    [(24, (24, 24)), ((10, 30), (10, 30)), (None, (16, 20))],
    ids=["one number", "two", "the sample's"],
)
def test_a_texture_may_be_larger_or_smaller_than_its_sample(size, shape):
    found = texture(network(), stripes(), size=size, recipe=RECIPE)
    assert found.images.shape == (1, 3, *shape)
    assert float(found.loss) < 0.05 * float(found.history[0, 0])


def test_a_texture_is_a_descent_on_the_styles_loss_from_noise():
    model, sample = network(), stripes()
    recipe = replace(RECIPE, channels=2, descent=Descent(7, "adam"))
    found = texture(model, sample, size=12, recipe=recipe, seed=3)
    loss = style_loss(model, sample, LAYERS, channels=2)
    expected = descend(model, loss, noise((12, 12), 3), recipe.descent)
    assert torch.equal(found.images, expected.images)
    assert torch.equal(found.history, expected.history)


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_texture():
    one, again, other = (texture(network(), stripes(), recipe=RECIPE, seed=seed).images for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert float((one - other).abs().mean()) > 0.01


def test_the_noise_is_one_level_around_grey():
    found = noise((200, 300), 0)
    assert found.shape == (1, 3, 200, 300)
    assert float(found.mean()) == pytest.approx(0.5, abs=1e-4)
    assert float(found.std()) * 255 == pytest.approx(1, rel=0.01)
    assert torch.equal(found, noise((200, 300), 0))
    assert not torch.equal(found, noise((200, 300), 1))


def test_histograms_can_be_the_samples():
    """An image of the sample's size then has the sample's values, colour by colour, at other places."""
    model, sample = network(), pictures(1, (16, 20), 5)
    recipe = replace(RECIPE, descent=Descent(5))
    plain, matched = (texture(model, sample, recipe=replace(recipe, match_histogram=match)) for match in (False, True))
    for before, found, wanted in zip(plain.images[0], matched.images[0], sample[0], strict=True):
        ranks = torch.searchsorted(before.flatten().sort().values, before.flatten(), right=True) - 1  # ties: the last
        torch.testing.assert_close(found.flatten(), wanted.flatten().sort().values[ranks])
    for before, after in zip(plain.images[0], matched.images[0], strict=True):
        order = before.flatten().argsort()
        assert (after.flatten()[order].diff() >= 0).all()
    assert torch.equal(plain.loss, matched.loss)
    assert torch.equal(plain.history, matched.history)
    other = texture(model, sample, size=24, recipe=replace(recipe, match_histogram=True)).images
    torch.testing.assert_close(other.mean((0, 2, 3)), sample.mean((0, 2, 3)), rtol=0, atol=0.01)


def test_by_default_the_layers_are_the_papers():
    found = texture(VGG19("average").requires_grad_(False), stripes(), recipe=TextureRecipe(descent=Descent(1)))
    assert list(found.parts) == [f"style {layer}" for layer in TEXTURE_LAYERS]
    assert list(TEXTURE_LAYERS) == ["conv1_1", "pool1", "pool2", "pool3", "pool4"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "an image cannot be 0x0 pixels; give a positive size"),
        ({"size": (8, -1)}, "cannot be 8x-1 pixels"),
        ({"size": 1}, r"images of 1x1 pixels are too small for layers \['relu1', 'relu2'\]"),
        ({"sample": pictures(2)}, r"sample is one image \(1, 3, h, w\), not 2; call once for each"),
        ({"sample": pictures(1, (1, 1))}, "images of 1x1 pixels are too small"),
        ({"recipe": TextureRecipe({})}, "name layers"),
        ({"recipe": TextureRecipe({"relu1": 0.0})}, "all weights of the loss are zero"),
        ({"recipe": TextureRecipe(LAYERS, channels=0)}, "at least 1 channel"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options, message):
    with pytest.raises(BadInput, match=message) as error:
        texture(network(), **({"sample": stripes(), "recipe": RECIPE} | options))
    assert "\n" not in str(error.value)


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(LayerNotFound, match="no layer 'conv1_1'"):
        texture(network(), stripes())
