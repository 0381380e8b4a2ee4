"""Networks small enough to be trained while the notebook runs, as the plain setting of what the article shows."""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.types import Images, Logits
from innerview.models.classifier import IMAGENET_MEAN, IMAGENET_STD
from innerview.models.normalization import Normalize

Upsampling = Literal["deconvolution", "resize"]


def _block(channels: int, features: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalization, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, features, size, stride, padding=size // 2, bias=False), nn.BatchNorm2d(features), nn.ReLU()
    )


class SmallNet(nn.Module):
    """A convolutional classifier for photographs of 64 pixels: four blocks, of 32, 64, 96 and 128 channels.

    The layers ``conv1`` to ``conv4`` put out what their ReLU lets through; their positions lie 2, 4, 8 and 8 pixels
    apart.

    Args:
        classes: How many.
        seed: Of the weights.
    """

    def __init__(self, classes: int = 10, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.normalize = Normalize(IMAGENET_MEAN, IMAGENET_STD)
            self.conv1 = _block(3, 32, 5, 2)
            self.pool1 = nn.MaxPool2d(2)
            self.conv2 = _block(32, 64)
            self.pool2 = nn.MaxPool2d(2)
            self.conv3 = _block(64, 96)
            self.conv4 = _block(96, 128)
            self.pool4 = nn.AdaptiveAvgPool2d(1)
            self.logits = nn.Linear(128, classes)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Images) -> Logits:
        x = self.pool1(self.conv1(self.normalize(images)))
        x = self.pool2(self.conv2(x))
        return self.logits(self.pool4(self.conv4(self.conv3(x))).flatten(1))


class DigitNet(nn.Module):
    """A classifier for handwritten digits of 8 pixels, shown in any size and in grey.

    Its last hidden layer, ``hidden``, puts out the numbers between which a network could choose any basis
    {cite}`szegedy2014intriguing`; ``relu`` puts out those above zero.

    Args:
        units: Of the last hidden layer.
        seed: Of the weights.
    """

    def __init__(self, units: int = 64, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.conv1 = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())
            self.conv2 = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
            self.hidden = nn.Linear(32 * 4 * 4, units)
            self.norm = nn.BatchNorm1d(units)  # without, a third of the units answers to nothing
            self.relu = nn.ReLU()
            self.logits = nn.Linear(units, 10)

    def forward(self, images: Images) -> Logits:
        grey = F.interpolate(images.mean(1, keepdim=True), (8, 8), mode="area")
        x = self.conv2(self.conv1(grey - 0.5))
        return self.logits(self.relu(self.norm(self.hidden(x.flatten(1)))))


class Decoder(nn.Module):
    """From a latent vector to an image of 64 pixels, in four doublings {cite}`odena2016checkerboard`.

    Args:
        upsampling: How a layer doubles the size. ``deconvolution``: a transposed convolution of stride 2, whose kernels
            of 3 pixels overlap on every second pixel; ``resize``: every pixel becomes four, then a convolution of 3
            pixels. Both have the same number of weights.
        latent: Numbers in a latent.
        seed: Of the weights.
    """

    def __init__(self, upsampling: Upsampling, latent: int = 64, seed: int = 0) -> None:
        super().__init__()
        self.upsampling, self.latent = upsampling, latent
        widths = (64, 48, 32, 16, 3)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.first = nn.Linear(latent, widths[0] * 4 * 4)
            self.doublings = nn.ModuleList(_doubling(upsampling, *pair) for pair in pairwise(widths))

    def forward(self, latents: Tensor) -> Images:
        x = self.first(latents).unflatten(1, (-1, 4, 4))
        for doubling in self.doublings:
            x = doubling(torch.relu(x))
        return torch.sigmoid(x)


def _doubling(upsampling: Upsampling, channels: int, features: int) -> nn.Module:
    if upsampling == "deconvolution":
        layer = nn.ConvTranspose2d(channels, features, 3, stride=2, padding=1, output_padding=1)
        summed = channels * 9 / 4  # one to four taps of the kernel meet in a pixel, 9 / 4 on average
    else:
        layer = nn.Conv2d(channels, features, 3, padding=1)
        summed = channels * 9
    nn.init.normal_(layer.weight, std=(2 / summed) ** 0.5)  # keeps the signal's strength behind a ReLU
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer if upsampling == "deconvolution" else nn.Sequential(nn.Upsample(scale_factor=2), layer)
