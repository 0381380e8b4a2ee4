"""Objectives against closed forms on a network whose activations are written down."""

import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models.vgg import VGG19
from innerview.optimize import Objective, channel, class_logit, layer, neuron, total_variation

LABELS = ("Granny Smith", "four-poster", "red fox", "grey fox")


class Linear1x1(nn.Module):
    """``mixed`` puts out M x of each pixel x, ``fc`` the mean over positions of N M x: all in closed form."""

    def __init__(self) -> None:
        super().__init__()
        self.mixed = nn.Conv2d(3, 5, 1, bias=False)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten()
        self.fc = nn.Linear(5, 4, bias=False)
        self.labels = LABELS

    def forward(self, images):
        return self.fc(self.flat(self.pool(self.mixed(images))))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Linear1x1().double().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def mixed(model, images):
    """The activations of ``mixed``, written out."""
    return torch.einsum("cp,bphw->bchw", model.mixed.weight[:, :, 0, 0], images)


@pytest.fixture(scope="module")
def logits(model, mixed):
    return mixed.mean((2, 3)) @ model.fc.weight.T


def same(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_a_channel_is_its_mean_over_positions(model, images, mixed):
    same(channel("mixed", 3)(model, images), mixed[:, 3].mean((1, 2)))


def test_a_channel_of_a_layer_without_positions_is_its_activation(model, images, logits):
    same(channel("fc", 2)(model, images), logits[:, 2])


@pytest.mark.parametrize(("position", "row", "column"), [(None, 3, 3), ((0, 0), 0, 0), ((5, 1), 5, 1)])
def test_a_neuron_is_one_position_the_middle_by_default(model, images, mixed, position, row, column):
    same(neuron("mixed", 1, position)(model, images), mixed[:, 1, row, column])


def test_a_layer_is_half_its_squared_length(model, images, mixed):
    same(layer("mixed")(model, images), (mixed**2).sum((1, 2, 3)) / 2)


def test_the_gradient_of_a_layer_with_respect_to_its_activations_is_the_activations(images):
    identity = nn.Sequential(nn.Identity())
    leaf = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer("0")(identity, leaf).sum(), leaf)
    same(gradient, images)


@pytest.mark.parametrize("target", [2, "2", "red fox", "Red Fox", "red"])
def test_a_class_logit_is_found_by_index_and_by_name(model, images, logits, target):
    same(class_logit(target)(model, images), logits[:, 2])


def test_total_variation_sums_the_steps_between_neighbours(model):
    image = torch.zeros(1, 3, 2, 3, dtype=torch.float64)
    image[0, 0] = torch.tensor([[0.0, 1.0, 3.0], [5.0, 5.0, 5.0]])
    assert total_variation()(model, image).tolist() == [(1 + 2) + (5 + 4 + 2)]


def test_total_variation_reads_no_layer():
    def never(_images):
        pytest.fail("the model ran")

    model = nn.Module()
    model.forward = never
    assert total_variation()(model, torch.ones(1, 3, 4, 4)).tolist() == [0]


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        (lambda: channel("mixed", [4, 0]), lambda a, _: torch.stack([a[0, 4].mean(), a[1, 0].mean()])),
        (lambda: channel("mixed", [2, 2]), lambda a, _: a[:, 2].mean((1, 2))),
        (lambda: neuron("mixed", [4, 0], (1, 2)), lambda a, _: torch.stack([a[0, 4, 1, 2], a[1, 0, 1, 2]])),
        (lambda: class_logit([3, "red fox"]), lambda _, z: torch.stack([z[0, 3], z[1, 2]])),
    ],
)
def test_a_list_gives_each_image_its_own(model, images, mixed, logits, objective, wanted):
    made = objective()
    assert made.count == 2
    same(made(model, images), wanted(mixed, logits))


@pytest.mark.parametrize(
    ("combined", "wanted", "name"),
    [
        (lambda a, b: a + b, lambda a, b: a + b, "(A + B)"),
        (lambda a, b: a - b, lambda a, b: a - b, "(A - B)"),
        (lambda a, b: a * b, lambda a, b: a * b, "(A * B)"),
        (lambda a, _: a + 2, lambda a, _: a + 2, "(A + 2)"),
        (lambda a, _: a - 0.5, lambda a, _: a - 0.5, "(A - 0.5)"),
        (lambda a, _: a * 3.0, lambda a, _: a * 3, "(A * 3)"),
        (lambda a, _: 2 + a, lambda a, _: 2 + a, "(2 + A)"),
        (lambda a, _: 2 - a, lambda a, _: 2 - a, "(2 - A)"),
        (lambda a, _: 0.25 * a, lambda a, _: a / 4, "(0.25 * A)"),
        (lambda a, _: -a, lambda a, _: -a, "-A"),
        (lambda a, b: -(a - 0.5 * b), lambda a, b: b / 2 - a, "-(A - (0.5 * B))"),
        (lambda a, b: a * a - b, lambda a, b: a**2 - b, "((A * A) - B)"),
    ],
)
def test_objectives_are_an_algebra_with_readable_names(model, images, mixed, logits, combined, wanted, name):
    a, b = channel("mixed", 1), class_logit(3)
    made = combined(a, b)
    same(made(model, images), wanted(mixed[:, 1].mean((1, 2)), logits[:, 3]))
    assert made.name == name.replace("A", "channel(mixed, 1)").replace("B", "class_logit(3)")
    assert repr(made) == made.name


