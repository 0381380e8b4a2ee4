"""The photographs, each with its class."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn import functional as F

from innerview.assets import fetch
from innerview.core.folders import spread
from innerview.core.images import read_image
from innerview.core.types import Images
from innerview.models import imagenet_classes
from innerview.replicate import Run
from innerview.replicate.photos import SKIMAGE, photo

EMBEDDED = {"chelsea": 285, "coffee": 504, "rocket": 657}
"""scikit-image's photographs with the class that each shows: Egyptian cat, coffee mug, missile."""

CROPS = 8


class Photographs(NamedTuple):
    """Photographs with the class of each."""

    images: Images
    labels: torch.Tensor
    names: tuple[str, ...]
    """By which parts of the run are found again."""


def photographs(run: Run, count: int) -> Photographs:
    """Return validation photographs of ten classes, squeezed to squares and evenly spread over the classes."""
    if run.fallback:
        return _crops(run.config.size, count)
    return _read(run, spread(_published(), count))


def photograph(run: Run, place: int) -> Photographs:
    """Return one of all photographs."""
    if run.fallback:
        return _crops(run.config.size, 1)
    return _read(run, [_published()[place]])


def _read(run: Run, paths: Sequence[Path]) -> Photographs:
    index = {one.wnid: place for place, one in enumerate(imagenet_classes())}
    images = torch.cat([read_image(path, (run.config.size, run.config.size)) for path in paths])
    labels = torch.tensor([index[path.parent.name] for path in paths])
    return Photographs(images, labels, tuple(path.name for path in paths))


@cache
def _published() -> list[Path]:
    return [path for _, path in sorted(fetch("imagenette160_boxes").items(), key=lambda item: _of_class(item[0]))]


def _of_class(name: str) -> tuple[str, str]:
    """Sort by class first: files of one class lie in two folders."""
    *_, folder, file = name.split("/")
    return folder, file


def _crops(size: int, count: int) -> Photographs:
    """Cut squares out of scikit-image's photographs: what stands in where no data set can be had."""
    images, labels, names = [], [], []
    for number in range(CROPS):
        for name, label in EMBEDDED.items():
            whole = photo(f"{SKIMAGE}{name}")
            side = min(whole.shape[-2:])
            left = (whole.shape[-1] - side) * number // (CROPS - 1)
            cut = whole[..., :side, left : left + side]
            images.append(F.interpolate(cut, (size, size), mode="bilinear", antialias=True).clamp(0, 1))
            labels.append(label)
            names.append(f"{name}-{number}")
    few = slice(min(count, len(images)))
    return Photographs(torch.cat(images[few]), torch.tensor(labels[few]), tuple(names[few]))
