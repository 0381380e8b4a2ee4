"""Transforms: random small changes of the images before the network sees them.

What still excites a neuron after them is a shape, not a pattern of single pixels. Each transform is a value;
called with images and a generator it returns images, the same change for the whole batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import Images, ResizedImages


@runtime_checkable
class Transform(Protocol):
    """Images and a source of randomness in, images out."""

    def __call__(self, images: Images, generator: torch.Generator) -> ResizedImages: ...


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


def _size(images: Images) -> str:
    return "x".join(map(str, images.shape[-2:]))


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
