"""Features of a frozen network, computed once and kept on disk: what is trained on top of it reads them from there."""

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite, UnreadableImage
from innerview.core.files import file_identity
from innerview.core.folders import ahead, read_square
from innerview.core.progress import progress as bar
from innerview.core.rows import Rows
from innerview.core.seeds import generator
from innerview.core.store import fingerprint
from innerview.models import check_evaluated
from innerview.training.classification import Labels
from innerview.training.samples import Augmentation

LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Looks:
    """How the images are looked at.

    Args:
        size: Shorter side in pixels, of which the middle square is kept; or a height and width for the whole image.
        views: How often each image is shown, each time with other draws of the augmentations.
        augmentations: Such as `RandomCrop` and `Flip`; without any, all views would be the same.
        seed: Of their draws.
    """

    size: int | tuple[int, int] = 224
    views: int = 1
    augmentations: tuple[Augmentation, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.views < 1 or (self.views > 1 and not self.augmentations):
            raise BadInput(f"{self.views} views need augmentations that make them differ; give some, or one view")


@dataclass(frozen=True, eq=False)
class Features:
    """What a frozen network puts out for images, in half precision, on disk.

    Args:
        values: ``(views, n, rows, columns, channels)`` or ``(views, n, channels)``, a memory map.
        kept: ``(n,)``, whether each image could be read.
        made_from: Hash of all that the values depend on.
    """

    values: np.ndarray
    kept: np.ndarray
    made_from: str

    def __len__(self) -> int:
        return self.values.shape[1]

    @property
    def skipped(self) -> int:
        """How many images could not be read."""
        return int((~self.kept).sum())

    def read(self, indices: np.ndarray, view: int | np.ndarray = 0) -> Tensor:
        """Return the features of some images as ``(b, channels, rows, columns)`` or ``(b, channels)``, in float32."""
        values = torch.from_numpy(self.values[view, indices]).float()
        return values.permute(0, 3, 1, 2) if values.ndim == 4 else values

    def batches(self, batch: int = 64) -> Iterator[Tensor]:
        """Yield the first view of all images, in order; features of images that could not be read mean nothing."""
        for start in range(0, len(self), batch):
            yield self.read(np.arange(start, min(start + batch, len(self))))

    def samples(self, labels: Labels) -> "FeatureSamples":
        """Return them as samples of a training, without the images that could not be read.

        Raises:
            BadInput: another number of labels than images.
        """
        if len(labels) != len(self):
            raise BadInput(f"{len(labels)} labels for the features of {len(self)} images; give one for each")
        return FeatureSamples(self, labels, np.flatnonzero(self.kept))


@dataclass(frozen=True, eq=False)
class FeatureSamples:
    """Features with the class of each image; a batch shows each of its images in a view drawn at random."""

    features: Features
    labels: Labels
    places: np.ndarray = field(repr=False)
    """Of the samples among the features."""

    def __len__(self) -> int:
        return len(self.places)

    def batch(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return features ``(b, channels, …)`` in float32, and labels ``(b,)``."""
        chosen = self.places[indices.numpy()]
        views = torch.randint(len(self.features.values), (len(indices),), generator=generator)
        return self.features.read(chosen, views.numpy()), self.labels[chosen]

    def identity(self) -> Any:
        """Return what the samples are made from, for `train` to tell one training from another."""
        return [self.features.made_from, self.labels]


def cache_features(
    backbone: nn.Module,
    paths: Sequence[str | Path],
    folder: str | Path,
    looks: Looks | None = None,
    *,
    batch: int = 32,
    progress: bool = False,
) -> Features:
    """Compute the features of image files, or find them in `folder` if they were computed already.

    The next batch is read while the network works on one. An interrupted call goes on where it stopped when it is made
    again; a change of the network, of `looks`, or of a file's name, size or time makes new features.

    Args:
        backbone: Frozen, in evaluation mode; images ``(b, 3, size, size)`` to features ``(b, …)``.
        paths: Image files; those that cannot be read are left out, and a warning tells how many.
        folder: For the values, two bytes a number.
        looks: How the images are looked at; once, whole, by default.
        batch: Images at a time.
        progress: Whether to show a bar.

    Raises:
        BadInput: no paths, none that can be read, or a backbone in training mode.
        NotFinite: a feature is NaN, infinite, or too large for half precision.
        OutputError: the folder cannot be written to.
    """
    looks, files = looks or Looks(), [Path(path) for path in paths]
    if not files:
        raise BadInput("there are no images to compute features of; give paths")
    check_evaluated(backbone)
    made_from = fingerprint(backbone, looks, batch, [file_identity(path) for path in files], cache_features)
    rows = Rows(Path(folder) / f"features-{made_from}", made_from)
    total = looks.views * len(files)
    if rows.done < total:
        rows.check_writable()
        for view in range(rows.done // len(files), looks.views):
            _fill(rows, backbone, files, _Pass(looks, view, batch, progress))
    shape = tuple(rows.told["shape"])
    values = rows.read(np.float16, shape).reshape(looks.views, len(files), *shape)
    return Features(values, _kept(files, rows.told["unread"]), made_from)


def _kept(files: list[Path], unread: list[int]) -> np.ndarray:
    """Return which files could be read, and warn of the others."""
    kept = np.ones(len(files), bool)
    kept[unread] = False
    if not kept.any():
        raise BadInput(f"none of {len(files)} files can be read as an image, the first is {files[0]}; give others")
    if unread:
        told = f"skipped {len(unread)} of {len(files)} files that cannot be read; the first: {files[unread[0]]}"
        warnings.warn(told, stacklevel=3)
    return kept


@dataclass(frozen=True)
class _Pass:
    """One pass over all images."""

    looks: Looks
    view: int
    batch: int
    progress: bool


def _fill(rows: Rows, backbone: nn.Module, files: list[Path], one: _Pass) -> None:
    """Write the rows of one view that are missing, whole batches at a time, so that they are the same in any case."""
    first = rows.done - one.view * len(files)
    device = next((tensor.device for tensor in backbone.parameters()), torch.device("cpu"))
    title = f"features, view {one.view + 1} of {one.looks.views}" if one.looks.views > 1 else "features"
    starts = range(first, len(files), one.batch)

    def load(start: int) -> list[Tensor | UnreadableImage]:
        return [read_square(path, one.looks.size) for path in files[start : start + one.batch]]

    with closing(ahead(load, starts, workers=1)) as parts, ThreadPoolExecutor(1) as writer:
        written: Future[None] | None = None
        for start, part in zip(starts, bar(parts, title, one.progress, total=len(starts)), strict=True):
            with torch.inference_mode():
                values = backbone(_seen(part, one, start).to(device))
            if not (torch.isfinite(values).all() and values.abs().max() <= LARGEST):
                raise NotFinite(
                    f"features of {files[start]} or the next {len(part) - 1} files are NaN, infinite or too large for "
                    "half precision; check the network and its layer"
                )
            unread = {start + row for row, image in enumerate(part) if not isinstance(image, Tensor)}
            if written:
                written.result()
            written = writer.submit(_append, rows, values, unread)  # the disk works while the network does
        if written:
            written.result()


def _seen(part: list[Tensor | UnreadableImage], one: _Pass, start: int) -> Tensor:
    """Return what the network sees of a batch."""
    images = torch.cat([image if isinstance(image, Tensor) else _grey(one.looks.size) for image in part])
    for augmentation in one.looks.augmentations:
        images = augmentation(images, generator("look", one.looks.seed, one.view, start))
    return images


def _grey(size: int | tuple[int, int]) -> Tensor:
    """Return what stands in for an image that cannot be read, so that a batch has its size all the same."""
    return torch.full((1, 3, *((size, size) if isinstance(size, int) else size)), 0.5)


def _append(rows: Rows, values: Float[Tensor, "b *shape"], unread: set[int]) -> None:
    values = values.permute(0, 2, 3, 1) if values.ndim == 4 else values
    known = {*rows.told.get("unread", []), *unread}
    rows.append(values.half().cpu().numpy(), {"shape": values.shape[1:], "unread": sorted(known)})
