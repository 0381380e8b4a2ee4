"""Objectives of single units against closed forms on a network whose activations are written down."""

import pytest
import torch
from optimize.linear import IMAGES, LOGITS, MIXED, MODEL, Linear1x1, ascent_raises, same
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models.vgg import VGG19
from innerview.optimize import channel, class_logit, class_probability, layer, neuron


def test_a_channel_is_its_mean_over_positions():
    same(channel("mixed", 3)(MODEL, IMAGES), MIXED[:, 3].mean((1, 2)))


def test_a_channel_of_a_layer_without_positions_is_its_activation():
    same(channel("fc", 2)(MODEL, IMAGES), LOGITS[:, 2])


@pytest.mark.parametrize(("position", "row", "column"), [(None, 3, 3), ((0, 0), 0, 0), ((5, 1), 5, 1)])
def test_a_neuron_is_one_position_the_middle_by_default(position, row, column):
    same(neuron("mixed", 1, position)(MODEL, IMAGES), MIXED[:, 1, row, column])


def test_a_channel_of_tokens_is_its_mean_over_them():
    same(channel("tokens", 3)(MODEL, IMAGES), MIXED[:, 3].mean((1, 2)))


@pytest.mark.parametrize(("position", "token"), [(None, 21), (0, 0), (41, 41)])
def test_a_neuron_of_tokens_is_one_of_them_the_middle_by_default(position, token):
    same(neuron("tokens", 1, position)(MODEL, IMAGES), MIXED[:, 1].flatten(1)[:, token])


def test_a_layer_is_half_its_squared_length():
    same(layer("mixed")(MODEL, IMAGES), (MIXED**2).sum((1, 2, 3)) / 2)


def test_the_gradient_of_a_layer_with_respect_to_its_activations_is_the_activations():
    identity = nn.Sequential(nn.Identity())
    leaf = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer("0")(identity, leaf).sum(), leaf)
    same(gradient, IMAGES)


@pytest.mark.parametrize("target", [2, "2", "red fox", "Red Fox", "red"])
def test_a_class_logit_is_found_by_index_and_by_name(target):
    same(class_logit(target)(MODEL, IMAGES), LOGITS[:, 2])


@pytest.mark.parametrize("target", [2, "red fox"])
def test_a_class_probability_is_its_share_of_the_exponentials(target):
    powers = LOGITS.exp()
    same(class_probability(target)(MODEL, IMAGES), powers[:, 2] / powers.sum(1))


def test_other_classes_lower_scores_raise_a_probability_but_not_a_logit():
    logits = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    network = nn.Sequential(Constant(logits))
    (of_probability,) = torch.autograd.grad(class_probability(2)(network, IMAGES[:1]).sum(), logits)
    (of_logit,) = torch.autograd.grad(class_logit(2)(network, IMAGES[:1]).sum(), logits)
    same(of_probability, torch.tensor([[-1, -1, 3, -1]], dtype=torch.float64) / 16)  # p_2 (1 - p_2), -p_2 p_i
    same(of_logit, torch.tensor([[0, 0, 1, 0]], dtype=torch.float64))


