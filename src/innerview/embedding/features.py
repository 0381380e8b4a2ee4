"""Vectors of the images in files: what a network's last layer makes of them, and their pixels to compare with."""

import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput, NotFinite, UnreadableImage
from innerview.core.files import file_identity
from innerview.core.folders import ahead, read_square
from innerview.core.store import fingerprint
from innerview.core.types import Images
from innerview.core.work import Work
from innerview.embedding.last_layer import last_layer
from innerview.embedding.maps import Vectors
from innerview.models import channels_first, evaluate, find_layer
from innerview.models.activations import device_of

SHARD = 64
"""Images in a unit of work: what an interruption can lose."""

BATCH = 16
"""Images that go through the network at once."""


@dataclass(frozen=True)
class ImageVectors:
    """One vector for each image that could be read.

    Args:
        vectors: ``(n, d)``.
        kept: ``(n,)``, where each image stands among the paths, ascending.
        skipped: How many could not be read.
    """

    vectors: Vectors
    kept: Int[Tensor, " n"]
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.kept)


def features(
    model: nn.Module,
    paths: Sequence[str | Path],
    layer: str | None = None,
    *,
    size: int | tuple[int, int] = 224,
    work: Work | None = None,
) -> ImageVectors:
    """Read images and return what a layer makes of each, averaged over its positions.

    An interrupted call goes on where it stopped, if `work` has a store. Images that cannot be read are left out, and a
    warning tells how many.

    Args:
        model: Any network.
        paths: Image files.
        layer: Its name; by default the last one before the classifier, see `last_layer`.
        size: The shorter side becomes so many pixels and the middle square is shown; or a height and width to which
            the whole image is brought.
        work: Where shards are computed and kept.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no paths, or none that can be read.
        NotFinite: a feature is NaN or infinite.
    """
    layer = last_layer(model) if layer is None else layer
    find_layer(model, layer)
    work = work or Work()
    reader = _Reader(tuple(map(Path, paths)), size, _Layer(model, layer))
    told = (fingerprint(model) if work.store else "", layer)
    return _read(f"{layer}-features", reader, work, told)


def pixel_vectors(paths: Sequence[str | Path], side: int = 32, *, work: Work | None = None) -> ImageVectors:
    """Return the pixels of images as vectors: their middle squares, at `side` pixels.

    Args:
        paths: Image files.
        side: Height and width; a vector has three numbers in [0, 1] for each pixel.
        work: Where shards are computed and kept.

    Raises:
        BadInput: no paths, or none that can be read; `side` is not positive.
    """
    if side < 1:
        raise BadInput(f"an image of {side} pixels has no vector; give a positive side")
    reader = _Reader(tuple(map(Path, paths)), max(64, side), _Pixels(side))
    return _read("pixels", reader, work or Work(), (side,))


@dataclass(frozen=True, eq=False)
class _Layer:
    """From images to a layer's features."""

    model: nn.Module
    layer: str

    def __call__(self, images: Images) -> Tensor:
        read = evaluate(self.model, images.to(device_of(self.model)), self.layer, BATCH)[self.layer]
        return channels_first(read).flatten(2).mean(2) if read.ndim > 2 else read

    def apart(self) -> "_Layer":
        """Use a copy of the model: reading activations hangs hooks on it, which threads must not share."""
        return replace(self, model=deepcopy(self.model))


@dataclass(frozen=True)
class _Pixels:
    """From images to their pixels, made few."""

    side: int

    def __call__(self, images: Images) -> Tensor:
        return F.interpolate(images, (self.side, self.side), mode="area").flatten(1)

    def apart(self) -> "_Pixels":
        """Return itself."""
        return self


@dataclass(frozen=True, eq=False)
class _Reader:
    """Makes the vectors of one shard of images after another."""

    paths: tuple[Path, ...]
    size: int | tuple[int, int]
    vectors_of: Any

    def apart(self, unit: tuple[int, int]) -> dict[str, Tensor]:
        """Work beside others."""
        return replace(self, vectors_of=self.vectors_of.apart())(unit)

    def __call__(self, unit: tuple[int, int]) -> dict[str, Tensor]:
        groups = [range(start, min(start + BATCH, unit[1])) for start in range(*unit, BATCH)]
        vectors, kept = [], []
        with closing(
            ahead(lambda group: [read_square(self.paths[one], self.size) for one in group], groups, 1)
        ) as read:
            for group, batch in zip(groups, read, strict=True):
                images = {index: one for index, one in zip(group, batch, strict=True) if isinstance(one, Tensor)}
                if images:
                    vectors.append(self._checked(torch.cat(list(images.values())), list(images)))
                    kept += images
        empty = torch.zeros(0, 0)
        return {"vectors": torch.cat(vectors) if vectors else empty, "kept": torch.tensor(kept, dtype=torch.int32)}

    def _checked(self, images: Images, indices: list[int]) -> Tensor:
        found = self.vectors_of(images).float().cpu()
        finite = torch.isfinite(found).all(1).tolist()
        if not all(finite):
            path = self.paths[indices[finite.index(False)]]
            raise NotFinite(f"the features of {path} are NaN or infinite; leave it out, or check the network")
        return found


def _read(name: str, reader: _Reader, work: Work, told: tuple[Any, ...]) -> ImageVectors:
    paths = reader.paths
    if not paths:
        raise BadInput("vectors are made of at least one image; give paths")
    units = [(start, min(start + SHARD, len(paths))) for start in range(0, len(paths), SHARD)]
    compute: Callable[[tuple[int, int]], dict[str, Tensor]] = reader if work.executor is None else reader.apart
    size = reader.size if isinstance(reader.size, int) else list(reader.size)
    parts = work.each(
        name, compute, units,
        lambda unit: (*told, size, [file_identity(path) for path in paths[slice(*unit)]], features),
    )  # fmt: skip
    kept = torch.cat([part["kept"] for part in parts]).long()
    missing = sorted(set(range(len(paths))) - set(kept.tolist()))
    if missing:
        _tell(missing, paths, reader.size)
    return ImageVectors(torch.cat([part["vectors"] for part in parts if len(part["kept"])]), kept, len(missing))


def _tell(missing: list[int], paths: Sequence[Path], size: int | tuple[int, int]) -> None:
    """Warn of images that could not be read; fail if that is all of them."""
    reason = read_square(paths[missing[0]], size)
    why = reason if isinstance(reason, UnreadableImage) else paths[missing[0]]
    if len(missing) == len(paths):
        raise BadInput(f"none of {len(paths)} files can be read as an image, the first: {why}; give others")
    warnings.warn(f"skipped {len(missing)} of {len(paths)} files; the first: {why}", stacklevel=4)
