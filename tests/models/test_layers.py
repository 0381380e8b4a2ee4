"""Where the channels are: behind the batch, whatever the layer puts out."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformer, SwinTransformerBlockV2

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models import activations, as_classifier, channels_first, evaluate, layer_shapes, recorded
from innerview.models.torchvision_models import channels_last


def test_tokens_put_their_channels_behind_the_batch():
    tokens = torch.rand(2, 5, 7)
    turned = channels_first(tokens)
    assert turned.shape == (2, 7, 5)
    assert torch.equal(turned[1, 6], tokens[1, :, 6])


@pytest.mark.parametrize("shape", [(2, 7), (2, 7, 3, 5)])
def test_other_layers_have_them_there(shape):
    activation = torch.rand(shape)
    assert channels_first(activation) is activation


@pytest.mark.parametrize("shape", [(2,), (2, 3, 4, 5, 6)])
def test_a_layer_without_channels_is_refused(shape):
    with pytest.raises(
        BadInput, match=rf"activations of {len(shape)} dimensions name no channels; choose a layer that"
    ):
        channels_first(torch.rand(shape))


class Last(nn.Module):
    """A network that works on channels last, as Swin does, between a convolution and its logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.relu = nn.Conv2d(3, 4, 3), nn.Linear(4, 6), nn.ReLU(inplace=True)
        self.head = nn.Linear(6, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.relu(self.hidden(self.conv(images).permute(0, 2, 3, 1))).mean((1, 2)))


@pytest.fixture
def last() -> nn.Module:
    torch.manual_seed(0)
    return as_classifier(Last(), channels_last=["hidden", "relu"])


def test_a_declared_layer_is_read_with_its_channels_second(last, images):
    plain = as_classifier(last.module)
    found, wanted = (activations(model, images, ["conv", "hidden", "relu", "head"]) for model in (last, plain))
    assert found["hidden"].shape == (3, 6, 14, 14)
    for name in ("hidden", "relu"):
        assert torch.equal(found[name], wanted[name].permute(0, 3, 1, 2))
    for name in ("conv", "head"):  # not declared
        assert torch.equal(found[name], wanted[name])
    assert torch.equal(evaluate(last, images, "hidden")["hidden"], found["hidden"])


@pytest.mark.parametrize("layer", ["hidden", "relu"])
def test_the_gradient_of_the_logits_reaches_a_declared_layer(last, images, layer):
    def gradient(model: nn.Module) -> Tensor:
        with recorded(model, layer) as record:
            logits = model(images.requires_grad_())
        return torch.autograd.grad(logits[:, 1].sum(), record[layer])[0]

    found, wanted = gradient(last), gradient(as_classifier(last.module))
    assert found.abs().sum() > 0
    assert torch.equal(found, wanted.permute(0, 3, 1, 2))


def test_shapes_say_the_channels_first(last):
    shapes = layer_shapes(last, 10)
    assert shapes["conv"] == (4, 8, 8)
    assert shapes["hidden"] == (6, 8, 8)


def test_a_declaration_of_a_layer_that_is_not_there_is_refused():
    with pytest.raises(LayerNotFound, match=r"has no layer 'hiden'; near ones: hidden"):
        as_classifier(Last(), channels_last=["hiden"])


def swin(**options: object) -> nn.Module:
    return SwinTransformer([4, 4], 8, [1, 1], [2, 2], [2, 2], num_classes=5, **options)  # pyright: ignore[reportArgumentType]


NETWORKS = {
    "swin_t": swin,
    "swin_v2_t": lambda: swin(block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2),
    "convnext_tiny": lambda: ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=5),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_torchvisions_declared_layers_are_those_whose_channels_stay_where_they_are_when_images_grow(name):
    """A layer's number of channels is the one size that does not follow the image's."""
    network = NETWORKS[name]()
    declared = channels_last(name, network)
    model = as_classifier(network, channels_last=declared)
    small, large = layer_shapes(model, 32, inside=True), layer_shapes(model, 64, inside=True)
    maps = [layer for layer, shape in small.items() if len(shape) == 3 and shape[0] not in shape[1:]]
    read = {layer for layer in maps if not layer.startswith(("avgpool", "classifier")) and "cpb_mlp" not in layer}
    assert read & set(declared)
    for layer in read:
        assert small[layer][0] == large[layer][0], layer
        assert small[layer][1:] != large[layer][1:], layer


def test_other_networks_of_torchvision_declare_none():
    assert channels_last("resnet18", Last()) == []
