"""Small trials of all stages of an atlas, from which its costs are reckoned."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from innerview.atlas.collect import collect
from innerview.atlas.estimate import Costs, LayerCosts, LayoutCosts, rounds
from innerview.atlas.explore import ExplorerRecipe, rehearse
from innerview.atlas.icons import cell_icons
from innerview.atlas.reduce import Reduction, Whitening, reduce, whitening
from innerview.atlas.sources import ImageSource, image_source
from innerview.atlas.tiles import QUALITY
from innerview.core.errors import UnreadableImage
from innerview.core.images import contact_sheet, to_array
from innerview.core.store import Store
from innerview.core.types import Images
from innerview.core.work import Work
from innerview.embedding import nearest


def measure_costs(
    model: nn.Module,
    images: Sequence[str | Path] | ImageSource,
    recipe: ExplorerRecipe,
    *,
    vectors: int = 2000,
    steps: int = 24,
) -> Costs:
    """Do a little of each stage, on the model's device and with the threads of this process.

    Args:
        model: A classifier.
        images: Some of those that the atlas will be of; one shard of them is read.
        recipe: Of the explorer.
        vectors: Random ones that are laid out.
        steps: Of one batch of icons, from which the recipe's number of steps is reckoned.

    Raises:
        BadInput: no image that can be read; and what the stages raise.
    """
    rehearse(model, recipe)  # and warm up
    source = image_source(images)
    few = _Few(source, min(len(source), recipe.sampling.shard))
    layers = tuple(_layer(model, few, layer, recipe, steps) for layer in recipe.layers)
    widest = max(one.channels for one in layers)
    layout = _layout(recipe.full.reduction, vectors, widest)
    return Costs(recipe, layers, layout, getrusage(RUSAGE_SELF).ru_maxrss * 1024)


@dataclass(frozen=True)
class _Few:
    """Some images of a source, evenly spread."""

    source: ImageSource
    count: int

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, size: int) -> Images | UnreadableImage:
        return self.source.read(self._place(index), size)

    def identity(self, start: int, stop: int) -> Any:
        return [self.source.identity(place, place + 1) for place in map(self._place, range(start, stop))]

    def _place(self, index: int) -> int:
        return index * len(self.source) // self.count


def _layer(model: nn.Module, few: _Few, layer: str, recipe: ExplorerRecipe, steps: int) -> LayerCosts:
    icons = recipe.full.icons
    steps = min(steps, icons.recipe.steps)
    redirected = round(icons.recipe.redirected_steps * steps / max(icons.recipe.steps, 1))
    short = replace(icons, tries=1, recipe=replace(icons.recipe, steps=steps, redirected_steps=redirected))
    with TemporaryDirectory() as folder:
        work = Work(Store(folder))
        collecting, found = _timed(lambda: collect(model, few, layer, recipe.sampling, work=work))
        activation = _bytes(folder) / len(found)
        directions = found.activations[torch.arange(short.batch) % len(found)].float()
        directions[~directions.any(1)] = 1  # activations that are all zero have no direction
        whitened = whitening(directions)
        making, made = _timed(lambda: cell_icons(model, layer, directions, whitened, short, work=work))
        icon = (_bytes(folder) - activation * len(found)) / short.batch
    step = making / (short.batch * max(steps, 1))
    return LayerCosts(layer, directions.shape[1], collecting / len(few), activation, step, icon, _shown(made.images))


def _layout(reduction: Reduction, count: int, channels: int) -> LayoutCosts:
    vectors = torch.rand(count, channels, generator=torch.Generator().manual_seed(0))
    plain = Whitening(torch.eye(channels), torch.eye(channels))
    reduce(vectors[: max(40, count // 10)], plain, reduction)  # imports and compiles
    whole, _ = _timed(lambda: reduce(vectors, plain, reduction))
    search = 0.0
    if reduction.method != "pca":
        sought = min(reduction.neighbors, count // 10) * (3 if reduction.method == "tsne" else 1)
        search, _ = _timed(lambda: nearest(vectors, sought))
    rest = max(whole - search, 0) / (count * rounds(reduction.method, count))
    return LayoutCosts(reduction.method, search / count**2, rest)


def _timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def _bytes(folder: str | Path) -> int:
    return sum(path.stat().st_size for path in Path(folder).iterdir())


def _shown(images: Tensor) -> float:
    """Return the bytes of an icon as a part of a tile."""
    encoded = io.BytesIO()
    sheet = Image.fromarray(contact_sheet(to_array(images), ceil(len(images) ** 0.5), gap=0))
    sheet.save(encoded, "JPEG", quality=QUALITY, subsampling=0)
    return encoded.getbuffer().nbytes / len(images)
