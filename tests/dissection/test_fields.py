"""The receptive field in three ways that have nothing in common: reckoned, by NaN, by where a gradient arrives."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput, LayerNotFound
from innerview.dissection import Box, computed_field, computed_fields, gradient_field, receptive_field
from innerview.models import activations, layer_shapes
from innerview.models.efficientnet import EfficientNetLite0
from innerview.models.googlenet import GoogLeNet
from innerview.models.squeezenet import SqueezeNet

SPATIAL = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


def noise(size: int, count: int = 4) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def spatial_layers(model: nn.Module, size: int) -> list[str]:
    """All convolutions and poolings, as far as the image reaches them."""
    shapes = layer_shapes(model, size, inside=True)
    return [name for name in shapes if isinstance(model.get_submodule(name), SPATIAL)]


def lit(model: nn.Module) -> nn.Module:
    """Give a network with drawn weights what a trained one has: convolutions of about the input's size."""
    torch.manual_seed(0)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model.requires_grad_(False).eval()


def supports(model: nn.Module, names: list[str], images: Tensor) -> dict[str, Box]:
    """Where the gradient of each layer's middle arrives in any image, from one forward pass."""
    images = images.requires_grad_()
    found = {}
    for name, maps in activations(model, images, names).items():
        middle = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]
        weights = torch.randn(middle.shape, generator=torch.Generator().manual_seed(1))
        (gradient,) = torch.autograd.grad((weights * middle).sum(), images, retain_graph=True)
        _, _, rows, columns = gradient.nonzero().unbind(1)
        found[name] = Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
    return found


@pytest.mark.parametrize(
    ("make", "size", "layers"), [(GoogLeNet, 90, 50), (SqueezeNet, 90, 28), (EfficientNetLite0, 80, 49)]
)
def test_reckoned_fields_are_the_gradient_s_support_in_every_convolution_and_pooling(
    make: Callable[[], nn.Module], size: int, layers: int
) -> None:
    model = lit(make())
    names = spatial_layers(model, size)
    assert len(names) >= layers
    reckoned = computed_fields(model, names, size)
    assert reckoned == supports(model, names, noise(size, 3))
    assert len(set(reckoned.values())) >= 7
    for name in (names[3], names[len(names) // 2]):
        assert gradient_field(model, name, noise(size)) == computed_field(model, name, size) == reckoned[name]


def test_reckoned_fields_are_those_measured_with_nan() -> None:
    model, size = lit(GoogLeNet()), 96
    for name in ("conv2_norm2", "inception_3b.pool", "inception_3b"):
        for place in ((0, 0), (3, 5)):
            assert computed_field(model, name, size, place) == receptive_field(model, name, size, place)


class Branches(nn.Module):
    """All that joins positions, or does not, in one network; padding that is not the same on all sides."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 4, (1, 5), padding=(0, 2))
        self.dilated = nn.Conv2d(3, 4, 3, padding=3, dilation=3)
        self.joined = nn.BatchNorm2d(8)
        self.pool = nn.AvgPool2d(2, ceil_mode=True)
        self.uneven = nn.Conv2d(8, 4, 3, stride=2)
        self.rest = nn.Conv2d(4, 4, 1, groups=2)
        self.gated = nn.Sigmoid()
        self.grid = nn.AdaptiveAvgPool2d((3, 2))
        self.fc = nn.Linear(24, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.joined(torch.cat([self.wide(images), self.dilated(images)], 1))
        x = self.uneven(F.pad(self.pool(x), (0, 1, 2, 0)))
        x = self.rest(x) + 2 * x
        return self.fc(self.grid(self.gated(x)).flatten(1))


PLACES = {
    "wide": (4, 0), "dilated": (4, 9), "joined": (4, 9), "pool": (9, 9), "uneven": (1, 4), "rest": (3, 0),
    "grid": (1, 1), "fc": None,
}  # fmt: skip


@pytest.mark.parametrize("layer", PLACES)
def test_branches_paddings_and_heads_are_followed(layer: str) -> None:
    model = lit(Branches())
    place = PLACES[layer]
    if place is None:
        assert computed_field(model, layer, 19) == Box(0, 0, 19, 19)
        return
    assert computed_field(model, layer, 19, place) == receptive_field(model, layer, 19, place)
    assert computed_field(model, layer, 19, place) == gradient_field(model, layer, noise(19, 16), place)


def test_what_is_known_of_branches_by_hand() -> None:
    model = lit(Branches())
    assert computed_field(model, "wide", 19, (4, 9)) == Box(4, 7, 5, 12)
    assert computed_field(model, "dilated", 19, (4, 9)) == Box(1, 6, 8, 13)
    assert computed_field(model, "joined", 19, (4, 9)) == Box(1, 6, 8, 13)
    assert computed_field(model, "joined", 19, (0, 0)) == Box(0, 0, 4, 4)


class Gated(nn.Module):
    """Squeeze and excitation: a position hangs on all of the image through its channel's gate."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.scaled = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        x = self.conv(images)
        return self.scaled(x * x.mean((2, 3), keepdim=True).sigmoid())


def test_a_gate_lets_the_whole_image_in() -> None:
    model = lit(Gated())
    assert computed_field(model, "conv", 16, (8, 8)) == Box(7, 7, 10, 10)
    assert computed_field(model, "scaled", 16, (8, 8)) == Box(0, 0, 16, 16)


class Other(nn.Module):
    """What cannot be reckoned, or sees nothing."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(3, 3, 1, padding=2)
        self.up = nn.ConvTranspose2d(3, 3, 2, stride=2)
        self.last = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        x = self.conv(images)
        match self.kind:
            case "rolled":
                x = x.roll(3, 2)
            case "turned":
                x = x.transpose(2, 3)
            case "up":
                x = self.up(x)
            case "tokens":
                x = x.flatten(2).mT
            case "reshaped":
                x = x.reshape(1, 3, x.shape[3] * 2, x.shape[2] // 2)
            case "summed":
                x = x.sum((2, 3), keepdim=True).expand(-1, -1, *x.shape[2:]).sum(3)[..., None]
            case "nothing":
                x = torch.ones_like(x)
        return self.last(x)


@pytest.mark.parametrize("kind", ["rolled", "turned", "up", "tokens", "reshaped", "summed", "nothing"])
def test_what_cannot_be_reckoned_is_refused(kind: str) -> None:
    with pytest.raises(BadInput, match="cannot be reckoned"):
        computed_field(lit(Other(kind)), "last", 12)


def test_positions_that_are_not_there_or_see_only_padding_are_refused() -> None:
    model = Other("")
    lit(model)
    with pytest.raises(BadInput, match="sees nothing of the image at 0, 1, only padding"):
        computed_field(model, "last", 12, (0, 1))
    with pytest.raises(BadInput, match=r"has positions \(16, 16\) here"):
        computed_field(model, "last", 12, (16, 0))
    with pytest.raises(BadInput, match=r"has positions \(16, 16\) here"):
        gradient_field(model, "last", noise(12), (16, 0))
    with pytest.raises(LayerNotFound):
        computed_field(model, "lost", 12)
    model.conv.weight.zero_()
    with pytest.raises(BadInput, match="has no gradient for these images"):
        gradient_field(model, "last", noise(12))


def test_a_gradient_is_found_where_gradients_are_switched_off() -> None:
    with torch.no_grad():
        assert gradient_field(lit(Gated()), "conv", noise(16), (8, 8)) == Box(7, 7, 10, 10)
