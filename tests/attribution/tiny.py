"""Networks of milliseconds in float64: ReLU layers, ReLU calls, and global average pooling below one linear layer."""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES, SIZE = 4, 12
Network = TypeVar("Network", bound=nn.Module)


class Layers(nn.Module):
    """Convolutions, pooling and linear layers, each ReLU a layer of its own, so that other libraries explain it too."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.fc1 = nn.Linear(8 * (SIZE // 2) ** 2, 16)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(16, CLASSES)
        _balance(self, self.fc2)

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.relu1(self.conv1(images - 0.5)))
        x = self.relu2(self.conv2(x)).flatten(1)
        return self.fc2(self.relu3(self.fc1(x)))


class Calls(nn.Module):
    """ReLUs of all kinds: one layer used twice, in place, ``F.relu``, ``x.relu_()`` and ReLU6 in both forms."""

    def __init__(self, seed: int = 10) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.conv3 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(8, 8, 1)
        self.relu = nn.ReLU(inplace=True)
        self.relu6 = nn.ReLU6(inplace=True)
        self.fc = nn.Linear(8, CLASSES)
        _balance(self, self.fc)

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu(self.conv1(8 * (images - 0.5)))
        x = x + self.relu(self.conv2(x))
        x = F.relu(self.conv3(x), inplace=True)
        x = self.relu6(20 * self.conv4(x))
        x = F.relu6(x + torch.relu(self.conv4(x)) - 0.5)
        return self.fc(x.mean((2, 3)).sub(0.2).relu_())


class Pooled(nn.Module):
    """Convolutions, global average pooling and one linear layer: what class activation maps were made for."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.relu2 = nn.ReLU()
        self.fc = nn.Linear(8, CLASSES)
        _balance(self, self.fc)

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu1(self.conv1(images - 0.5))
        return self.fc(self.relu2(self.conv2(x)).mean((2, 3)))


def _balance(network: nn.Module, last: nn.Linear) -> None:
    """Let no class win for all images: the mean of many images' logits becomes 0."""
    with torch.no_grad():
        last.bias -= network(pictures(32).float()).mean(0)


def frozen(network: Network) -> Network:
    """Make a network float64, in evaluation mode, with weights that take no gradient."""
    return network.double().eval().requires_grad_(False)


def pictures(count: int = 3, seed: int = 0) -> Tensor:
    """Draw images ``(count, 3, SIZE, SIZE)`` in [0, 1], each of noise and a colour of its own."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(count, 3, SIZE, SIZE, generator=generator, dtype=torch.float64)
    tint = torch.rand(count, 3, 1, 1, generator=generator, dtype=torch.float64)
    return (noise + tint) / 2
