"""Folders of images: which files they hold, and reading them batch by batch, ahead of their use."""

import os
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image

from innerview.core.errors import BadInput, UnreadableImage
from innerview.core.images import WITHOUT_PIXELS, center_crop, read_image
from innerview.core.types import Images

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Batch:
    """Images that were read together.

    Args:
        indices: Where each stands among the paths; files that could not be read are missing.
        images: ``(b, 3, size, size)`` in [0, 1].
    """

    indices: tuple[int, ...]
    images: Images


def image_paths(folder: str | Path) -> list[Path]:
    """Return all image files below a folder, sorted; hidden files and folders are passed over.

    Raises:
        BadInput: no such folder, or no image in it.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):  # noqa: PTH112  (False for a name that is too long; Path.is_dir raises)
        raise BadInput(f"{folder} is no folder; give one that holds images")
    suffixes = _suffixes()
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    if not found:
        raise BadInput(
            f"no image below {folder}; put files there that end in .jpg, .png or another of Pillow's formats"
        )
    return sorted(found)


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return `count` of the items, evenly spread; all of them if there are no more."""
    few = min(count, len(items))
    return [items[place * len(items) // few] for place in range(few)]


def _suffixes() -> set[str]:
    endings = Image.registered_extensions()  # loads Pillow's formats, which `OPEN` lists
    return {ending for ending, name in endings.items() if name in Image.OPEN and name not in WITHOUT_PIXELS}


def read_batches(
    paths: Sequence[str | Path], size: int, batch: int, *, workers: int = 1
) -> Generator[Batch, None, None]:
    """Read images batch by batch: the shorter side becomes `size` pixels, the middle square is kept.

    Batch k holds what can be read of the paths from ``k * batch`` on; a batch of which nothing can be read is left out.
    Unreadable files are skipped; one warning at the end names how many and the first.

    Args:
        paths: Files.
        size: Height and width in pixels.
        batch: Files in a batch.
        workers: Threads that read ahead, each one batch; 0 reads in the caller's thread, when a batch is asked for.

    Raises:
        BadInput: `size` or `batch` is not positive, or `workers` is negative.
    """
    if size < 1 or batch < 1 or workers < 0:
        raise BadInput(f"size ({size}) and batch ({batch}) must be positive, workers ({workers}) not negative")
    return _batches([Path(path) for path in paths], size, batch, workers)


def _batches(paths: list[Path], size: int, batch: int, workers: int) -> Generator[Batch, None, None]:
    skipped: list[UnreadableImage] = []
    starts = range(0, len(paths), batch)
    parts = ahead(lambda start: [read_square(path, size) for path in paths[start : start + batch]], starts, workers)
    for start, part in zip(starts, parts, strict=True):
        images = {start + row: one for row, one in enumerate(part) if not isinstance(one, UnreadableImage)}
        skipped += [one for one in part if isinstance(one, UnreadableImage)]
        if images:
            yield Batch(tuple(images), torch.cat(list(images.values())))
    if skipped:
        warnings.warn(f"skipped {len(skipped)} of {len(paths)} files; the first: {skipped[0]}", stacklevel=2)


def read_square(path: str | Path, size: int | tuple[int, int]) -> Images | UnreadableImage:
    """Read the middle square of an image whose shorter side becomes `size` pixels; or return why that cannot be.

    A pair of height and width brings the whole image to this size instead.
    """
    try:
        images = read_image(path, size)
        return center_crop(images, size) if isinstance(size, int) else images
    except UnreadableImage as error:
        return error


def ahead(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Generator[Result, None, None]:
    """Yield ``function(item)`` in order; while one result is in use, threads work on the next `workers`."""
    if workers == 0:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
