"""Photographs with several objects: does a map point at the class that was asked for, and can it be cut out?"""

from typing import Final

import torch
from torch import Tensor

from innerview.core.maps import scaled
from innerview.core.types import Masks
from innerview.evaluation import discriminates, pointing_hits, rank_correlation
from innerview.localization import grabcut, grabcut_from_seeds, mask_iou, seeds
from innerview.replicate import Run
from replication.selvaraju2017_grad_cam.explaining import BATCH, heatmaps, logits_of
from replication.selvaraju2017_grad_cam.photographs import Scenes, pairs, scenes

METHODS: Final = ("grad_cam", "guided_grad_cam", "guided_backprop", "saliency")
"""Methods whose maps are asked for every object."""

CUTS: Final = ("Grad-CAM, seeds", "Grad-CAM, GrabCut", "saliency, GrabCut")
"""Ways to cut objects out."""


def targets(run: Run, of: Scenes) -> Tensor:
    """Return the class by which each object is asked for: of those of its category the likeliest."""
    logits = logits_of(run.model(run.config.model), of.images.to(run.device)).cpu()[of.owners]
    best = [torch.tensor(classes)[row[list(classes)].argmax()] for row, classes in zip(logits, of.classes, strict=True)]
    return torch.stack(best)


def asked_for(run: Run) -> dict[str, Tensor]:
    """Return ``targets`` of all objects, and ``ranks``: at which place of the prediction each stands, from 1."""

    def compute() -> dict[str, Tensor]:
        of = scenes(run)
        wanted = targets(run, of)
        logits = logits_of(run.model(run.config.model), of.images.to(run.device)).cpu()[of.owners]
        return {"targets": wanted, "ranks": 1 + (logits > logits.gather(1, wanted[:, None])).sum(1)}

    return run.part("objects", compute, *_asked(run))


def object_maps(run: Run, method: str) -> Tensor:
    """Return the map of each object's class, each divided by its largest value: ``(objects, h, w)``."""
    config, of = run.config, scenes(run)

    def compute() -> dict[str, Tensor]:
        images = of.images[of.owners].to(run.device)
        maps = heatmaps(run.model(config.model), method, images, asked_for(run)["targets"], config.layer)
        return {"maps": scaled(maps).half()}

    return run.part(f"objects-{method}", compute, *_asked(run))["maps"].float()


def pointing(run: Run) -> dict[str, dict[str, Tensor]]:
    """Play the pointing game: method -> category -> whether each of its objects was hit."""
    of = scenes(run)
    hits = {method: pointing_hits(object_maps(run, method), of.masks, run.config.tolerance) for method in METHODS}
    middle = torch.zeros_like(of.masks[0], dtype=torch.float32)
    middle[middle.shape[0] // 2, middle.shape[1] // 2] = 1
    hits["the middle"] = pointing_hits(middle.expand(of.masks.shape), of.masks, run.config.tolerance)
    return {method: _by_category(of, found) for method, found in hits.items()}


def _by_category(of: Scenes, values: Tensor) -> dict[str, Tensor]:
    return {
        category: torch.stack([value for value, own in zip(values, of.categories, strict=True) if own == category])
        for category in dict.fromkeys(of.categories)
    }


def category_mean(found: dict[str, Tensor]) -> float:
    """Return the mean over categories of the share that was hit, in %: each category counts alike."""
    return 100 * float(torch.stack([hits.float().mean() for hits in found.values()]).mean())


def discrimination(run: Run) -> dict[str, Tensor]:
    """Return for each method and each pair of objects in one scene whether the maps tell the two apart."""
    of = scenes(run)
    first, second = (torch.tensor(numbers) for numbers in zip(*pairs(of), strict=True))
    found = {}
    for method in METHODS:
        maps = object_maps(run, method)
        found[method] = discriminates(maps[first], maps[second], of.masks[first], of.masks[second])
    return found


def likeness(run: Run) -> dict[str, Tensor]:
    """Return for each method and each pair of objects in one scene the rank correlation of their maps, by pixel."""

    def compute() -> dict[str, Tensor]:
        first, second = (torch.tensor(numbers) for numbers in zip(*pairs(scenes(run)), strict=True))
        known = {method: object_maps(run, method) for method in METHODS}
        return {method: rank_correlation(maps[first], maps[second]) for method, maps in known.items()}

    return run.part("likeness", compute, *_asked(run))


def segmented(run: Run) -> Tensor:
    """Return which objects are cut out, evenly spread."""
    count = len(scenes(run).owners)
    few = min(count, run.config.segmented)
    return torch.tensor([place * count // few for place in range(few)])


def segmentation(run: Run) -> dict[str, Tensor]:
    """Return the overlap of masks with the objects' outlines: way of making them -> one for each object."""
    true = scenes(run).masks[segmented(run)]
    made = {title: cut(run, title) for title in CUTS}
    size = true.shape[-1]
    edge = round(size * (1 - 0.5**0.5) / 2)
    middle = torch.zeros_like(true)
    middle[:, edge : size - edge, edge : size - edge] = True
    return {title: mask_iou(masks, true) for title, masks in (made | {"box in the middle": middle}).items()}


def cut(run: Run, title: str) -> Masks:
    """Return masks of the objects that are cut out, made in one way."""
    of, few = scenes(run), segmented(run)

    def compute() -> dict[str, Tensor]:
        if title == "Grad-CAM, seeds":
            return {"masks": seeds(object_maps(run, "grad_cam")[few], run.config.seeds)}
        images = of.images[of.owners[few]].split(BATCH)
        if title == "saliency, GrabCut":
            maps = object_maps(run, "saliency")[few].split(BATCH)
            return {"masks": torch.cat([grabcut(*part) for part in zip(images, maps, strict=True)])}
        maps = object_maps(run, "grad_cam")[few].split(BATCH)
        parts = zip(images, maps, strict=True)
        return {"masks": torch.cat([grabcut_from_seeds(some, seeds(part, run.config.seeds)) for some, part in parts])}

    return run.part(
        f"cut-{title.replace(', ', '-').lower()}", compute, run.config.seeds, run.config.segmented, *_asked(run)
    )["masks"]


def _asked(run: Run) -> tuple[object, ...]:
    """Return what maps of objects depend on."""
    config = run.config
    return config.model, config.layer, config.size, config.scenes, config.smallest
