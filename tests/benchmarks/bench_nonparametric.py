"""Textures from a sample alone: seconds of a picture on one core."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from alternating import record_measure
from scipy.ndimage import gaussian_filter

from innerview.core.images import from_array
from innerview.core.types import Images
from innerview.synthesis.nonparametric import efros_leung
from innerview.synthesis.patches import patch_texture

pytestmark = pytest.mark.benchmark(group="Texture and style")


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
    what = "Efros-Leung on one core, 64 x 64 px from 48 x 48, window 11"
    record_measure(benchmark, what, benchmark.stats.stats.median, "s", at_most=30)


def test_patch_by_patch(benchmark: Any) -> None:
    benchmark.pedantic(patch_texture, (blobs(128), 128), rounds=3)
    record_measure(benchmark, "Kwatra's patches on one core, 128 px", benchmark.stats.stats.median, "s")
