"""Broden, the Broadly and Densely Labeled Dataset {cite}`bau2017dissection`, where the user has it.

Its folder holds ``index.csv``, a line for each image; ``label.csv``, a line for each concept; and ``images/`` with the
images and, as PNG files, the labels of their pixels: red + 256 * green.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from innerview.core.errors import BadInput
from innerview.core.files import below, file_identity
from innerview.core.folders import Batch
from innerview.core.images import opened
from innerview.dissection.concepts import ConceptMasks, Size

FIXED: Final = ("image", "split", "ih", "iw", "sh", "sw")
"""Columns of ``index.csv`` that name no category."""


@dataclass(frozen=True)
class BrodenImage:
    """A line of ``index.csv``: the file, and for each category what it is labelled with, as written there."""

    path: Path
    size: Size
    labels: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class BrodenConcepts:
    """The concepts of Broden, or of any folder laid out like it; made by `read_broden`.

    Args:
        folder: Where it lies.
        images: In the order in which they are dissected.
        numbers: Number of each concept in ``label.csv`` -> its name and category.
        size: Of all masks.
    """

    folder: Path
    images: tuple[BrodenImage, ...]
    numbers: Mapping[int, tuple[str, str]]
    size: Size

    @property
    def paths(self) -> list[Path]:
        """The images' files."""
        return [image.path for image in self.images]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all concepts."""
        return tuple(name for name, _ in self.numbers.values())

    @property
    def categories(self) -> tuple[str, ...]:
        """Of each concept, the one in which it is most frequent."""
        return tuple(category for _, category in self.numbers.values())

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.images)

    @cached_property
    def _places(self) -> np.ndarray:
        """Number of a label -> place of its concept; -1 for none."""
        places = np.full(max(self.numbers) + 1, -1)
        places[list(self.numbers)] = np.arange(len(self.numbers))
        return places

    def read(self, batch: Batch) -> ConceptMasks:
        """Read the labels of some images.

        Raises:
            BadInput: a file is missing, has another size than ``index.csv`` says, or holds a label that ``label.csv``
                does not know.
        """
        masks = np.zeros((len(batch.indices), len(self.numbers), *self.size), bool)
        known = np.zeros(masks.shape[:2], bool)
        for row, index in enumerate(batch.indices):
            image = self.images[index]
            for entries in image.labels.values():
                for entry in entries:
                    self._mark(masks[row], entry, image)
            known[row] = [bool(image.labels.get(category)) for category in self.categories]
        return ConceptMasks(torch.from_numpy(masks), torch.from_numpy(known))

    def _mark(self, masks: np.ndarray, entry: str, image: BrodenImage) -> None:
        """Add what one entry says: the number of a label of the whole image, or a file with one for each pixel."""
        if entry.isdecimal():
            places = self._looked_up(np.array([int(entry)]), str(image.path))
            if places[0] >= 0:
                masks[places[0]] = True
            return
        path = below(self.folder / "images", entry, self.folder / "index.csv")
        places = self._looked_up(_labels(path, self.size), str(path))
        for place in np.unique(places[places >= 0]):
            masks[place] |= places == place

    def _looked_up(self, labels: np.ndarray, where: str) -> np.ndarray:
        known = np.append(self._places, -1)  # what lies beyond is unknown
        places = known[np.minimum(labels, len(known) - 1)]
        unknown = labels[(places < 0) & (labels != 0)]
        if len(unknown):
            raise BadInput(
                f"{where} holds the label {unknown.flat[0]}, which label.csv does not know; fetch both again"
            )
        return places

    def identity(self) -> Any:
        """Return the two tables; the files of masks count by name alone."""
        return [file_identity(self.folder / name) for name in ("index.csv", "label.csv")] + [len(self.images)]


def read_broden(folder: str | Path, split: str | None = None, most: int | None = None) -> BrodenConcepts:
    """Read the tables of Broden.

    Args:
        folder: Holds ``index.csv``, ``label.csv`` and ``images/``.
        split: ``train`` or ``val``; by default all images.
        most: Only so many images, the first ones.

    Raises:
        BadInput: a table is missing or lacks a column, a size or number is none, no image is left, an image is no
            square (it would be cut, its masks would not), or masks are of several sizes.
    """
    root = Path(folder)
    rows = [row for row in _table(root / "index.csv", FIXED) if split in (None, row["split"])][:most]
    if not rows:
        raise BadInput(f"{root / 'index.csv'} lists no image of split {split!r}; leave the split out, or give another")
    categories = [name for name in rows[0] if name not in FIXED]
    images = tuple(_image(root, row, categories) for row in rows)
    sizes = sorted({image.size for image in images})
    if len(sizes) > 1:
        told = " and ".join(f"{height}x{width}" for height, width in sizes[:2])
        raise BadInput(f"{root / 'index.csv'}: masks are {told} pixels; leave out images, so that all have one size")
    return BrodenConcepts(root, images, _concepts(root / "label.csv"), sizes[0])


def _image(root: Path, row: Mapping[str, str], categories: list[str]) -> BrodenImage:
    try:
        height, width, *size = (int(row[name]) for name in ("ih", "iw", "sh", "sw"))
    except ValueError as error:
        raise BadInput(f"{root / 'index.csv'}: a size of {row['image']} is no number ({error})") from error
    if height != width or size[0] != size[1]:
        raise BadInput(f"{row['image']} is {height}x{width} pixels, its masks {size[0]}x{size[1]}; give square ones")
    labels = {name: tuple(entry for entry in (row[name] or "").split(";") if entry) for name in categories}
    return BrodenImage(below(root / "images", row["image"], root / "index.csv"), (size[0], size[1]), labels)


def _concepts(path: Path) -> dict[int, tuple[str, str]]:
    numbers: dict[int, tuple[str, str]] = {}
    for row in _table(path, ("number", "name", "category")):
        if not row["number"].isdecimal() or int(row["number"]) < 1:
            raise BadInput(f"{path}: {row['number']!r} is no number of a label; labels count from 1")
        numbers[int(row["number"])] = (row["name"], _category(row["category"]))
    if not numbers:
        raise BadInput(f"{path} lists no concept; fetch it again")
    return numbers


def _category(told: str) -> str:
    """Return the most frequent of categories such as ``object(120);part(3)``."""

    def frequency(entry: str) -> int:
        count = entry.partition("(")[2].rstrip(")")
        return int(count) if count.isdecimal() else 0

    return max(told.split(";"), key=frequency).partition("(")[0]


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise BadInput(f"{path} has no column {missing[0]!r}; it should have {', '.join(columns)}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} cannot be read ({error}); give the folder that holds Broden's tables") from error
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise BadInput(f"{path}, row {number} has not one field for each column; fetch it again")
    return rows


def _labels(path: Path, size: Size) -> np.ndarray:
    try:
        with opened(path) as file:
            found = (file.height, file.width)
            pixels = np.asarray(file.convert("RGB")).astype(int) if found == size else None  # no bomb is decoded
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path} cannot be read as an image ({error}); fetch it again") from error
    if pixels is None:
        told = f"{found[0]}x{found[1]} pixels, index.csv says {size[0]}x{size[1]}"
        raise BadInput(f"{path} is {told}; fetch both again")
    return pixels[..., 0] + 256 * pixels[..., 1]
