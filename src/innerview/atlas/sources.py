"""Where the images of an atlas come from: files, or any data set."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from innerview.core.errors import BadInput, UnreadableImage
from innerview.core.files import file_identity
from innerview.core.folders import read_square
from innerview.core.images import from_array, from_picture, square
from innerview.core.types import Images


@runtime_checkable
class ImageSource(Protocol):
    """Images by number."""

    def __len__(self) -> int: ...

    def read(self, index: int, size: int) -> Images | UnreadableImage:
        """Return one image as a square ``(1, 3, size, size)``, or why it cannot be read."""
        ...

    def identity(self, start: int, stop: int) -> Any:
        """Return what changes when one of these images does."""
        ...


@dataclass(frozen=True)
class ImageFiles:
    """Image files, each brought to a square: the shorter side is resized, the middle is kept.

    Args:
        paths: At least one.

    Raises:
        BadInput: no paths.
    """

    paths: tuple[Path, ...]

    def __post_init__(self) -> None:
        if not self.paths:
            raise BadInput("an atlas needs images; give at least one path")

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, size: int) -> Images | UnreadableImage:
        return read_square(self.paths[index], size)

    def identity(self, start: int, stop: int) -> Any:
        return [file_identity(path) for path in self.paths[start:stop]]


@dataclass(frozen=True, eq=False)
class DataSet:
    """Any data set of torch, torchvision or your own that has a length and gives items by number.

    An item is an image, or a tuple that begins with one: a picture of Pillow, an array ``(h, w, 3)``, or a tensor
    ``(3, h, w)``; bytes, or floats in [0, 1].

    Args:
        items: The data set.
        name: Stands for its content: what was computed is found again under this name.

    Raises:
        BadInput: it is empty.
    """

    items: Any
    name: str

    def __post_init__(self) -> None:
        if not len(self.items):
            raise BadInput(f"data set {self.name!r} is empty; an atlas needs images")

    def __len__(self) -> int:
        return len(self.items)

    def read(self, index: int, size: int) -> Images | UnreadableImage:
        try:
            item = self.items[index]
            image = item[0] if isinstance(item, tuple | list) else item
            if isinstance(image, Image.Image):  # perhaps decoded only now
                return square(from_picture(image), size)
        except (OSError, SyntaxError) as error:  # what Pillow raises for files that are no whole images
            return UnreadableImage(f"item {index} of {self.name} cannot be read ({error})")
        if isinstance(image, Tensor) and image.ndim == 3 and len(image) == 3:
            scaled = image / 255 if image.dtype == torch.uint8 else image.float()
            return square(scaled[None], size)
        if isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3:
            return square(from_array(image), size)
        raise BadInput(
            f"item {index} of {self.name} is a {type(image).__name__}, no image; give pictures, arrays (h, w, 3) or "
            "tensors (3, h, w) in [0, 1]"
        )

    def identity(self, start: int, stop: int) -> Any:
        return [self.name, len(self.items), start, stop]


def image_source(images: Any) -> ImageSource:
    """Return paths as a source; a source as it is.

    Raises:
        BadInput: no paths, one path that is not in a list, or something else than paths.
    """
    if isinstance(images, ImageSource):
        return images
    if isinstance(images, str | Path):
        raise BadInput(f"an atlas needs images in a list; give image_paths({str(images)!r}), or [{str(images)!r}]")
    other = next((one for one in images if not isinstance(one, str | Path)), None)
    if other is not None:
        raise BadInput(f"a {type(other).__name__} is no path of an image; of a data set make DataSet(items, name)")
    return ImageFiles(tuple(Path(path) for path in images))


def read_images(source: ImageSource, numbers: Iterable[int], size: int = 224) -> Images:
    """Return images of a source, ``(b, 3, size, size)``.

    Raises:
        UnreadableImage: one of them cannot be read.
    """
    read = [source.read(number, size) for number in numbers]
    for one in read:
        if isinstance(one, UnreadableImage):
            raise one
    return torch.cat([one for one in read if isinstance(one, Tensor)])
