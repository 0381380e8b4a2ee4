"""Photographs and their vectors: features, layer by layer, and pixels."""

from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from innerview.assets import fetch
from innerview.core.folders import spread
from innerview.core.images import read_image, square, write_image
from innerview.core.types import Images
from innerview.embedding import features, pixel_vectors
from innerview.models import class_labels, imagenet_classes
from innerview.replicate import Run
from innerview.replicate.photos import photo

STAND_INS: Final = ("astronaut", "chelsea", "coffee", "rocket")
"""Where no data set can be had, pieces of each of scikit-image's photographs are one class."""

PIECES: Final = 12


class Photo(NamedTuple):
    """A photograph's file and the name of its class."""

    path: Path
    label: str


def photographs(run: Run) -> list[Photo]:
    """Return the photographs, evenly spread over the classes."""
    if run.fallback:
        return _pieces(run)
    labels = class_labels(run.model(run.config.model))
    names = {one.wnid: labels[index].split(",")[0] for index, one in enumerate(imagenet_classes())} if labels else {}
    paths = spread(sorted(fetch("imagenette160_train").values()), run.config.photographs)
    return [Photo(path, names[path.parent.name]) for path in paths]


def _pieces(run: Run) -> list[Photo]:
    folder, side, found = run.folder / "photographs", run.config.size, []
    for name in STAND_INS:
        whole = square(photo(f"skimage/{name}"), 2 * side)
        for number in range(PIECES):
            top, left = side * (number % 4) // 3, side * (number // 4) // 2
            path = folder / name / f"{number:02}.png"
            write_image(path, whole[..., top : top + side, left : left + side])
            found.append(Photo(path, name))
    return found


def labels(run: Run) -> list[str]:
    """Return the class of each photograph."""
    return [one.label for one in photographs(run)]


def chance(run: Run) -> float:
    """Return the purity that neighbours drawn at random have."""
    counts = Counter(labels(run)).values()
    return sum(count * (count - 1) for count in counts) / (sum(counts) * (sum(counts) - 1))


def spaces(run: Run) -> dict[str, Tensor]:
    """Return the vectors of all photographs: ``features`` and ``pixels``."""
    config, paths = run.config, [one.path for one in photographs(run)]

    def compute() -> dict[str, Tensor]:
        found = features(run.model(config.model), paths, config.layer, size=(config.size, config.size))
        return {"features": found.vectors, "pixels": pixel_vectors(paths, config.pixels).vectors}

    return run.part("vectors", compute, config.model, config.layer, config.size, config.pixels, config.photographs)


def through_layers(run: Run) -> tuple[list[str], dict[str, Tensor]]:
    """Return the classes of a part of the photographs, and their features in each layer, from the image up."""
    config, some = run.config, spread(photographs(run), run.config.followed)

    def compute() -> dict[str, Tensor]:
        model, size = run.model(config.model), (config.size, config.size)
        layers = (*config.layers, config.layer)
        return {name: features(model, [one.path for one in some], name, size=size).vectors for name in layers}

    settings = (config.model, config.layers, config.layer, config.size, config.photographs, config.followed)
    kept = run.part("layers", compute, *settings)
    return [one.label for one in some], {name: kept[name] for name in (*config.layers, config.layer)}


def pictures(run: Run, side: int) -> Images:
    """Return all photographs in little, ``(n, 3, side, side)``."""
    return torch.cat([read_image(one.path, (side, side)) for one in photographs(run)])
