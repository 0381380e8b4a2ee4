"""What a model is trained on: samples by index, in an order and with changes that seed and step fix."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Shaped
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.seeds import generator

Pictures = Shaped[Tensor, "b c h w"]
"""Images as they lie in memory: bytes, or floats in [0, 1]."""

CroppedPictures = Shaped[Tensor, "b c H W"]

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
"""Changes pictures at random; draws from the generator and nothing else."""


@runtime_checkable
class Samples(Protocol):
    """Anything that has a length and gives batches by index, to several threads at once.

    Two members are optional: ``identity()`` returns what tells these samples from others, for
    `innerview.core.store.fingerprint`; ``skipped`` holds the paths of files that could not be read.
    """

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return what the loss takes besides the model, for the samples of these indices.

        Args:
            indices: ``(b,)``, integers.
            generator: The only source of randomness.
        """
        ...


@dataclass(frozen=True, eq=False)
class TensorSamples:
    """Samples that lie in memory.

    Args:
        tensors: Each ``(n, …)``. A batch holds the same rows of each, in this order; pictures in bytes become floats in
            [0, 1].
        augmentations: Applied to the first tensor.
    """

    tensors: tuple[Tensor, ...]
    augmentations: tuple[Augmentation, ...] = ()

    def __post_init__(self) -> None:
        lengths = [len(tensor) for tensor in self.tensors]
        if len(set(lengths)) != 1:
            raise BadInput(f"tensors of {lengths} rows make no samples; give as many rows in each")

    def __len__(self) -> int:
        return len(self.tensors[0])

    def batch(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        first, *others = [tensor[indices] for tensor in self.tensors]
        for augmentation in self.augmentations:
            first = augmentation(first, generator)
        return tuple(as_floats(tensor) for tensor in (first, *others))


def as_floats(tensor: Tensor) -> Tensor:
    """Turn pictures in bytes, ``(b, c, h, w)``, into floats in [0, 1]; leave all else alone."""
    return tensor.float() / 255 if tensor.dtype == torch.uint8 and tensor.ndim == 4 else tensor


@dataclass(frozen=True)
class Flip:
    """Mirror pictures left to right, each with this chance."""

    chance: float = 0.5

    def __call__(self, pictures: Pictures, generator: torch.Generator) -> Pictures:
        mirrored = torch.rand(len(pictures), generator=generator) < self.chance
        return torch.where(mirrored.to(pictures.device).reshape(-1, 1, 1, 1), pictures.flip(-1), pictures)


@dataclass(frozen=True)
class RandomCrop:
    """Cut a square of `size` pixels from each picture, every place equally likely."""

    size: int

    def __call__(self, pictures: Pictures, generator: torch.Generator) -> CroppedPictures:
        count, _, height, width = pictures.shape
        if min(height, width) < self.size:
            raise BadInput(f"cannot crop {self.size} pixels from pictures of {height}x{width}; resize them first")
        across = torch.arange(self.size)
        rows, columns = (
            (torch.randint(length - self.size + 1, (count, 1), generator=generator) + across).to(pictures.device)
            for length in (height, width)
        )
        numbers = torch.arange(count, device=pictures.device)[:, None, None]
        return pictures[numbers, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


@lru_cache(maxsize=2)  # batches are read ahead across the end of an epoch
def order(count: int, seed: int, epoch: int) -> Tensor:
    """Return the order ``(count,)`` in which an epoch goes through the samples."""
    return torch.randperm(count, generator=generator("order", seed, epoch))
