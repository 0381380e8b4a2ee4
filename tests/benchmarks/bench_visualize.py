"""Feature visualization: steps beside lucent's, what is not the network, icons, and memory over the steps."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from alternating import compare, printed, record_measure, seconds
from plain_googlenet import plain_copy
from torch import Tensor

from innerview.core.seeds import generator
from innerview.models import activations, evaluate
from innerview.optimize import RELEASED, Fourier, Recipe, channel, icons, transformed, visualize

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of kornia, which lucent imports
    from lucent.optvis import objectives, param, render

pytestmark = pytest.mark.benchmark(group="Feature visualization")

LAYER = "inception_4c"
CHANNELS = [10, 32, 100, 127, 300, 447]
SIZE = 128
STEPS = 12
ASCENT = Recipe(steps=STEPS, redirected_steps=0)  # a dozen steps stand for the hundreds after the first


def ours(model: Any) -> Callable[[], Any]:
    return lambda: visualize(model, channel(LAYER, CHANNELS), size=SIZE, recipe=ASCENT)


def lucents(model: Any, **options: Any) -> Callable[[], Any]:
    """The same channels of the same weights; the layer of the plain network goes by another name."""
    wanted = sum((objectives.channel("to_4c_5", one, batch=place) for place, one in enumerate(CHANNELS)), start=0)

    def run() -> None:
        render.render_vis(
            model, wanted, lambda: param.image(SIZE, batch=len(CHANNELS)), thresholds=(STEPS,), preprocess=False,
            progress=False, show_image=False, **options,
        )  # fmt: skip

    return run


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("options", "told", "goal"),
    [({"fixed_image_size": SIZE}, f"fixed_image_size={SIZE}", 2.5), ({}, "its defaults", 6)],
    ids=["fixed_image_size", "defaults"],
)
def test_steps_beside_lucent(benchmark: Any, googlenet: Any, options: dict[str, int], told: str, goal: float) -> None:
    what = f"Steps of {len(CHANNELS)} channels of {LAYER}, {SIZE} px"
    rival = lucents(plain_copy(googlenet), **options)
    compare(benchmark, what, ours(googlenet), f"lucent with {told}", rival, rounds=6, goal=goal)


def test_what_is_not_the_network(benchmark: Any, googlenet: Any, device: torch.device) -> None:
    """Whole steps, beside forward and backward passes of images of the very sizes that the transforms make."""
    start = Fourier().start(range(len(CHANNELS)), (SIZE, SIZE))().detach().to(device)
    seen = [transformed(start, RELEASED, generator("transforms", step)) for step in range(STEPS)]
    places = torch.arange(len(CHANNELS))

    def step(images: Tensor) -> None:
        leaf = images.clone().requires_grad_()
        read = activations(googlenet, leaf, [LAYER])[LAYER]
        torch.autograd.grad(read[places, CHANNELS].mean((1, 2)).sum(), leaf)

    def bare() -> None:
        for images in seen:
            step(images)
        evaluate(googlenet, start, LAYER)

    what = f"The same {STEPS} steps, with the evaluation at their end"
    compare(benchmark, what, ours(googlenet), "the network alone on images of these sizes", bare, goal=1 / 1.1)


def test_sixty_four_icons(benchmark: Any, googlenet: Any) -> None:
    make = partial(channel, "inception_4d")
    taken = seconds(lambda: icons(googlenet, make, range(64)))
    record_measure(benchmark, "64 icons of inception_4d, 64 px, 96 steps", taken, "s", at_most=100)
    benchmark.pedantic(icons, (googlenet, make, range(16)), rounds=1)


MEASURE = """
import sys
from alternating import peak_mib
from innerview import channel, load_model, visualize
model = load_model("googlenet")
for steps in (20, int(sys.argv[1])):
    visualize(model, channel("inception_4c", [1, 2, 3, 4]), size=96, steps=steps)
print(peak_mib())
"""


@pytest.mark.usefixtures("googlenet")
def test_memory_does_not_grow_with_the_steps(benchmark: Any) -> None:
    def peak(steps: int) -> float:
        return float(printed(MEASURE, steps))

    for steps in (20, 300):
        record_measure(benchmark, f"Peak memory after {steps} steps of 4 channels, 96 px", peak(steps), "MiB")
    benchmark.pedantic(peak, (20,), rounds=1)
