"""Textures from a sample alone: seconds of a picture on one core."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from innerview.core.images import from_array
from innerview.core.types import Images
from innerview.synthesis.nonparametric import efros_leung
from innerview.synthesis.patches import patch_texture


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def blobs(side: int) -> Images:
    """Noise, smoothed to spots of about eight pixels."""
    noise = np.random.default_rng(0).normal(size=(side, side, 3))
    smooth = gaussian_filter(noise, (3, 3, 0), mode="wrap")
    return from_array((0.5 + 0.2 * smooth / smooth.std()).clip(0, 1))


def test_pixel_by_pixel(benchmark: Any) -> None:
    benchmark.pedantic(efros_leung, (blobs(48), 64), {"window": 11}, rounds=3)
    benchmark.extra_info.update(milliseconds_per_pixel=1000 * benchmark.stats.stats.median / 64**2)


def test_patch_by_patch(benchmark: Any) -> None:
    benchmark.pedantic(patch_texture, (blobs(128), 128), rounds=3)
