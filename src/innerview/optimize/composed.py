"""Parameterizations made of others: transparent images, and images that a generator makes."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import Images, TransparentImages
from innerview.optimize.colors import Colored
from innerview.optimize.parameterizations import Fourier, FourierPlanes, Parameterization, Planar, noise


@dataclass(frozen=True)
class Transparent:
    """Images with a fourth plane, their opacity in (0, 1) {cite}`mordvintsev2018differentiable`.

    Args:
        base: Of the colours.
        alpha: Of the opacity; a sigmoid follows.
    """

    base: Parameterization = field(default_factory=Fourier)
    alpha: Planar = field(default_factory=Fourier)

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `innerview.optimize.parameterizations.Parameterization`; the module gives ``(b, 4, h, w)``."""
        return Layered(self.base.start(seeds, size), self.alpha.planes(seeds, size, count=1, stream="alpha"))


class Layered(nn.Module):
    """Colours of one module, opacity of another."""

    def __init__(self, colors: nn.Module, alpha: nn.Module) -> None:
        super().__init__()
        self.colors = colors
        self.alpha = alpha

    def forward(self) -> TransparentImages:
        return torch.cat([self.colors(), torch.sigmoid(self.alpha())], 1)


def over_background(images: TransparentImages, generator: torch.Generator, sd: float = 0.5) -> Images:
    """Lay transparent images over one random background of soft colours.

    What is to excite a network whatever lies behind it has to be opaque where it matters; the rest may vanish.

    Args:
        images: ``(b, 4, h, w)``.
        generator: The only source of randomness; all images get the same background.
        sd: Standard deviation of the background's Fourier coefficients, the released library's.
    """
    height, width = images.shape[-2:]
    spectrum = torch.randn((1, 3, height, width // 2 + 1, 2), generator=generator) * sd
    with torch.no_grad():
        background = Colored(FourierPlanes(spectrum, (height, width), decay=1.0), decorrelated=True)().to(images)
    colors, alpha = images[:, :3], images[:, 3:]
    return torch.lerp(background, colors, alpha)


@dataclass(frozen=True)
class Latent:
    """Images that a generator makes from a code; only the code changes {cite}`nguyen2016synthesizing`.

    Args:
        decoder: Turns codes ``(b, *shape)`` into images in [0, 1]; a frozen copy is used.
        shape: Of one code.
        sd: Standard deviation of the start.
    """

    decoder: nn.Module
    shape: tuple[int, ...]
    sd: float = 1.0

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `innerview.optimize.parameterizations.Parameterization`.

        Raises:
            BadInput: the decoder does not give images in [0, 1].
        """
        decoded = Decoded(noise(seeds, self.shape) * self.sd, self.decoder, size)
        with torch.no_grad():
            images = decoded.decoder(decoded.code)
        if images.shape[:2] != (len(seeds), 3) or images.ndim != 4:
            raise BadInput(
                f"the decoder gives {tuple(images.shape)} for {len(seeds)} codes; it must give images (b, 3, h, w)"
            )
        low, high = float(images.min()), float(images.max())
        if low < 0 or high > 1:
            raise BadInput(f"the decoder gives colours from {low:.3g} to {high:.3g}; let it end in a sigmoid")
        return decoded


class Decoded(nn.Module):
    """Codes and the frozen generator that turns them into images."""

    def __init__(self, code: Tensor, decoder: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.code = nn.Parameter(code)
        self.decoder = deepcopy(decoder).eval().requires_grad_(False)  # the caller's stays as it is
        self.size = size

    def forward(self) -> Images:
        images = self.decoder(self.code)
        if images.shape[-2:] == self.size:
            return images
        return F.interpolate(images, self.size, mode="bilinear", antialias=True)
