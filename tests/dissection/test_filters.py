"""First filters: which layer they are of, and stripes of known colour, frequency and orientation."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite
from innerview.dissection import first_filters, traits
from innerview.models import as_classifier


def stripes(frequency: float, degrees: float, color: tuple[float, float, float], size: int = 21) -> Tensor:
    """A wave under a Gaussian: stripes at an angle to the level, counted anticlockwise."""
    rows, columns = torch.meshgrid(*[torch.arange(size) - size // 2] * 2, indexing="ij")
    angle = math.radians(degrees)
    across = columns * math.sin(angle) + rows * math.cos(angle)  # rows count downwards
    wave = torch.cos(2 * math.pi * frequency * across) * torch.exp(-(rows**2 + columns**2) / (2 * (size / 5) ** 2))
    return torch.tensor(color)[:, None, None] * wave


def apart(one: float, other: float) -> float:
    return abs((one - other + 90) % 180 - 90)


@pytest.mark.parametrize("seed", range(20))
def test_stripes_are_found_as_they_were_made(seed: int) -> None:
    draws = np.random.default_rng(seed)
    frequency, degrees, strength = (float(draws.uniform(*ends)) for ends in ((0.12, 0.42), (0, 179), (0.1, 10)))
    found = traits(strength * stripes(frequency, degrees, (1, 1, 1))[None])
    assert float(found.frequency) == pytest.approx(frequency, abs=0.02)
    assert apart(float(found.orientation), degrees) < 4
    assert float(found.color) == pytest.approx(0, abs=1e-6)


def test_stripes_that_rise_to_the_right_rise_in_the_picture() -> None:
    """By hand: along a line that goes up and to the right the filter is constant."""
    weights = stripes(0.2, 45, (1, 1, 1))
    assert float(weights[0, 8, 12]) == pytest.approx(float(weights[0, 12, 8]))
    assert float(weights[0, 9, 11] / weights[0, 10, 10]) > 0.8
    assert apart(float(traits(weights[None]).orientation), 45) < 2


HUES = {"red": (0, (1, -0.5, -0.5)), "cyan": (0, (-1, 0.5, 0.5)), "yellow": (60, (0.5, 0.5, -1)),
        "green": (120, (-0.5, 1, -0.5)), "magenta": (120, (0.5, -1, 0.5))}  # fmt: skip


@pytest.mark.parametrize("name", HUES)
def test_opposite_colours_have_one_hue(name: str) -> None:
    hue, color = HUES[name]
    found = traits(stripes(0.2, 30, color)[None])
    assert apart(float(found.hue), hue) < 1e-3
    assert float(found.color) == pytest.approx(1)


def test_grey_and_colour_share_the_energy() -> None:
    grey, red = stripes(0.2, 10, (1, 1, 1)), stripes(0.2, 10, (1, -0.5, -0.5))
    share = float(traits((grey + red)[None]).color)
    assert share == pytest.approx(1.5 / (3 + 1.5))  # 1 + .25 + .25 against 1 + 1 + 1
    blot = traits(torch.ones(1, 3, 7, 7))
    assert float(blot.frequency) == 0
    assert float(blot.color) == pytest.approx(0, abs=1e-6)
    silent = traits(torch.zeros(1, 3, 7, 7))
    assert torch.isfinite(torch.stack([silent.color, silent.hue, silent.frequency, silent.orientation])).all()


def test_orders() -> None:
    weights = torch.stack(
        [stripes(0.3, 90, (-0.5, 1, -0.5)), stripes(0.4, 20, (1, 1, 1)), stripes(0.1, 50, (1, 1, 1.1)),
         stripes(0.2, 60, (1, -0.4, -0.4))]
    )  # fmt: skip
    found = traits(weights)
    assert found.order("frequency").tolist() == [2, 3, 0, 1]
    assert found.order("orientation").tolist() == [1, 2, 3, 0]
    assert found.order("color").tolist() == [1, 2, 3, 0]
    assert found.order("hue").tolist() == [2, 1, 3, 0]  # grey ones by frequency, then red, then green
    assert found.grey.tolist() == [False, True, True, False]
    with pytest.raises(BadInput, match="filters have no 'colour'; near ones: color"):
        found.order("colour")
    with pytest.raises(NotFinite, match="weights that are NaN"):
        traits(torch.full((1, 3, 2, 2), torch.nan))


class Late(nn.Module):
    """The convolution that runs first is not the first in the list."""

    def __init__(self, inputs: int = 3, groups: int = 1) -> None:
        super().__init__()
        self.second = nn.Conv2d(6, 2, 1)
        self.first = nn.Conv2d(inputs, 6, (5, 3), stride=(2, 1), groups=groups)
        self.unused = nn.Conv2d(3, 2, 1)
        self.fc = nn.Linear(2, 4)

    def forward(self, images: Tensor) -> Tensor:
        x = images.mean(1, keepdim=True) if self.first.in_channels == 1 else images
        return self.fc(self.second(self.first(x)).mean((2, 3)))


def test_the_first_convolution_is_the_one_that_runs_first() -> None:
    model = Late()
    found = first_filters(model, 32)
    assert (found.layer, found.stride) == ("first", (2, 1))
    assert torch.equal(found.weights, model.first.weight)
    assert not found.weights.requires_grad
    assert not any(layer._forward_pre_hooks for layer in model.modules())
    wrapped = as_classifier(model.eval().requires_grad_(False), mean=0.5, std=0.5)
    assert first_filters(wrapped, 32).layer == "first"


@pytest.mark.parametrize(("inputs", "groups"), [(1, 1), (3, 3)])
def test_filters_that_do_not_read_three_colours_are_refused(inputs: int, groups: int) -> None:
    with pytest.raises(BadInput, match="the filters of layer 'first' read 1 channels, not three colours"):
        first_filters(Late(inputs, groups), 32)


def test_a_network_without_convolution_is_refused_and_keeps_no_hook_after_an_error() -> None:
    with pytest.raises(BadInput, match="no convolution of Sequential runs"):
        first_filters(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2)), 8)
    model = Late()
    with pytest.raises(RuntimeError):
        first_filters(model, 2)
    assert not any(layer._forward_pre_hooks for layer in model.modules())


def test_the_embedded_model_begins_with_32_filters_of_three_pixels(embedded: nn.Module) -> None:
    found = first_filters(embedded)
    assert (found.layer, tuple(found.weights.shape), found.stride) == ("conv_stem", (32, 3, 3, 3), (2, 2))
