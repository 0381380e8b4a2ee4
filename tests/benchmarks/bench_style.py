"""Style transfer: a step beside the bare network, beside PyTorch's tutorial, and 300 steps beside one pass."""

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from alternating import record_comparison, record_measure, seconds
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

pytestmark = pytest.mark.benchmark(group="Texture and style")

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


def steps_in_turn(vgg: nn.Module, other: Callable[[], Any], steps: int) -> list[tuple[float, float]]:
    """Descend on the loss of a style transfer, each step in turn with something else; return both's seconds."""
    turns = Turns(other)
    loss = content_loss(vgg, CONTENT, CONTENT_LAYERS) + style_loss(vgg, STYLE, RELEASED_WEIGHTS)
    descend(vgg, loss + Loss((Term("turns", PIXELS, turns),)), CONTENT, Descent(steps))
    return turns.pairs[3:-1]  # the first steps warm up, the last is none


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
    """The network alone goes forward and back; early, and with what L-BFGS takes from step 100 on."""
    pairs, later = steps_in_turn(vgg, lambda: bare(vgg), 20), full_history()
    record_comparison(benchmark, f"A step of style transfer, {SIZE} px", "the network alone", pairs, goal=1 / 1.15)
    record_measure(benchmark, f"L-BFGS alone with a full history, {SIZE} px, a step", 1000 * later, "ms")
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
    """With all that each does in a step."""
    tutorial = Stepwise(lambda before: run_style_transfer(vgg, CONTENT, STYLE, 2 * STEPS, before=before))
    pairs = steps_in_turn(vgg, tutorial, 2 * STEPS)
    tutorial.finish()
    what = f"A step of style transfer, {SIZE} px"
    record_comparison(benchmark, what, "a port of PyTorch's tutorial", pairs, goal=1.0)
    recipe = StyleRecipe(content=CONTENT_LAYERS, descent=Descent(1))

    def one_step() -> Any:
        return style_transfer(vgg, CONTENT, STYLE, recipe=recipe)

    benchmark.pedantic(one_step, rounds=3)
    beside = benchmark.stats.stats.median - statistics.median(ours for ours, _ in pairs)
    record_measure(benchmark, f"Style transfer beside its steps (targets, memory), {SIZE} px", beside, "s")


def test_one_pass_beside_three_hundred_steps(benchmark: Any, vgg: Any) -> None:
    """A network of four styles; 300 steps of the descent are taken to be 300 times one step."""
    network = StyleNetwork(FOUR_STYLES).requires_grad_(False).eval()

    def once() -> Any:
        return stylize(network, CONTENT, "a")

    pairs = [(one_pass, 300 * step) for step, one_pass in steps_in_turn(vgg, once, 14)]
    what = f"One pass of a style network, {SIZE} px"
    record_comparison(benchmark, what, "300 steps of style transfer", pairs, goal=200)
    benchmark.pedantic(once, rounds=5)
