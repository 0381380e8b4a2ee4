"""EfficientNet-Lite0 {cite}`tan2019efficientnet`: the embedded model, whose weights come inside a Python package."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.types import Images
from innerview.models.normalization import Normalize


class Stage(NamedTuple):
    """One row of the architecture's table."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    outputs: int


STAGES = (
    Stage(1, 3, 1, 1, 16), Stage(2, 3, 2, 6, 24), Stage(2, 5, 2, 6, 40), Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112), Stage(4, 5, 2, 6, 192), Stage(1, 3, 1, 6, 320),
)  # fmt: skip
EPSILON = 1e-3  # of the batch normalization


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's padding: outputs ``ceil(h / stride)``, one more pixel right and below if uneven."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (the base class's name)
        bottom, right = (
            max((-(-side // stride) - 1) * stride + kernel - side, 0)
            for side, stride, kernel in zip(input.shape[-2:], self.stride, self.kernel_size, strict=True)
        )
        padding = (right // 2, right - right // 2, bottom // 2, bottom - bottom // 2)
        return super().forward(F.pad(input, padding) if any(padding) else input)


class Block(nn.Module):
    """Inverted residual: expand, convolve each channel, project; add the input where the shapes agree."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        hidden = inputs * stage.expansion
        self.residual = stride == 1 and inputs == stage.outputs
        if stage.expansion > 1:
            self.expand_conv = SameConv2d(inputs, hidden, 1, bias=False)
            self.bn0 = nn.BatchNorm2d(hidden, eps=EPSILON)
            self.relu0 = nn.ReLU6()
        self.depthwise_conv = SameConv2d(hidden, hidden, stage.kernel, stride, groups=hidden, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden, eps=EPSILON)
        self.relu1 = nn.ReLU6()
        self.project_conv = SameConv2d(hidden, stage.outputs, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(stage.outputs, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in self.children():
            y = layer(y)
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0; images ``(b, 3, h, w)`` of at least 32 pixels to ``(b, 1000)`` logits.

    Its blocks `blocks.0` to `blocks.15` end without a ReLU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.normalize = Normalize(127 / 255, 128 / 255)
        self.conv_stem = SameConv2d(3, 32, 3, stride=2, bias=False)
        self.bn0 = nn.BatchNorm2d(32, eps=EPSILON)
        self.relu0 = nn.ReLU6()
        blocks: list[Block] = []
        inputs = 32
        for stage in STAGES:
            for repeat in range(stage.repeats):
                blocks.append(Block(inputs, stage, stage.stride if repeat == 0 else 1))
                inputs = stage.outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = SameConv2d(inputs, 1280, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(1280, eps=EPSILON)
        self.relu1 = nn.ReLU6()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(1280, 1000)

    def forward(self, images: Images) -> Tensor:
        x: Tensor = images
        for name, layer in self.named_children():
            x = layer(x.flatten(1) if name == "fc" else x)
        return x


def read_efficientnet(path: Path) -> EfficientNetLite0:
    """Build EfficientNet-Lite0 from the package's state dictionary; its keys are ours with underscores before parts."""
    model = EfficientNetLite0()
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict({key.removeprefix("_").replace("._", "."): tensor for key, tensor in state.items()})
    return model
