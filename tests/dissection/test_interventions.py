"""Switched units: what the network computes when some of its channels are fixed."""

import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.dissection import switched
from innerview.models.classifier import frozen


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return frozen(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.Flatten(), nn.Linear(72, 5)))


IMAGES = torch.rand((2, 3, 8, 8), generator=torch.Generator().manual_seed(0))


def literal(network, change):
    maps = network[1](network[0](IMAGES)).clone()
    change(maps)
    return network[2](maps)


@pytest.mark.parametrize("value", [0.0, 1.5, torch.tensor([2.0, -1.0])])
def test_units_are_fixed_everywhere(network, value):
    def change(maps):
        maps[:, 3], maps[:, 1] = torch.as_tensor(value).expand(2)

    with switched(network, "1", [3, 1], value):
        found = network[:3](IMAGES)
    assert torch.equal(found, literal(network, change))
    assert torch.equal(network[:3](IMAGES), literal(network, lambda _: None))


def test_units_are_fixed_where_it_is_said(network):
    where = torch.zeros(6, 6, dtype=torch.bool)
    where[2:4, 1] = True

    def change(maps):
        maps[:, 0, 2:4, 1] = 7.0
        maps[:, 2, 2:4, 1] = 9.0

    with switched(network, "1", [0, 2], torch.tensor([7.0, 9.0]), where):
        found = network[:3](IMAGES)
    assert torch.equal(found, literal(network, change))


def test_units_without_positions(network):
    with switched(network, "4", [2], 3.0):
        found = network(IMAGES)
    expected = network(IMAGES).clone()
    expected[:, 2] = 3.0
    assert torch.equal(found, expected)


def test_gradients_go_through_what_is_left(network):
    images = IMAGES.clone().requires_grad_()
    with switched(network, "1", [0, 1, 2, 3]):
        gradient = torch.autograd.grad(network[:3](images).sum(), images, allow_unused=True)[0]
    assert gradient is None or not gradient.any()
    with switched(network, "1", [0]):
        (gradient,) = torch.autograd.grad(network[:3](images).sum(), images)
    assert gradient.any()


def test_hooks_are_gone_after_an_error(network):
    with pytest.raises(ZeroDivisionError), switched(network, "1", [0], 5.0):
        raise ZeroDivisionError
    assert torch.equal(network[:3](IMAGES), literal(network, lambda _: None))


@pytest.mark.parametrize(
    ("layer", "units", "value", "where", "message"),
    [
        ("1", [4], 0.0, None, "has the units 0 to 3; unit 4"),
        ("1", [-1], 0.0, None, "unit -1 is none"),
        ("1", [], 0.0, None, "none is named"),
        ("1", [0, 1], torch.zeros(3), None, "3 values for 2 units"),
        ("1", [0], 0.0, torch.ones(2, 2, dtype=torch.bool), "6x6 positions"),
        ("4", [0], 0.0, torch.ones(2, 2, dtype=torch.bool), "has no positions"),
    ],
)
def test_what_cannot_be_switched_is_one_line(network, layer, units, value, where, message):
    with pytest.raises(BadInput, match=message), switched(network, layer, units, value, where):
        network(IMAGES)


def test_a_wrong_layer_is_named(network):
    with pytest.raises(LayerNotFound), switched(network, "nothing", [0]):
        network(IMAGES)
