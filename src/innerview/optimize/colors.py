"""From three planes of any real numbers to colours, and back {cite}`olah2017feature`."""

import torch
from torch import Tensor, nn

from innerview.core.types import Images

COLOR_SQRT = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Square root of the colours' covariance in ImageNet photographs; released with {cite}`olah2017feature`."""

DARKEST = 0.02
"""Colours are kept this far from 0 and 1 where a logarithm would run away."""


def color_matrix(decorrelated: bool = True) -> Tensor:
    """Return the matrix ``(3, 3)`` from planes to RGB: `COLOR_SQRT` over its largest column, or the identity."""
    root = torch.tensor(COLOR_SQRT)
    return root / root.norm(dim=0).max() if decorrelated else torch.eye(3)


def mixed(matrix: Tensor, planes: Images) -> Images:
    """Apply a matrix ``(3, 3)`` to the three numbers of every pixel."""
    return torch.einsum("rp,bphw->brhw", matrix, planes)


def planes_of(images: Images) -> Images:
    """Return the decorrelated planes that `Colors` turns into these images, no darker than `DARKEST`."""
    inverse = torch.linalg.inv(color_matrix().double()).to(images)
    return mixed(inverse, torch.logit(images, DARKEST))


class Colors(nn.Module):
    """Three planes ``(b, 3, h, w)`` of any real numbers to RGB in (0, 1)."""

    matrix: Tensor

    def __init__(self, decorrelated: bool) -> None:
        super().__init__()
        self.register_buffer("matrix", color_matrix(decorrelated), persistent=False)

    def forward(self, planes: Images) -> Images:
        return torch.sigmoid(mixed(self.matrix, planes))


class Colored(nn.Module):
    """The images of a module whose ``forward()`` gives planes."""

    def __init__(self, planes: nn.Module, decorrelated: bool) -> None:
        super().__init__()
        self.planes = planes
        self.colors = Colors(decorrelated)

    def forward(self) -> Images:
        return self.colors(self.planes())
