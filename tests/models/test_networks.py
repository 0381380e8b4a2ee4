"""The networks: against plain ones with the same weights, against photographs, and as a set of named layers."""

import copy
import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.models import activations, aliases, find_layer, imagenet_labels, layer_shapes, load_model
from innerview.models.efficientnet import EfficientNetLite0, SameConv2d
from innerview.models.googlenet import ALIASES, WIDTHS, GoogLeNet
from innerview.models.squeezenet import SqueezeNet
from innerview.models.vgg import BLOCKS, VGG19
from tests.benchmarks.plain_googlenet import plain_copy

CLASSIFIERS = [GoogLeNet, SqueezeNet, EfficientNetLite0]
NETWORKS = [*CLASSIFIERS, VGG19]


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    """Each network with random weights."""
    torch.manual_seed(0)
    return request.param().requires_grad_(False).eval()


def noise(*size: int, count: int = 1) -> Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(0))


def widely_spread(model: nn.Module) -> None:
    """Give a network random weights that keep activations alive through all layers, and biases that matter."""
    generator = torch.Generator().manual_seed(0)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            spread = (2 / layer.weight[0].numel()) ** 0.5
            nn.init.normal_(layer.weight, 0, spread, generator)
            assert layer.bias is not None
            nn.init.normal_(layer.bias, 0, 0.5, generator)
    model.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def spread_googlenet() -> GoogLeNet:
    model = GoogLeNet()
    widely_spread(model)
    return model


def test_googlenet_with_fused_convolutions_is_the_plain_googlenet(spread_googlenet):
    images = noise(61, 97, count=2)
    found, wanted = spread_googlenet(images), plain_copy(spread_googlenet)(images)
    assert wanted.std() > 0.1 * wanted.abs().mean()  # the images matter
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * wanted.abs().max().item())


@pytest.mark.mirror
def test_googlenet_with_the_published_weights_is_the_plain_googlenet(googlenet, photographs):
    images = photographs[0][:1]
    plain = plain_copy(googlenet)
    found, wanted = googlenet(images), plain(images)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * wanted.abs().max().item())
    middle, wanted = activations(googlenet, images, "inception_4c")["inception_4c"], plain.inception_4c(images)
    torch.testing.assert_close(middle, wanted, rtol=0, atol=1e-4 * wanted.abs().max().item())


@pytest.mark.mirror
def test_gradients_of_googlenet_are_those_of_the_plain_googlenet(googlenet, photographs):
    """In float64: in float32 two numbers nearly alike swap their places as the maximum, and with it the gradient."""
    ours, plain = copy.deepcopy(googlenet).double(), plain_copy(googlenet).double()

    def gradient(model: nn.Module) -> Tensor:
        images = photographs[0][:1, :, :128, :128].double().requires_grad_()
        return torch.autograd.grad(model(images)[:, 281].sum(), images)[0]

    torch.testing.assert_close(gradient(ours), gradient(plain), rtol=1e-6, atol=1e-6)


def test_parts_of_an_inception_block_are_the_channels_of_its_output(spread_googlenet):
    parts = ["1x1", "3x3", "5x5", "pool_proj"]
    found = activations(spread_googlenet, noise(64, 64), [*(f"inception_4c.{part}" for part in parts), "inception_4c"])
    whole = found.pop("inception_4c")
    assert torch.equal(torch.cat(list(found.values()), dim=1), whole)
    width = WIDTHS["4c"]
    assert [part.shape[1] for part in found.values()] == [width.c1x1, width.c3x3, width.c5x5, width.pool_proj]


def test_every_layer_is_a_module_whose_forward_hook_fires(network):
    """So that hooks of other libraries work on our networks too."""
    fired: set[str] = set()
    layers = {name: layer for name, layer in network.named_modules() if name}
    handles = [
        layer.register_forward_hook(lambda _layer, _inputs, _output, name=name: fired.add(name))
        for name, layer in layers.items()
    ]
    network(noise(64, 64))
    for handle in handles:
        handle.remove()
    assert fired == set(layers)


def test_every_layer_can_be_read_and_puts_out_what_the_shapes_say(network):
    shapes = layer_shapes(network, 64, inside=True)
    found = activations(network, noise(64, 64), list(shapes))
    assert {name: tuple(output.shape[1:]) for name, output in found.items()} == shapes
    assert all(output.isfinite().all() for output in found.values())


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (224, 160)])
def test_images_of_any_size_from_32_pixels_are_taken(network, size):
    output = network(noise(*size, count=2))
    wanted = (2, 512, size[0] // 32, size[1] // 32) if isinstance(network, VGG19) else (2, 1000)
    assert output.shape == wanted
    assert output.isfinite().all()


def test_the_gradient_reaches_every_pixel(network):
    images = noise(64, 64).requires_grad_()
    (gradient,) = torch.autograd.grad(network(images).sum(), images)
    assert gradient.isfinite().all()
    assert gradient.abs().sum((0, 1)).count_nonzero() > 0.9 * 64 * 64


DISTILL = {
    "conv2d0": "conv1_7x7_s2", "maxpool0": "pool1_3x3_s2", "localresponsenorm0": "pool1_norm1",
    "conv2d2": "conv2_3x3", "mixed3a": "inception_3a", "mixed4c": "inception_4c", "mixed5b": "inception_5b",
    "softmax2_pre_activation": "loss3_classifier",
}  # fmt: skip


@pytest.mark.parametrize(("alias", "name"), DISTILL.items())
def test_distills_names_are_the_same_layers(alias, name):
    model = GoogLeNet()
    assert find_layer(model, alias) is model.get_submodule(name)


def test_every_alias_names_another_layer():
    model = GoogLeNet()
    layers = [find_layer(model, alias) for alias in aliases(model)]
    assert len({id(layer) for layer in layers}) == len(ALIASES)
    assert not set(ALIASES) & {name for name, _ in model.named_modules()}


def test_vgg_layers_are_named_as_in_the_papers():
    names = [name for name, _ in VGG19().named_children()]
    wanted = ["normalize"]
    for block, (convolutions, _) in enumerate(BLOCKS, start=1):
        for index in range(1, convolutions + 1):
            wanted += [f"conv{block}_{index}", f"relu{block}_{index}"]
        wanted.append(f"pool{block}")
    assert names == wanted
    assert sum(name.startswith("conv") for name in names) == 16
    assert {"conv1_1", "relu3_4", "relu4_2", "conv5_1", "pool5"} <= set(names)


@pytest.mark.parametrize(("pooling", "function"), [("max", F.max_pool2d), ("average", F.avg_pool2d)])
def test_vgg_pools_as_told(pooling, function):
    model = VGG19(pooling)
    for block in range(1, 6):
        relu = f"relu{block}_{BLOCKS[block - 1][0]}"
        found = activations(model, noise(32, 32), [relu, f"pool{block}"])
        torch.testing.assert_close(found[f"pool{block}"], function(found[relu], 2))


def test_vgg_pools_by_maximum_unless_told():
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in VGG19().modules()) == 5


