"""Transforms: random small changes of the images before the network sees them.

What still excites a neuron after them is a shape, not a pattern of single pixels. Each transform is a value;
called with images and a generator it returns images, the same change for the whole batch. One that changes in the
course of an ascent is `Scheduled`: it says which transform it is at a given share of the way.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import Images, ResizedImages


@runtime_checkable
class Transform(Protocol):
    """Images and a source of randomness in, images out."""

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages: ...


@runtime_checkable
class Scheduled(Protocol):
    """A transform that changes over the ascent."""

    def at(self, share: float) -> Transform:
        """Return the transform at this share of the way, from 0 at the start to 1 at the end."""
        ...


def _draw(generator: torch.Generator, below: int) -> int:
    return int(torch.randint(below, (), generator=generator))


@dataclass(frozen=True)
class Pad:
    """Add `pixels` on every side, of one grey value or by reflection."""

    pixels: int
    mode: Literal["constant", "reflect"] = "constant"
    value: float = 0.5

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:  # noqa: ARG002
        if self.mode == "reflect" and min(images.shape[-2:]) <= self.pixels:
            raise BadInput(f"images of {_size(images)} pixels have no {self.pixels} pixels to reflect; pad less")
        value = self.value if self.mode == "constant" else None
        return F.pad(images, [self.pixels] * 4, self.mode, value)


@dataclass(frozen=True)
class Jitter:
    """Shift by up to `pixels`: cut a window that much smaller at a random place."""

    pixels: int

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:
        height, width = (side - self.pixels for side in images.shape[-2:])
        if min(height, width) < 1:
            raise BadInput(f"a jitter of {self.pixels} pixels leaves nothing of images of {_size(images)} pixels")
        top, left = _draw(generator, self.pixels + 1), _draw(generator, self.pixels + 1)
        return images[..., top : top + height, left : left + width]


@dataclass(frozen=True)
class Scale:
    """Resize by one of `factors`."""

    factors: tuple[float, ...]

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:
        factor = self.factors[_draw(generator, len(self.factors))]
        if factor == 1:
            return images
        height, width = (max(1, round(side * factor)) for side in images.shape[-2:])
        return F.interpolate(images, (height, width), mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Rotate:
    """Turn around the middle by one of `degrees`; corners are filled by reflection."""

    degrees: tuple[float, ...]

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:
        angle = torch.deg2rad(torch.tensor(self.degrees[_draw(generator, len(self.degrees))]))
        if angle == 0:
            return images
        height, width = images.shape[-2:]
        cos, sin = torch.cos(angle), torch.sin(angle)
        zero = torch.zeros(())
        turn = torch.stack([cos, -sin * height / width, zero, sin * width / height, cos, zero]).reshape(1, 2, 3)
        grid = F.affine_grid(turn.to(images), [1, 3, height, width], align_corners=False)
        return F.grid_sample(
            images, grid.expand(len(images), -1, -1, -1), padding_mode="reflection", align_corners=False
        )


@dataclass(frozen=True)
class Crop:
    """Cut `pixels` off every side."""

    pixels: int

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:  # noqa: ARG002
        if min(images.shape[-2:]) <= 2 * self.pixels:
            raise BadInput(f"cropping {self.pixels} pixels leaves nothing of images of {_size(images)} pixels")
        return images[..., self.pixels : -self.pixels, self.pixels : -self.pixels] if self.pixels else images


@dataclass(frozen=True)
class Blur:
    """Smooth with a Gaussian of standard deviation `sigma` in pixels; borders are mirrored."""

    sigma: float

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:  # noqa: ARG002
        if self.sigma < 0:
            raise BadInput(f"a blur of {self.sigma} pixels is none; give 0 or more")
        if self.sigma == 0:
            return images
        height, width = (_blur_matrix(side, self.sigma).to(images) for side in images.shape[-2:])
        return height.T @ images @ width


def _blur_matrix(side: int, sigma: float) -> Tensor:
    """Return the blur ``(side, side)`` of a row of pixels as a matrix to multiply from the right."""
    reach = min(math.ceil(3 * sigma), side - 1)
    weights = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    mirrored = F.pad(torch.eye(side)[:, None], (reach, reach), mode="reflect")
    return F.conv1d(mirrored, (weights / weights.sum())[None, None])[:, 0]


@dataclass(frozen=True)
class BlurSchedule:
    """A blur that goes evenly from `start` to `end`: coarse shapes first."""

    start: float
    end: float = 0.0

    def at(self, share: float) -> Transform:
        """See `Scheduled`."""
        return Blur(self.start + share * (self.end - self.start))


@dataclass(frozen=True)
class Noise:
    """Add normal noise of standard deviation `sd` to each pixel and colour; values may leave [0, 1]."""

    sd: float

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:
        return images + self.sd * torch.randn(images.shape[1:], generator=generator).to(images)


@dataclass(frozen=True)
class Resize:
    """Resize to `size`, a number or height and width."""

    size: int | tuple[int, int]

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:  # noqa: ARG002
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        if min(size) < 1:
            raise BadInput(f"images cannot be resized to {size[0]}x{size[1]} pixels; give positive sizes")
        return F.interpolate(images, size, mode="bilinear", antialias=True)


@dataclass(frozen=True)
class Zoom:
    """Look at a random window near the middle, resized.

    Args:
        share: The window's sides over the images', on average.
        size: Of what comes out; the images' own by default.
        spread: Standard deviation of the share.
        shift: Standard deviation of the window's middle, over the images' sides; it stays inside.
    """

    share: float
    size: int | tuple[int, int] | None = None
    spread: float = 0.05
    shift: float = 0.15

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages:
        if not 0 < self.share <= 1:
            raise BadInput(f"no window is {self.share} of the image; give more than 0 and at most 1")
        spread, *shifts = torch.randn(3, generator=generator).tolist()
        share = min(max(self.share + self.spread * spread, 0.05), 1.0)  # the released code's limits
        window = images
        for axis, shift in zip((-2, -1), shifts, strict=True):
            side = images.shape[axis]
            length = max(1, round(share * side))
            first = round((0.5 + self.shift * shift) * side - length / 2)
            window = window.narrow(axis, min(max(first, 0), side - length), length)
        height, width = images.shape[-2:]
        return Resize(self.size or (height, width))(window, generator)


@dataclass(frozen=True)
class ZoomSchedule:
    """A `Zoom` whose share goes evenly from `start` to `end`: from the whole to details."""

    start: float
    end: float
    size: int | tuple[int, int] | None = None

    def at(self, share: float) -> Transform:
        """See `Scheduled`."""
        return Zoom(self.start + share * (self.end - self.start), self.size)


def _size(images: Images) -> str:
    return "x".join(map(str, images.shape[-2:]))


def resolved(transforms: Sequence[Transform | Scheduled], share: float) -> tuple[Transform, ...]:
    """Return what the transforms are at this share of the ascent."""
    return tuple(transform.at(share) if isinstance(transform, Scheduled) else transform for transform in transforms)


def transformed(images: Images, transforms: Sequence[Transform], generator: torch.Generator) -> ResizedImages:
    """Apply transforms one after another."""
    for transform in transforms:
        images = transform(images, generator)
    return images


RELEASED: tuple[Transform, ...] = (
    Pad(12),
    Jitter(8),
    Scale(tuple(1 + (i - 5) / 50 for i in range(11))),
    Rotate((*range(-10, 11), 0, 0, 0, 0, 0)),
    Jitter(4),
)
"""The released library's defaults (lucid's `standard_transforms`)."""

ARTICLE: tuple[Transform, ...] = (
    Pad(16),
    Jitter(16),
    Scale((1, 0.975, 1.025, 0.95, 1.05)),
    Rotate(tuple(range(-5, 6))),
    Jitter(8),
    Crop(4),
)
"""The article's, "The Enemies of Feature Visualization" {cite}`olah2017feature`; the crop takes off the padding."""

MACO: tuple[Transform | Scheduled, ...] = (ZoomSchedule(0.5, 0.05, size=224), Noise(0.08))
"""The released code's for `Maco` {cite}`fel2023maco`, for images of 512 pixels: windows from half the side to a
twentieth, at the network's input size. There 32 of them are averaged each step, here one counts."""
