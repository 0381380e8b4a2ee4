"""What the claims measure: coherence of neighbours, how class-specific cells are, what removing a direction does."""

import re
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from innerview.atlas import Level
from innerview.atlas.sources import ImageFiles, read_images
from innerview.attribution import position_removal
from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.models import imagenet_classes
from innerview.replicate import Run
from replication.carter2019_activation_atlas.atlases import atlas, collection, photographs


def neighbours(level: Level) -> Int[Tensor, "pairs 2"]:
    """Return the pairs of cells that share an edge."""
    grid = level.grid
    numbers = {
        (int(row), int(column)): cell for cell, (row, column) in enumerate(zip(grid.rows, grid.columns, strict=True))
    }
    pairs = [
        (cell, numbers[beside])
        for (row, column), cell in numbers.items()
        for beside in ((row, column + 1), (row + 1, column))
        if beside in numbers
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


def coherence(level: Level, seed: int, shuffles: int = 20) -> tuple[float, float]:
    """Return how alike the attributions of neighbouring cells are, and of cells in shuffled places.

    Likeness is the cosine between two cells' attributions to all classes, after each class's mean over the cells was
    taken away.
    """
    return _alike(level, level.attributions - level.attributions.mean(0), seed, shuffles)


def images_alike(level: Level, seed: int, shuffles: int = 20) -> tuple[float, float]:
    """Return the mean correlation of the pixels of neighbouring icons, and of icons in shuffled places."""
    pixels = level.icons.images.flatten(1)
    return _alike(level, pixels - pixels.mean(1, keepdim=True), seed, shuffles)


def _alike(level: Level, rows: Float[Tensor, "m d"], seed: int, shuffles: int) -> tuple[float, float]:
    """Return the mean cosine between the rows of neighbouring cells, and of cells in shuffled places."""
    pairs, unit = neighbours(level), normalize(rows, dim=1)
    if not len(pairs):
        raise BadInput(f"no two of {len(rows)} cells share an edge; collect more, or lower the density or the minimum")
    orders = [torch.randperm(len(unit), generator=generator("shuffle", seed, number)) for number in range(shuffles)]
    found = [
        float((unit[order[pairs[:, 0]]] * unit[order[pairs[:, 1]]]).sum(1).mean())
        for order in (torch.arange(len(unit)), *orders)
    ]
    return found[0], sum(found[1:]) / shuffles


def entropies(attributions: Float[Tensor, "n classes"]) -> Float[Tensor, " n"]:
    """Return over how many bits of classes each row's positive attribution is spread: 0 for one class alone."""
    shares = attributions.clamp(min=0).double()
    shares = shares / shares.sum(1, keepdim=True).clamp(min=1e-30)
    return -(shares * shares.clamp(min=1e-30).log2()).sum(1)


def own_class(run: Run, layer: str, among: int = 10) -> float:
    """Return the share of activations whose photograph's class is among the first to which they add most.

    NaN where the photographs' classes are not known.
    """
    source, found = photographs(run), collection(run, layer)
    if not isinstance(source, ImageFiles):
        return float("nan")
    known = {entry.wnid: index for index, entry in enumerate(imagenet_classes())}
    told = [re.search(r"n\d{8}", str(path)) for path in source.paths]
    classes = torch.tensor([known.get(one[0], -1) if one else -1 for one in told])[found.images]
    return float((found.attributed().classes[:, :among] == classes[:, None]).any(1)[classes >= 0].float().mean())


@dataclass(frozen=True)
class Removal:
    """What attribution says that cells add to the classes, and what removing their directions takes from these.

    Args:
        said: ``(n, classes)``, in logits; a row for each activation, of the cell that it lies in.
        lost: ``(n, classes)``, by how much each logit falls.
    """

    said: Float[Tensor, "n classes"]
    lost: Float[Tensor, "n classes"]

    @property
    def correlation(self) -> float:
        """Return Pearson's over the classes, the mean of all activations."""
        said, lost = (normalize(rows.double() - rows.double().mean(1, keepdim=True), dim=1)
                      for rows in (self.said, self.lost))  # fmt: skip
        return float((said * lost).sum(1).mean())


def removal(run: Run, layer: str, most: int = 128, batch: int = 16) -> Removal:
    """Remove from activations the direction of the cell that they lie in, and see what the classes lose."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        level, found, source = atlas(run, layer).levels[0], collection(run, layer), photographs(run)
        inside = (level.grid.cells >= 0).nonzero()[:, 0]
        order = torch.randperm(len(inside), generator=generator("removal", run.seed))
        chosen = inside[order[:most]]
        cells = level.grid.cells[chosen]
        model, lost = run.model(config.model), []
        for few in torch.arange(len(chosen)).split(batch):
            numbers = found.images[chosen[few]].tolist()
            images = read_images(source, numbers, config.sampling.size).to(run.device)
            places, directions = found.positions[chosen[few]], level.directions[cells[few]]
            change = position_removal(model, images, layer, places, directions.to(run.device)).cpu()
            lost.append(-change)
        return {"said": level.attributions[cells], "lost": torch.cat(lost)}

    return Removal(**run.part(f"{layer}-removal", compute, config, layer, most))
