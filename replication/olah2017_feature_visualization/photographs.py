"""The data set's side: photographs that excite a unit, and how alike those are that excite one direction."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from innerview.assets import fetch
from innerview.core.images import center_crop, read_image
from innerview.core.types import Images
from innerview.dissection import Examples, Survey, purity, random_directions, survey
from innerview.models import activations, channels_first
from innerview.replicate import Run
from innerview.replicate.photos import SKIMAGE, photo
from replication.olah2017_feature_visualization.config import Unit

SUPERCLASSES: Final[Mapping[str, tuple[range, ...]]] = {
    "fish": (range(7), range(389, 398)),
    "birds": (range(7, 25), range(80, 101), range(127, 147)),
    "amphibians and reptiles": (range(25, 69),),
    "spiders and the like": (range(69, 80),),
    "sea animals without bones": (range(107, 127), range(327, 330)),
    "dogs": (range(151, 269),),
    "wild canines and cats": (range(269, 294),),
    "bears, weasels and the like": (range(294, 300), range(356, 364)),
    "insects": (range(300, 327),),
    "rodents and rabbits": (range(330, 339),),
    "hoofed animals": (range(339, 356),),
    "primates": (range(365, 385),),
    "food and fruit": (range(924, 970),),
    "landscapes": (range(970, 981),),
    "flowers and fungi": (range(984, 999),),
}
"""ImageNet's classes that are no artefacts, grouped by us along its order; 398 to 923 are artefacts in one heap."""


PIECE: Final = 128
"""Pixels of a piece of a photograph, where no data set can be had."""


def thousand(run: Run) -> list[Path]:
    """Return a photograph of each of the thousand classes, in the classes' order."""
    if run.fallback:
        return _embedded(run)
    return _every([path for _, path in sorted(fetch("imagenet_sample").items())], run.config.photographs)


def ten(run: Run) -> tuple[list[Path], list[str]]:
    """Return photographs of ten classes with many each, and their classes."""
    if run.fallback:
        paths = _embedded(run)
        return paths, [path.stem.split("-")[0] for path in paths]
    paths = _every([path for _, path in sorted(fetch("imagenette160_train").items())], run.config.ten_classes)
    return paths, [path.parent.name for path in paths]


def _every(paths: list[Path], count: int) -> list[Path]:
    """Return `count` of the paths, evenly spread."""
    return [paths[place * len(paths) // count] for place in range(min(count, len(paths)))]


def _embedded(run: Run) -> list[Path]:
    """Write pieces of scikit-image's photographs as files: what stands in where no data set can be had."""
    folder = run.folder / "photographs"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        picture = (photo(f"{SKIMAGE}{name}")[0].permute(1, 2, 0) * 255).byte().numpy()
        places = [(top, left) for top in (40, 150) for left in range(0, picture.shape[1] - PIECE, 24)]
        for number, (top, left) in enumerate(places):
            path = folder / f"{name}-{number:02}.png"
            if not path.exists():
                piece = picture[top : top + PIECE, left : left + PIECE]
                Image.fromarray(np.ascontiguousarray(piece)).save(path)
    return sorted(folder.glob("*.png"))


def surveyed(run: Run, layer: str, paths: Sequence[Path], name: str, directions: Tensor | None = None) -> Survey:
    """Return how photographs excite a layer; an interrupted survey goes on."""
    size = run.config.photograph_size
    place = run.folder / "surveys" / f"{name}-{layer}"
    model = run.model(run.config.model)
    return survey(model, paths, layer, out=place, size=size, directions=directions, progress=True)


def examples(run: Run, unit: Unit) -> Images:
    """Return the photographs that excite a unit most."""
    found = surveyed(run, unit.layer, thousand(run), "thousand")
    return read(found, found.top(unit.channel, run.config.examples))


def signed_examples(run: Run) -> dict[str, Images]:
    """Return photographs along a unit's range, from negative to positive."""
    layer, channel = run.config.signed
    found = surveyed(run, layer, thousand(run), "thousand")
    groups = found.groups(channel, run.config.examples)
    return {title: read(found, chosen) for title, chosen in groups.items()}


def read(found: Survey, chosen: Examples) -> Images:
    """Read the photographs of some examples again."""
    return torch.cat([center_crop(read_image(found.paths[index], found.size), found.size) for index in chosen.indices])


def channels_of(run: Run, layer: str) -> int:
    """Return how many channels a layer has."""
    image = torch.full((1, 3, 64, 64), 0.5, device=run.device)
    with torch.no_grad():
        return channels_first(activations(run.model(run.config.model), image, [layer])[layer]).shape[1]


def purities(run: Run, count: int = 10) -> dict[str, Tensor]:
    """Return how pure the top photographs of channels and of random directions are.

    Returns:
        ``channels``, ``directions``: over ten classes; ``channels over``, ``directions over``: over superclasses.
    """
    config = run.config
    layer, channels = config.directions_layer, channels_of(run, config.directions_layer)
    paths, labels = ten(run)
    natural, groups = _natural(thousand(run), run.fallback)

    def compute() -> dict[str, Tensor]:
        drawn = torch.cat([torch.eye(channels), random_directions(config.directions, channels, run.seed)])
        measured = {}
        for suffix, images, kinds in (("", paths, labels), (" over", natural, groups)):
            name = "natural" if suffix else "ten"
            responses = surveyed(run, layer, images, name, drawn).maxima
            most = min(count, len(images) // 2)
            pure = torch.from_numpy(purity(responses, kinds, most, run.seed))
            measured |= {f"channels{suffix}": pure[:channels], f"directions{suffix}": pure[channels:]}
        return measured

    asked = config.model, layer, config.directions, count, config.photograph_size, len(paths), len(natural)
    return run.part("purities", compute, *asked)


def _natural(paths: list[Path], fallback: bool) -> tuple[list[Path], list[str]]:
    """Return the photographs of superclasses, and which they are."""
    if fallback or len(paths) < 1000:
        return paths, [path.stem.split("-")[0] for path in paths]
    found = {index: name for name, ranges in SUPERCLASSES.items() for numbers in ranges for index in numbers}
    return [paths[index] for index in sorted(found)], [found[index] for index in sorted(found)]


def difference(one: Tensor, other: Tensor, draws: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Return the difference of two means, and its 95 % interval by bootstrap."""
    random = np.random.default_rng(seed)
    first, second = one.numpy(), other.numpy()
    means = [random.choice(first, len(first)).mean() - random.choice(second, len(second)).mean() for _ in range(draws)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(first.mean() - second.mean()), float(low), float(high)
