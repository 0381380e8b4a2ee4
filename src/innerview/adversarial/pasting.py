"""Pasting a picture on part of an image, and noise to compare with."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool
from torch import Tensor

from innerview.core.errors import BadInput, near
from innerview.core.images import check_images
from innerview.core.seeds import generator
from innerview.core.types import AnyImages, Images
from innerview.models.normalization import resized

OUTLINES: Final = ("square", "round")


@dataclass(frozen=True)
class Place:
    """Where a patch lies, as fractions of the room that it leaves.

    Args:
        down: 0 at the image's upper edge, 1 at its lower.
        right: 0 at the image's left edge, 1 at its right.
    """

    down: float
    right: float

    def __post_init__(self) -> None:
        if not (0 <= self.down <= 1 and 0 <= self.right <= 1):
            raise BadInput(f"a place lies between 0 and 1 of the way down and right, not at {self.down}, {self.right}")


PLACES: Final = {
    "lower right": Place(1, 1),
    "lower left": Place(1, 0),
    "upper right": Place(0, 1),
    "upper left": Place(0, 0),
    "middle": Place(0.5, 0.5),
}
"""The places with a name. Where an attack tries several, its first is the fixed one: by default the lower right corner,
which hides the middle of the image least; {cite}`carter2019atlas` does not say which its fixed place is."""


def paste(
    images: Images, patch: AnyImages, share: float = 0.4, place: Place | str = "lower right", *, outline: str = "square"
) -> Images:
    """Paste a patch on images.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1]; they stay as they are.
        patch: ``(1, 3, p, p)`` for all of them, or ``(b, 3, p, p)``, one for each.
        share: Its width as a fraction of the images' shorter side; it is scaled to it (bilinear, antialiased). 0 pastes
            nothing.
        place: Where it lies: a place, or the name of one of `PLACES`.
        outline: "round" keeps the pixels of the patch whose middles lie in the circle that it encloses.

    Raises:
        BadInput: images or patches that are not ``(b, 3, h, w)``, patches that are not square or neither one nor one
            for each image, a share outside [0, 1] or of less than a pixel, no such place or outline.
        NotFinite: a pixel is NaN or infinite.
    """
    check_pictures(images, patch)
    if len(patch) not in (1, len(images)):
        raise BadInput(f"{len(patch)} patches for {len(images)} images; give one for all, or one for each")
    return pasted(images, scaled(patch, images, share), placed(place), outline)


def noise_patch(size: int, seed: int = 0, *, slope: float = 0.0) -> Images:
    """Make a patch of noise, to compare others with.

    Args:
        size: Height and width in pixels.
        seed: Repeats the noise.
        slope: 0: each pixel and colour is uniform in [0, 1]. Above 0: amplitudes fall as 1 / frequency ** slope, about
            1 in photographs, around a mean of 0.5 with a standard deviation of 0.25, and cut to [0, 1].

    Returns:
        ``(1, 3, size, size)``.

    Raises:
        BadInput: no pixels, or a slope below 0.
    """
    if size < 1 or not slope >= 0:
        raise BadInput(
            f"a patch of {size} pixels with slope {slope} cannot be made; give a positive size, a slope >= 0"
        )
    noise = torch.rand(1, 3, size, size, generator=generator("noise patch", seed))
    if slope == 0 or size == 1:
        return noise
    frequencies = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.fftfreq(size)[None])
    amplitudes = frequencies.clamp(min=1 / size) ** -slope
    shaped = torch.fft.ifft2(torch.fft.fft2(noise - noise.mean((2, 3), keepdim=True)) * amplitudes).real
    return (0.5 + 0.25 * shaped / shaped.std((2, 3), keepdim=True)).clamp(0, 1)


def placed(place: Place | str) -> Place:
    """Return the place of a name; a place stays what it is.

    Raises:
        BadInput: no place has this name.
    """
    if isinstance(place, Place):
        return place
    if place not in PLACES:
        raise BadInput(f"no place is called {place!r}{near(place, PLACES)}; there are {', '.join(PLACES)}")
    return PLACES[place]


def scaled(patches: AnyImages, images: AnyImages, share: float) -> AnyImages:
    """Scale patches to a share of the images' shorter side.

    Raises:
        BadInput: a share outside [0, 1], or of less than a pixel without being 0.
    """
    shorter = min(images.shape[-2:])
    if not 0 <= share <= 1:
        raise BadInput(f"a patch is 0 to 1 of the images' shorter side wide, not {share}")
    side = round(share * shorter)
    if share and not side:
        raise BadInput(f"a patch of {share} of {shorter} pixels has no pixel; make it wider")
    patches = patches.to(images)
    return resized(patches, (side, side)) if side else patches[..., :0, :0]


def pasted(images: Images, patch: AnyImages, place: Place, outline: str) -> Images:
    """Paste a patch that has its size already; see `paste`."""
    if outline not in OUTLINES:
        raise BadInput(f"a patch is {' or '.join(OUTLINES)}, not {outline!r}")
    side = patch.shape[-1]
    top, left = (
        round(way * (room - side)) for way, room in zip((place.down, place.right), images.shape[-2:], strict=True)
    )
    kept = _disc(side) if outline == "round" else torch.ones(side, side, dtype=torch.bool)
    changed = images.clone()
    under = changed[..., top : top + side, left : left + side]
    under.copy_(torch.where(kept.to(images.device), patch, under))
    return changed


def check_pictures(images: Images, patches: AnyImages) -> None:
    """Raise an error unless images and square patches are numbers in [0, 1].

    Raises:
        BadInput: another shape, or values outside [0, 1].
        NotFinite: a pixel is NaN or infinite.
    """
    for name, pictures in (("images", images), ("patches", patches)):
        check_images(pictures)
        low, high = pictures.min(), pictures.max()
        if low < 0 or high > 1:
            raise BadInput(f"{name} must lie in [0, 1], not in [{low:.8g}, {high:.8g}]; clamp them")
    if patches.shape[-2] != patches.shape[-1]:
        raise BadInput(f"patches must be square, not {patches.shape[-2]}x{patches.shape[-1]}; crop them")


def _disc(side: int) -> Bool[Tensor, "side side"]:
    """Tell which pixels have their middle in the circle that a square encloses."""
    offsets = torch.arange(side) + 0.5 - side / 2
    return offsets[:, None] ** 2 + offsets**2 <= (side / 2) ** 2
