"""The photographs, and what is known of their pixels."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from innerview.assets import fetch
from innerview.core.folders import Batch, spread
from innerview.core.images import read_image
from innerview.core.seeds import generator
from innerview.core.types import Images
from innerview.dissection import GivenMasks, PixelConcepts
from innerview.localization import COCO_CATEGORIES, coco_masks, read_ilsvrc, scaled_boxes
from innerview.localization.judging import inside_boxes
from innerview.models import imagenet_labels
from innerview.replicate import Run
from innerview.replicate.photos import photo
from replication.methods.network_dissection.config import Config

PIXELS: Final = ("color", "orientation", "frequency")
"""Categories whose masks are computed."""
OBJECT: Final = "object"
"""COCO's categories, by outlines."""
CLASS: Final = "class"
"""Classes that the network was trained for, by boxes."""
ELSEWHERE: Final = {OBJECT: "object, elsewhere", CLASS: "class, elsewhere"}
"""The control: each photograph with the outlines or boxes of another one."""

OBJECTS: Final = {"chelsea": ("cat", (15, 0, 385, 300)), "coffee": ("cup", (175, 17, 424, 311)),
                  "rocket": ("rocket", (306, 128, 338, 409))}  # fmt: skip
"""scikit-image's photographs: what each shows, and a box drawn by us, in its pixels."""

Found = tuple[Tensor, Mapping[str, Tensor]]
"""A photograph ``(1, 3, h, w)`` and the masks of what it shows."""


def photographs(run: Run) -> tuple[Images, GivenMasks]:
    """Return all photographs, squeezed to squares, and the concepts."""
    return _photographs(run.config, run.fallback)


@cache
def _photographs(config: Config, fallback: bool) -> tuple[Images, GivenMasks]:
    scenes, boxed = (_crops(config), []) if fallback else (_outlined(config), _boxed(config))
    scenes = _common(scenes, config.rarest)
    images = torch.cat([image for image, _ in [*scenes, *boxed]])
    computed, pixels = _pixels(images, config)
    kinds, shown = computed, list[Mapping[str, Tensor]]()
    for kind, part in ((OBJECT, scenes), (CLASS, boxed)):
        names = sorted({name for _, masks in part for name in masks})
        kinds |= dict.fromkeys(names, kind) | {_elsewhere(name): ELSEWHERE[kind] for name in names}
        shown += _with_control([masks for _, masks in part])
    unknown = [(CLASS, ELSEWHERE[CLASS])] * len(scenes) + [(OBJECT, ELSEWHERE[OBJECT])] * len(boxed)
    masks = [{**drawn, **others} for drawn, others in zip(pixels, shown, strict=True)]
    return images, GivenMasks(kinds, masks, unknown, (config.masks, config.masks))


def _with_control(shown: list[Mapping[str, Tensor]]) -> list[Mapping[str, Tensor]]:
    """Add to each photograph what the one half of the list further on shows."""
    others = [shown[(place + len(shown) // 2) % len(shown)] for place in range(len(shown))]
    return [
        {**own, **{_elsewhere(name): mask for name, mask in other.items()}}
        for own, other in zip(shown, others, strict=True)
    ]


def _elsewhere(name: str) -> str:
    return f"{name}, elsewhere"


def _pixels(images: Images, config: Config) -> tuple[dict[str, str], list[dict[str, Tensor]]]:
    """Return name and category of the computed concepts, and the masks of each image."""
    concepts = PixelConcepts(config.orientations, (config.masks, config.masks))
    parts = [concepts.read(Batch((), part)).masks for part in images.split(16)]
    kinds = dict(zip(concepts.names, concepts.categories, strict=True))
    return kinds, [dict(zip(kinds, masks, strict=True)) for masks in torch.cat(parts)]


def _common(scenes: list[Found], rarest: int) -> list[Found]:
    """Leave out what too few photographs show; the photographs stay."""
    counts: dict[str, int] = {}
    for _, shown in scenes:
        for name in shown:
            counts[name] = counts.get(name, 0) + 1
    return [(image, {name: mask for name, mask in shown.items() if counts[name] >= rarest}) for image, shown in scenes]


def _outlined(config: Config) -> list[Found]:
    files, size = fetch("coco128_seg"), (config.masks, config.masks)
    found: list[Found] = []
    for key in spread(sorted(key for key in files if key.endswith(".jpg")), config.scenes):
        outlines = key.replace("images", "labels").replace(".jpg", ".txt")
        masks = coco_masks(files[outlines], size) if outlines in files else {}
        found.append((_square(files[key], config), {_named(number): mask for number, mask in masks.items()}))
    return found


def _named(number: int) -> str:
    name = COCO_CATEGORIES[number]
    return "orange (fruit)" if name == "orange" else name  # the colour has the name


def _boxed(config: Config) -> list[Found]:
    paths = {path.name: path for path in fetch("imagenette160_boxes").values()}
    known = read_ilsvrc(fetch("wsol_ilsvrc"), sorted(paths))
    labels, size, found = imagenet_labels(), (config.masks, config.masks), list[Found]()
    for number in sorted({one.label for one in known.values()}):
        for name in [name for name, one in known.items() if one.label == number][: config.per_class]:
            mask = inside_boxes(scaled_boxes(known[name].boxes, known[name].size, size), size)
            found.append((_square(paths[name], config), {labels[number]: mask}))
    return found


def _square(path: Path, config: Config) -> Tensor:
    return read_image(path, (config.size, config.size))


def _crops(config: Config) -> list[Found]:
    """Cut squares out of scikit-image's photographs, where no others can be had."""
    draws, found = generator("scenes"), list[Found]()
    for place in range(config.scenes):
        name = list(OBJECTS)[place % len(OBJECTS)]
        whole, (shown, (x0, y0, x1, y1)) = photo(f"skimage/{name}"), OBJECTS[name]
        mask = torch.zeros(whole.shape[-2:])
        mask[y0:y1, x0:x1] = 1
        side = int(min(whole.shape[-2:]) * (0.5 + 0.5 * float(torch.rand((), generator=draws))))
        top, left = (int(torch.randint(extent - side + 1, (), generator=draws)) for extent in whole.shape[-2:])
        cut = torch.cat([whole[0], mask[None]])[None, :, top : top + side, left : left + side]
        image, drawn = (_resized(part, size) for part, size in ((cut[:, :3], config.size), (cut[:, 3:], config.masks)))
        found.append((image, {shown: drawn[0, 0] > 0.5}))
    return found


def _resized(images: Tensor, size: int) -> Tensor:
    resized = torch.nn.functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return resized.clamp(0, 1)