class Constant(nn.Module):
    """Puts out the same whatever comes in."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, _images):
        return self.output.clone()


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        (lambda: channel("mixed", [4, 0]), lambda a, _: torch.stack([a[0, 4].mean(), a[1, 0].mean()])),
        (lambda: channel("mixed", [2, 2]), lambda a, _: a[:, 2].mean((1, 2))),
        (lambda: neuron("mixed", [4, 0], (1, 2)), lambda a, _: torch.stack([a[0, 4, 1, 2], a[1, 0, 1, 2]])),
        (lambda: neuron("tokens", [4, 0], 9), lambda a, _: torch.stack([a[0, 4, 1, 2], a[1, 0, 1, 2]])),
        (lambda: class_logit([3, "red fox"]), lambda _, z: torch.stack([z[0, 3], z[1, 2]])),
        (lambda: class_probability([3, 2]), lambda _, z: torch.stack([z.softmax(1)[0, 3], z.softmax(1)[1, 2]])),
    ],
)
def test_a_list_gives_each_image_its_own(objective, wanted):
    made = objective()
    assert made.count == 2
    same(made(MODEL, IMAGES), wanted(MIXED, LOGITS))


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda: channel("a.b", 10), "channel(a.b, 10)"),
        (lambda: channel("a", [1, 2]), "channel(a, 1, 2)"),
        (lambda: neuron("a", 3), "neuron(a, 3)"),
        (lambda: neuron("a", 3, (1, 2)), "neuron(a, 3 at 1, 2)"),
        (lambda: layer("a"), "layer(a)"),
        (lambda: class_logit("red fox"), "class_logit(red fox)"),
        (lambda: neuron("a", 3, 12), "neuron(a, 3 at 12)"),
        (lambda: class_probability(["red fox", 3]), "class_probability(red fox, 3)"),
    ],
)
def test_names_say_what_is_maximised(made, name):
    assert made().name == name


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (channel("mixed", [0, 1, 2]), "asks for 3 images, not 2"),
        (channel("mixed", 5), "'mixed' has the channels 0 to 4; 5 is out of range"),
        (channel("mixed", -1), "'mixed' has the channels 0 to 4; -1 is out of range"),
        (channel("mixed", [0, 9]), "has the channels 0 to 4; 0, 9 is out of range"),
        (neuron("fc", 0), "'fc' has no positions.*channel:fc"),
        (neuron("mixed", 0, (6, 0)), "'mixed' is 6x7 here; it has no position 6, 0"),
        (neuron("mixed", 0, (0, -1)), "it has no position 0, -1"),
        (channel("tokens", 5), "'tokens' has the channels 0 to 4; 5 is out of range"),
        (neuron("mixed", 0, 3), "'mixed' is 6x7 here; give a row and a column, not 3"),
        (neuron("tokens", 0, (3, 2)), "'tokens' is 42 tokens here; give the number of a token, not 3, 2"),
        (neuron("tokens", 0, 42), "'tokens' is 42 tokens here; it has no position 42"),
        (neuron("tokens", 0, -1), "it has no position -1"),
        (class_probability(4), "class index 4 is out of range"),
        (class_logit(4), "class index 4 is out of range; it runs from 0 to 3"),
        (class_logit("fox"), "'fox' is ambiguous: 2 red fox, 3 grey fox"),
        (class_logit("rde fox"), "no class is called 'rde fox'; near ones: red fox"),
    ],
)
def test_what_the_model_lacks_is_said(objective, message):
    with pytest.raises(BadInput, match=message):
        objective(MODEL, IMAGES)


def test_a_layer_that_the_model_lacks_is_said():
    with pytest.raises(LayerNotFound, match="no layer 'mixde'; near ones: mixed"):
        channel("mixde", 0)(MODEL, IMAGES)


def test_a_network_of_features_has_no_classes():
    features = VGG19().eval().requires_grad_(False)
    for objective in (class_logit(3), class_probability(3)):
        with pytest.raises(BadInput, match="VGG19 has no class logits; choose a layer's channel"):
            objective(features, torch.rand(1, 3, 32, 32))


def test_an_index_beyond_the_logits_of_a_model_without_names_is_said():
    model = Linear1x1().double()
    del model.labels
    with pytest.raises(BadInput, match="'logits' has the channels 0 to 3; 4 is out of range"):
        class_logit(4)(model, IMAGES)


@pytest.mark.parametrize(
    "objective", [channel("mixed", 3), neuron("tokens", 2), layer("mixed"), class_logit(1), class_probability(1)]
)
def test_an_ascent_raises_it(objective):
    assert ascent_raises(objective, MODEL, IMAGES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("rows", "columns"), [(6, 7), (5, 4)])
def test_lucent_gives_the_same_values_with_the_sign_turned(rows, columns):
    from lucent.optvis import objectives  # noqa: PLC0415  (warns at import)

    images = IMAGES[..., :rows, :columns]
    seen = MIXED[..., :rows, :columns]
    same(channel("mixed", 1)(MODEL, images).mean(), -objectives.channel("mixed", 1)(lambda _: seen))
    same(neuron("mixed", 1)(MODEL, images).mean(), -objectives.neuron("mixed", 1)(lambda _: seen))
    there = objectives.neuron("mixed", 2, x=3, y=4)(lambda _: seen)
    same(neuron("mixed", 2, (4, 3))(MODEL, images).mean(), -there)
