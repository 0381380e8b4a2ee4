"""Numbers to colours: heatmaps over grey images, signed gradients as pictures."""

from dataclasses import dataclass
from typing import Final

import matplotlib as mpl
import numpy as np
import torch
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.core.maps import enlarged
from innerview.figures.panels import Picture, as_array

Map = np.ndarray | Tensor
"""``(rows, columns)``, of any resolution: it is enlarged to its image, bilinearly."""

DARKEST: Final = 0.2
MIDDLE: Final = (1 + DARKEST) / 2
"""Of the grey images below the colours: black is raised a little, so that dark parts are seen where a map is zero."""


@dataclass(frozen=True)
class Look:
    """How one kind of heatmap is coloured.

    Args:
        colors: Name of a perceptually uniform colour map; of a diverging one for signed maps.
        signed: Whether zero is the middle of the colours, not their start.
        opacity: Of the colours over the image, which is grey then; 1 leaves nothing of it.
        percentile: Of the absolute values, at which the colours end; what lies above is clipped.
    """

    colors: str
    signed: bool = False
    opacity: float = 1.0
    percentile: float = 100.0


AREAS: Final = Look("inferno", opacity=0.6)
SIGNED_AREAS: Final = Look("RdBu_r", signed=True, opacity=0.6)
PIXELS: Final = Look("gray_r", percentile=99.5)
"""For maps that change from pixel to pixel: nothing can be read from them over an image."""
SIGNED_PIXELS: Final = Look("RdBu_r", signed=True, percentile=99.5)


def look(*, signed: bool, fine: bool) -> Look:
    """Return the look of maps that are signed or not, and that change from pixel to pixel or not."""
    return (SIGNED_PIXELS if fine else SIGNED_AREAS) if signed else (PIXELS if fine else AREAS)


def colored(image: Picture, heatmap: Map, look: Look = AREAS, limit: float | None = None) -> np.ndarray:
    """Return ``(h, w, 3)`` bytes: an image in grey under the colours of its heatmap.

    Args:
        image: ``(h, w, 3)`` bytes or ``(1, 3, h, w)`` in [0, 1].
        heatmap: ``(rows, columns)``.
        look: How to colour it.
        limit: The absolute value at which the colours end; by default the map's own.

    Raises:
        BadInput: a map of another shape, or a negative one whose look is not signed.
        NotFinite: the map holds NaN or infinite values.
    """
    pixels = as_array(image)
    numbers = numbers_of(heatmap, look)
    limit = limit or largest(numbers, look) or 1.0
    large = enlarged(torch.from_numpy(numbers)[None], (pixels.shape[0], pixels.shape[1]))[0].numpy()
    return _bytes(mixed(large / limit, look, _grey(pixels)))


def gradient_picture(gradient: Map) -> np.ndarray:
    """Return ``(h, w, 3)`` bytes: a signed gradient ``(3, h, w)`` as colours, grey where it is zero.

    The scale is symmetric and ends at the 99.5th percentile of the absolute values; what lies above is clipped.

    Raises:
        BadInput: another shape.
        NotFinite: it holds NaN or infinite values.
    """
    numbers = finite(gradient)
    if numbers.ndim != 3 or len(numbers) != 3:
        raise BadInput(f"a gradient of an image is (3, h, w), not {numbers.shape}")
    limit = largest(numbers, SIGNED_PIXELS) or 1.0
    return _bytes(0.5 + 0.5 * (numbers / limit).clip(-1, 1).transpose(1, 2, 0))


def on_host(values: Map) -> np.ndarray:
    """Return numbers as an array, wherever they are."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def finite(values: Map) -> np.ndarray:
    """Return numbers as an array of float64; raise `NotFinite` if they hold NaN or infinite values."""
    numbers = on_host(values).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise NotFinite("a map to be drawn holds NaN or infinite values; check what it was computed from")
    return numbers


def numbers_of(heatmap: Map, look: Look) -> np.ndarray:
    """Return a heatmap as an array that can be drawn in this look; raise `BadInput` or `NotFinite` if it cannot."""
    numbers = finite(heatmap)
    if numbers.ndim != 2 or not numbers.size:
        raise BadInput(f"a heatmap to be drawn is (rows, columns), not {numbers.shape}; draw those of a batch singly")
    if not look.signed and numbers.min() < 0:
        raise BadInput("the map has negative values; draw it with SIGNED_AREAS or SIGNED_PIXELS")
    return numbers


def largest(numbers: np.ndarray, look: Look) -> float:
    """Return the absolute value at which the colours end; 0 only for a map that is zero everywhere."""
    sizes = np.abs(numbers)
    return float(np.percentile(sizes, look.percentile) or sizes.max())


def _grey(pixels: np.ndarray) -> np.ndarray:
    luminance = pixels @ np.array([0.299, 0.587, 0.114]) / 255
    return np.repeat(DARKEST + (1 - DARKEST) * luminance[..., None], 3, axis=-1)


def mixed(shares: np.ndarray, look: Look, ground: np.ndarray) -> np.ndarray:
    """Lay the colours of shares of the limit, in [-1, 1], over a ground ``(h, w, 3)`` in [0, 1]."""
    places = 0.5 + 0.5 * shares if look.signed else shares
    colors = mpl.colormaps[look.colors](places.clip(0, 1))[..., :3]
    return look.opacity * colors + (1 - look.opacity) * ground


def _bytes(colors: np.ndarray) -> np.ndarray:
    return (255 * colors).round().astype(np.uint8)
