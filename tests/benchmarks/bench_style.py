"""Style transfer: a step beside the bare network, beside PyTorch's tutorial, and 300 steps beside one pass."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from alternating import alternate, seconds
from plain_style import CONTENT_LAYERS, run_style_transfer
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from innerview.core.images import from_array
from innerview.core.types import Images, Values
from innerview.models import load_model
from innerview.synthesis import (
    RELEASED_WEIGHTS,
    STYLE_LAYERS,
    Descent,
    Loss,
    StyleRecipe,
    Term,
    content_loss,
    descend,
    style_loss,
    style_transfer,
)
from innerview.synthesis.losses import PIXELS
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork, stylize

SIZE = 256
STEPS = 20  # what one call of L-BFGS takes by default, as the tutorial calls it
FOUR_STYLES = StyleArchitecture(20, 4, "conditional", styles=("a", "b", "c", "d"))


@pytest.fixture(scope="session")
def vgg(available: Callable[[str], Any]) -> Any:
    available("vgg19_uint8")
    available("vgg19_float32_early")
    return load_model("vgg19_normalized")


def blobs(spot: float, seed: int) -> Images:
    """Noise, smoothed to spots of so many pixels."""
    noise = np.random.default_rng(seed).normal(size=(SIZE, SIZE, 3))
    smooth = gaussian_filter(noise, (spot, spot, 0), mode="wrap")
    return from_array((0.5 + 0.2 * smooth / smooth.std()).clip(0, 1))


CONTENT, STYLE = blobs(16, 0), blobs(3, 1)


def bare(model: nn.Module) -> None:
    """Go forward through the layers that a transfer reads, and back, with no loss, no hook and no optimiser."""
    images = CONTENT.clone().requires_grad_()
    read: list[Tensor] = []
    x: Tensor = images
    for name, layer in model.named_children():
        x = layer(x)
        if name in (*CONTENT_LAYERS, *STYLE_LAYERS):
            read.append(x)
        if name == STYLE_LAYERS[-1]:
            break
    torch.autograd.grad(read, images, [torch.ones_like(one) for one in read])


class Turns:
    """Lets something else run before each step of a descent, and times both: pairs of seconds."""

    def __init__(self, other: Callable[[], Any]) -> None:
        self.other = other
        self.pairs: list[tuple[float, float]] = []
        self.since: float | None = None

    def __call__(self, images: Images) -> Values:
        arrived = time.perf_counter()
        theirs = seconds(self.other)
        if self.since is not None:
            self.pairs.append((arrived - self.since, theirs))
        self.since = time.perf_counter()
        return images.new_zeros(len(images))

    def report(self) -> dict[str, float]:
        """Return medians, and the quartiles of the ratio ours / theirs; the first steps warm up, the last is none."""
        kept = self.pairs[3:-1]
        low, median, high = statistics.quantiles((ours / theirs for ours, theirs in kept), n=4)
        ours, theirs = (statistics.median(side) for side in zip(*kept, strict=True))
        return {"median": median, "low": low, "high": high, "ours": ours, "theirs": theirs}


def steps_in_turn(vgg: nn.Module, other: Callable[[], Any], steps: int) -> dict[str, float]:
    """Descend on the loss of a style transfer, each step in turn with something else."""
    turns = Turns(other)
    loss = content_loss(vgg, CONTENT, CONTENT_LAYERS) + style_loss(vgg, STYLE, RELEASED_WEIGHTS)
    descend(vgg, loss + Loss((Term("turns", PIXELS, turns),)), CONTENT, Descent(steps))
    return turns.report()


def test_a_step_beside_the_bare_network(benchmark: Any, vgg: Any) -> None:
    """Median, low and high: how many times as long a step takes as the network alone, forward and back."""
    benchmark.extra_info.update(steps_in_turn(vgg, lambda: bare(vgg), 40))
    benchmark.pedantic(bare, (vgg,), rounds=3)


def test_beside_the_tutorial(benchmark: Any, vgg: Any) -> None:
    """Whole transfers of 20 steps; median, low and high: how many times as fast ours is."""
    recipe = StyleRecipe(content=CONTENT_LAYERS, descent=Descent(STEPS))

    def ours() -> Any:
        return style_transfer(vgg, CONTENT, STYLE, recipe=recipe)

    def theirs() -> None:
        _, steps = run_style_transfer(vgg, CONTENT, STYLE, STEPS)
        assert steps == STEPS

    benchmark.extra_info.update(vars(alternate(ours, theirs, rounds=6)))
    benchmark.pedantic(ours, rounds=1)


def test_one_pass_beside_three_hundred_steps(benchmark: Any, vgg: Any) -> None:
    """A network of four styles; `times as fast` takes 300 steps of the descent to be 300 times one step."""
    network = StyleNetwork(FOUR_STYLES).requires_grad_(False).eval()

    def once() -> Any:
        return stylize(network, CONTENT, "a")

    told = steps_in_turn(vgg, once, 30)
    benchmark.extra_info.update({"seconds of a step": told["ours"], "seconds of a pass": told["theirs"]})
    benchmark.extra_info["times as fast"] = 300 * told["median"]
    benchmark.pedantic(once, rounds=5)
