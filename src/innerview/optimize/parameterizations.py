"""Parameterizations: the numbers that an ascent really changes, and how they become images.

A configuration (`Pixels`, `Fourier`) makes a module for given seeds and size; its ``forward()`` returns the images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from innerview.core.seeds import generator
from innerview.core.types import Images

COLOR_SQRT = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Square root of the colours' covariance in ImageNet photographs; released with {cite}`olah2017feature`."""


@runtime_checkable
class Parameterization(Protocol):
    """A configuration that can be started."""

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """Return a module whose ``forward()`` gives ``(len(seeds), 3, h, w)``; image i depends on seed i alone."""
        ...


@dataclass(frozen=True)
class Pixels:
    """One number for each pixel and colour.

    Args:
        sd: Standard deviation of the start.
        decorrelated: Whether the three numbers of a pixel are uncorrelated colours.
    """

    sd: float = 0.01
    decorrelated: bool = True

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `Parameterization.start`."""
        return PixelImages(_noise(seeds, (3, *size)) * self.sd, self.decorrelated)


@dataclass(frozen=True)
class Fourier:
    r"""One complex number for each spatial frequency and colour, scaled to the spectrum of photographs.

    $$x = \tfrac{1}{4}\, \mathcal{F}^{-1}\!\Big(\frac{\theta}{\max(f, 1/\max(w, h))^{d}}\Big)$$

    then colours, then a sigmoid {cite}`olah2017feature`.

    Args:
        sd: Standard deviation of the start.
        decay: Exponent $d$ of the frequency.
        decorrelated: Whether the three planes are uncorrelated colours.
    """

    sd: float = 0.01
    decay: float = 1.0
    decorrelated: bool = True

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `Parameterization.start`."""
        height, width = size
        spectrum = _noise(seeds, (3, height, width // 2 + 1, 2)) * self.sd
        return FourierImages(spectrum, size, self.decay, self.decorrelated)


def _noise(seeds: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    return torch.stack([torch.randn(shape, generator=generator("start", seed)) for seed in seeds])


class PixelImages(nn.Module):
    """Images from pixels."""

    def __init__(self, pixels: Tensor, decorrelated: bool) -> None:
        super().__init__()
        self.pixels = nn.Parameter(pixels)
        self.colors = Colors(decorrelated)

    def forward(self) -> Images:
        return self.colors(self.pixels)


class FourierImages(nn.Module):
    """Images from spectra ``(b, 3, h, w // 2 + 1, 2)``, real and imaginary parts last."""

    scale: Tensor

    def __init__(self, spectrum: Tensor, size: tuple[int, int], decay: float, decorrelated: bool) -> None:
        super().__init__()
        self.spectrum = nn.Parameter(spectrum)
        self.size = size
        self.register_buffer("scale", frequencies(size).clamp(min=1 / max(size)).pow(-decay), persistent=False)
        self.colors = Colors(decorrelated)

    def forward(self) -> Images:
        scaled = torch.view_as_complex(self.spectrum) * self.scale
        planes = torch.fft.irfft2(scaled, s=self.size, norm="ortho")
        return self.colors(planes / 4)  # the released library's factor


def frequencies(size: tuple[int, int]) -> Tensor:
    """Return the radial frequency, in cycles per pixel, of each entry of ``rfft2`` of an ``(h, w)`` image."""
    height, width = size
    return torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])


class Colors(nn.Module):
    """Three planes ``(b, 3, h, w)`` of any real numbers to RGB in (0, 1)."""

    matrix: Tensor

    def __init__(self, decorrelated: bool) -> None:
        super().__init__()
        root = torch.tensor(COLOR_SQRT)
        matrix = root / root.norm(dim=0).max() if decorrelated else torch.eye(3)
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, planes: Tensor) -> Images:
        return torch.sigmoid(torch.einsum("rp,bphw->brhw", self.matrix, planes))
