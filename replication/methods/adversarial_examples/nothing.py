"""Images that show nothing, and pictures of classes with and without regularisation: how sure a network is of them."""

from typing import Final

import torch
from torch import Tensor

from innerview.adversarial import Attack, Towards, fooling_images, pgd
from innerview.core.seeds import generator
from innerview.core.spectrum import high_frequency_share
from innerview.core.types import Images
from innerview.models import class_index
from innerview.optimize import Jitter, RawPixels, Recipe, Rotate, Scale, class_logit, visualize
from innerview.optimize.transforms import transformed
from innerview.replicate import Run
from replication.methods.adversarial_examples.attacked import chances
from replication.methods.adversarial_examples.photographs import photographs

KINDS: Final = ("photograph", "adversarial", "noise", "grey", "unregularised", "regularised")

SMALL: Final = (Jitter(8), Scale((0.95, 0.975, 1, 1.025, 1.05)), Rotate(tuple(range(-5, 6))))
"""Shifts, sizes and turns that nobody would mind."""

PLAIN: Final = Recipe(learning_rate=0.01, parameterization=RawPixels(), transforms=(), redirected_steps=0)
"""Feature visualization with nothing that keeps the image from being noise."""


def pictures(run: Run) -> dict[str, dict[str, Tensor]]:
    """Return images of each kind, with the class that each is to be taken for.

    Returns:
        Kind -> ``images``; ``sure``, the class's probability; ``moved``, its mean after small transformations;
        ``other``, what another network gives it; ``fine``, the share of high spatial frequencies.
    """
    config = run.config
    made_from = config.model, config.others, config.size, config.names, config.nothing_steps, config.visual_steps

    def compute() -> dict[str, Tensor]:
        kept = {}
        for kind in KINDS:
            images, classes = _made(run, kind)
            kept |= {f"{kind}/{name}": one for name, one in _measured(run, images, classes).items()}
        return kept

    kept = run.part("nothing", compute, *made_from, config.draws)
    names = ("images", "sure", "moved", "other", "fine")
    return {kind: {name: kept[f"{kind}/{name}"] for name in names} for kind in KINDS}


def _made(run: Run, kind: str) -> tuple[Images, list[int]]:
    """Make the images of a kind; return them with the class that each is to be taken for."""
    config, model = run.config, run.model(run.config.model)
    classes = [class_index(model, name) for name in config.names]
    if kind in ("photograph", "adversarial"):
        images, labels = _right(run, len(classes))
        if kind == "photograph":
            return images, labels
        how = Attack(16 / 255, config.nothing_steps, 1 / 255, None)
        return pgd(model, images, Towards(classes), how).images, classes
    if kind in ("noise", "grey"):
        how = Attack(16 / 255, config.nothing_steps, 1 / 255, None)
        found = fooling_images(model, classes, start=kind, size=config.size, attack=how, seed=run.seed)
        return found.images, classes
    recipe = PLAIN if kind == "unregularised" else Recipe()
    objective, steps = class_logit(classes), config.visual_steps
    found = visualize(model, objective, size=config.size, steps=steps, seed=run.seed, recipe=recipe, progress=True)
    return found.images, classes


def _right(run: Run, count: int) -> tuple[Images, list[int]]:
    """Return photographs that the network has right, of different classes, with these."""
    found = photographs(run, 30)
    images = found.images.to(run.device)
    right = (chances(run.model(run.config.model), images).argmax(1) == found.labels).tolist()
    places = {label: place for place, label in enumerate(found.labels.tolist()) if right[place]}
    chosen = sorted(places.values())[:count]
    chosen += [place for place in range(len(right)) if place not in chosen][: count - len(chosen)]
    return images[chosen], found.labels[chosen].tolist()


def _measured(run: Run, images: Images, classes: list[int]) -> dict[str, Tensor]:
    model, other = run.model(run.config.model), run.model(run.config.others[-1])
    moved = [
        _own(chances(model, transformed(images, SMALL, generator("small", draw))), classes)
        for draw in range(run.config.draws)
    ]
    return {
        "images": images,
        "sure": _own(chances(model, images), classes),
        "moved": torch.stack(moved).mean(0),
        "other": _own(chances(other, images), classes),
        "fine": high_frequency_share(images.cpu()),
    }


def _own(probabilities: Tensor, classes: list[int]) -> Tensor:
    return probabilities[torch.arange(len(classes)), classes]
