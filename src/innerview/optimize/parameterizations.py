"""Parameterizations: the numbers that an ascent really changes, and how they become images.

A configuration (`Pixels`, `Fourier`) makes a module for given seeds and size; its ``forward()`` returns the images.
Most make planes of any real numbers first, which `innerview.optimize.colors` turns into RGB; planes can be summed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from innerview.core.seeds import generator
from innerview.core.types import Images
from innerview.optimize.colors import Colored


@runtime_checkable
class Parameterization(Protocol):
    """A configuration that can be started."""

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """Return a module whose ``forward()`` gives ``(len(seeds), 3, h, w)``; image i depends on seed i alone."""
        ...


@runtime_checkable
class Planar(Protocol):
    """A configuration that makes planes, not yet colours."""

    def planes(self, seeds: Sequence[int], size: tuple[int, int], count: int = 3, stream: str = "start") -> nn.Module:
        """Return a module whose ``forward()`` gives ``(len(seeds), count, h, w)``, any real numbers.

        Args:
            seeds: One for each image.
            size: Height and width.
            count: Planes of each image.
            stream: Name of the randomness; planes of other names start differently.
        """
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

    def planes(self, seeds: Sequence[int], size: tuple[int, int], count: int = 3, stream: str = "start") -> nn.Module:
        """See `Planar.planes`."""
        return PixelPlanes(noise(seeds, (count, *size), stream) * self.sd)

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `Parameterization.start`."""
        return Colored(self.planes(seeds, size), self.decorrelated)


@dataclass(frozen=True)
class RawPixels:
    """The image itself, for steepest ascent in pixels: no sigmoid, no other colours.

    What an ascent drives out of [0, 1] is brought back before the next look, so that no pixel loses its gradient.

    Args:
        sd: Standard deviation of the start around grey.
    """

    sd: float = 0.01

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `Parameterization.start`."""
        return RawImages(0.5 + noise(seeds, (3, *size)) * self.sd)


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

    def planes(self, seeds: Sequence[int], size: tuple[int, int], count: int = 3, stream: str = "start") -> nn.Module:
        """See `Planar.planes`."""
        height, width = size
        spectrum = noise(seeds, (count, height, width // 2 + 1, 2), stream) * self.sd
        return FourierPlanes(spectrum, size, self.decay)

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `Parameterization.start`."""
        return Colored(self.planes(seeds, size), self.decorrelated)


@dataclass(frozen=True)
class OneStart:
    """Another parameterization in which all images start alike, whatever their seeds.

    Images that are ascended towards similar goals then stay similar, in where things lie and how they are turned.

    Args:
        parameterization: What is started.
        seed: Of the common start.
    """

    parameterization: Parameterization
    seed: int = 0

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `Parameterization.start`."""
        return self.parameterization.start([self.seed] * len(seeds), size)


def noise(seeds: Sequence[int], shape: tuple[int, ...], stream: str = "start") -> Tensor:
    """Return normal noise ``(len(seeds), *shape)``; that of each seed is the same whatever the others are."""
    return torch.stack([torch.randn(shape, generator=generator(stream, seed)) for seed in seeds])


def frequencies(size: tuple[int, int]) -> Tensor:
    """Return the radial frequency, in cycles per pixel, of each entry of ``rfft2`` of an ``(h, w)`` image."""
    height, width = size
    return torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])


class PixelPlanes(nn.Module):
    """Planes that are their own parameters."""

    def __init__(self, pixels: Tensor) -> None:
        super().__init__()
        self.pixels = nn.Parameter(pixels)

    def forward(self) -> Tensor:
        return self.pixels


class RawImages(nn.Module):
    """Images that are their own parameters."""

    def __init__(self, pixels: Images) -> None:
        super().__init__()
        self.pixels = nn.Parameter(pixels)

    def forward(self) -> Images:
        with torch.no_grad():
            self.pixels.clamp_(0, 1)
        return self.pixels.clone()  # what a caller keeps does not change with the next step


class FourierPlanes(nn.Module):
    """Planes from spectra ``(b, c, h, w // 2 + 1, 2)``, real and imaginary parts last."""

    scale: Tensor

    def __init__(self, spectrum: Tensor, size: tuple[int, int], decay: float) -> None:
        super().__init__()
        self.spectrum = nn.Parameter(spectrum)
        self.size = size
        self.register_buffer("scale", frequencies(size).clamp(min=1 / max(size)).pow(-decay), persistent=False)

    def forward(self) -> Tensor:
        scaled = torch.view_as_complex(self.spectrum) * self.scale
        return torch.fft.irfft2(scaled, s=self.size, norm="ortho") / 4  # the released library's factor
