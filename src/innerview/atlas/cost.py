"""What an atlas will cost in time, room and memory, reckoned from a few real units of its work."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from PIL import Image
from torch import Tensor, nn

from innerview.atlas.build import AtlasRecipe
from innerview.atlas.collect import collect
from innerview.atlas.explore import ExplorerRecipe, rehearse
from innerview.atlas.icons import IconRecipe, cell_icons
from innerview.atlas.reduce import Reduction, Whitening, reduce, whitening
from innerview.atlas.sources import ImageSource, image_source
from innerview.atlas.tiles import QUALITY
from innerview.core.errors import BadInput, UnreadableImage
from innerview.core.images import contact_sheet, to_array
from innerview.core.store import Store
from innerview.core.types import Images
from innerview.core.work import Work
from innerview.embedding import nearest

FILLED: Final = 0.9
"""Share of a grid's cells that are kept: 6000 activations of GoogLeNet's inception_5b, laid out by UMAP, fill 89 % of
10x10 cells with at least ten each."""

BLOCK: Final = 1024
"""Vectors whose distances to all others `nearest` holds at once, twice over."""

EDGE: Final = 100
"""Bytes that UMAP holds for each neighbour of each vector: its graph, sparse, in several forms."""

DATA: Final = 120
"""Bytes of a cell's numbers in an explorer: place, count and twenty classes with their attributions, in base64."""


@dataclass(frozen=True)
class LayerCosts:
    """What one layer costs.

    Args:
        layer: Its name.
        channels: Its channels.
        image: Seconds to collect from an image: to decode it, to run it, and to write what was found.
        activation: Bytes of an activation on disk, with its attributions.
        step: Seconds of one step of one icon, in a full batch.
        icon: Bytes of an icon on disk.
        shown: Bytes of an icon in the explorer.
    """

    layer: str
    channels: int
    image: float
    activation: float
    step: float
    icon: float
    shown: float


@dataclass(frozen=True)
class LayoutCosts:
    """What a layout costs.

    Neighbours are sought exactly, among all pairs: the square of the number of vectors. The rest of UMAP goes 500 times
    over the neighbours of each vector, and 200 times where there are more than 10,000 vectors; that of t-SNE takes
    $n \\log n$; principal axes take $n$.

    Args:
        method: That of the `Reduction`.
        pair: Seconds for each pair of vectors.
        vector: Seconds for each vector and each time over.
    """

    method: str
    pair: float
    vector: float

    def seconds(self, count: int) -> float:
        """Return the time for so many vectors."""
        return self.pair * count**2 + self.vector * count * rounds(self.method, count)


def rounds(method: str, count: int) -> float:
    """Return how often a layout goes over each of `count` vectors."""
    match method:
        case "umap":
            return 500 if count <= 10_000 else 200
        case "tsne":
            return log2(max(count, 2))
        case _:
            return 1


@dataclass(frozen=True)
class Estimate:
    """Seconds, and bytes.

    Args:
        collecting: Of all layers.
        layout: Of all layers and views; one process does it.
        cells: Density -> cells that are filled, of one layer.
        icons: Density -> seconds of its icons, of all layers.
        views: Seconds of the icons of the views of classes.
        disk: Bytes of parts and explorer.
        memory: Bytes that the process which lays out holds at its peak.
    """

    collecting: float
    layout: float
    cells: dict[int, int]
    icons: dict[int, float]
    views: float
    disk: float
    memory: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.collecting + self.layout + sum(self.icons.values()) + self.views


@dataclass(frozen=True)
class Costs:
    """What was measured.

    Args:
        recipe: With which.
        layers: The recipe's.
        layout: Of vectors of the widest layer.
        process: Bytes that the process held.
    """

    recipe: ExplorerRecipe
    layers: tuple[LayerCosts, ...]
    layout: LayoutCosts
    process: float

    def estimate(
        self, images: int, recipe: ExplorerRecipe | None = None, *, workers: int = 1, filled: float = FILLED
    ) -> Estimate:
        """Reckon what many images will cost.

        Args:
            images: How many.
            recipe: With other densities, tries, steps, classes or pairs than the one measured; nothing else counts.
            workers: As fast as the process that measured; they share units, so a last one may wait for the others.
            filled: Share of the cells that are kept.

        Raises:
            BadInput: no image, no worker, or a share that is none.
        """
        if images < 1 or workers < 1 or not 0 < filled <= 1:
            raise BadInput(
                f"cannot reckon with {images} images, {workers} workers and a share of {filled} of the cells"
            )
        recipe = recipe or self.recipe
        sampling, last = self.recipe.sampling, self.layers[-1]
        count, views = images * sampling.positions, len(recipe.classes) + len(recipe.pairs)
        cells = {density: _cells(density, count, recipe.full, filled) for density in recipe.full.densities}
        some = min(count, recipe.class_count)
        few = sum(_cells(density, some, recipe.narrow, filled) for density in recipe.narrow.densities)
        shards = ceil(ceil(images / sampling.shard) / workers) * min(sampling.shard, images)
        made = [(one, sum(cells.values()), recipe.full.icons) for one in self.layers]
        made.append((last, views * few, recipe.narrow.icons))
        return Estimate(
            collecting=shards * sum(one.image for one in self.layers),
            layout=len(self.layers) * self.layout.seconds(count) + views * self.layout.seconds(some),
            cells=cells,
            icons={
                density: sum(_icons(one, number, recipe.full.icons, workers) for one in self.layers)
                for density, number in cells.items()
            },
            views=views * _icons(last, few, recipe.narrow.icons, workers),
            disk=count * sum(one.activation + 8 for one in self.layers)
            + sum(number * (icons.tries * one.icon + one.shown + DATA) for one, number, icons in made),
            memory=self.process + self._memory(count),
        )

    def _memory(self, count: int) -> float:
        """All collections, that of the widest layer whitened and normalized, and the distances or UMAP's graph."""
        kept = sum(one.activation for one in self.layers) + 8 * self.recipe.sampling.keep * len(self.layers)
        vectors = 8 * max(one.channels for one in self.layers)
        graph = {"umap": self.recipe.full.reduction.neighbors * EDGE, "pca": 0}
        method = self.layout.method
        sought = 0 if method == "pca" else 2 * 4 * min(BLOCK, count)
        return count * (kept + vectors + max(sought, graph.get(method, 3 * graph["umap"])))


def _cells(density: int, count: int, recipe: AtlasRecipe, filled: float) -> int:
    return max(1, min(round(filled * density**2), count // recipe.minimum))


def _icons(costs: LayerCosts, cells: int, recipe: IconRecipe, workers: int) -> float:
    batches = ceil(ceil(cells / recipe.batch) / workers)
    return recipe.tries * batches * min(recipe.batch, cells) * recipe.recipe.steps * costs.step


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
