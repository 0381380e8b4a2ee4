"""Any network as one of ours, and classes by name."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.images import from_array
from innerview.models import (
    LOGITS,
    activations,
    as_classifier,
    class_index,
    class_labels,
    find_layer,
    imagenet_labels,
    layer_shapes,
)
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
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Conv3d(1, 1, 1)
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
        (float("nan"), 0.1, "mean must be finite"),
        (0.5, 0.0, "std must be positive"),
    ],
)
def test_a_normalization_that_cannot_be_is_refused(tiny, mean, std, said):
    with pytest.raises(BadInput, match=said):
        as_classifier(tiny, mean=mean, std=std)


def test_one_number_stands_for_all_channels(tiny, images):
    assert torch.equal(
        as_classifier(tiny, mean=0.5, std=0.25)(images), as_classifier(tiny, mean=(0.5,), std=(0.25,))(images)
    )


class OneSize(nn.Module):
    """Takes images of 8x6 pixels only, and says which it got."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.identity, self.fc = nn.Identity(), nn.Linear(channels * 8 * 6, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.identity(images).flatten(1))


@pytest.mark.parametrize("side", [3, 8, 19])
def test_images_of_any_size_are_scaled_to_the_networks_as_pillow_does(side):
    model = as_classifier(OneSize(), mean=0.0, std=1.0, size=(8, 6))
    image = torch.rand(side, side, generator=torch.Generator().manual_seed(0))
    wanted = Image.fromarray(image.numpy()).resize((6, 8), Image.Resampling.BILINEAR)  # antialiased, too
    found = activations(model, image.expand(2, 3, -1, -1), "identity")["identity"]
    assert found.shape == (2, 3, 8, 6)
    torch.testing.assert_close(found[1, 2], torch.from_numpy(np.array(wanted)), atol=1e-6, rtol=1e-5)


def test_images_of_the_networks_own_size_are_not_touched():
    model = as_classifier(OneSize(), mean=0.0, std=1.0, size=(8, 6))
    images = torch.rand(2, 3, 8, 6)
    assert torch.equal(activations(model, images, "identity")["identity"], images)


def test_one_size_stands_for_height_and_width():
    model = as_classifier(nn.Conv2d(3, 2, 1), size=7)
    assert model(torch.rand(1, 3, 20, 10)).shape == (1, 2, 7, 7)
    assert layer_shapes(as_classifier(nn.Sequential(nn.Conv2d(3, 2, 1)), size=7))["0"] == (2, 7, 7)


def test_the_gradient_passes_the_scaling_and_the_luminance():
    torch.manual_seed(0)
    model = as_classifier(OneSize(1), mean=0.5, std=0.5, size=(8, 6), greyscale=True).double()
    images = torch.rand(1, 3, 5, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(model, images)


def test_a_grey_network_sees_the_luminance_of_pillow():
    model = as_classifier(nn.Sequential(nn.Identity()), mean=0.25, std=2.0, greyscale=True)
    pixels = torch.randint(0, 256, (5, 4, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    grey = np.array(Image.fromarray(pixels.numpy()).convert("L"), dtype=np.float32) / 255
    seen = model(from_array(pixels.numpy()))
    assert seen.shape == (1, 1, 5, 4)
    torch.testing.assert_close(seen[0, 0] * 2 + 0.25, torch.from_numpy(grey), atol=0.51 / 255, rtol=0)  # Pillow rounds


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"greyscale": True}, r"mean has 3 numbers; give one for the one grey channel"),
        ({"greyscale": True, "mean": 0.5}, r"std has 3 numbers; give one for the one grey channel"),
        ({"size": 0}, r"size must be positive, not 0x0"),
        ({"size": (28, -1)}, r"size must be positive, not 28x-1"),
    ],
)
def test_a_size_or_a_grey_that_cannot_be_is_refused(tiny, options, said):
    with pytest.raises(BadInput, match=said):
        as_classifier(tiny, **options)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_images_take_the_type_of_the_networks_numbers(tiny, images, dtype):
    wanted = as_classifier(copy.deepcopy(tiny))(images)
    model = as_classifier(tiny.to(dtype))
    found = model(images.requires_grad_())
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), wanted, atol=0.02, rtol=0.02)  # bfloat16 keeps 8 bits
    (gradient,) = torch.autograd.grad(found.sum(), images)
    assert gradient.dtype == torch.float32
    assert gradient.abs().sum() > 0


class Wrapped(nn.Module):
    def __init__(self, inner: nn.Module, wrap: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.inner, self.wrap = inner, wrap

    def forward(self, images: Tensor) -> object:
        return self.wrap(self.inner(images))


@pytest.mark.parametrize(
    ("wrap", "kind"), [(lambda x: (x, x), "tuple"), (lambda x: {"logits": x}, "dict"), (lambda _: None, "NoneType")]
)
def test_a_network_without_plain_logits_is_told_so_and_its_layers_can_be_read(tiny, images, wrap, kind):
    model = as_classifier(Wrapped(tiny, wrap))
    for read in (lambda: model(images), lambda: activations(model, images, LOGITS)):
        with pytest.raises(BadInput, match=rf"Wrapped puts out a {kind}, not logits; wrap it in a module that"):
            read()
    with pytest.raises(BadInput, match=rf"Wrapped puts out a {kind}, not logits; wrap it"):
        activations(model.module, images, LOGITS)
    assert activations(model, images, "inner.fc")["inner.fc"].shape == (3, 6)
    assert layer_shapes(model, 16, inside=True)["inner.fc"] == (6,)


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
