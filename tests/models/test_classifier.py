"""Any network as one of ours, and classes by name."""

import copy

import pytest
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models import activations, as_classifier, class_index, class_labels, find_layer, imagenet_labels
from innerview.models.classifier import IMAGENET_MEAN, IMAGENET_STD


def normalized(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    return (images - torch.tensor(mean).reshape(1, -1, 1, 1)) / torch.tensor(std).reshape(1, -1, 1, 1)


@pytest.mark.parametrize(
    ("mean", "std"), [(IMAGENET_MEAN, IMAGENET_STD), ((0.5,), (0.25,)), ((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))]
)
def test_images_are_normalised_once(tiny, images, mean, std):
    wanted = copy.deepcopy(tiny)(normalized(images, mean, std))
    torch.testing.assert_close(as_classifier(tiny, mean=mean, std=std)(images), wanted)


def test_the_normalization_is_imagenets_unless_told(tiny, images):
    torch.testing.assert_close(as_classifier(tiny)(images), tiny(normalized(images, IMAGENET_MEAN, IMAGENET_STD)))


def test_layers_keep_their_names(tiny, images):
    names = [name for name, _ in tiny.named_modules() if name]
    model = as_classifier(tiny)
    for name in names:
        assert find_layer(model, name) is tiny.get_submodule(name), name
    assert find_layer(model, "first") is tiny.conv1  # an alias of the network's own
    found = activations(model, images, ["conv1", "block.0"])
    assert torch.equal(found["conv1"], tiny.conv1(model.normalize(images)))


def test_a_wrong_layer_is_said_in_the_names_that_the_user_knows(tiny):
    with pytest.raises(LayerNotFound, match=r"has no layer 'conv2'; near ones: .*\bconv1"):
        find_layer(as_classifier(tiny), "conv2")


def test_weights_are_frozen_in_evaluation_mode_and_channels_last():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 8, 3), nn.Flatten()
    ).train()
    model = as_classifier(network)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not any(layer.training for layer in model.modules())
    for name in ("0", "3"):
        assert model.get_parameter(f"module.{name}.weight").is_contiguous(memory_format=torch.channels_last)


def test_weights_stay_frozen_while_the_images_have_a_gradient(tiny, images):
    model = as_classifier(tiny.requires_grad_(True))
    model(images.requires_grad_()).sum().backward()
    assert images.grad is not None
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        ((0.5, 0.5), (0.5,), "mean has 2 numbers; give one for each of the 3 RGB channels"),
        ((), (0.5,), "mean has 0 numbers"),
        ((0.5,), (0.1, 0.2, 0.3, 0.4), "std has 4 numbers"),
        ((0.5,), (0.1, 0.0, 0.3), "std must be positive"),
        ((0.5,), (-0.1,), "std must be positive"),
        ((0.5,), (float("nan"), 0.1, 0.1), "std must be positive"),
        ((float("nan"),), (0.1,), "mean must be finite"),
    ],
)
def test_a_normalization_that_cannot_be_is_refused(tiny, mean, std, said):
    with pytest.raises(BadInput, match=said):
        as_classifier(tiny, mean=mean, std=std)


def labelled(tiny: nn.Module) -> nn.Module:
    return as_classifier(tiny, labels=["tabby", "tiger cat", "tiger", "Granny Smith", "red fox", "grey fox"])


@pytest.mark.parametrize(
    ("target", "index"),
    [
        (0, 0), (5, 5), ("3", 3), (" 3 ", 3),
        ("tabby", 0), ("TABBY", 0), (" tabby ", 0),
        ("tiger", 2),  # the whole name goes before the part of another
        ("granny", 3), ("grey", 5), ("tiger c", 1),
    ],
)  # fmt: skip
def test_a_class_is_found_by_index_name_or_part_of_its_name(tiny, target, index):
    assert class_index(labelled(tiny), target) == index


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("fox", r"class name 'fox' is ambiguous: 4 red fox, 5 grey fox; give an index"),
        ("tabbi", r"no class is called 'tabbi'; near ones: tabby"),
        ("xylophone", r"no class is called 'xylophone'"),
        ("--1", r"no class is called '--1'"),
        ("²", r"no class is called '²'"),
        ("1.5", r"no class is called '1.5'"),
        ("", r"ambiguous"),
        (6, r"class index 6 is out of range; it runs from 0 to 5"),
        ("6", r"class index 6 is out of range; it runs from 0 to 5"),
        (-1, r"class index -1 is out of range; it runs from 0 to 5"),
        ("-1", r"class index -1 is out of range"),
    ],
)
def test_a_class_that_cannot_be_meant_is_refused(tiny, target, said):
    with pytest.raises(BadInput, match=said) as caught:
        class_index(labelled(tiny), target)
    assert "\n" not in str(caught.value)


def test_many_candidates_are_cut_short(tiny):
    model = as_classifier(tiny, labels=imagenet_labels())
    with pytest.raises(BadInput, match=r"'terrier' is ambiguous: (\d+ [^,]+, ){5}\d+ [^,]+, …; give an index"):
        class_index(model, "terrier")


def test_without_names_only_an_index_will_do(tiny):
    assert class_index(tiny, 5) == 5
    assert class_index(tiny, "5") == 5
    assert class_labels(tiny) == ()
    with pytest.raises(BadInput, match=r"has no class names, so 'tabby' cannot be found; give the class's index"):
        class_index(tiny, "tabby")
    with pytest.raises(BadInput, match=r"out of range; it runs from 0 or more"):
        class_index(tiny, -1)


def test_names_are_kept_by_index(tiny):
    assert class_labels(labelled(tiny))[3] == "Granny Smith"
