"""Activations: what is recorded, how deep the network runs, and that nothing is left behind."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import VisionTransformer

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models import LOGITS, activations, as_classifier, evaluate, layer_shapes, recorded
from innerview.models.googlenet import GoogLeNet
from innerview.models.vgg import VGG19


def hooks(model: nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in model.modules())


@pytest.fixture(autouse=True)
def no_hook_is_left(tiny: nn.Module) -> Iterator[None]:
    yield
    assert hooks(tiny) == 0


@pytest.fixture
def ran(tiny: nn.Module) -> list[str]:
    """The layers that ran, in order; counted from inside each layer, not by hooks."""
    order: list[str] = []

    def counted(name: str, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def run(*inputs: Tensor) -> Tensor:
            order.append(name)
            return forward(*inputs)

        return run

    for name, layer in tiny.named_children():
        layer.forward = counted(name, layer.forward)
    return order


def by_hand(tiny: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Compute each layer's output without any hook and without in-place layers."""
    layer = tiny.get_submodule
    record = {"conv1": layer("conv1")(images)}
    record["relu1"] = F.relu(record["conv1"])
    record["block.0"] = layer("block.0")(record["relu1"])
    record["block.1"] = record["block"] = F.relu(record["block.0"])
    record["pool"] = layer("pool")(record["block"])
    record["fc"] = record[LOGITS] = layer("fc")(record["pool"].flatten(1))
    return record


LAYERS = ["conv1", "relu1", "block", "block.0", "block.1", "pool", "fc", LOGITS]


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layers_output_is_the_one_computed_by_hand(tiny, images, layer):
    wanted = by_hand(tiny, images)[layer]
    assert torch.equal(activations(tiny, images, layer)[layer], wanted)
    with recorded(tiny, layer) as record:
        tiny(images)
    assert torch.equal(record[layer], wanted)


def test_stopping_early_gives_the_bits_of_a_full_pass(tiny, images):
    with recorded(tiny, LAYERS) as full:
        logits = tiny(images)
    assert torch.equal(full[LOGITS], logits)
    for layer in LAYERS:
        assert torch.equal(activations(tiny, images, layer)[layer], full[layer]), layer


@pytest.mark.parametrize(
    ("layers", "deepest"),
    [(["conv1"], "conv1"), (["block.0"], "block"), (["pool", "conv1"], "pool"), (["fc"], "fc"), ([LOGITS], "fc")],
)
def test_layers_above_the_deepest_asked_for_do_not_run(tiny, images, ran, layers, deepest):
    activations(tiny, images, layers)
    order = ["conv1", "relu1", "block", "pool", "fc"]
    assert ran == order[: order.index(deepest) + 1]


def test_a_recording_runs_to_the_end(tiny, images, ran):
    with recorded(tiny, "conv1"):
        tiny(images)
    assert ran == ["conv1", "relu1", "block", "pool", "fc"]


class Functional(nn.Module):
    """Rectifies in place without a layer, in the middle and at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        return F.relu_(self.conv2(F.relu_(self.conv1(images)).mul_(2)))


def test_in_place_work_above_a_layer_does_not_change_its_record(images):
    model = Functional().requires_grad_(False)
    conv1 = model.conv1(images)
    conv2 = model.conv2(F.relu(conv1) * 2)
    assert conv1.min() < 0
    assert conv2.min() < 0
    for found in (activations(model, images, ["conv1", "conv2"]), recording(model, images, ["conv1", "conv2"])):
        assert torch.equal(found["conv1"], conv1)
        assert torch.equal(found["conv2"], conv2)


def recording(model: nn.Module, images: Tensor, layers: list[str]) -> dict[str, Tensor]:
    with recorded(model, layers) as record:
        model(images)
    return record


def test_recording_does_not_change_what_the_model_puts_out(tiny, images):
    logits = tiny(images)
    with recorded(tiny, LAYERS):
        assert torch.equal(tiny(images), logits)


@pytest.mark.parametrize("layers", [["fc", "conv1", "block"], ("pool", "conv1"), ["conv1", "conv1", "fc", "conv1"]])
def test_layers_come_in_the_order_asked_for_and_once(tiny, images, layers):
    assert list(activations(tiny, images, layers)) == list(dict.fromkeys(layers))
    assert list(evaluate(tiny, images, layers)) == list(dict.fromkeys(layers))


def test_aliases_are_layers_under_another_name(tiny, images):
    found = activations(tiny, images, ["first", "conv1", "last"])
    assert torch.equal(found["first"], found["conv1"])
    assert torch.equal(found["last"], tiny(images))


@pytest.mark.parametrize("layer", ["conv1", "block", "fc"])
def test_the_gradient_flows_to_the_images(tiny, images, layer):
    images.requires_grad_()
    (found,) = torch.autograd.grad(activations(tiny, images, layer)[layer].square().sum(), images)
    (wanted,) = torch.autograd.grad(by_hand(tiny, images)[layer].square().sum(), images)
    torch.testing.assert_close(found, wanted)
    assert found.abs().sum() > 0


@pytest.mark.parametrize("layer", ["conv1", "relu1", "block"])
def test_the_gradient_of_the_logits_reaches_a_recorded_layer(tiny, images, layer):
    images.requires_grad_()
    with recorded(tiny, layer) as record:
        logits = tiny(images)
    (found,) = torch.autograd.grad(logits[:, 2].sum(), record[layer])
    wanted = by_hand(tiny, images)
    torch.testing.assert_close(found, torch.autograd.grad(wanted["fc"][:, 2].sum(), wanted[layer])[0])


def test_images_without_a_gradient_make_no_graph(tiny, images):
    assert not activations(tiny, images, "fc")["fc"].requires_grad


class Failing(nn.Module):
    """Fails above its first layer."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.conv1, self.fc, self.error = nn.Conv2d(3, 4, 1), nn.Linear(4, 2), error

    def forward(self, images: Tensor) -> Tensor:
        self.conv1(images)
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("broken"), ValueError("broken"), KeyboardInterrupt("broken")])
@pytest.mark.parametrize("read", [activations, recording, evaluate])
def test_hooks_are_gone_after_an_exception_inside_the_model(images, error, read):
    model = Failing(error)
    with pytest.raises(type(error), match="broken"):
        read(model, images, ["conv1", "fc"])
    assert hooks(model) == 0