def literal_same_convolution(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Convolve position by position as TensorFlow's `SAME` does: pixels outside the image are zero."""
    height, width = x.shape
    kernel = weight.shape[0]
    rows, columns = -(-height // stride), -(-width // stride)
    missing = [max((count - 1) * stride + kernel - side, 0) for count, side in ((rows, height), (columns, width))]
    result = torch.zeros(rows, columns, dtype=x.dtype)
    for row in range(rows):
        for column in range(columns):
            for dy in range(kernel):
                for dx in range(kernel):
                    y, z = row * stride + dy - missing[0] // 2, column * stride + dx - missing[1] // 2
                    if 0 <= y < height and 0 <= z < width:
                        result[row, column] += weight[dy, dx] * x[y, z]
    return result


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (5, 6), (1, 4)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_is_tensorflows(size, kernel, stride):
    layer = SameConv2d(1, 1, kernel, stride, bias=False).double().requires_grad_(False)
    x = torch.randn(size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = literal_same_convolution(x, layer.weight[0, 0], stride)
    torch.testing.assert_close(layer(x[None, None])[0, 0], wanted, rtol=1e-12, atol=1e-12)


def test_efficientnet_adds_the_input_only_where_the_shapes_agree():
    model = EfficientNetLite0()
    residual = [index for index, block in enumerate(model.blocks) if block.residual]
    assert residual == [2, 4, 6, 7, 9, 10, 12, 13, 14]
    assert len(model.blocks) == 16


def top(model: nn.Module, images: Tensor, count: int) -> list[list[str]]:
    names = imagenet_labels()
    return [[names[index] for index in row] for row in model(images).topk(count).indices.tolist()]


PHOTOGRAPHS = {
    "chelsea": {"tabby", "tiger cat", "Egyptian cat"},
    "coffee": {"espresso", "cup", "coffee mug"},
    "rocket": {"missile", "projectile", "space shuttle"},
}


@pytest.mark.parametrize(("name", "sensible"), PHOTOGRAPHS.items(), ids=list(PHOTOGRAPHS))
def test_the_embedded_model_sees_what_is_on_a_photograph(embedded, name, sensible):
    from skimage import data  # noqa: PLC0415  (slow to import)

    from innerview.core.images import from_array  # noqa: PLC0415

    photograph = F.interpolate(from_array(getattr(data, name)()), size=(224, 300), mode="bilinear", antialias=True)
    seen = top(embedded, photograph, 5)[0]
    assert seen[0] in sensible, seen


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("name", "assets"),
    [("googlenet", ["bvlc_googlenet"]), ("squeezenet1_1", ["squeezenet1_1"]), ("efficientnet_lite0", [])],
)
def test_most_photographs_of_imagenet_are_recognised(
    photographs: tuple[Tensor, list[int]], weights: Callable[..., None], name: str, assets: list[str]
):
    weights(*assets)
    images, classes = photographs
    with torch.inference_mode():
        right = load_model(name)(images).argmax(1) == torch.tensor(classes)
    assert right.float().mean() >= 0.7, [imagenet_labels()[classes[index]] for index in torch.where(~right)[0]]


@pytest.mark.mirror
def test_vgg_with_the_published_weights_sees_the_right_colors(weights, photographs):
    """Deep neurons answer more strongly to photographs in their own colours: the channels are in the right order."""
    weights("vgg19_uint8", "vgg19_float32_early")
    images = photographs[0][:8]
    model = load_model("vgg19")
    right, wrong = (activations(model, seen, "relu5_1")["relu5_1"] for seen in (images, images.flip(1)))
    assert right.count_nonzero() / right.numel() > 0.05
    assert right.mean() > 1.02 * wrong.mean()


@pytest.mark.mirror
def test_average_pooling_keeps_the_convolutions(weights):
    weights("vgg19_uint8", "vgg19_float32_early")
    average = load_model("vgg19", pooling="average")
    assert torch.equal(average.get_parameter("conv3_1.weight"), load_model("vgg19").get_parameter("conv3_1.weight"))
    assert sum(isinstance(layer, nn.AvgPool2d) for layer in average.modules()) == 5


@pytest.mark.parametrize("pooling", ["median", "", "Max"])
def test_another_pooling_is_refused(pooling):
    without_checker = inspect.unwrap(VGG19.__init__)  # the tests' type checker would speak first
    with pytest.raises(BadInput, match=f"VGG-19 pools by one of max, average, not '{pooling}'"):
        without_checker(VGG19.__new__(VGG19), pooling)
