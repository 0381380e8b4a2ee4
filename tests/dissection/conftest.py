"""A small network, pictures of noise, and a disk that is full."""

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from dissection.tiny import COUNT, Tiny
from PIL import Image


@pytest.fixture
def tiny() -> Tiny:
    return Tiny().requires_grad_(False).eval()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Eleven pictures; the network sees them at 16 pixels."""
    folder = tmp_path / "images"
    folder.mkdir()
    colors = np.random.default_rng(0).integers(0, 256, (COUNT, 4, 5, 3), np.uint8)
    for index, array in enumerate(colors):
        Image.fromarray(array).resize((24, 20)).save(folder / f"{index:02}.png")
    return sorted(folder.iterdir())


@pytest.fixture
def small_files() -> Callable[[int], AbstractContextManager[None]]:
    """Give a context in which no file grows beyond so many bytes: a full disk."""

    @contextmanager
    def limited(most: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