def test_hooks_are_gone_after_an_exception_inside_the_block(tiny):
    with pytest.raises(ValueError, match="ours"), recorded(tiny, LAYERS):
        raise ValueError("ours")
    assert hooks(tiny) == 0


@pytest.mark.parametrize("read", [activations, recording, evaluate])
def test_hooks_are_gone_after_a_wrong_name_and_near_names_are_said(tiny, images, read):
    with pytest.raises(LayerNotFound, match=r"Tiny has no layer 'conv2'; near ones: conv1"):
        read(tiny, images, ["fc", "conv1", "conv2"])
    assert hooks(tiny) == 0


class Swallowing(nn.Module):
    """Has a careless `except` around its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.went_on = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), False

    def forward(self, images: Tensor) -> Tensor:
        x = images
        try:
            x = self.conv1(images)
        except Exception:  # noqa: BLE001
            self.went_on = True
        return self.conv2(x)


def test_a_model_that_catches_exceptions_still_stops_early(images):
    model = Swallowing()
    activations(model, images, "conv1")
    assert not model.went_on


def test_a_layer_that_never_runs_is_named(tiny, images):
    with pytest.raises(LayerNotFound, match=r"never reach layer 'unused' of Tiny"):
        activations(tiny, images, ["conv1", "unused"])


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x * 2


class WithPair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pair, self.conv = Pair(), nn.Conv2d(3, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv(self.pair(images)[1])


def test_a_layer_that_puts_out_several_tensors_is_refused(images):
    model = WithPair()
    with pytest.raises(LayerNotFound, match=r"layer 'pair' puts out a tuple, not one tensor; choose one inside it"):
        activations(model, images, "pair")
    assert hooks(model) == 0
    assert activations(model, images, "conv")["conv"].shape == (3, 4, 16, 16)
    assert list(layer_shapes(model, 8)) == ["conv"]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("compiled", [torch.jit.script, lambda layer: torch.jit.trace(layer, torch.rand(1, 3, 4, 4))])
def test_a_layer_inside_torchscript_is_refused_with_the_mend(images, compiled):
    model = as_classifier(nn.Sequential(nn.Conv2d(3, 3, 1), compiled(nn.Sequential(nn.Conv2d(3, 4, 1)))))
    with pytest.raises(LayerNotFound, match=r"TorchScript hides what layer '1.0' puts out; use the module it was made"):
        activations(model, images, ["0", "1.0"])
    assert hooks(model) == 0
    assert activations(model, images, "0")["0"].shape == (3, 3, 16, 16)
    assert model(images).shape == (3, 4, 16, 16)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv(self.conv(images))


def test_a_layer_that_runs_twice_is_recorded_at_its_first(images):
    model = Twice()
    assert torch.equal(activations(model, images, "conv")["conv"], model.conv(images))
    assert torch.equal(recording(model, images, ["conv"])["conv"], model.conv(images))


@pytest.mark.parametrize(("make", "layer", "side"), [(VGG19, "pool5", 16), (GoogLeNet, "inception_4c", 1)])
def test_images_too_small_for_a_layer_are_refused_with_the_mend(make, layer, side):
    model = make()
    with pytest.raises(
        BadInput, match=rf"images of {side}x{side} pixels are too small for layers .*{layer}.*; enlarge them"
    ):
        activations(model, torch.rand(1, 3, side, side), layer)
    assert hooks(model) == 0


def test_images_too_small_for_the_whole_network_still_reach_its_lower_layers():
    assert activations(VGG19(), torch.rand(1, 3, 16, 16), "pool4")["pool4"].shape == (1, 512, 1, 1)


@pytest.mark.parametrize("batch", [1, 2, 3, 16])
@pytest.mark.parametrize("kind", [list, tuple, iter, dict.fromkeys])
def test_evaluating_in_batches_is_evaluating_at_once(tiny, images, batch, kind):
    found = evaluate(tiny, images.requires_grad_(), kind(["block", "conv1"]), batch)
    assert list(found) == ["block", "conv1"]
    for name, wanted in activations(tiny, images, ["block", "conv1"]).items():
        torch.testing.assert_close(found[name], wanted.detach())
        assert not found[name].requires_grad


@pytest.mark.parametrize("pieces", [1, 2, 3, 16])
def test_pieces_put_together_are_the_whole(tiny, images, pieces):
    images.requires_grad_()
    found = activations(tiny, images, ["block", "conv1"], pieces=pieces)
    assert list(found) == ["block", "conv1"]
    for name, wanted in activations(tiny, images, ["block", "conv1"]).items():
        torch.testing.assert_close(found[name], wanted)
        gradients = (
            torch.autograd.grad(read.square().sum(), images, retain_graph=True)[0] for read in (found[name], wanted)
        )
        torch.testing.assert_close(*gradients)


def test_one_by_one_an_images_bits_do_not_depend_on_its_batch(embedded):
    def read(images: Tensor) -> tuple[Tensor, Tensor]:
        leaf = images.clone().requires_grad_()
        found = activations(embedded, leaf, "blocks.10", pieces=1)["blocks.10"]
        return found.detach(), torch.autograd.grad(found.square().sum(), leaf)[0]

    images = torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    together = read(images)
    for index in range(5):
        for whole, alone in zip(together, read(images[index : index + 1]), strict=True):
            assert torch.equal(whole[index : index + 1], alone)


@pytest.mark.parametrize("pieces", [0, -1])
def test_pieces_without_an_image_are_refused(tiny, images, pieces):
    with pytest.raises(BadInput, match=f"pieces must hold at least one image, not {pieces}"):
        activations(tiny, images, "conv1", pieces=pieces)


class Digits(nn.Module):
    """Takes one grey channel of 28x28 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 5), nn.Linear(4 * 24 * 24, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.conv(images).flatten(1))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            VisionTransformer(32, 16, 1, 2, 8, 16),
            r"do not fit VisionTransformer, which takes one size only; give that `size` to as_classifier",
        ),
        (
            as_classifier(Digits(), mean=0.5, std=0.5, greyscale=True),
            r"do not fit Digits, which takes one size only; give that `size` to as_classifier",
        ),
        (Digits(), r"are coloured, Digits takes grey ones; give greyscale=True to as_classifier"),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3)).bfloat16(),
            r"are float32, and the weights of Sequential are not; as_classifier converts the images",
        ),
    ],
)
def test_what_a_network_refuses_is_said_with_the_mend(model, said):
    with pytest.raises(BadInput, match=rf"^images of 40x48 pixels {said}$"):
        activations(model, torch.rand(1, 3, 40, 48), LOGITS)
    assert hooks(model) == 0


def test_shapes_are_those_that_the_layers_put_out(tiny):
    top = {"conv1": (4, 20, 20), "relu1": (4, 20, 20), "block": (5, 9, 9), "pool": (5, 1, 1), "fc": (6,)}
    inside = {"block.0": (5, 9, 9), "block.1": (5, 9, 9)}
    assert layer_shapes(tiny, 20, inside=True) == top | inside
    assert layer_shapes(tiny, 20) == top | inside  # a plain sequence is no block: its parts are layers too
    assert "unused" not in layer_shapes(tiny, 20)
    assert list(layer_shapes(tiny, 20)) == ["conv1", "relu1", "block", "block.0", "block.1", "pool", "fc"]


def test_a_block_counts_as_one_layer_unless_asked():
    shapes = layer_shapes(GoogLeNet(), 64)
    assert shapes["inception_4c"] == (512, 4, 4)
    assert not any("." in name for name in shapes)
    inside = layer_shapes(GoogLeNet(), 64, inside=True)
    assert inside["inception_4c.3x3_reduce"] == (128, 4, 4)
    assert inside["inception_4c.5x5_reduce"] == (24, 4, 4)
