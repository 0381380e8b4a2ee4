"""What an atlas of many images costs in time, room and memory, reckoned from what was measured of a few."""

from dataclasses import dataclass
from math import ceil, log2
from typing import Final

from innerview.atlas.build import AtlasRecipe
from innerview.atlas.explore import ExplorerRecipe
from innerview.atlas.icons import IconRecipe
from innerview.core.errors import BadInput

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
    r"""What a layout costs.

    Neighbours are sought exactly, among all pairs: the square of the number of vectors. The rest of UMAP goes 500 times
    over the neighbours of each vector, and 200 times where there are more than 10,000 vectors; that of t-SNE takes
    $n \log n$; principal axes take $n$.

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
