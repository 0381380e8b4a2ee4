"""Weights of a training in another model: right ones whole, wrong ones not at all."""

import copy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from training.small import ENDING, Judge, cross_entropy, same, small_network

from innerview.core.errors import BadInput
from innerview.training import load_weights, train


@pytest.fixture
def folder(tmp_path, network, samples):
    recipe = replace(ENDING, snapshots=(0, 2))
    train(network, samples, cross_entropy, recipe, validate=Judge(network), folder=tmp_path)
    return tmp_path


def test_every_file_of_a_training_fills_a_model(folder, network, samples):
    files = ["best.safetensors", "epoch-2.safetensors", "epoch-0.safetensors", "state.safetensors"]
    best, second, first, last = (copy.deepcopy(small_network(7)) for _ in files)
    for model, name in zip((best, second, first, last), files, strict=True):
        load_weights(model, folder / name)
    assert same(best, second)
    assert same(first, network)
    assert not same(last, second)
    longer = train(
        network, samples, cross_entropy, replace(ENDING, early_stop=None, snapshots=(4,)), folder=folder / "b"
    )
    last_epoch = copy.deepcopy(network)
    last_epoch.load_state_dict(longer.snapshot(4))
    assert same(last, last_epoch)
    assert all(parameter.requires_grad for parameter in best.parameters())


def test_a_model_whose_parts_are_called_like_those_of_a_state_is_told_apart(tmp_path):
    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.losses = nn.Linear(2, 3), nn.Parameter(torch.rand(4))
            self.head = nn.Linear(3, 1)

    before, after = Parts(), Parts()
    save_file(before.state_dict(), tmp_path / "epoch-1.safetensors")
    load_weights(after, tmp_path / "epoch-1.safetensors")
    assert same(before, after)


OTHERS = {
    "wider": (lambda: swapped(5, nn.Linear(144, 7)), r"5\.weight is \(3, 144\), this one has \(7, 144\)"),
    "without bias": (lambda: swapped(5, nn.Linear(144, 3, bias=False)), r"this one has no 5\.bias"),
    "with more": (lambda: nn.Sequential(*small_network(), nn.Linear(3, 3)), r"6\.weight is missing"),
    "otherwise": (lambda: swapped(1, nn.Identity()), r"this one has no 1\.bias"),
}


def swapped(place, module):
    network = small_network(3)
    network[place] = module
    return network


@pytest.mark.parametrize("name", ["state", "best", "epoch-2"])
@pytest.mark.parametrize(("other", "message"), OTHERS.values(), ids=list(OTHERS))
def test_weights_of_another_network_are_refused_and_nothing_is_changed(folder, name, other, message):
    model = other()
    before = copy.deepcopy(model)
    with pytest.raises(BadInput, match=rf"{name}\.safetensors holds weights of another network: {message}$"):
        load_weights(model, folder / f"{name}.safetensors")
    assert same(model, before)


def test_a_state_of_another_network_does_not_go_on(folder, samples):
    """As when files were moved between folders."""
    model = swapped(5, nn.Linear(144, 7))
    (folder / "training.json").unlink()
    with pytest.raises(BadInput, match=r"state\.safetensors holds weights of another network: 5\.weight is"):
        train(model, samples, cross_entropy, ENDING, validate=Judge(model), folder=folder)


def test_a_file_that_cannot_be_read_is_named(folder, network):
    before = copy.deepcopy(network)
    state = folder / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    (folder / "empty.safetensors").touch()
    for name in ("state.safetensors", "empty.safetensors", "log.jsonl", "absent.safetensors", ""):
        with pytest.raises(
            BadInput, match=r"cannot read weights from .*; give a \.safetensors file of a training"
        ) as told:
            load_weights(network, folder / name)
        assert "\n" not in str(told.value)
    assert same(network, before)
