"""Pictures that are dissected, in memory or in files, and the maps that a layer's units make of them."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite, UnreadableImage
from innerview.core.files import file_identity
from innerview.core.folders import Batch, read_batches, read_square
from innerview.core.images import check_images
from innerview.core.progress import progress as bar
from innerview.core.types import Activations, AnyImages
from innerview.dissection.survey import Directions, responses_of
from innerview.models import evaluate, find_layer
from innerview.models.activations import device_of

UnitMaps = Float[Tensor, "b k rows columns"]
"""One map for each image and unit, at the layer's own resolution."""

Span = tuple[int, int]
"""The pictures from the first number up to, not including, the second."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images or files, shown to a network a batch at a time.

    Args:
        source: Images ``(n, 3, h, w)`` in [0, 1], or paths of files.
        size: Of files: their shorter side becomes so many pixels, the middle square is kept.
        batch: Pictures at a time.

    Raises:
        BadInput: no pictures, or a size or batch below 1.
    """

    source: AnyImages | Sequence[str | Path]
    size: int = 224
    batch: int = 16

    def __post_init__(self) -> None:
        if self.size < 1 or self.batch < 1:
            raise BadInput(f"size ({self.size}) and batch ({self.batch}) must be positive")
        if isinstance(self.source, Sequence) and not isinstance(self.source, str):
            wrong = next((one for one in self.source if not isinstance(one, str | Path)), None)
            if wrong is not None:
                raise BadInput(
                    f"images are files, or one tensor (b, 3, h, w), not a list with a {type(wrong).__name__}"
                )
        if isinstance(self.source, Sequence | Tensor) and not len(self.source):
            raise BadInput("there is no image to dissect with; give at least one")
        if not isinstance(self.source, Sequence) or isinstance(self.source, str):
            check_images(self.source)

    def __len__(self) -> int:
        return len(self.source)

    def batches(self, span: Span | None = None, *, progress: str = "") -> Iterator[Batch]:
        """Yield the pictures of a span, by default all; files that cannot be read are left out with a warning.

        Args:
            span: The first, and the one behind the last.
            progress: What a bar says; without words there is none.
        """
        start, stop = span or (0, len(self))
        total = -(-(stop - start) // self.batch)
        if isinstance(self.source, Tensor):
            parts = list(self.source[start:stop].split(self.batch))
            for number, images in enumerate(bar(parts, progress, bool(progress), total=total)):
                first = start + number * self.batch
                yield Batch(tuple(range(first, first + len(images))), images)
            return
        with closing(read_batches(self.source[start:stop], self.size, self.batch)) as read:
            for part in bar(read, progress, bool(progress), total=total):
                yield Batch(tuple(start + index for index in part.indices), part.images)

    def read(self, indices: Sequence[int]) -> AnyImages:
        """Return some pictures by number, ``(b, 3, h, w)``.

        Raises:
            UnreadableImage: a file cannot be read.
        """
        if isinstance(self.source, Tensor):
            return self.source[list(indices)]
        squares = [read_square(self.source[index], self.size) for index in indices]
        for one in squares:
            if isinstance(one, UnreadableImage):
                raise one
        return torch.cat([one for one in squares if isinstance(one, Tensor)])

    def identity(self) -> Any:
        """Return what the pictures are: pixels, or the names, sizes and times of the files."""
        if isinstance(self.source, Tensor):
            return [self.source, self.batch]
        return [[file_identity(Path(path)) for path in self.source], self.size, self.batch]


def pictures_of(images: "AnyImages | Sequence[str | Path] | Pictures") -> Pictures:
    """Return pictures; images and paths with the usual size and batch."""
    return images if isinstance(images, Pictures) else Pictures(images)


MOST_KEPT: Final = 2**28
"""Bytes of maps that are kept between two passes."""


@dataclass(frozen=True, eq=False)
class Units:
    """What is dissected: the channels of a layer, or directions among them.

    Args:
        model: The network.
        layer: Name of the layer; puts out ``(b, c, rows, columns)``.
        directions: ``(k, c)``; in place of channels, the dot product of the activations with each.

    Raises:
        LayerNotFound: the model has no such layer.
    """

    model: nn.Module
    layer: str
    directions: Directions | None = None

    def __post_init__(self) -> None:
        find_layer(self.model, self.layer)

    def maps(self, batch: Batch) -> UnitMaps:
        """Return the units' maps for some images.

        Raises:
            BadInput: the layer has no rows and columns, or directions have another number of channels.
            NotFinite: a response is NaN or infinite.
        """
        images = batch.images.to(device_of(self.model))
        return self.checked(evaluate(self.model, images, [self.layer], len(images))[self.layer], batch)

    def checked(self, read: Activations, batch: Batch) -> UnitMaps:
        """Return the units' maps from what the layer put out for some images; raise as `maps` does."""
        if read.ndim != 4:
            raise BadInput(f"layer {self.layer!r} has no rows and columns, so no masks; choose a convolutional one")
        maps = responses_of(read, self.directions).float()
        finite = maps.flatten(1).isfinite().all(1)
        if not bool(finite.all()):
            number = batch.indices[int((~finite).nonzero()[0, 0])]
            raise NotFinite(
                f"layer {self.layer!r} becomes NaN or infinite for image {number}; leave it out, or run the model in "
                "float32"
            )
        return maps

    def remembered(self) -> "Units":
        """Return the same units, which keep maps for a second pass over the same batches, up to `MOST_KEPT`."""
        return _Remembered(self.model, self.layer, self.directions, self)

    def identity(self) -> Any:
        """Return what the maps depend on, beside the images."""
        return [self.model, self.layer, self.directions]


@dataclass(frozen=True, eq=False)
class _Remembered(Units):
    """Units that keep their maps; see `Units.remembered`."""

    source: Units | None = None
    kept: dict[tuple[int, ...], Tensor] = field(default_factory=dict, init=False, repr=False)

    def maps(self, batch: Batch) -> UnitMaps:
        """Return the maps, computed or kept."""
        if batch.indices in self.kept:
            return self.kept[batch.indices]
        assert self.source is not None
        maps = self.source.maps(batch)
        if sum(one.nbytes for one in self.kept.values()) + maps.nbytes <= MOST_KEPT:
            self.kept[batch.indices] = maps
        return maps
