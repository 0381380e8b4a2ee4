"""The photographs: with a box and a class (localization), and with outlines of all objects (discrimination)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from innerview.assets import fetch
from innerview.core.errors import BadInput
from innerview.core.folders import spread
from innerview.core.images import read_image
from innerview.core.types import Boxes, Images, Masks
from innerview.localization import COCO_CATEGORIES, coco_masks, find_ilsvrc, read_ilsvrc, scaled_boxes
from innerview.replicate import Run
from innerview.replicate.photos import SKIMAGE, photo
from replication.selvaraju2017_grad_cam.categories import IMAGENET_OF_COCO

EMBEDDED: Final = {
    "chelsea": (282, (15, 0, 385, 300)),
    "coffee": (967, (175, 17, 424, 311)),
    "rocket": (657, (306, 128, 338, 409)),
}
"""scikit-image's photographs: class, and a box drawn by us around its object, in pixels of the photograph."""

OBJECTS: Final = {"chelsea": ("cat", (281, 282, 285)), "coffee": ("cup", (504, 967, 968)), "rocket": ("rocket", (657,))}
"""The same as objects of a scene: category, and the classes that belong to it."""


class Photo(NamedTuple):
    """A photograph with its class and the boxes around its objects."""

    path: Path
    label: int
    boxes: Boxes
    """``(n, 4)``, in pixels of the photograph as it is read: squeezed to a square."""


@dataclass(frozen=True)
class Scenes:
    """Photographs with several objects, each with its outline."""

    images: Images
    """``(scenes, 3, h, w)``."""
    owners: Tensor
    """``(objects,)``: the scene that each object is in."""
    categories: tuple[str, ...]
    """Of each object."""
    classes: tuple[tuple[int, ...], ...]
    """The classes that belong to each object's category."""
    masks: Masks
    """``(objects, h, w)``: all of the scene that belongs to the category."""


def boxed(run: Run, count: int | None = None) -> list[Photo]:
    """Return photographs with boxes, at most `count`, evenly spread over the classes."""
    most = run.config.images if count is None else min(count, run.config.images)
    photos = _embedded(run) if run.fallback else _published(run.config.imagenet, run.config.size)
    return spread(photos, most)


@cache
def _published(folder: str, size: int) -> list[Photo]:
    """Return all photographs of a folder with ILSVRC's validation set; of the ten classes if it has no name."""
    if folder:
        paths = find_ilsvrc(folder)
    else:
        paths = {path.name: path for _, path in sorted(fetch("imagenette160_boxes").items())}
    known = read_ilsvrc(fetch("wsol_ilsvrc"), list(paths))
    return [
        Photo(path, known[name].label, scaled_boxes(known[name].boxes, known[name].size, (size, size)))
        for name, path in sorted(paths.items(), key=lambda item: str(item[1]))
    ]


def read(run: Run, photos: Sequence[Photo]) -> Images:
    """Read photographs, squeezed to a square as the ten classes' are published; boxes keep their overlap under it."""
    size = (run.config.size, run.config.size)
    return torch.cat([read_image(one.path, size) for one in photos]).to(run.device)


def scenes(run: Run) -> Scenes:
    """Return photographs with outlines of objects whose category has classes of ImageNet."""
    config = run.config
    return _pasted(config.size) if run.fallback else _outlined(config.scenes, config.size, config.smallest)


@cache
def _outlined(count: int, size: int, smallest: float) -> Scenes:
    """Return COCO's photographs with the objects that cover at least a share of them."""
    files = fetch("coco128_seg")
    found: dict[str, list[Any]] = {"images": [], "owners": [], "categories": [], "masks": []}
    pictures = spread(sorted(key for key in files if key.endswith(".jpg")), count)
    for key in pictures:
        outlines = key.replace("images", "labels").replace(".jpg", ".txt")
        masks = coco_masks(files[outlines], (size, size)) if outlines in files else {}
        named = {COCO_CATEGORIES[number]: mask for number, mask in masks.items()}
        wanted = {
            category: mask
            for category, mask in named.items()
            if category in IMAGENET_OF_COCO and float(mask.float().mean()) >= smallest
        }
        if wanted:
            found["owners"] += [len(found["images"])] * len(wanted)
            found["images"].append(read_image(files[key], (size, size)))
            found["categories"] += wanted
            found["masks"] += wanted.values()
    if not found["images"]:
        raise BadInput("no scene shows an object of a known category; give more `scenes`")
    return Scenes(
        torch.cat(found["images"]),
        torch.tensor(found["owners"]),
        tuple(found["categories"]),
        tuple(IMAGENET_OF_COCO[category] for category in found["categories"]),
        torch.stack(found["masks"]),
    )


def pairs(of: Scenes) -> list[tuple[int, int]]:
    """Return the pairs of objects, by number, that are in one scene."""
    owners = of.owners.tolist()
    return [(i, j) for i in range(len(owners)) for j in range(i + 1, len(owners)) if owners[i] == owners[j]]


def pair_photo(run: Run) -> Images:
    """Return the photograph with two classes, a dog and a cat."""
    if run.fallback:
        return _pasted(run.config.size).images[:1].to(run.device)
    return photo(run.config.photo, run.config.size).to(run.device)


def _embedded(run: Run) -> list[Photo]:
    """Write scikit-image's photographs and their mirror images as files: what stands in where nothing can be had."""
    folder, size, photos = run.folder / "photographs", run.config.size, []
    folder.mkdir(parents=True, exist_ok=True)
    for name, (label, box) in EMBEDDED.items():
        picture = (photo(f"{SKIMAGE}{name}")[0].permute(1, 2, 0) * 255).byte().numpy()
        height, width = picture.shape[:2]
        x0, y0, x1, y1 = box
        for turned in ("", "-mirrored"):
            path = folder / f"{name}{turned}.png"
            if not path.exists():
                Image.fromarray(np.ascontiguousarray(picture[:, ::-1] if turned else picture)).save(path)
            left, right = (width - x1, width - x0) if turned else (x0, x1)
            corners = [left * size / width, y0 * size / height, right * size / width, y1 * size / height]
            photos.append(Photo(path, label, torch.tensor([corners])))
    return photos


@cache
def _pasted(size: int) -> Scenes:
    """Paste two objects of scikit-image's photographs side by side: scenes for a machine that reaches no data set."""
    halves = {}
    for name, (_, (x0, y0, x1, y1)) in EMBEDDED.items():
        cut = photo(f"{SKIMAGE}{name}")[..., y0:y1, x0:x1]
        halves[name] = torch.nn.functional.interpolate(cut, (size, size // 2), mode="bilinear", antialias=True)
    images, owners, names, masks = [], [], [], []
    for left, right in (("chelsea", "coffee"), ("coffee", "rocket"), ("rocket", "chelsea")):
        owners += [len(images)] * 2
        images.append(torch.cat([halves[left], halves[right]], -1))
        names += [left, right]
        mask = torch.arange(size).expand(size, size) < size // 2
        masks += [mask, ~mask]
    return Scenes(
        torch.cat(images),
        torch.tensor(owners),
        tuple(OBJECTS[name][0] for name in names),
        tuple(OBJECTS[name][1] for name in names),
        torch.stack(masks),
    )
