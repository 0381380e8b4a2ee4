"""BVLC GoogLeNet {cite}`szegedy2015going`, DeepDream's network, as its Caffe release {cite}`jia2014caffe` has it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from innerview.core.types import Images
from innerview.models.normalization import LocalResponseNorm, Normalize
from innerview.models.stem import StemConv2d
from innerview.models.weights import caffe_convolution, caffe_linear

MEAN_RGB = (123.0, 117.0, 104.0)  # of 255; the release's 104, 117, 123 are for BGR


class Width(NamedTuple):
    """Channels of an inception block's layers (Table 1 of {cite}`szegedy2015going`)."""

    inputs: int
    c1x1: int
    c3x3_reduce: int
    c3x3: int
    c5x5_reduce: int
    c5x5: int
    pool_proj: int


WIDTHS: Mapping[str, Width] = {
    "3a": Width(192, 64, 96, 128, 16, 32, 32),
    "3b": Width(256, 128, 128, 192, 32, 96, 64),
    "4a": Width(480, 192, 96, 208, 16, 48, 64),
    "4b": Width(512, 160, 112, 224, 24, 64, 64),
    "4c": Width(512, 128, 128, 256, 24, 64, 64),
    "4d": Width(512, 112, 144, 288, 32, 64, 64),
    "4e": Width(528, 256, 160, 320, 32, 128, 128),
    "5a": Width(832, 256, 160, 320, 32, 128, 128),
    "5b": Width(832, 384, 192, 384, 48, 128, 128),
}

ALIASES: Mapping[str, str] = {
    "conv2d0": "conv1_7x7_s2", "maxpool0": "pool1_3x3_s2", "localresponsenorm0": "pool1_norm1",
    "conv2d1": "conv2_3x3_reduce", "conv2d2": "conv2_3x3", "localresponsenorm1": "conv2_norm2",
    "maxpool1": "pool2_3x3_s2", "maxpool4": "pool3_3x3_s2", "maxpool10": "pool4_3x3_s2", "avgpool0": "pool5_7x7_s1",
    "softmax2_pre_activation": "loss3_classifier",
    **{f"mixed{block}": f"inception_{block}" for block in WIDTHS},
}  # fmt: skip
"""Names that Distill's articles use for the same places {cite}`olah2017feature`."""


class Convolution(nn.Sequential):
    """Convolution and ReLU; named as in the release, whose layer outputs are read after the ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = (
            StemConv2d(inputs, outputs, size) if stride == 2 else nn.Conv2d(inputs, outputs, size, padding=size // 2)
        )
        self.relu = nn.ReLU()


class Inception(nn.Module):
    """Inception block.

    The three 1x1 convolutions that read the block's input are one convolution, `entry`, which is faster;
    `1x1`, `3x3_reduce` and `5x5_reduce` rectify its parts.
    """

    def __init__(self, width: Width) -> None:
        super().__init__()
        self.split = [width.c1x1, width.c3x3_reduce, width.c5x5_reduce]
        self.entry = nn.Conv2d(width.inputs, sum(self.split), 1)
        self.add_module("1x1", nn.ReLU())
        self.add_module("3x3_reduce", nn.ReLU())
        self.add_module("3x3", Convolution(width.c3x3_reduce, width.c3x3, 3))
        self.add_module("5x5_reduce", nn.ReLU())
        self.add_module("5x5", Convolution(width.c5x5_reduce, width.c5x5, 5))
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.pool_proj = Convolution(width.inputs, width.pool_proj, 1)

    def forward(self, x: Tensor) -> Tensor:
        layer = self.get_submodule
        c1x1, c3x3_reduce, c5x5_reduce = self.entry(x).split(self.split, dim=1)
        branches = (
            layer("1x1")(c1x1),
            layer("3x3")(layer("3x3_reduce")(c3x3_reduce)),
            layer("5x5")(layer("5x5_reduce")(c5x5_reduce)),
            self.pool_proj(self.pool(x)),
        )
        return torch.cat(branches, dim=1)


class GoogLeNet(nn.Module):
    """GoogLeNet as released by the BVLC, without its auxiliary classifiers and its dropout.

    Takes images ``(b, 3, h, w)`` of any size from 32 pixels, puts out ``(b, 1000)`` logits. Layers carry the release's
    names with ``_`` for ``/`` (`inception_4c`, `inception_4c.3x3`); Distill's are `aliases` (`mixed4c`).
    """

    aliases = ALIASES

    def __init__(self) -> None:
        super().__init__()
        self.normalize = Normalize([value / 255 for value in MEAN_RGB], 1 / 255)
        self.conv1_7x7_s2 = Convolution(3, 64, 7, stride=2)
        self.pool1_3x3_s2 = _max_pool()
        self.pool1_norm1 = LocalResponseNorm()
        self.conv2_3x3_reduce = Convolution(64, 64, 1)
        self.conv2_3x3 = Convolution(64, 192, 3)
        self.conv2_norm2 = LocalResponseNorm()
        self.pool2_3x3_s2 = _max_pool()
        self.inception_3a, self.inception_3b = Inception(WIDTHS["3a"]), Inception(WIDTHS["3b"])
        self.pool3_3x3_s2 = _max_pool()
        self.inception_4a, self.inception_4b = Inception(WIDTHS["4a"]), Inception(WIDTHS["4b"])
        self.inception_4c, self.inception_4d = Inception(WIDTHS["4c"]), Inception(WIDTHS["4d"])
        self.inception_4e = Inception(WIDTHS["4e"])
        self.pool4_3x3_s2 = _max_pool()
        self.inception_5a, self.inception_5b = Inception(WIDTHS["5a"]), Inception(WIDTHS["5b"])
        self.pool5_7x7_s1 = nn.AdaptiveAvgPool2d(1)  # 7x7 for images of 224 pixels
        self.loss3_classifier = nn.Linear(1024, 1000)

    def forward(self, images: Images) -> Tensor:
        x: Tensor = images
        for name, layer in self.named_children():
            x = layer(x.flatten(1) if name == "loss3_classifier" else x)
        return x


def _max_pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def read_googlenet(files: Mapping[str, Path]) -> GoogLeNet:
    """Build GoogLeNet from the files of the asset `bvlc_googlenet`, keyed by path such as ``conv1/7x7_s2_bias.bin``."""
    model = GoogLeNet()
    for layer in ("conv1/7x7_s2", "conv2/3x3_reduce", "conv2/3x3"):
        caffe_convolution(model.get_submodule(f"{layer.replace('/', '_')}.conv"), files, layer)
    for block in WIDTHS:
        inception = model.get_submodule(f"inception_{block}")
        entries = [f"inception_{block}/{name}" for name in ("1x1", "3x3_reduce", "5x5_reduce")]
        caffe_convolution(inception.get_submodule("entry"), files, *entries)
        for name in ("3x3", "5x5", "pool_proj"):
            caffe_convolution(inception.get_submodule(f"{name}.conv"), files, f"inception_{block}/{name}")
    caffe_linear(model.loss3_classifier, files, "loss3/classifier")
    return model
