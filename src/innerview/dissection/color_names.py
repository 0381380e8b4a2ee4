"""The eleven basic colour names {cite}`berlin1969basic` of pixels, by lightness, chroma and hue in Oklab."""

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from innerview.core.images import check_shape
from innerview.core.types import Images

COLORS: Final = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")

TO_CONES: Final = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB: Final = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
"""From linear RGB to the three kinds of cones, and from their cube roots to Oklab {cite}`ottosson2020oklab`."""

COLORLESS: Final = 0.04
"""Chroma below which a pixel is black, grey or white; pure red has .26."""
DARK: Final = 0.15
"""Lightness below which everything is black."""
BLACK: Final = 0.3
WHITE: Final = 0.88
HUES: Final = (
    (15.0, "red"), (43.0, "orange"), (80.0, "yellow"), (115.0, "green"), (190.0, "blue"), (285.0, "purple"),
    (345.0, "rose"),
)  # fmt: skip
"""Where each hue begins, in degrees; rose is pink where it is light, red where it is dark."""


def oklch(images: Images) -> Float[Tensor, "b 3 h w"]:
    """Return lightness in [0, 1], chroma, and hue in degrees from 0 to 360, of sRGB pixels."""
    check_shape(images)
    linear = torch.where(images <= 0.04045, images / 12.92, ((images + 0.055) / 1.055).clamp(min=0) ** 2.4)
    cones = torch.einsum("kc,bchw->bkhw", torch.tensor(TO_CONES).to(images), linear)
    roots = cones.clamp(min=0) ** (1 / 3)
    lightness, a, b = torch.einsum("kc,bchw->bkhw", torch.tensor(TO_LAB).to(images), roots).unbind(1)
    return torch.stack([lightness, torch.hypot(a, b), torch.rad2deg(torch.atan2(b, a)) % 360], 1)


def color_masks(images: Images) -> Bool[Tensor, "b 11 h w"]:
    """Name the colour of each pixel.

    Names are not evenly spread over a colour space, so each has its own borders, set by us: brown is a dark or dull
    orange or a dull dark red, pink is a light red or a light rose.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1].

    Returns:
        ``(b, 11, h, w)``, in the order of `COLORS`; each pixel has exactly one name.
    """
    lightness, chroma, hue = oklch(images).unbind(1)
    colorless = (chroma < COLORLESS) | (lightness < DARK)
    black = colorless & (lightness < BLACK)
    white = colorless & (lightness >= WHITE)
    starts = torch.tensor([start for start, _ in HUES]).to(images)
    sector = (torch.bucketize(hue.contiguous(), starts, right=True) - 1) % len(
        HUES
    )  # below 15 degrees is the last one, rose
    at = {name: (sector == number) & ~colorless for number, (_, name) in enumerate(HUES)}
    pink = (at["rose"] & (lightness >= 0.6)) | (at["red"] & (lightness >= 0.72))
    brown = (
        (at["red"] & (lightness < 0.45) & (chroma < 0.12))
        | (at["orange"] & ((lightness < 0.68) | ((lightness < 0.8) & (chroma < 0.09))))
        | (at["yellow"] & (lightness < 0.6) & (hue < 100))
    )
    olive = at["yellow"] & (lightness < 0.6) & ~brown
    named = {
        "black": black,
        "white": white,
        "grey": colorless & ~black & ~white,
        "red": (at["red"] | at["rose"]) & ~pink & ~brown,
        "orange": at["orange"] & ~brown,
        "yellow": at["yellow"] & ~brown & ~olive,
        "green": at["green"] | olive,
        "blue": at["blue"],
        "purple": at["purple"],
        "pink": pink,
        "brown": brown,
    }
    return torch.stack([named[name] for name in COLORS], 1)
