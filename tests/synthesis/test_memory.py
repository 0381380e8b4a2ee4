"""The estimate of memory: against the tensors that a graph really keeps, and what a refusal says."""

import gc
import re

import pytest
import torch
from synthesis.small import network, pictures
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.synthesis import memory
from innerview.synthesis.descent import Descent, descend
from innerview.synthesis.losses import style_loss
from innerview.synthesis.memory import OVERHEAD, SPARE, check_memory, needed_memory

GIB = 2**30


def kept(model, layers, size):
    """Bytes of all tensors that the graph of one image keeps at its true size, weights apart."""
    storages = {}
    weights = {id(weight) for weight in model.parameters()}

    def note(tensor):
        if id(tensor) not in weights:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = torch.rand(1, 3, *size, requires_grad=True)
    read = {}
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        for name, layer in model.named_children():
            x = read[name] = layer(x)
            if name == layers[-1]:
                break
    for layer in layers:
        note(read[layer])
    return sum(storages.values())


def test_the_estimate_of_a_small_network_is_counted_by_hand():
    """Kept for each pixel: the image (3 numbers), conv1's output once (4), a quarter of pool1's (4) and relu2's (6)."""
    pixels = 96 * 128
    own = 12 * pixels * (2 * 7 + SPARE)
    numbers = 3 + 4 + 4 / 4 + 6 / 4
    assert needed_memory(network(), ["relu2"], (96, 128), 7) == own + round(OVERHEAD * 4 * numbers * pixels)
    assert needed_memory(network(), [], (96, 128), 7) == own


@pytest.mark.parametrize("size", [(48, 40), (64, 64), (200, 90), (256, 320)])
@pytest.mark.parametrize("layers", [["relu1"], ["conv1", "relu2"]])
def test_the_estimate_is_what_the_graph_keeps_at_its_true_size(layers, size):
    pixels = size[0] * size[1]
    estimate = (needed_memory(network(), layers, size) - 12 * pixels * SPARE) / OVERHEAD
    assert estimate == pytest.approx(kept(network(), layers, size), rel=0.02)


def test_pieces_of_one_tensor_are_counted_once():
    class Split(nn.Module):
        def forward(self, images):
            return torch.cat([one.exp().sin() for one in (3 * images).chunk(3, dim=1)], dim=1).square()

    model = nn.Sequential(Split())
    pixels = 64 * 64
    estimate = (needed_memory(model, ["0"], (64, 64)) - 12 * pixels * SPARE) / OVERHEAD / pixels / 4
    # exp keeps its output (sin its input, the same); square keeps its input; what is read counts, too
    assert estimate == pytest.approx(3 + 3 + 3, rel=0.01)


def test_memory_grows_with_depth_size_and_history():
    model = network()
    usual = needed_memory(model, ["relu1"], (64, 64), 10)
    assert needed_memory(model, ["relu2"], (64, 64), 10) > usual
    assert needed_memory(model, ["relu1"], (128, 64), 10) == pytest.approx(2 * usual)
    assert needed_memory(model, ["relu1"], (64, 64), 20) == usual + 10 * 2 * 3 * 64 * 64 * 4


def test_a_refusal_names_the_size_that_fits(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda _: GIB // 4)
    model, size = network(), (1200, 900)
    with pytest.raises(BadInput, match=r"1200x900 pixels needs about 2\.\d GiB of memory, and 0\.2 are free") as error:
        check_memory(model, ["relu2"], size, 100)
    said = re.search(r"make its shorter side (\d+) pixels", str(error.value))
    assert said is not None
    side = int(said[1])
    assert side % 8 == 0
    check_memory(model, ["relu2"], (side * 4 // 3, side), 100)
    larger = side + 16
    with pytest.raises(BadInput):
        check_memory(model, ["relu2"], (larger * 4 // 3, larger), 100)


def test_where_no_size_fits_no_size_is_named(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda _: 1000)
    with pytest.raises(BadInput, match=r"0\.0 are free; free some$"):
        check_memory(network(), ["relu2"], (64, 64))


def test_a_descent_asks_before_it_begins(monkeypatch):
    model = network()
    loss = style_loss(model, pictures(seed=2), ["relu2"])
    needed = needed_memory(model, ["relu2"], (64, 64), 50)
    monkeypatch.setattr(memory, "free_memory", lambda _: needed - 1)
    start = pictures(1, (64, 64))
    with pytest.raises(BadInput, match="64x64 pixels needs"):
        descend(model, loss, start, Descent(2, history=50))
    descend(model, loss, start, Descent(2, history=49))
    descend(model, loss, start, Descent(2, "adam", history=50))  # it remembers none


def test_what_is_free_on_this_machine_is_some():
    assert memory.free_memory(torch.device("cpu")) > 2**20
    assert memory.device_of(network()) == torch.device("cpu")
    assert memory.device_of(nn.Identity()) == torch.device("cpu")


def test_a_network_for_large_images_only_is_not_judged_by_a_small_one():
    model = nn.Sequential(nn.Conv2d(3, 2, 80))
    pixels = 100 * 100
    assert needed_memory(model, ["0"], (100, 100)) == 12 * pixels * SPARE
    with pytest.raises(BadInput, match="images of 60x60 pixels are too small"):
        needed_memory(model, ["0"], (60, 60))


@pytest.mark.parametrize("side", [32, 300])
def test_a_layer_that_is_not_there_is_said_at_any_size(side):
    with pytest.raises(LayerNotFound, match="no layer 'relu3'"):
        needed_memory(network(), ["relu3"], (side, side))


def test_the_estimate_leaves_no_tensors_behind():
    """A graph that its own hooks hold is out of reach of Python's garbage collector."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))

    def tensors():
        gc.collect()
        return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())

    needed_memory(model, ["2"], (32, 32))
    before = tensors()
    for _ in range(5):
        needed_memory(model, ["2"], (32, 32))
    assert tensors() == before
