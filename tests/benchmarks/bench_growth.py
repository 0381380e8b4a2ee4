"""How cost grows with the size of an image, the batch, the steps and the number of icons."""

from functools import partial
from typing import Any

import pytest
import torch
from alternating import grow
from torch import Tensor

from innerview.attribution import grad_cam
from innerview.optimize import Recipe, channel, icons, visualize

pytestmark = pytest.mark.benchmark(group="Growth")

LAYER = "inception_4c"
STEPS = 2  # of several sizes: more would not fit oneDNN's cache of kernels, and every round would make them anew


def images(size: int, count: int, device: torch.device) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)


def test_with_the_size(benchmark: Any, googlenet: Any) -> None:
    recipe = Recipe(steps=STEPS, redirected_steps=0)
    one = partial(visualize, googlenet, channel(LAYER, 100), recipe=recipe)
    calls = {size: partial(one, size=size) for size in (64, 96, 128, 192, 256, 384, 512)}
    grow(benchmark, f"{STEPS} steps of one channel of {LAYER}", "side in pixels", calls)


def test_with_the_batch(benchmark: Any, googlenet: Any, device: torch.device) -> None:
    calls = {
        count: partial(grad_cam, googlenet, images(224, count, device), 0, "inception_5b")
        for count in (1, 2, 4, 8, 16, 32)
    }
    grow(benchmark, "Grad-CAM, 224 px", "images", calls)


def test_with_the_steps(benchmark: Any, googlenet: Any) -> None:
    one = partial(visualize, googlenet, channel(LAYER, 100), size=96)
    calls = {steps: partial(one, recipe=Recipe(steps=steps, redirected_steps=0)) for steps in (2, 4, 8, 16, 32, 64)}
    grow(benchmark, f"One channel of {LAYER}, 96 px", "steps", calls)


def test_with_the_icons(benchmark: Any, googlenet: Any) -> None:
    some = partial(icons, googlenet, partial(channel, LAYER), recipe=Recipe(steps=STEPS, redirected_steps=0))
    calls = {count: partial(some, range(count)) for count in (1, 2, 4, 8, 16, 32, 64)}
    grow(benchmark, f"Icons of {LAYER}, 64 px, {STEPS} steps", "icons", calls)
