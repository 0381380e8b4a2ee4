"""The layer that is shown where none is named: the last with positions that count, under its outermost name."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from innerview.attribution.cams import grad_cam
from innerview.attribution.default_layer import default_layer
from innerview.core.errors import BadInput
from innerview.models import as_classifier, torchvision_models
from innerview.models.googlenet import GoogLeNet
from innerview.models.squeezenet import SqueezeNet
from innerview.optimize import channel, neuron

IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def vision_transformer() -> nn.Module:
    network: Any = models.vit_b_16(weights=None, image_size=64)
    nn.init.normal_(network.heads.head.weight)  # torchvision begins with zeros, on which nothing depends
    return network


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "resnet18": (models.resnet18, "layer4"),
    "vgg11": (models.vgg11, "features"),  # not the adaptive pooling, which only copies it
    "densenet121": (models.densenet121, "features"),
    "mobilenet_v2": (models.mobilenet_v2, "features"),
    "vit_b_16": (vision_transformer, "encoder.layers.encoder_layer_11.ln_1"),  # before the last attention
    "swin_t": (models.swin_t, "permute"),  # the last norm, with channels first
    "squeezenet of torchvision": (models.squeezenet1_1, "classifier.2"),  # the ReLU, which works in place
    "googlenet": (GoogLeNet, "inception_5b"),
    "squeezenet": (SqueezeNet, "relu10"),
}


@pytest.mark.parametrize(("make", "layer"), NETWORKS.values(), ids=NETWORKS)
def test_the_last_map_of_known_networks(make: Callable[[], nn.Module], layer: str) -> None:
    torch.manual_seed(0)
    assert default_layer(make().eval(), IMAGES) == layer


def test_the_last_map_of_the_embedded_model(embedded: nn.Module) -> None:
    assert default_layer(embedded, IMAGES) == "relu1"


class Reading(nn.Module):
    """Each of its layers is one of the cases."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.block = nn.Sequential(nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(inplace=True)), nn.Identity())
        self.dropout = nn.Dropout()
        self.resample = nn.Sequential(nn.AdaptiveAvgPool2d(5))
        self.unread = nn.Conv2d(4, 4, 1)
        self.silent = nn.Conv2d(4, 4, 1)
        self.fc = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        x = self.dropout(self.block(self.stem(images)))
        self.unread(x)
        return self.fc(self.resample(x).mean((2, 3)) + self.silent(x).mean((2, 3)) * 0.0)


def test_a_layer_counts_if_the_score_depends_on_it() -> None:
    """Not what runs beside, nor what is multiplied by zero; of equal ones the block, not its part or a dropout."""
    torch.manual_seed(0)
    model = Reading().double().eval()
    images = IMAGES[..., :12, :12].double()
    assert default_layer(model, images) == "block"
    assert default_layer(as_classifier(model), images) == "block"
    assert torch.equal(grad_cam(model, images, 0), grad_cam(model, images, 0, "block"))


class InPlace(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )


def test_what_is_changed_in_place_is_another_layer() -> None:
    torch.manual_seed(0)
    assert default_layer(InPlace().eval(), IMAGES) == "1"


def test_an_objective_has_a_layer_below_what_it_reads() -> None:
    torch.manual_seed(0)
    model = models.resnet18(weights=None).eval()
    assert default_layer(model, IMAGES, channel("layer3", 0)) == "layer3"
    assert default_layer(model, IMAGES, neuron("layer2.1.conv2", [0, 3])) == "layer2.1.conv2"


def test_the_class_does_not_matter() -> None:
    """Nor that a class's own map is closed everywhere: the same layer for all."""
    torch.manual_seed(0)
    model = SqueezeNet().eval()
    logits = model(IMAGES)
    closed = [int(index) for index in (logits[0] == 0).nonzero()[:1, 0]]
    assert closed
    assert default_layer(model, IMAGES, closed * 2) == "relu10"
    assert not grad_cam(model, IMAGES[:1], closed).any()


class ClosedClass(nn.Sequential):
    """Rectifies its logits, and the first is always zero."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2), nn.ReLU()
        )
        self.get_parameter("4.bias").data = torch.tensor([-99.0, 99.0])


def test_a_class_without_any_gradient_has_a_layer_too() -> None:
    torch.manual_seed(0)
    model = ClosedClass().eval()
    assert default_layer(model, IMAGES, 0) == "1"
    assert not grad_cam(model, IMAGES, 0).any()


class Flat(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(3 * 64 * 64, 2))


class Functional(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(images, 1).flatten(1)


class Failing(InPlace):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        super().forward(input)
        raise OSError


@pytest.mark.parametrize("make", [Flat, Functional])
def test_no_layer_has_positions(make: Any) -> None:
    with pytest.raises(BadInput, match=f"no layer of {make.__name__} has positions.*name the layer"):
        default_layer(make().eval(), IMAGES)


def test_no_hook_stays() -> None:
    good, bad = InPlace().eval(), Failing().eval()
    default_layer(good, IMAGES)
    with pytest.raises(OSError):  # noqa: PT011
        default_layer(bad, IMAGES)
    assert not any(module._forward_hooks for model in (good, bad) for module in model.modules())


def test_one_image_and_one_pass_for_classes() -> None:
    model, seen = InPlace().eval(), []
    handle = model.register_forward_pre_hook(lambda _model, inputs: seen.append(len(inputs[0])))
    default_layer(model, IMAGES, [0, 1])
    handle.remove()
    assert seen == [1]


def test_declared_channels_last() -> None:
    torch.manual_seed(0)
    network = models.SwinTransformer([4, 4], 8, [1, 1], [2, 2], [2, 2], num_classes=5).eval()
    model = as_classifier(network, channels_last=torchvision_models.channels_last("swin", network))
    assert default_layer(model, IMAGES[..., :24, :40]) == "permute"


class Attention(nn.Module):
    """As timm writes it: one layer for queries, keys and values, and norms over the heads."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(16, 48)
        self.k_norm = nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        queries, keys, values = self.qkv(tokens).unflatten(2, (3, 2, 8)).permute(2, 0, 3, 1, 4).unbind(0)
        return F.scaled_dot_product_attention(queries, self.k_norm(keys), values).transpose(1, 2).flatten(2)


class Transformer(nn.Module):
    def __init__(self, attention: type[nn.Module]) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 16, 16)
        self.norm1 = nn.LayerNorm(16)
        self.mixing = attention()
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        places = self.patches(images).flatten(2).mT
        tokens = torch.cat([places.mean(1, keepdim=True), places], 1)
        return self.head(self.norm(tokens + self.mixing(self.norm1(tokens)))[:, 0])


class Mixer(Attention):
    """The same under a name that does not tell what it is."""


def test_layers_inside_an_attention_do_not_count() -> None:
    torch.manual_seed(0)
    assert default_layer(Transformer(Attention).eval(), IMAGES) == "norm1"


def test_keys_by_heads_are_no_map_of_the_image() -> None:
    torch.manual_seed(0)
    assert default_layer(Transformer(Mixer).eval(), IMAGES) == "mixing.qkv"  # not the norm behind it, (b, 2, 17, 8)


def test_a_map_that_lost_its_borders_still_counts() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(*[nn.Conv2d(3, 3, 5) for _ in range(2)], nn.Flatten(), nn.LazyLinear(2))
    images = IMAGES[..., :32, :]
    network(images)
    assert default_layer(network.eval(), images) == "1"  # 24x56 places of 32x64 pixels
