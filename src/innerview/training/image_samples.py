"""Images that are trained on and lie in files: they are read batch by batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.files import file_identity
from innerview.core.folders import read_square
from innerview.core.seeds import generator as random
from innerview.training.classification import Labels
from innerview.training.samples import Augmentation


@dataclass(frozen=True, eq=False)
class ImageSamples:
    """Image files, each with its class.

    The shorter side of an image becomes `resize` pixels, the middle square is kept, and the augmentations make squares
    of `size` pixels from it. Files that cannot be read are left out of their batch and remembered; the loss is the mean
    over the others. Of several processes each takes the mean over its own.

    Args:
        paths: Files.
        labels: ``(n,)``, the index of each one's class.
        size: Height and width of what a batch holds, in pixels.
        augmentations: Such as `RandomCrop` and `Flip`.
        resize: Height and width of what is read, where an augmentation crops; by default `size`.

    Raises:
        BadInput: another number of labels than paths, or sizes that cannot be.
    """

    paths: Sequence[Path]
    labels: Labels
    size: int
    augmentations: tuple[Augmentation, ...] = ()
    resize: int | None = None
    skipped: set[Path] = field(default_factory=set, init=False, repr=False)
    """The files that could not be read so far."""

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.paths):
            raise BadInput(f"{len(self.labels)} labels for {len(self.paths)} images; give one for each")
        if not 1 <= self.size <= self._side:
            raise BadInput(f"images of {self._side} pixels make no squares of {self.size}; read them larger")

    @property
    def _side(self) -> int:
        return self.size if self.resize is None else self.resize

    def __len__(self) -> int:
        return len(self.paths)

    def batch(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return images ``(b, 3, size, size)`` in [0, 1], and labels ``(b,)``, of what can be read.

        Raises:
            BadInput: none of the files can be read, or the augmentations make no squares of `size` pixels.
        """
        paths = [self.paths[place] for place in indices.tolist()]
        read = [read_square(path, self._side) for path in paths]
        kept = [row for row, image in enumerate(read) if isinstance(image, Tensor)]
        unread = [path for path, image in zip(paths, read, strict=True) if not isinstance(image, Tensor)]
        self.skipped.update(unread)  # threads may do so at once
        if not kept:
            raise BadInput(f"none of a batch's {len(read)} files can be read; the first: {read[0]}")
        images = torch.cat([image for image in read if isinstance(image, Tensor)])
        return self._augmented(images, generator), self.labels[indices[kept]]

    def _augmented(self, images: Tensor, generator: torch.Generator) -> Tensor:
        for augmentation in self.augmentations:
            images = augmentation(images, generator)
        if images.shape[-2:] != (self.size, self.size):
            height, width = images.shape[-2:]
            raise BadInput(
                f"the augmentations make images of {height}x{width} pixels, not {self.size}x{self.size}; "
                f"add RandomCrop({self.size})"
            )
        return images

    def identity(self) -> Any:
        """Return what the samples are made from; files count by name and size, so that they may be moved."""
        files = "\n".join(f"{path.name} {file_identity(path)[1]}" for path in self.paths)
        noise = torch.rand((4, 3, self._side, self._side), generator=random("identity"))
        return [files, self.labels, self._side, self._augmented(noise, random("identity", "augmented"))]
