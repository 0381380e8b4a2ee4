"""What a run measures: units and concepts, and what switching units does; kept, so that it can continue."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from innerview.core.seeds import generator as random
from innerview.core.types import Images
from innerview.dissection import Dissection, PixelConcepts, concept_shares, dissect_generator, generated, switched
from innerview.dissection.generated import coded_maps
from innerview.evaluation import kernel_distance
from innerview.models import evaluate
from innerview.models.normalization import resized
from innerview.replicate import Run
from innerview.synthesis import Generator, load_generator
from innerview.synthesis.generators import Codes

GREYS = ("black", "white", "grey")
"""Colours that are left out where concepts are chosen: nearly everything is near to them."""

LEAST = 0.03
"""Least mean share of the images that a concept covers, to be chosen."""


@cache
def network(run: Run) -> Generator:
    """Return the generator on the run's device."""
    return load_generator(run.config.generator).to(run.device)


def codes(run: Run) -> tuple[Codes, Codes]:
    """Return the codes of the images that are dissected, and of those on which units are switched."""
    drawn = network(run).sample(run.config.images + run.config.tried, run.seed).cpu()
    return drawn[: run.config.images], drawn[run.config.images :]


def dissection(run: Run, layer: str) -> Dissection:
    """Dissect a layer."""
    config, concepts = run.config, PixelConcepts()

    def compute() -> dict[str, Tensor]:
        found = dissect_generator(network(run), codes(run)[0], layer, concepts, quantile=config.quantile)
        names = ("iou", "thresholds", "pixels", "examples")
        return {name: torch.from_numpy(np.ascontiguousarray(getattr(found, name))) for name in names}

    kept = run.part(f"dissection-{layer}", compute, config.generator, config.images, layer, config.quantile)
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in kept.items()}
    return Dissection(layer, concepts.names, concepts.categories, **arrays)


def chosen(run: Run) -> list[str]:
    """Return the three concepts that units of the layer agree with best, among those that images often show."""
    found = dissection(run, run.config.layer)
    share = found.pixels / (run.config.images * 64 * 64)
    order = np.argsort(-found.iou.max(0), kind="stable").tolist()
    names = [found.names[number] for number in order if share[number] >= LEAST and found.names[number] not in GREYS]
    return names[:3]


def units_for(run: Run, concept: str) -> list[int]:
    """Return the units that agree best with a concept, best first."""
    found = dissection(run, run.config.layer)
    return np.argsort(-found.iou[:, found.names.index(concept)], kind="stable").tolist()


def random_units(run: Run, draw: int) -> list[int]:
    """Return units of the layer in a random order."""
    count = len(dissection(run, run.config.layer).thresholds)
    return torch.randperm(count, generator=random("units", run.seed, draw)).tolist()


@dataclass(frozen=True)
class Removal:
    """What is left of concepts while more and more units are switched off.

    Args:
        counts: How many units are off.
        own: ``(counts, concepts)``, the concepts' mean shares, with the best units for one of them off.
        random: ``(draws, counts, concepts)``, with random units off.
    """

    counts: tuple[int, ...]
    own: Float[Tensor, "counts concepts"]
    random: Float[Tensor, "draws counts concepts"]


def counts(run: Run) -> tuple[int, ...]:
    """Return how many units are switched off, one after another."""
    return tuple(sorted({0, 1, 2, 4, run.config.switched, 2 * run.config.switched}))


def removal(run: Run, concept: str) -> Removal:
    """Switch off the units that agree with a concept, and random ones, more and more of them."""
    own = _left(run, concept.replace(" ", "-").replace("°", ""), units_for(run, concept))
    other = [_left(run, f"random-{draw}", random_units(run, draw)) for draw in range(run.config.draws)]
    return Removal(counts(run), own, torch.stack(other))


def _left(run: Run, name: str, order: Sequence[int]) -> Float[Tensor, "counts concepts"]:
    """Return the mean share of each concept while more and more units are off, in an order."""

    def compute() -> dict[str, Tensor]:
        return {"shares": torch.stack([shares(run, order[:count]).mean(0) for count in counts(run)])}

    return run.part(f"left-{name}", compute, tuple(order), *_told(run))["shares"]


def shares(run: Run, off: Sequence[int]) -> Float[Tensor, "n concepts"]:
    """Return the share of each concept in each image while units are off."""
    return concept_shares(images(run, off), PixelConcepts())


