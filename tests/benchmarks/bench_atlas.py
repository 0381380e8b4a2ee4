"""Activation atlases: icons and collection beside the bare network, and memory over the number of images.

The images are noise, written as JPEGs; the network takes as long with them as with photographs.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from alternating import compare, printed, record_measure
from torch import Tensor

from innerview.atlas import DataSet, ImageFiles, Sampling, collect
from innerview.core.folders import read_square
from innerview.core.images import write_image
from innerview.core.seeds import generator
from innerview.models import activations, evaluate
from innerview.optimize import RELEASED, Recipe, icons, transformed
from innerview.optimize.directions import direction

pytestmark = pytest.mark.benchmark(group="Activation atlas")

LAYER, CHANNELS = "inception_4c", 512
SIZE, BATCH, STEPS = 64, 16, 12
ICON = Recipe(steps=STEPS, redirected_steps=0)  # a dozen steps stand for the hundreds after the first
IMAGES, SIDE = 32, 224


def test_icons_beside_the_bare_network(benchmark: Any, googlenet: Any, device: torch.device) -> None:
    """A batch of icons, beside forward and backward passes to the layer of the images that its transforms make."""
    directions = torch.randn(BATCH, CHANNELS, generator=torch.Generator().manual_seed(0)).to(device)
    start = ICON.parameterization.start(range(BATCH), (SIZE, SIZE))().detach().to(device)
    seen = [transformed(start, RELEASED, generator("transforms", step)) for step in range(STEPS)]

    def step(images: Tensor) -> None:
        leaf = images.clone().requires_grad_()
        read = activations(googlenet, leaf, [LAYER])[LAYER]
        torch.autograd.grad((read.mean((2, 3)) * directions).sum(), leaf)

    def bare() -> None:
        for images in seen:
            step(images)
        evaluate(googlenet, start, LAYER)

    def ours() -> None:
        icons(googlenet, partial(direction, LAYER, cosine_power=4.0), directions, size=SIZE, recipe=ICON, batch=BATCH)

    what = f"{STEPS} steps of {BATCH} icons of {LAYER}, {SIZE} px"
    compare(benchmark, what, ours, "the network alone on images of these sizes", bare, rounds=8, goal=0.7)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    made = [folder / f"{place:03}.jpg" for place in range(IMAGES)]
    for seed, path in enumerate(made):
        write_image(path, torch.rand(1, 3, 375, 500, generator=torch.Generator().manual_seed(seed)))
    return made


@pytest.fixture(scope="module")
def images(paths: list[Path], device: torch.device) -> Tensor:
    return torch.cat([image for path in paths if isinstance(image := read_square(path, SIDE), Tensor)]).to(device)


def forward(model: Any, images: Tensor) -> None:
    """To the layer."""
    evaluate(model, images, LAYER, BATCH)


def to_the_end(model: Any, images: Tensor) -> None:
    with torch.inference_mode():
        for part in images.split(BATCH):
            model(part)


class Bound(NamedTuple):
    """What no collection of these can be faster than."""

    what: str
    keep: int
    rival: str
    bare: Callable[[Any, Tensor], None]
    goal: float | None = None


BOUNDS = [
    Bound("activations", 0, f"the forward pass to {LAYER} alone", forward, goal=1.0),
    Bound("activations and attributions", 100, f"the forward pass to {LAYER} alone", forward),
    Bound("activations and attributions", 100, "the whole forward pass alone", to_the_end),
]


@pytest.mark.parametrize("place", ["files", "memory"])
@pytest.mark.parametrize("bound", BOUNDS, ids=["activations", "attributions", "both"])
def test_collecting_beside_the_forward_pass(
    benchmark: Any, googlenet: Any, paths: list[Path], images: Tensor, bound: Bound, place: str
) -> None:
    source = DataSet(list(images), "noise") if place == "memory" else ImageFiles(tuple(paths))
    ours = partial(collect, googlenet, source, LAYER, Sampling(keep=bound.keep, batch=BATCH))
    what = f"Collecting {bound.what} of {IMAGES} images in {place}"
    compare(benchmark, what, ours, bound.rival, partial(bound.bare, googlenet, images), rounds=6, goal=bound.goal)


MEASURE = """
import sys
from pathlib import Path
from alternating import peak_mib
from innerview import load_model
from innerview.atlas import Sampling, collect
from innerview.core.store import Store
from innerview.core.work import Work
paths, folder, count = sorted(Path(sys.argv[1]).iterdir()), sys.argv[2], int(sys.argv[3])
many = [paths[place % len(paths)] for place in range(count)]
model, sampling = load_model("googlenet"), Sampling(size=112)
collect(model, paths, "inception_4c", sampling)
before = peak_mib()
collect(model, many, "inception_4c", sampling, work=Work(Store(folder)))
print(before, peak_mib())
"""


@pytest.mark.usefixtures("googlenet")
def test_memory_over_the_number_of_images(benchmark: Any, paths: list[Path], tmp_path: Path) -> None:
    """Beyond that of a few images: what is collected itself, 1.9 kB an activation, and no more."""

    def peak(count: int) -> tuple[float, float]:
        before, after = map(float, printed(MEASURE, paths[0].parent, tmp_path / str(count), count).split())
        return before, after

    for count in (1000, 4000):
        before, after = peak(count)
        record_measure(
            benchmark, f"Memory that collecting {count} images adds to that of {IMAGES}", after - before, "MiB"
        )
    benchmark.pedantic(peak, (IMAGES,), rounds=1)
