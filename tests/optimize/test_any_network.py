"""Feature visualization of any classifier: many kinds of small random networks, each kind of objective."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.resnet import BasicBlock

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models import activations, as_classifier, channels_first, torchvision_models
from innerview.models.efficientnet import EfficientNetLite0
from innerview.models.googlenet import GoogLeNet
from innerview.models.squeezenet import SqueezeNet
from innerview.models.vgg import VGG19
from innerview.optimize import Objective, Recipe, channel, class_logit, direction, layer, neuron, visualize

STEPS = Recipe(steps=12, redirected_steps=6, transforms=())


@dataclass(frozen=True)
class Kind:
    """A kind of network: how to make one, a layer in its middle, and the size of the images."""

    make: Callable[[], nn.Module]
    layer: str
    size: int = 48
    has_classes: bool = True


class Functional(nn.Module):
    """Rectifies by function calls alone, each in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(inputs, 8, 3) for inputs in (3, 8, 8, 8))
        self.middle, self.fc = nn.Identity(), nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        one, two, three, four = self.convolutions
        x = self.middle(torch.relu(two(F.relu(one(images), inplace=True))))
        return self.fc(F.relu6(four(three(x).relu_())).mean((2, 3)))


class Twice(nn.Module):
    """Uses its layers twice, one of them in place."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv, self.relu = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu(self.conv(self.relu(self.conv(self.stem(images)))))
        return self.fc(x.mean((2, 3)))


def convolutions(inputs: int = 3, classes: int = 5) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3), nn.SiLU(inplace=True), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, classes),
    )  # fmt: skip


def digits() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 12 * 12, 10))


def vision_transformer() -> nn.Module:
    return models.VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=5)


def swin() -> nn.Module:
    network = models.SwinTransformer([4, 4], 8, [1, 1], [2, 2], [2, 2], num_classes=5)
    return as_classifier(network, channels_last=torchvision_models.channels_last("swin_t", network))


def mobilenet() -> nn.Module:
    rows = [(16, 3, 16, 16, True, "RE", 2, 1), (16, 3, 48, 24, True, "HS", 2, 1)]
    return models.MobileNetV3([InvertedResidualConfig(*row, 1.0) for row in rows], 32, num_classes=5)


KINDS = {
    "googlenet": Kind(GoogLeNet, "inception_3a"),
    "vgg19": Kind(VGG19, "relu3_1", 32, has_classes=False),
    "squeezenet1_1": Kind(SqueezeNet, "fire3"),
    "efficientnet_lite0": Kind(EfficientNetLite0, "blocks.5"),
    "resnet": Kind(lambda: as_classifier(models.ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5)), "layer2"),
    "convnext": Kind(
        lambda: as_classifier(models.ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=5)),
        "features.1",
    ),
    "vision transformer": Kind(
        lambda: as_classifier(vision_transformer(), size=32), "encoder.layers.encoder_layer_0", 40
    ),
    "mobilenet_v3": Kind(lambda: as_classifier(mobilenet()), "features.2"),
    "swin": Kind(swin, "features.1", 32),
    "squeezenet1_0": Kind(lambda: as_classifier(models.SqueezeNet("1_0", num_classes=5)), "features.4"),
    "auxiliary classifiers": Kind(
        lambda: as_classifier(models.GoogLeNet(num_classes=5, aux_logits=True, init_weights=False)), "inception3a", 64
    ),
    "digits": Kind(lambda: as_classifier(digits(), mean=0.13, std=0.31, size=28, greyscale=True), "1", 40),
    "small images": Kind(lambda: as_classifier(convolutions()), "5", 32),
    "function calls": Kind(lambda: as_classifier(Functional()), "middle", 24),
    "layers used twice": Kind(lambda: as_classifier(Twice()), "conv", 24),
    "bfloat16": Kind(lambda: as_classifier(convolutions().bfloat16()), "5", 32),
    "float64": Kind(lambda: as_classifier(convolutions().double()), "5", 32),
    "a plain module": Kind(convolutions, "5", 32),
}


def spread(model: nn.Module) -> nn.Module:
    """Give a network random weights that keep images apart through all its layers; and freeze it."""
    torch.manual_seed(0)
    for part in model.requires_grad_(False).eval().modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight)
    return model


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[Kind, nn.Module]:
    torch.manual_seed(0)  # for the weights that `spread` leaves
    found = KINDS[request.param]
    return found, spread(found.make())


def vectors(model: nn.Module, name: str, size: int) -> Tensor:
    """Return one direction of the layer's space."""
    channels = channels_first(activations(model, torch.rand(1, 3, size, size), name)[name]).shape[1]
    return torch.randn(channels, generator=torch.Generator().manual_seed(0))


def hooks(model: nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in model.modules())


def check_ascent(model: nn.Module, objective: Objective, size: int) -> None:
    result = visualize(model, objective, size=size, recipe=STEPS)
    assert result.images.shape == (objective.count or 1, 3, size, size)
    assert (result.values > result.history[0]).all()
    assert hooks(model) == 0
    assert not [name for name, layer in model.named_modules() if "forward" in vars(layer)]


@pytest.mark.parametrize("what", ["channel", "neuron", "layer", "direction", "class"])
def test_the_objective_rises(kind: tuple[Kind, nn.Module], what: str) -> None:
    case, model = kind
    if what == "class" and not case.has_classes:
        with pytest.raises(BadInput, match="VGG19 has no class logits; choose a layer's channel instead"):
            visualize(model, class_logit(1), size=case.size, recipe=STEPS)
        return
    objectives = {
        "channel": lambda: channel(case.layer, [1, 2]),
        "neuron": lambda: neuron(case.layer, 1),
        "layer": lambda: layer(case.layer),
        "direction": lambda: direction(case.layer, vectors(model, case.layer, case.size)),
        "class": lambda: class_logit(3),
    }
    check_ascent(model, objectives[what](), case.size)


def test_default_transforms_suit_networks_of_one_size() -> None:
    model = spread(as_classifier(vision_transformer(), size=32))
    result = visualize(model, channel("encoder.layers.encoder_layer_0", 1), size=48, steps=12)
    assert (result.values > result.history[0]).all()


class Dictionary(nn.Module):
    """Puts out a dictionary, and has a layer that no image reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.unused = convolutions(), nn.Conv2d(3, 4, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": self.inner(images)}


def test_a_network_that_puts_out_a_dictionary_shows_its_layers_but_no_class() -> None:
    model = spread(as_classifier(Dictionary()))
    check_ascent(model, channel("inner.5", 1), 32)
    with pytest.raises(BadInput, match=r"Dictionary puts out a dict, not logits; wrap it in a module that returns the"):
        visualize(model, class_logit(1), size=32, recipe=STEPS)
    with pytest.raises(LayerNotFound, match=r"the images never reach layer 'unused' of Dictionary; choose another"):
        visualize(model, channel("unused", 1), size=32, recipe=STEPS)
    assert hooks(model) == 0


def test_a_layer_used_twice_is_seen_at_its_first_use() -> None:
    model = spread(as_classifier(Twice()))
    result = visualize(model, channel("conv", 1), size=24, recipe=STEPS)
    stem = activations(model, result.images, "stem")["stem"]
    torch.testing.assert_close(result.values, model.get_submodule("module.conv")(stem)[:, 1].mean((1, 2)))
