"""SqueezeNet 1.1 {cite}`iandola2016squeezenet`, a small network of plain convolutions."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from innerview.core.types import Images
from innerview.models.normalization import Normalize
from innerview.models.weights import caffe_convolution

MEAN_RGB = (123.0, 117.0, 104.0)  # of 255
FIRES = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128),
         (256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256))  # fmt: skip
"""Inputs, squeeze channels and channels of each expansion, of fire2 to fire9."""


class Fire(nn.Module):
    """Squeeze to few channels, expand by 1x1 and 3x3 convolutions side by side."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(inputs, squeeze, 1)
        self.squeeze_relu = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand_relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.squeeze_relu(self.squeeze1x1(x))
        return self.expand_relu(torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], dim=1))


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1; images ``(b, 3, h, w)`` of at least 32 pixels to ``(b, 1000)`` logits."""

    def __init__(self) -> None:
        super().__init__()
        self.normalize = Normalize([value / 255 for value in MEAN_RGB], 1 / 255)
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        for index, widths in enumerate(FIRES, start=2):
            self.add_module(f"fire{index}", Fire(*widths))
            if index in (3, 5):
                self.add_module(f"pool{index}", nn.MaxPool2d(3, stride=2, ceil_mode=True))
        self.conv10 = nn.Conv2d(512, 1000, 1)
        self.relu10 = nn.ReLU()
        self.pool10 = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: Images) -> Tensor:
        x: Tensor = images
        for layer in self.children():
            x = layer(x)
        return x.flatten(1)


def read_squeezenet(files: Mapping[str, Path]) -> SqueezeNet:
    """Build SqueezeNet from the files of the asset `squeezenet1_1`, keyed by path such as ``conv1_filter.bin``."""
    model = SqueezeNet()
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d):
            caffe_convolution(layer, files, name.replace(".", "/"))
    return model
