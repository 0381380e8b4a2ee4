"""What a run computes: dissections of layers, of rotated bases, and of a planted unit."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from innerview.core.types import Images
from innerview.dissection import COLORS, Dissection, Pictures, PixelConcepts, dissect, rotation
from innerview.replicate import Run
from replication.methods.network_dissection.scenes import CLASS, ELSEWHERE, OBJECT, PIXELS, photographs

TRUE: Final = (*PIXELS, OBJECT, CLASS)
"""Categories that tell what the photographs show; the control is left out."""
NOUNS: Final = (OBJECT, CLASS)
"""Categories of things."""


def dissected(run: Run, layer: str) -> Dissection:
    """Dissect a layer, with all concepts and the control."""
    return _dissected(run, layer, (0.0,))[0]


def turned(run: Run) -> Mapping[float, list[Dissection]]:
    """Dissect a layer in bases that are rotated further and further: share of the rotation -> one for each draw."""
    config = run.config
    found = _dissected(run, config.rotated, config.alphas)
    count = len(found) // len(config.alphas)
    return {alpha: found[place * count : (place + 1) * count] for place, alpha in enumerate(config.alphas)}


def _dissected(run: Run, layer: str, alphas: tuple[float, ...]) -> list[Dissection]:
    """Dissect all bases of a layer at once, as many directions: the network runs once for all."""
    config, (images, concepts) = run.config, photographs(run)
    rotations = config.rotations if len(alphas) > 1 else 1

    def compute() -> dict[str, Tensor]:
        model = run.model(config.model)
        directions = None
        if len(alphas) > 1:
            channels = len(dissected(run, layer).best)
            bases = [rotation(channels, alpha, run.seed + seed) for alpha in alphas for seed in range(rotations)]
            directions = torch.cat(bases)
        found = dissect(
            model, Pictures(images), layer, concepts, quantile=config.quantile, directions=directions
        )  # fmt: skip
        return {name: torch.from_numpy(getattr(found, name)) for name in ("iou", "thresholds", "pixels", "examples")}

    told = (config.model, layer, config.size, config.masks, config.quantile, config.scenes, config.per_class)
    kept = run.part(f"dissection-{layer}", compute, *told, config.rarest, config.orientations, alphas, rotations)
    arrays = {name: tensor.numpy() for name, tensor in kept.items()}
    whole = Dissection(layer, concepts.names, concepts.categories, **arrays, minimum_iou=config.minimum_iou)
    return _split(whole, len(alphas) * rotations)


def _split(whole: Dissection, count: int) -> list[Dissection]:
    """Cut a dissection of several bases into one for each."""
    parts = [np.split(array, count) for array in (whole.iou, whole.thresholds, whole.examples)]
    return [
        replace(whole, iou=iou, thresholds=thresholds, examples=examples)
        for iou, thresholds, examples in zip(*parts, strict=True)
    ]


def unique(found: Dissection, categories: tuple[str, ...] = TRUE) -> int:
    """Return how many different concepts of some categories units detect, the control aside."""
    known = tuple(category for category in TRUE if category in found.categories)
    counts = found.among(*known).unique_detectors()
    return sum(counts.get(category, 0) for category in categories)


def own_and_others(found: Dissection) -> tuple[int, int]:
    """Return how many kinds of things units detect by their own outlines, and by those of another photograph."""
    known = [category for category in NOUNS if category in found.categories]
    own = sum(found.among(*known).unique_detectors().values())
    return own, sum(found.among(*(ELSEWHERE[category] for category in known)).unique_detectors().values())


def chance_level(found: Dissection, share: float = 0.05) -> float:
    """Return the IoU above which the control detects at most a share of its concepts; no less than the paper's."""
    control = found.among(*(category for category in ELSEWHERE.values() if category in found.categories))
    highest = np.zeros(len(control.names))
    np.maximum.at(highest, control.best, control.best_iou)
    return max(found.minimum_iou, float(np.sort(highest)[::-1][int(share * len(highest))]))


def beyond_chance(found: Dissection) -> Dissection:
    """Return the same dissection, with detectors only where the IoU is above the level of chance."""
    return replace(found, minimum_iou=chance_level(found))


def coverage(run: Run, found: Dissection) -> np.ndarray:
    """Return the share of the pixels that shows each concept, among the photographs annotated for it."""
    _, concepts = photographs(run)
    known = [sum(category not in aside for aside in concepts.unknown) for category in found.categories]
    return found.pixels / (np.array(known) * run.config.masks**2)


def ceiling(shares: np.ndarray, quantile: float) -> np.ndarray:
    """Return the highest IoU that masks of one share of all pixels can have with masks of other shares."""
    return np.minimum(shares, quantile) / np.maximum(shares, quantile).clip(min=1e-12)


class Planted(nn.Module):
    """A network built for one concept: channel 0 is how red a pixel is, the others how bright and how steep."""

    def __init__(self) -> None:
        super().__init__()
        self.planted = nn.Identity()

    def forward(self, images: Images) -> Tensor:
        red = images[:, :1] - images[:, 1:].amax(1, keepdim=True)
        grey = images.mean(1, keepdim=True)
        steep = [grey - grey.roll(1, dims=axis) for axis in (2, 3)]
        return self.planted(torch.cat([red, grey, *steep], 1)).mean((2, 3))


def planted_images(run: Run) -> Images:
    """Return photographs without colour, each with a red square that covers a little less than the quantile."""
    images = photographs(run)[0][:24]
    grey = images.mean(1, keepdim=True).repeat(1, 3, 1, 1)
    size = images.shape[-1]
    side = int(size * run.config.quantile**0.5)
    for place, image in enumerate(grey):
        top, left = 7 * place % (size - side), 13 * place % (size - side)
        image[:, top : top + side, left : left + side] = torch.tensor([0.85, 0.1, 0.1])[:, None, None]
    return grey


def planted(run: Run) -> Mapping[str, float]:
    """Return the IoU of the planted unit with red, and that of the best unit of a rotated basis."""
    images, red = planted_images(run), COLORS.index("red")

    def measured(directions: Tensor | None) -> np.ndarray:
        concepts = PixelConcepts(run.config.orientations)
        quantile = run.config.quantile
        found = dissect(Planted(), images, "planted", concepts, quantile=quantile, directions=directions)
        return found.iou[:, red]

    return {"planted": float(measured(None)[0]), "rotated": float(measured(rotation(4, seed=run.seed)).max())}
