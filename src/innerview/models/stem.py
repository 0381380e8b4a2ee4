"""A network's first convolution, whose gradient with respect to the image is cheaper to compute another way."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class StemConv2d(nn.Conv2d):
    """Convolution of stride 2 that pads by half its odd size, for images of few channels.

    The same values and gradients as `torch.nn.Conv2d`. On a processor the gradient with respect to the image takes less
    than half the time: kernels for few output channels work badly at a stride, so it is computed without one, at half
    the resolution with four times the channels.

    Args:
        inputs: Channels of the image.
        outputs: Channels of the output.
        size: Height and width of the filter, odd.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, stride=2, padding=size // 2)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (the base class's name)
        assert self.bias is not None
        if self.weight.requires_grad or self.bias.requires_grad or input.device.type != "cpu":
            return super().forward(input)
        return _Stem.apply(input, self.weight, self.bias)


class _Stem(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.extent = images.shape[-2:]
        return F.conv2d(images, weight, bias, stride=2, padding=weight.shape[-1] // 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (weight,), (height, width) = ctx.saved_tensors, ctx.extent
        filters = _folded(weight).flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        folded = F.conv2d(gradients[0], filters, padding=filters.shape[-1] - 1)
        margin = weight.shape[-1] // 2 + 1
        image = F.pixel_shuffle(folded, 2)[..., margin : margin + height, margin : margin + width]
        return image.contiguous(memory_format=torch.channels_last), None, None


def _folded(weight: Tensor) -> Tensor:
    """Turn filters ``(o, c, 2 n - 1, 2 n - 1)`` of stride 2 into ``(o, 4 c, n, n)`` for `pixel_unshuffle`d images."""
    return F.pixel_unshuffle(F.pad(weight, (1, 0, 1, 0)), 2)
