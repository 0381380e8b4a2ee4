"""VGG-19's convolutional part {cite}`simonyan2015vgg`: the network of texture and style."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import Images
from innerview.models.normalization import Normalize
from innerview.models.weights import fill, read_tfjs, rgb_first

MEAN_RGB = (123.68, 116.779, 103.939)  # of 255
BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))  # convolutions, channels

Pooling = Literal["max", "average"]


class VGG19(nn.Module):
    """VGG-19 up to `pool5`; features only, no classifier.

    Layers are named as the papers do: `conv1_1`, `relu1_1`, …, `pool5`. Takes images of at least 32 pixels a side and
    puts out ``(b, 512, h / 32, w / 32)``.

    Args:
        pooling: ``max`` as published, or ``average`` as in texture synthesis {cite}`gatys2015texture`.

    Raises:
        BadInput: another kind of pooling.
    """

    def __init__(self, pooling: Pooling = "max") -> None:
        super().__init__()
        if pooling not in get_args(Pooling):
            raise BadInput(f"VGG-19 pools by one of {', '.join(get_args(Pooling))}, not {pooling!r}")
        self.normalize = Normalize([value / 255 for value in MEAN_RGB], 1 / 255)
        inputs = 3
        for block, (convolutions, channels) in enumerate(BLOCKS, start=1):
            for index in range(1, convolutions + 1):
                self.add_module(f"conv{block}_{index}", nn.Conv2d(inputs, channels, 3, padding=1))
                self.add_module(f"relu{block}_{index}", nn.ReLU())
                inputs = channels
            self.add_module(f"pool{block}", nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))

    def forward(self, images: Images) -> Tensor:
        x: Tensor = images
        for layer in self.children():
            x = layer(x)
        return x


def read_vgg19(quantised: Mapping[str, Path], exact: Mapping[str, Path], pooling: Pooling = "max") -> VGG19:
    """Build VGG-19 from exact float32 weights where they are at hand (to `conv3_4`), else from 8-bit ones.

    Args:
        quantised: Files of the asset `vgg19_uint8` (3 to 7 % root-mean-square error of the weights).
        exact: Files of the asset `vgg19_float32_early`.
        pooling: See `VGG19`.
    """
    model = VGG19(pooling)
    tensors = read_tfjs(quantised) | read_tfjs(exact)
    for name, layer in model.named_children():
        if isinstance(layer, nn.Conv2d):
            source = f"block{name[4]}_conv{name[6]}"
            weight = torch.from_numpy(tensors[f"{source}/kernel"]).permute(3, 2, 0, 1)
            fill(layer, rgb_first(weight), torch.from_numpy(tensors[f"{source}/bias"]))
    return model
