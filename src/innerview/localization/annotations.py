"""Where objects truly are: ILSVRC's boxes, COCO's polygons, and a user's own ILSVRC validation set."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

import numpy as np
import torch
from skimage.draw import polygon

from innerview.core.errors import BadInput
from innerview.core.types import Boxes
from innerview.localization.boxes import Mask

COCO_CATEGORIES: Final = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear",
    "hair drier", "toothbrush",
)  # fmt: skip
"""The names of COCO's 80 categories by their number in YOLO's files {cite}`lin2014coco`."""

Value = TypeVar("Value", int, float, str)

ILSVRC_FILES: Final = "ILSVRC2012_val_????????.JPEG"
ILSVRC_PLACES: Final = ("", "*/", "val/*/", "Data/CLS-LOC/val/", "ILSVRC/Data/CLS-LOC/val/")
"""Where they may lie in a user's folder; the last ones as Kaggle packs them."""


@dataclass(frozen=True)
class Annotation:
    """What is known of one ILSVRC photograph.

    Args:
        width: Of the original photograph, in pixels.
        height: Likewise.
        label: Index of its class.
        boxes: ``(n, 4)`` in pixels of the original, around every object of the class.
    """

    width: int
    height: int
    label: int
    boxes: Boxes

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, as sizes are given everywhere."""
        return self.height, self.width


def read_ilsvrc(files: Mapping[str, str | Path], names: Collection[str]) -> dict[str, Annotation]:
    """Read classes, sizes and boxes of some validation photographs.

    The files give the first and the last pixel of a box, counted from 0 (none of 80,477 boxes reaches the width
    itself, 6,086 end one pixel before); the boxes returned end one pixel later, as all boxes here do.

    Args:
        files: The files of the asset ``wsol_ilsvrc``, ``innerview.assets.fetch("wsol_ilsvrc")``; it needs
            ``localization.txt``, ``image_sizes.txt`` and ``class_labels.txt``.
        names: Of photographs, such as ``ILSVRC2012_val_00000293.JPEG``, with any folders before.

    Returns:
        Each name as it was asked for -> what is known of it.

    Raises:
        BadInput: a photograph that the files do not know, a file that is missing or cannot be read, a line that is not
            a name and whole numbers, a box that `check_boxes` refuses.
    """
    wanted = {_file_name(name) for name in names}
    corners: dict[str, list[list[int]]] = {}
    for name, numbers in _rows(files, "localization.txt", 4, wanted):
        x0, y0, x1, y1 = numbers
        corners.setdefault(name, []).append([x0, y0, x1 + 1, y1 + 1])
    sizes = dict(_rows(files, "image_sizes.txt", 2, wanted))
    labels = dict(_rows(files, "class_labels.txt", 1, wanted))
    unknown = sorted(wanted - (corners.keys() & sizes.keys() & labels.keys()))
    if unknown:
        raise BadInput(f"nothing is known of {unknown[0]!r} ({len(unknown)} such); give names of the validation set")
    found: dict[str, Annotation] = {}
    for asked in names:
        name = _file_name(asked)
        (width, height), (label,) = sizes[name], labels[name]
        boxes = torch.tensor(corners[name], dtype=torch.float32)
        check_boxes(boxes, (height, width), asked)
        found[asked] = Annotation(width, height, label, boxes)
    return found


def check_boxes(boxes: Boxes, size: tuple[int, int], name: str) -> None:
    """Raise an error unless every box has an area and lies in its image.

    Args:
        boxes: ``(n, 4)`` in pixels of the image.
        size: Height and width of the image.
        name: Of the image, for the message.

    Raises:
        BadInput: a box without an area, or one that reaches beyond the image.
    """
    height, width = size
    for box in boxes.tolist():
        x0, y0, x1, y1 = box
        corners = ", ".join(f"{corner:g}" for corner in box)
        if not (x0 < x1 and y0 < y1):
            raise BadInput(f"{name}: the box {corners} has no area; correct it or leave it out")
        if min(x0, y0) < 0 or x1 > width or y1 > height:
            raise BadInput(
                f"{name}: the box {corners} reaches beyond the image of {width}x{height} pixels; give boxes in pixels "
                "of this very file"
            )


def coco_masks(path: str | Path, size: tuple[int, int]) -> dict[int, Mask]:
    """Read one image's polygons, as masks of its categories.

    A pixel belongs to a polygon that holds its middle. YOLO's files join the parts of an object into one polygon.

    Args:
        path: Lines ``category x y x y …``, in shares of the width and of the height.
        size: Height and width of the masks.

    Returns:
        Number of the category (see `COCO_CATEGORIES`) -> ``(h, w)``, all its objects together; only those there are.

    Raises:
        BadInput: the file cannot be read, a line is no polygon of a known category, or the size is not positive.
    """
    if min(size) < 1:
        raise BadInput(f"masks cannot be {size[0]}x{size[1]} pixels; give a positive height and width")
    masks: dict[int, Mask] = {}
    for category, points in _polygons(Path(path)):
        mask = masks.setdefault(category, torch.zeros(size, dtype=torch.bool))
        rows, columns = polygon(points[:, 1] * size[0] - 0.5, points[:, 0] * size[1] - 0.5, size)
        mask[torch.from_numpy(rows), torch.from_numpy(columns)] = True
    return masks


def find_ilsvrc(folder: str | Path) -> dict[str, Path]:
    """Find the validation photographs of ILSVRC 2012 that a user has.

    Args:
        folder: Holds them, flat or in a folder for each class, or has them so in its own folder ``val``; or holds what
            Kaggle packs, ``ILSVRC/Data/CLS-LOC/val``.

    Returns:
        Name of the file -> its path, sorted.

    Raises:
        BadInput: there is no such folder, or it holds none of them.
    """
    root = Path(folder)
    if not root.is_dir():
        raise BadInput(f"{root} is no folder; give the one that holds ILSVRC's validation photographs")
    for place in ILSVRC_PLACES:
        found = {path.name: path for path in sorted(root.glob(place + ILSVRC_FILES))}
        if found:
            return found
    raise BadInput(
        f"{root} holds no validation photograph of ILSVRC (ILSVRC2012_val_00000001.JPEG …), nor do the folders in it; "
        "unpack ILSVRC2012_img_val.tar there"
    )


def _file_name(name: str) -> str:
    return PurePosixPath(name).name


def _rows(
    files: Mapping[str, str | Path], key: str, count: int, wanted: Collection[str]
) -> Iterator[tuple[str, list[int]]]:
    """Give name and numbers of each line of a file that tells about a wanted photograph."""
    if key not in files:
        raise BadInput(f"{key} is missing; give all files of the asset wsol_ilsvrc")
    for line_number, line in numbered_lines(Path(files[key])):
        path, *fields = line.split(",")
        name = _file_name(path)
        if name not in wanted:
            continue
        numbers = converted(fields, int)
        if numbers is None or len(numbers) != count:
            raise BadInput(f"{files[key]}, line {line_number}: {line!r} is not a name and {count} whole numbers")
        yield name, numbers


def _polygons(path: Path) -> Iterator[tuple[int, np.ndarray]]:
    for line_number, line in numbered_lines(path):
        first, *fields = line.split()
        points = converted(fields, float)
        known = first.isdecimal() and int(first) < len(COCO_CATEGORIES)
        if not known or points is None or len(points) < 6 or len(points) % 2:
            raise BadInput(
                f"{path}, line {line_number}: not a category from 0 to {len(COCO_CATEGORIES) - 1} and three or more "
                "pairs of coordinates"
            )
        yield int(first), np.asarray(points).reshape(-1, 2)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Return the lines of a text file that hold anything, each with its number from 1.

    Raises:
        BadInput: the file cannot be read as text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as text ({error}); fetch it again") from error
    return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def converted(fields: list[str], kind: type[Value]) -> list[Value] | None:
    """Return the fields of a line as values of this kind; None if one of them is not."""
    try:
        return [kind(field) for field in fields]
    except ValueError:
        return None
