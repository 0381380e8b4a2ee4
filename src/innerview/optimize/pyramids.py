"""Images as sums of planes of several resolutions, each image's own or shared by several images."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.optimize.colors import Colored
from innerview.optimize.parameterizations import Fourier, Planar, noise


@dataclass(frozen=True)
class Laplacian:
    """Planes of size 1, 1/2, 1/4, 1/8 of the image, enlarged and summed, as in the released library {cite}`lucid`.

    Args:
        levels: How many sizes.
        sd: Standard deviation of each level's start.
        decay: Level n counts ``2 ** (n * decay)`` times: how much more coarse shapes move than fine ones.
        decorrelated: Whether the three planes are uncorrelated colours.
    """

    levels: int = 4
    sd: float = 0.01
    decay: float = 0.0
    decorrelated: bool = True

    def planes(self, seeds: Sequence[int], size: tuple[int, int], count: int = 3, stream: str = "start") -> nn.Module:
        """See `innerview.optimize.parameterizations.Planar`.

        Raises:
            BadInput: the coarsest level would be smaller than one pixel.
        """
        levels = []
        for level in range(self.levels):
            start = noise(seeds, (count, *_smaller(size, 2**level)), f"{stream} level {level}") * self.sd
            levels.append(Enlarged(start, size, 2 ** (level * self.decay)))
        return Summed(levels)

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `innerview.optimize.parameterizations.Parameterization`."""
        return Colored(self.planes(seeds, size), self.decorrelated)


@dataclass(frozen=True)
class Shared:
    """Images in a row that share what is coarse, so that neighbours look alike {cite}`mordvintsev2018differentiable`.

    Each image has planes of its own, and to these are added parts ``(images, divisor)``: planes of the image's size
    over `divisor`, for so many images evenly spread over the row; images between them get a blend of the two nearest.
    The shared parts start from the first seed.

    Args:
        base: Each image's own planes.
        parts: The released library's for an interpolation of six images.
        sd: Standard deviation of each part's start.
        decorrelated: Whether the three planes are uncorrelated colours.
    """

    base: Planar = field(default_factory=Fourier)
    parts: tuple[tuple[int, int], ...] = ((1, 2), (1, 4), (1, 8), (2, 8), (1, 16), (2, 16))
    sd: float = 0.01
    decorrelated: bool = True

    def planes(self, seeds: Sequence[int], size: tuple[int, int], count: int = 3, stream: str = "start") -> nn.Module:
        """See `innerview.optimize.parameterizations.Planar`.

        Raises:
            BadInput: a part would be smaller than one pixel or one image.
        """
        parts = [self.base.planes(seeds, size, count, stream)]
        for place, (images, divisor) in enumerate(self.parts):
            if images < 1:
                raise BadInput(f"a shared part of {images} images holds nothing; give it at least one")
            shape = (images, count, *_smaller(size, divisor))
            start = noise(seeds[:1], shape, f"{stream} shared {place}")[0] * self.sd
            parts.append(Blended(Enlarged(start, size), len(seeds)))
        return Summed(parts)

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `innerview.optimize.parameterizations.Parameterization`."""
        return Colored(self.planes(seeds, size), self.decorrelated)


def _smaller(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    height, width = size
    if divisor < 1 or min(size) < divisor:
        raise BadInput(f"images of {height}x{width} pixels cannot be divided by {divisor}; make them larger")
    return height // divisor, width // divisor


class Enlarged(nn.Module):
    """Small planes ``(n, c, h', w')`` times a weight, enlarged bilinearly."""

    def __init__(self, values: Tensor, size: tuple[int, int], weight: float = 1.0) -> None:
        super().__init__()
        self.values = nn.Parameter(values)
        self.size = size
        self.weight = weight

    def forward(self) -> Tensor:
        return F.interpolate(self.values * self.weight, self.size, mode="bilinear", align_corners=False)


class Blended(nn.Module):
    """Planes for `count` images, blended from those for fewer: the first and last are the first and last of these."""

    blend: Tensor

    def __init__(self, part: Enlarged, count: int) -> None:
        super().__init__()
        self.part = part
        corners = torch.eye(len(part.values))[None]
        blend = F.interpolate(corners, count, mode="linear", align_corners=True)[0].T
        self.register_buffer("blend", blend, persistent=False)

    def forward(self) -> Tensor:
        return torch.einsum("bn,nchw->bchw", self.blend, self.part())


class Summed(nn.Module):
    """The sum of several modules' planes."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self) -> Tensor:
        return torch.stack([part() for part in self.parts]).sum(0)
