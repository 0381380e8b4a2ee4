"""Training on cached features: the cache against the bare forward pass, and what an epoch takes.

The images are noise, written as JPEGs; the networks take as long with them as with photographs.
"""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from alternating import compare, record_measure, seconds

from innerview.core.folders import read_square
from innerview.core.images import write_image
from innerview.localization import AcolHeads, acol_loss
from innerview.models import Backbone
from innerview.training import SGD, TrainingRecipe, cache_features, train

pytestmark = pytest.mark.benchmark(group="Training")

COUNT, SIZE, BATCH = 96, 224, 32


@pytest.fixture(scope="module")
def backbone(googlenet: torch.nn.Module) -> Backbone:
    return Backbone(googlenet, "inception_4e")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    made = [folder / f"{place:03}.jpg" for place in range(COUNT)]
    for path in made:
        write_image(path, torch.rand(1, 3, SIZE, SIZE))
    return made


def test_cached_features_against_the_bare_forward_pass(
    benchmark: Any, backbone: Backbone, paths: list[Path], device: torch.device
) -> None:
    """The forward pass alone, over images that are in memory already, is what caching may take."""
    images = torch.cat([image for path in paths if isinstance(image := read_square(path, SIZE), torch.Tensor)]).to(
        device
    )

    def cache() -> None:
        with tempfile.TemporaryDirectory() as folder:
            cache_features(backbone, paths, folder, batch=BATCH)

    def bare() -> None:
        with torch.inference_mode():
            for part in images.split(BATCH):
                backbone(part)

    what = f"Features of {COUNT} images in files, to disk"
    compare(benchmark, what, cache, "the forward pass alone on images in memory", bare, rounds=7, goal=1.0)


@pytest.mark.parametrize("delta", [None, 0.6], ids=["one branch", "two branches"])
@pytest.mark.parametrize("width", [128, 1024])
def test_an_epoch_of_heads(
    benchmark: Any, backbone: Backbone, paths: list[Path], tmp_path: Path, delta: float | None, width: int
) -> None:
    """Seconds for 3000 images, from those for a few."""
    samples = cache_features(backbone, paths, tmp_path, batch=BATCH).samples(torch.arange(COUNT) % 10)
    heads = AcolHeads(832, 10, width=width, delta=delta)
    recipe = TrainingRecipe(epochs=1, batch=16, optimizer=SGD(1e-3, nesterov=True))
    took = min(seconds(lambda: train(heads, samples, acol_loss, recipe)) for _ in range(2))
    branches = "one branch" if delta is None else "two branches"
    what = f"An epoch of heads of width {width}, {branches}, on 3000 images"
    record_measure(benchmark, what, 3000 * took / COUNT, "s", at_most=180 if width == 128 else None)
    benchmark.pedantic(lambda: train(heads, samples, acol_loss, recipe), rounds=1)
