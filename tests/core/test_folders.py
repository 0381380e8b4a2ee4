"""Folders of images: which files are found, and that batches hold what the files hold."""

import threading
from collections.abc import Iterator, Sized
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from innerview.core.errors import BadInput
from innerview.core.folders import Batch, image_paths, read_batches, spread
from innerview.core.images import center_crop, read_image

SIDES = [(20, 12), (12, 20), (16, 16), (30, 11), (9, 40), (25, 25), (13, 14)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven photographs of different sizes in two folders, beside what is none."""
    colors = np.random.default_rng(0).integers(0, 256, (len(SIDES), 40, 40, 3), np.uint8)
    for index, (width, height) in enumerate(SIDES):
        path = tmp_path / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(colors[index, :height, :width]).save(path)
    return tmp_path


def damaged(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"no image")


def test_all_images_are_found_sorted_and_nothing_else(folder):
    for name in ("notes.txt", ".hidden.png", "a/.c/inside.png", "data.h5"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "b/folder.jpg").mkdir()
    for name in ("B.JPG", "z.jpeg", "x.webp", "y.tiff"):
        (folder / name).touch()
    names = [path.relative_to(folder).as_posix() for path in image_paths(folder)]
    pictures = ["a/0.png", "a/2.png", "a/4.png", "a/6.png", "b/1.png", "b/3.png", "b/5.png"]
    assert names == ["B.JPG", *pictures, "x.webp", "y.tiff", "z.jpeg"]


def test_a_hidden_folder_that_is_asked_for_is_searched(tmp_path):
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/x.png").touch()
    assert image_paths(tmp_path / ".cache") == [tmp_path / ".cache/x.png"]


def test_a_folder_without_images_or_that_is_none_is_refused(folder):
    (folder / "empty").mkdir()
    with pytest.raises(BadInput, match=r"no image below .*empty; put files there"):
        image_paths(folder / "empty")
    for path in (folder / "absent", folder / "a/0.png"):
        with pytest.raises(BadInput, match="is no folder"):
            image_paths(path)


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_batches_hold_the_middle_squares_in_order(folder, batch, workers):
    paths = image_paths(folder)
    batches = list(read_batches(paths, 10, batch, workers=workers))
    assert [len(part.indices) for part in batches] == [min(batch, 7 - start) for start in range(0, 7, batch)]
    assert [index for part in batches for index in part.indices] == list(range(7))
    literal = torch.cat([center_crop(read_image(path, 10), 10) for path in paths])
    assert torch.equal(torch.cat([part.images for part in batches]), literal)


def told_after(batches: Iterator[Batch], told: Sized) -> tuple[list[Batch], list[int]]:
    """Return the batches, and how many warnings there were after each."""
    parts, counts = [], []
    for part in batches:
        parts.append(part)
        counts.append(len(told))
    return parts, counts


@pytest.mark.parametrize("workers", [0, 2])
def test_unreadable_files_are_skipped_and_told_once_at_the_end(folder, workers):
    paths = image_paths(folder)
    damaged(folder, "a/2.png", "b/1.png", "b/3.png", "b/5.png")  # 1, 4, 5, 6: all of the last batch of three
    with pytest.warns(UserWarning, match=r"skipped 4 of 7 files; the first: .*2\.png is not an image") as told:
        parts, early = told_after(read_batches(paths, 10, 3, workers=workers), told)
    assert early == [0, 0]
    assert len(told) == 1
    assert [part.indices for part in parts] == [(0, 2), (3,)]
    literal = [torch.cat([center_crop(read_image(paths[i], 10), 10) for i in part.indices]) for part in parts]
    assert all(torch.equal(part.images, images) for part, images in zip(parts, literal, strict=True))


def test_a_missing_file_is_an_unreadable_one(folder):
    paths = [*image_paths(folder)[:2], folder / "gone.png"]
    with pytest.warns(UserWarning, match=r"skipped 1 of 3 files; the first: no image at .*gone\.png"):
        parts = list(read_batches(paths, 10, 2))
    assert [part.indices for part in parts] == [(0, 1)]


def test_no_more_batches_are_read_ahead_than_there_are_workers(folder):
    """Constant memory: what is not read yet is found damaged by a reader that comes later."""
    paths = image_paths(folder)
    ahead = []
    with pytest.warns(UserWarning, match="skipped 4 of 7 files"):
        ahead += damaged_after_the_first(read_batches(paths, 10, 1, workers=2), folder, paths[3:])
    assert ahead == [(1,), (2,)]


def damaged_after_the_first(batches: Iterator[Batch], folder: Path, paths: list[Path]) -> list[tuple[int, ...]]:
    """Take one batch while two more are in flight, damage files, and return the indices of the other batches."""
    next(batches)
    damaged(folder, *[str(path.relative_to(folder)) for path in paths])
    return [part.indices for part in batches]


def test_stopping_early_leaves_no_thread(folder):
    before = threading.active_count()
    batches = read_batches(image_paths(folder), 10, 1, workers=3)
    next(batches)
    assert threading.active_count() > before
    batches.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(("size", "batch", "workers"), [(0, 1, 1), (10, 0, 1), (10, -1, 1), (10, 1, -1)])
def test_impossible_settings_are_refused_before_anything_is_read(folder, size, batch, workers):
    with pytest.raises(BadInput, match="must be positive"):
        read_batches(image_paths(folder), size, batch, workers=workers)


def test_no_paths_make_no_batches():
    assert list(read_batches([], 10, 4)) == []


def test_spread_takes_evenly_and_never_more_than_there_are():
    assert spread(list("abcdefghij"), 4) == ["a", "c", "f", "h"]
    assert spread([1, 2, 3], 3) == spread([1, 2, 3], 7) == [1, 2, 3]
    assert spread([1, 2, 3], 0) == spread([], 2) == []
