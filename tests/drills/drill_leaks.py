"""A thousand small renders in a loop, some of which fail in the middle: nothing is left behind, nothing grows."""

from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import pytest
import torch
from torch import Tensor, nn
from traces import Held, memory, objects, state

from innerview.attribution.methods import METHODS
from innerview.core.errors import LayerNotFound
from innerview.models import activations
from innerview.models.classifier import frozen
from innerview.optimize import Recipe, channel, visualize
from innerview.synthesis import (
    Descent,
    DreamRecipe,
    InversionRecipe,
    StyleRecipe,
    TextureRecipe,
    deepdream,
    invert,
    style_transfer,
    texture,
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells what a process holds")

RENDERS, WARM, WINDOW = 1000, 300, 200
MOST_GROWTH = 6.0
"""MiB between two windows: what the allocator may hold more or less of; a leaked gradient graph a render is more."""

MOST_OBJECTS = 100
"""Of one type, more at the end than after the warm-up: fewer than one for each round."""


class Breaking(nn.Module):
    """A layer that can raise an exception in one of its next calls."""

    def __init__(self) -> None:
        super().__init__()
        self.left = -1
        self.error: type[BaseException] = KeyboardInterrupt

    def forward(self, x: Tensor) -> Tensor:
        self.left -= 1
        if self.left == 0:
            raise self.error
        return x


def network() -> nn.Sequential:
    """A classifier of milliseconds; its layers are called by their numbers."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        layers = [
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            Breaking(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
        ]
        return frozen(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)))


IMAGES = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
DESCENT = Descent(steps=2)
Render = Callable[[nn.Sequential, int], object]


def explaining(name: str) -> Render:
    return lambda model, seed: METHODS[name].explain(model, IMAGES, [seed % 5], "5", seed=seed)


def missing(model: nn.Module, _seed: int) -> None:
    with pytest.raises(LayerNotFound):
        activations(model, IMAGES, ["1", "nowhere"])


def broken(render: Render, error: type[BaseException], calls: int) -> Render:
    """Return a render that ends with an exception in a call of the model."""

    def run(model: nn.Sequential, seed: int) -> None:
        layer = model[2]
        assert isinstance(layer, Breaking)
        layer.left, layer.error = calls, error
        with pytest.raises(error):
            render(model, seed)
        layer.left = -1

    return run


RENDERS_OF: dict[str, Render] = {
    "visualize": lambda model, seed: visualize(
        model, channel("0", seed % 8), size=32, recipe=Recipe(steps=3), seed=seed
    ),
    "dream": lambda model, _: deepdream(model, IMAGES, channel("5", 1), recipe=DreamRecipe(octaves=1, steps=2)),
    "style": lambda model, seed: style_transfer(
        model, IMAGES, [IMAGES.flip(3)], recipe=StyleRecipe(("5",), {"1": 1.0}, descent=DESCENT), seed=seed
    ),
    "texture": lambda model, seed: texture(
        model, IMAGES, size=32, recipe=TextureRecipe({"1": 1.0, "5": 1.0}, descent=DESCENT), seed=seed
    ),
    "invert": lambda model, seed: invert(model, IMAGES, "5", recipe=InversionRecipe(descent=DESCENT), seed=seed),
    "activations": lambda model, _: activations(model, IMAGES, ["1", "5"]),
    **{name: explaining(name) for name in METHODS},
    "missing layer": missing,
}
RENDERS_OF |= {
    f"{name}, {error.__name__} at call {calls}": broken(RENDERS_OF[name], error, calls)
    for name, error, calls in (
        ("texture", KeyboardInterrupt, 2), ("dream", RuntimeError, 2), ("style", KeyboardInterrupt, 3),
        ("activations", RuntimeError, 1), ("guided_backprop", KeyboardInterrupt, 1), ("grad_cam", RuntimeError, 1),
        ("deconvnet", RuntimeError, 1), ("invert", KeyboardInterrupt, 2),
    )
}  # fmt: skip


def test_a_thousand_renders_leave_nothing_behind() -> None:
    model = network()
    before, used = state(model), []
    held, counted = Held.now(), objects()
    for number, (name, render) in enumerate(islice(cycle(RENDERS_OF.items()), RENDERS)):
        render(model, number)
        assert state(model) == before, f"{name}, render {number}"
        used.append(memory())
        if number == WARM:
            held, counted = Held.now(), objects()
    assert Held.now() == held
    assert median(used[-WINDOW:]) - median(used[WARM : WARM + WINDOW]) < MOST_GROWTH
    grown = {kind: count for kind, count in (objects() - counted).items() if count > MOST_OBJECTS}
    assert not grown
