"""The photographs: to train on, to watch the training with, and with boxes to measure on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import torch
from PIL import Image
from torch import Tensor

from innerview.assets import fetch
from innerview.core.images import read_image, write_image
from innerview.core.types import Boxes, Images
from innerview.localization import (
    Example,
    composites,
    ilsvrc_training,
    ilsvrc_validation,
    read_cub,
    read_ilsvrc,
    scaled_boxes,
)
from innerview.models import imagenet_classes
from replication.zhang2018_acol.config import Config

SIDE: Final = 224
"""Pixels to which ImageNet's ten classes were squeezed when they were published."""

STAND_INS: Final = {"training": 200, "tuning": 40, "boxed": 40}
"""How many generated images stand in for each set of photographs."""


@dataclass(frozen=True)
class Photographs:
    """Three sets of photographs of the same classes."""

    classes: tuple[str, ...]
    training: tuple[Example, ...]
    tuning: tuple[Example, ...]
    """To watch the training with; nobody drew boxes."""
    boxed: tuple[Example, ...]
    """Each with the boxes of its file, to measure on."""
    indices: tuple[int, ...] = ()
    """Of the classes among ImageNet's 1000, where they are such."""


def photographs(config: Config, stand_in: Path | None = None) -> Photographs:
    """Return the data set of a configuration, each set thinned out evenly to the sizes asked for.

    Args:
        config: Names the folder of a whole data set; else ImageNet's ten classes are taken.
        stand_in: Folder for generated images where no photographs can be had.
    """
    if stand_in:
        found = _digits(stand_in, config.size)
    elif config.cub:
        found = _birds(config.cub)
    else:
        found = _thousand(config.imagenet) if config.imagenet else _ten()
    few, judged = every(found.training, config.images), every(found.boxed, config.boxed)
    return replace(found, training=tuple(few), boxed=tuple(judged))


@cache
def _ten() -> Photographs:
    """Return the ten classes of ImageNet that are at hand; the boxes are those of ILSVRC's validation photographs."""
    sets = {name: sorted(fetch(f"imagenette160_{name}").values()) for name in ("train", "val", "boxes")}
    folders = sorted({path.parent.name for path in sets["train"]})
    known_classes = [entry.wnid for entry in imagenet_classes()]
    indices = tuple(known_classes.index(folder) for folder in folders)
    names = tuple(imagenet_classes()[index].name.split(",")[0] for index in indices)
    known = read_ilsvrc(fetch("wsol_ilsvrc"), [path.name for path in sets["boxes"]])
    made = {
        name: tuple(Example(path, folders.index(path.parent.name)) for path in paths) for name, paths in sets.items()
    }
    squeezed = [(known[one.path.name], (SIDE, SIDE)) for one in made["boxes"]]
    boxes = [scaled_boxes(told.boxes, told.size, size) for told, size in squeezed]
    boxed = tuple(Example(one.path, one.label, own) for one, own in zip(made["boxes"], boxes, strict=True))
    return Photographs(names, made["train"], made["val"], boxed, indices)


@cache
def _thousand(folder: str) -> Photographs:
    """Return ILSVRC 2012 as a user has it."""
    training, boxed = ilsvrc_training(folder), ilsvrc_validation(folder, fetch("wsol_ilsvrc"))
    return Photographs(training.classes, *_held_out(training.examples), boxed.examples, tuple(range(1000)))


@cache
def _birds(folder: str) -> Photographs:
    """Return CUB-200-2011 as a user has it."""
    training, boxed = read_cub(folder)
    return Photographs(training.classes, *_held_out(training.examples), boxed.examples)


def _held_out(examples: Sequence[Example]) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Hold every twentieth training photograph out."""
    kept = tuple(one for place, one in enumerate(examples) if place % 20)
    return kept, tuple(examples[::20])


@cache
def _digits(folder: Path, size: int) -> Photographs:
    """Write generated images as files: what stands in where no photographs can be had."""
    sets = {}
    for seed, (name, count) in enumerate(STAND_INS.items()):
        digits = "training" if name == "training" else "test"
        made = composites(count, size=size, parts=(1.0, 0.5), digits=digits, seed=seed)
        paths = [folder / f"{name}-{place:03}.png" for place in range(count)]
        for path, image in zip(paths, made.images, strict=True):
            if not path.exists():
                write_image(path, image[None])
        boxes = made.boxes if name == "boxed" else None
        sets[name] = tuple(
            Example(path, int(label), None if boxes is None else boxes[place : place + 1])
            for place, (path, label) in enumerate(zip(paths, made.labels, strict=True))
        )
    return Photographs(tuple(f"digit {digit}" for digit in range(10)), **sets)


def paths_of(examples: Sequence[Example]) -> list[Path]:
    """Return the files."""
    return [one.path for one in examples]


def labels_of(examples: Sequence[Example]) -> Tensor:
    """Return the classes ``(n,)``."""
    return torch.tensor([one.label for one in examples])


def boxes_of(examples: Sequence[Example], size: int) -> list[Boxes]:
    """Return the true boxes in pixels of the photographs squeezed to squares."""
    found = []
    for one in examples:
        assert one.boxes is not None, one.path
        with Image.open(one.path) as file:
            width, height = file.size
        found.append(scaled_boxes(one.boxes, (height, width), (size, size)))
    return found


def read(examples: Sequence[Example], size: int) -> Images:
    """Read photographs, squeezed to squares."""
    return torch.cat([read_image(one.path, (size, size)) for one in examples])


def every(examples: Sequence[Example], count: int) -> list[Example]:
    """Return `count` of the examples, evenly spread."""
    few = min(count, len(examples))
    return [examples[place * len(examples) // few] for place in range(few)]
