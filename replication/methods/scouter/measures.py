"""Numbers of the page: how often a head is right, how much of an image it marks, and where."""

import torch
from torch import Tensor

from innerview.attribution import grad_cam, scouter_attention
from innerview.core.types import Masks, Values
from innerview.evaluation import deletion, energy_inside, insertion
from innerview.replicate import Run
from replication.methods.scouter.trained import Outcome, classifier, photographs
from replication.zhang2018_acol.data import every, read

ORDERS = ("Attention", "Grad-CAM")
"""By what pixels are ordered for the curves."""


def accuracy(found: Outcome, labels: Tensor) -> float:
    """Return the share of photographs whose class is told, in %."""
    return 100 * float((found.logits.argmax(1) == labels).double().mean())


def areas(found: Outcome, labels: Tensor) -> tuple[float, float]:
    """Return the mean attention, over positions, of the photographs' own classes, and of all others, in %."""
    means = 100 * found.maps.mean((2, 3)).double()
    own = means[torch.arange(len(means)), labels]
    others = (means.sum(1) - own) / (means.shape[1] - 1)
    return float(own.mean()), float(others.mean())


def precision(found: Outcome, labels: Tensor, boxes: Masks, which: str = "own") -> Values:
    """Return the share of each photograph's attention that lies inside its boxes, in %.

    Args:
        found: Of a head.
        labels: The photographs' classes, ``(n,)``.
        boxes: Where the boxes are, ``(n, h, w)``.
        which: ``own`` for the map of the photograph's class, ``others`` for the sum of all other classes' maps.
    """
    maps = found.maps.clamp(min=0)
    own = maps[torch.arange(len(maps)), labels]
    return 100 * energy_inside(own if which == "own" else maps.sum(1) - own, boxes)


def areas_by_rank(found: Outcome, labels: Tensor, likeness: Tensor) -> Values:
    """Return the mean attention in %, ``(classes,)``: of a photograph's own class first, then from the likest on.

    Args:
        found: Of a head.
        labels: The photographs' classes, ``(n,)``.
        likeness: How like each class is to each photograph, ``(n, classes)``.
    """
    first = likeness.clone()
    first[torch.arange(len(first)), labels] = torch.inf
    order = first.argsort(1, descending=True)
    return 100 * found.maps.mean((2, 3)).gather(1, order).double().mean(0)


def curves(run: Run) -> dict[str, tuple[Values, Values]]:
    """Order pixels by the attention of the positive head, and by Grad-CAM of the same classifier.

    Returns:
        Order -> areas under the curves of deletion and of insertion, in % of the probability, for each photograph.
    """
    config = run.config

    def compute() -> dict[str, Tensor]:
        model = classifier(run, "positive", config.area_weights[-1])
        images = read(every(photographs(run).boxed, config.curves), config.size).to(run.device)
        targets = model(images).argmax(1).tolist()
        maps = {
            "Attention": scouter_attention(model, images, targets),
            "Grad-CAM": grad_cam(model, images, targets, layer="backbone"),
        }
        kinds = {"deletion": deletion, "insertion": insertion}
        return {
            f"{order}/{name}": 100 * kind(model, images, heat, targets, steps=config.steps).area
            for order, heat in maps.items()
            for name, kind in kinds.items()
        }

    found = run.part("curves", compute, config)
    return {order: (found[f"{order}/deletion"], found[f"{order}/insertion"]) for order in ORDERS}
