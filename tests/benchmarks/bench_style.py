"""Style transfer: a step beside the bare network, beside PyTorch's tutorial, and 300 steps beside one pass."""

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from alternating import seconds
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


@torch.enable_grad()
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


def full_history(history: int = Descent().history) -> float:
    """Return the seconds that L-BFGS itself takes for a step when its history is full."""
    pixels = CONTENT.clone().requires_grad_()
    slopes = 0.1 + 100 * torch.rand(pixels.shape, generator=torch.Generator().manual_seed(0))
    times: list[float] = []

    def look() -> Tensor:
        times.append(time.perf_counter())
        pixels.grad = (slopes * pixels).detach()
        return (pixels.detach().square() * slopes).sum() / 2

    optimizer = torch.optim.LBFGS(
        [pixels], max_iter=history + 20, max_eval=history + 20, history_size=history, tolerance_grad=0,
        tolerance_change=0,
    )  # fmt: skip
    optimizer.step(look)  # pyright: ignore[reportArgumentType]
    return statistics.median(np.diff(times)[history + 5 :])


def test_a_step_beside_the_bare_network(benchmark: Any, vgg: Any) -> None:
    """How many times as long a step takes as the network alone, forward and back; early, and from step 100 on."""
    told = steps_in_turn(vgg, lambda: bare(vgg), 20)
    benchmark.extra_info.update(told | {"full history": told["median"] + full_history() / told["theirs"]})
    benchmark.pedantic(bare, (vgg,), rounds=3)


class Stepwise:
    """Runs something in a thread of its own, one step at each call."""

    def __init__(self, run: Callable[[Callable[[], object]], object]) -> None:
        self.here, self.there = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, args=(run,))
        self.over = False
        self.thread.start()
        self.here.acquire()

    def _run(self, run: Callable[[Callable[[], object]], object]) -> None:
        run(self._pause)
        self.over = True
        self.here.release()

    def _pause(self) -> None:
        self.here.release()
        self.there.acquire()

    def __call__(self) -> None:
        if not self.over:
            self.there.release()
            self.here.acquire()

    def finish(self) -> None:
        while not self.over:
            self()
        self.thread.join()


def test_a_step_beside_the_tutorial(benchmark: Any, vgg: Any) -> None:
    """How many times as long a step of ours takes as one of the tutorial, with all that each does in a step.

    `before and after` are the seconds that ours takes beside its steps: targets, the check of memory, the parts.
    """
    tutorial = Stepwise(lambda before: run_style_transfer(vgg, CONTENT, STYLE, 2 * STEPS, before=before))
    told = steps_in_turn(vgg, tutorial, 2 * STEPS)
    tutorial.finish()
    recipe = StyleRecipe(content=CONTENT_LAYERS, descent=Descent(1))

    def one_step() -> Any:
        return style_transfer(vgg, CONTENT, STYLE, recipe=recipe)

    benchmark.pedantic(one_step, rounds=3)
    benchmark.extra_info.update(told | {"before and after": benchmark.stats.stats.median - told["ours"]})


def test_one_pass_beside_three_hundred_steps(benchmark: Any, vgg: Any) -> None:
    """A network of four styles; `times as fast` takes 300 steps of the descent to be 300 times one step."""
    network = StyleNetwork(FOUR_STYLES).requires_grad_(False).eval()

    def once() -> Any:
        return stylize(network, CONTENT, "a")

    told = steps_in_turn(vgg, once, 14)
    benchmark.extra_info.update({"seconds of a step": told["ours"], "seconds of a pass": told["theirs"]})
    benchmark.extra_info["times as fast"] = 300 * told["median"]
    benchmark.pedantic(once, rounds=5)
