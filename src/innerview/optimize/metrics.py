r"""Metrics: what counts as a small change of an image decides which direction is the steepest {cite}`olah2017feature`.

For a gradient $g$ the direction of steepest ascent is the $d$ with the largest $\langle g, d \rangle$ among all of unit
length. A metric is a value; called with gradients it returns these directions, each image on its own. An image whose
gradient is zero has no direction: it gets zeros.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from innerview.core.types import Images
from innerview.optimize.colors import color_matrix, mixed
from innerview.optimize.parameterizations import FourierPlanes, frequencies

TINY = torch.finfo(torch.float32).tiny


@runtime_checkable
class Metric(Protocol):
    """Gradients in, directions of steepest ascent of unit length out."""

    def __call__(self, gradient: Images) -> Images: ...


@dataclass(frozen=True)
class L2:
    r"""Root of the sum of squares: $d = g / \|g\|$."""

    def __call__(self, gradient: Images) -> Images:
        return gradient / _norm(gradient)


@dataclass(frozen=True)
class LInf:
    r"""The largest change of any pixel: $d = \mathrm{sign}(g)$."""

    def __call__(self, gradient: Images) -> Images:
        return gradient.sign()


@dataclass(frozen=True)
class Decorrelated:
    r"""Length of the change of `Fourier` coefficients: $d = L L^T g / \|L^T g\|$.

    $L$ is the linear part of the `Fourier` parameterization, from coefficients to colours; so $d$ is the change of the
    image by one gradient step of length one in the coefficients. Low frequencies and frequent colours are cheap.

    Args:
        decay: Exponent of the frequency; see `Fourier`.
        decorrelated: Whether colours take part.
    """

    decay: float = 1.0
    decorrelated: bool = True

    def __call__(self, gradient: Images) -> Images:
        batch, _, height, width = gradient.shape
        zeros = gradient.new_zeros((batch, 3, height, width // 2 + 1, 2))
        planes = FourierPlanes(zeros, (height, width), self.decay).to(gradient)
        matrix = color_matrix(self.decorrelated).to(gradient)
        with torch.enable_grad():
            (step,) = torch.autograd.grad(mixed(matrix, planes()), planes.spectrum, gradient)
        with torch.no_grad():
            planes.spectrum.copy_(step / _norm(step))
            return mixed(matrix, planes())


@dataclass(frozen=True)
class Smoothed:
    r"""A length in which fine changes are long: $d = B g / \sqrt{\langle g, B g \rangle}$ with $B$ a Gaussian blur.

    The blur goes around the borders, which makes it symmetric.

    Args:
        sigma: Of the blur, in pixels.
    """

    sigma: float = 1.0

    def __call__(self, gradient: Images) -> Images:
        size = (gradient.shape[-2], gradient.shape[-1])
        passed = torch.exp(-2 * (torch.pi * self.sigma * frequencies(size)) ** 2).to(gradient)
        blurred = torch.fft.irfft2(torch.fft.rfft2(gradient) * passed, s=size)
        squared = (gradient * blurred).sum((1, 2, 3), keepdim=True)
        return blurred / squared.clamp(min=TINY).sqrt()


def _norm(tensor: Tensor) -> Tensor:
    """Return each image's length, shaped to divide by it; never zero."""
    flat = tensor.flatten(1).norm(dim=1).clamp(min=TINY)
    return flat.reshape(-1, *[1] * (tensor.ndim - 1))
