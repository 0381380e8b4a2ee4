"""Tiny networks, and real photographs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from innerview.core.images import center_crop, read_image
from innerview.core.types import Images


class Tiny(nn.Module):
    """Three layers, written so that a test can tell which of them ran."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=True)  # as torchvision's networks: it writes into conv1's output
        self.block = nn.Sequential(nn.Conv2d(4, 5, 3, stride=2), nn.ReLU(inplace=True))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(5, 6)
        self.unused = nn.Linear(5, 6)
        self.aliases = {"first": "conv1", "last": "fc"}

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.block(self.relu1(self.conv1(images))))
        return self.fc(x.flatten(1))


@pytest.fixture
def tiny() -> Tiny:
    torch.manual_seed(0)
    model = Tiny()
    return model.requires_grad_(False).eval()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def photographs(available: Callable[[str], dict[str, Path]]) -> tuple[Images, list[int]]:
    """Forty photographs of ImageNet, shorter side 256, 224 pixels from the middle; and their classes."""
    paths = sorted(available("imagenet_sample").items())  # by wnid: the place is the class's index
    chosen = range(0, 1000, 25)
    return torch.cat([center_crop(read_image(paths[index][1], 256), 224) for index in chosen]), list(chosen)


@pytest.fixture(scope="session")
def weights(available: Callable[[str], dict[str, Path]]) -> Callable[..., None]:
    """Skip the test unless these assets can be had."""

    def need(*names: str) -> None:
        for name in names:
            available(name)

    return need