def test_numbers_that_differ_give_names_that_differ():
    objective = channel("mixed", 1)
    assert (0.1234567 * objective).name != (0.1234568 * objective).name


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda: channel("a.b", 10), "channel(a.b, 10)"),
        (lambda: channel("a", [1, 2]), "channel(a, 1, 2)"),
        (lambda: neuron("a", 3), "neuron(a, 3)"),
        (lambda: neuron("a", 3, (1, 2)), "neuron(a, 3 at 1, 2)"),
        (lambda: layer("a"), "layer(a)"),
        (lambda: class_logit("red fox"), "class_logit(red fox)"),
        (total_variation, "total_variation()"),
    ],
)
def test_names_say_what_is_maximised(made, name):
    assert made().name == name


def test_a_sum_reads_each_layer_once_and_only_as_deep_as_needed(images):
    ran = []
    model = Linear1x1().double()
    for name, part in model.named_children():
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
    made = channel("mixed", 0) + channel("mixed", 1) - 0.5 * layer("pool")
    assert made.layers == ("mixed", "pool")
    made(model, images)
    assert ran == ["mixed", "pool"]


def test_the_count_of_a_sum_is_that_of_its_parts():
    assert (channel("a", [1, 2]) + layer("b")).count == 2
    assert (3 * channel("a", [1, 2])).count == 2
    assert (-channel("a", [1, 2, 3])).count == 3
    assert (layer("a") + total_variation()).count is None


def test_parts_that_ask_for_different_numbers_of_images_are_refused():
    with pytest.raises(BadInput, match=r"channel\(a, 1, 2\) asks for 2 images and channel\(b, 1, 2, 3\) for 3"):
        _ = channel("a", [1, 2]) + channel("b", [1, 2, 3])


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
        (class_logit(4), "class index 4 is out of range; it runs from 0 to 3"),
        (class_logit("fox"), "'fox' is ambiguous: 2 red fox, 3 grey fox"),
        (class_logit("rde fox"), "no class is called 'rde fox'; near ones: red fox"),
    ],
)
def test_what_the_model_lacks_is_said(model, images, objective, message):
    with pytest.raises(BadInput, match=message):
        objective(model, images)


def test_a_layer_that_the_model_lacks_is_said(model, images):
    with pytest.raises(LayerNotFound, match="no layer 'mixde'; near ones: mixed"):
        channel("mixde", 0)(model, images)


def test_a_network_of_features_has_no_classes():
    features = VGG19().eval().requires_grad_(False)
    with pytest.raises(BadInput, match="VGG19 has no class logits; choose a layer's channel"):
        class_logit(3)(features, torch.rand(1, 3, 32, 32))


def test_an_index_beyond_the_logits_of_a_model_without_names_is_said(images):
    model = Linear1x1().double()
    del model.labels
    with pytest.raises(BadInput, match="'logits' has the channels 0 to 3; 4 is out of range"):
        class_logit(4)(model, images)


def test_an_objective_of_ones_own_is_a_function_of_a_reading(model, images, mixed):
    brightest = Objective("brightest", ("mixed",), lambda reading: reading.activations["mixed"].flatten(1).amax(1))
    same((brightest - 1)(model, images), mixed.flatten(1).amax(1) - 1)


@pytest.mark.filterwarnings("ignore")
def test_a_channel_has_the_value_that_lucent_gives_it_with_the_sign_turned():
    from lucent.optvis import objectives, render  # noqa: PLC0415  (warns at import)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3)).eval()
    image = torch.rand(1, 3, 32, 32)
    ours = [channel("2", 1)(model, image), neuron("2", 1)(model, image)]
    hook = render.hook_model(model, lambda: image)  # lucent leaves its hooks: the model is thrown away
    model(image)
    for our, theirs in zip(ours, [objectives.channel("2", 1), objectives.neuron("2", 1)], strict=True):
        assert float(our) == pytest.approx(-float(theirs(hook)), abs=1e-5)
        assert abs(float(our)) > 1e-3
