"""Small networks, images and collections for atlases."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from innerview.atlas import Attributions, Collection, Grid, Level, Sampling
from innerview.models.normalization import LocalResponseNorm
from innerview.optimize import Icons, Recipe

CLASSES, SIZE, LAYER = 5, 16, "norm"
SAMPLING = Sampling(size=SIZE, keep=3, shard=4, batch=3)
QUICK = Recipe(steps=3, pieces=1)


class Small(nn.Module):
    """A classifier of milliseconds: its layer `norm` is 8x8, its layer `conv2`, before a ReLU in place, 6x6."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv1, self.relu1 = nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True)
        self.pool, self.norm = nn.MaxPool2d(2), LocalResponseNorm(3, 0.7, 0.75, 1.0)
        self.conv2, self.relu2, self.fc = nn.Conv2d(6, 8, 3), nn.ReLU(inplace=True), nn.Linear(8, CLASSES)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        maps = self.norm(self.pool(self.relu1(self.conv1(images - 0.5))))
        return self.fc(self.relu2(self.conv2(maps)).mean((2, 3)))


def write_images(folder: Path, count: int, start: int = 0) -> list[Path]:
    """Write pictures of noise, some high and some wide."""
    folder.mkdir(exist_ok=True, parents=True)
    paths = []
    for index in range(start, start + count):
        shape = (SIZE + 4, SIZE, 3) if index % 2 else (SIZE, SIZE + 7, 3)
        array = np.random.default_rng(index).integers(0, 256, shape).astype(np.uint8)
        paths.append(folder / f"{index:03}.png")
        Image.fromarray(array).save(paths[-1])
    return paths


def random_collection(count: int, channels: int = 6, seed: int = 0, keep: int = 3) -> Collection:
    """Draw activations, and attributions to some classes."""
    draws = torch.Generator().manual_seed(seed)
    activations = torch.rand(count, channels, generator=draws).half()
    dense = torch.randn(count, CLASSES, generator=draws)
    top = dense.topk(keep)
    positions = torch.zeros(count, 2, dtype=torch.int64)
    found = Attributions(top.indices, top.values, CLASSES)
    return Collection(LAYER, (8, 8), activations, torch.arange(count), positions, found)


def level_of(grid: Grid, directions: Tensor, attributions: Tensor) -> Level:
    """Make a level without pictures."""
    count = len(grid)
    return Level(
        grid,
        directions,
        attributions,
        Icons(torch.zeros(count, 3, 8, 8), torch.zeros(count), torch.zeros(count).bool()),
    )


def same(one: Any, other: Any) -> bool:
    """Compare two collections bit for bit."""
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("activations", "images", "positions")]
    if one.attributions is not None:
        pairs += [
            (getattr(one.attributions, name), getattr(other.attributions, name)) for name in ("classes", "values")
        ]
    return (one.layer, one.extent, one.skipped) == (other.layer, other.extent, other.skipped) and all(
        torch.equal(a, b) for a, b in pairs
    )