def images(run: Run, units: Sequence[int], value: float | Tensor = 0.0, where: Tensor | None = None) -> Images:
    """Return the images on which units are switched, with these switched."""
    tried = codes(run)[1]
    if not units:
        return generated(network(run), tried)
    with switched(network(run), run.config.layer, list(units), value, where):
        return generated(network(run), tried)


def region(run: Run) -> tuple[Tensor, Tensor]:
    """Return where units are switched on: a quarter in the middle, in the layer and in the image."""
    maps = evaluated(run, codes(run)[1][:1])
    layer = torch.zeros(maps.shape[-2:], dtype=torch.bool)
    image = torch.zeros(64, 64, dtype=torch.bool)
    for mask in (layer, image):
        side = mask.shape[0] // 4
        mask[side : 3 * side, side : 3 * side] = True
    return layer, image


def evaluated(run: Run, some: Codes) -> Tensor:
    """Return what the layer puts out for codes."""
    return coded_maps(network(run), some, run.config.layer).cpu()


def levels(run: Run, units: Sequence[int]) -> Float[Tensor, " units"]:
    """Return how strong units are where they are on: the mean above their threshold, over the dissected images."""
    known = dissection(run, run.config.layer).thresholds

    def compute() -> dict[str, Tensor]:
        maps = torch.cat([evaluated(run, few) for few in codes(run)[0].split(50)])
        rows = maps.transpose(0, 1).flatten(1)
        on = rows > torch.from_numpy(known)[:, None]
        return {"levels": (rows * on).sum(1) / on.sum(1).clamp(min=1)}

    found = run.part("levels", compute, run.config.generator, run.config.images, run.config.layer, run.config.quantile)
    return found["levels"][list(units)]


@dataclass(frozen=True)
class Insertion:
    """The mean share of a concept inside the region, before and after units were switched on there.

    Args:
        before: Without.
        after: The concept's units on.
        other: Random units on, each as strong as where it is on; ``(draws,)``.
    """

    before: float
    after: float
    other: Float[Tensor, " draws"]


def insertion(run: Run, concept: str) -> Insertion:
    """Switch on the units that agree with a concept in the middle of the images."""
    config, place = run.config, PixelConcepts().names.index(concept)

    def compute() -> dict[str, Tensor]:
        layer, pixels = region(run)
        rows = [concept_shares(images(run, []), PixelConcepts(), pixels)[:, place].mean()]
        for order in (units_for(run, concept), *(random_units(run, draw) for draw in range(config.draws))):
            some = order[: config.switched]
            made = images(run, some, levels(run, some), layer)
            rows.append(concept_shares(made, PixelConcepts(), pixels)[:, place].mean())
        return {"shares": torch.stack(rows)}

    found = run.part(f"insertion-{concept.replace(' ', '-').replace('°', '')}", compute, concept, *_told(run))["shares"]
    return Insertion(float(found[0]), float(found[1]), found[2:])


def realism(run: Run) -> dict[str, float]:
    """Return how far images are from those of the whole generator, as a network's features tell."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        whole = features(run, generated(network(run), codes(run)[0]))
        found = {"Nothing off": torch.tensor(kernel_distance(features(run, images(run, [])), whole))}
        for concept in chosen(run):
            off = features(run, images(run, units_for(run, concept)[: config.switched]))
            found[f"Units for {concept} off"] = torch.tensor(kernel_distance(off, whole))
        off = features(run, images(run, random_units(run, 0)[: config.switched]))
        return found | {"Random units off": torch.tensor(kernel_distance(off, whole))}

    found = run.part("realism", compute, config.model, config.feature_layer, *_told(run))
    return {title: float(value) for title, value in found.items()}


def features(run: Run, made: Images) -> Float[Tensor, "n d"]:
    """Return what the network's last layer but one makes of images, enlarged to 128 pixels."""
    model, layer = run.model(run.config.model), run.config.feature_layer
    parts = [resized(few, (128, 128)).to(run.device) for few in made.split(32)]
    return torch.cat([evaluate(model, part, layer)[layer].flatten(2).mean(2).cpu() for part in parts])


def _told(run: Run) -> tuple[object, ...]:
    config = run.config
    return (config.generator, config.images, config.tried, config.layer, config.quantile, config.switched, config.draws)
