"""A leaf: the graph begins at a layer, and nothing of the model or its results changes."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import LayerNotFound
from innerview.models import as_classifier, leaf


def hooks(model: nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in model.modules())


@pytest.fixture(autouse=True)
def no_hook_is_left(tiny: nn.Module) -> Iterator[None]:
    yield
    assert hooks(tiny) == 0


def upper_half(tiny: nn.Module, name: str, source: Tensor) -> Tensor:
    """Go on from a layer's output by hand, without in-place layers."""
    x = source
    if name in ("conv1", "first"):
        x = F.relu(x)
    if name in ("conv1", "first", "relu1"):
        x = tiny.get_submodule("block.0")(x)
    if name in ("conv1", "first", "relu1", "block.0"):
        x = F.relu(x)
    if name != "pool":
        x = tiny.get_submodule("pool")(x)
    return tiny.get_submodule("fc")(x.flatten(1))


LAYERS = ["conv1", "first", "relu1", "block.0", "block", "pool"]


@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_of_a_leaf_is_that_of_what_stands_above(tiny: nn.Module, images: Tensor, name: str) -> None:
    """Layers in place above it do not change what was recorded, nor its gradient."""
    plain = tiny(images)
    with leaf(tiny, name) as record:
        logits = tiny(images)
    assert torch.equal(logits, plain)
    assert list(record) == [name]
    source = record[name].detach().clone().requires_grad_()
    above = upper_half(tiny, name, source)
    assert torch.allclose(above, plain, atol=1e-6)  # what was recorded is the layer's output
    (wanted,) = torch.autograd.grad(above[:, 2].sum(), source)
    (found,) = torch.autograd.grad(logits[:, 2].sum(), record[name])
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-8)
    assert found.any()


def test_the_graph_begins_there(tiny: nn.Module, images: Tensor) -> None:
    images.requires_grad_()
    tiny.requires_grad_(True)
    with leaf(tiny, "block.0") as record:
        logits = tiny(images)
    assert record["block.0"].is_leaf
    weights = dict(tiny.named_parameters())
    sources = [images, weights["conv1.weight"], weights["fc.weight"]]
    found = torch.autograd.grad(logits.sum(), sources, allow_unused=True)
    assert found[0] is None
    assert found[1] is None
    assert found[2] is not None


def test_it_is_recorded_only_while_the_block_runs(tiny: nn.Module, images: Tensor) -> None:
    with leaf(tiny, "relu1") as record:
        assert record == {}
        tiny(images[:1])
        assert len(record["relu1"]) == 1
        tiny(images)
        assert len(record["relu1"]) == 1  # the first pass's
    assert not tiny(images).requires_grad


def test_a_layer_that_runs_twice_is_cut_at_its_first() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.triple = Triple()

        def forward(self, x: Tensor) -> Tensor:
            return self.triple(self.triple(x))

    class Triple(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 3 * x

    model, x = Twice(), torch.tensor([[2.0]])
    with leaf(model, "triple") as record:
        output = model(x)
    assert record["triple"].item() == 6
    assert torch.autograd.grad(output.sum(), record["triple"])[0].item() == 3


def test_a_layer_that_puts_channels_last_is_read_channels_first() -> None:
    class Last(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.permute(0, 2, 3, 1) * 2

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = Last()

        def forward(self, x: Tensor) -> Tensor:
            return (self.last(x) * torch.tensor([1.0, 10.0, 100.0])).mean((1, 2))

    model = as_classifier(Net(), mean=0, std=1, channels_last=["last"])
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    with leaf(model, "last") as record:
        logits = model(images)
    assert torch.allclose(record["last"], 2 * images)
    (found,) = torch.autograd.grad(logits.sum(), record["last"])
    assert torch.allclose(found, torch.tensor([1.0, 10.0, 100.0])[:, None, None].expand(2, 3, 4, 5) / 20)


def test_hooks_go_after_an_exception(tiny: nn.Module, images: Tensor) -> None:
    with pytest.raises(KeyError), leaf(tiny, "relu1"):
        raise KeyError(tiny(images).shape)
    assert hooks(tiny) == 0
    assert not tiny(images).requires_grad


def test_an_unknown_layer_is_refused(tiny: nn.Module) -> None:
    with pytest.raises(LayerNotFound, match="no layer 'relu9'; near ones: relu1"), leaf(tiny, "relu9"):
        pass
