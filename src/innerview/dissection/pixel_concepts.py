"""Concepts that are computed from the pixels: colours, orientations, spatial frequencies.

They need no annotation, so any images will do. What each one means is fixed here in absolute terms, and does not depend
on the other images.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2gray
from skimage.feature import structure_tensor
from torch import Tensor
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.folders import Batch
from innerview.core.images import check_shape
from innerview.core.types import AnyImages, Images
from innerview.dissection.color_names import COLORS, color_masks
from innerview.dissection.concepts import ConceptMasks, Size

PixelMasks = Bool[Tensor, "b c h w"]
"""Whether each pixel shows each of c concepts."""

WINDOW: Final = 2
"""Standard deviation of the neighbourhood whose orientation is told, in pixels."""
COHERENT: Final = 0.7
"""Least share of a neighbourhood's gradients that agree, from 0 (no direction is preferred) to 1 (stripes)."""
STEEP: Final = 0.03
"""Least root mean square gradient, in brightness from 0 to 1 per pixel: below, a neighbourhood is flat."""

BANDS: Final = {"high frequency": 0.7, "middle frequency": 2.0, "low frequency": 6.0}
"""Standard deviation of the narrower Gaussian, in pixels. The bands pass best .25, .087 and .029 cycles per pixel:
periods of 4, 11 and 34 pixels."""
RATIO: Final = 1.6
"""Of the wider Gaussian to the narrower one, as in {cite}`marr1980edge`."""
PEAK: Final = RATIO ** (-2 / (RATIO**2 - 1)) - RATIO ** (-2 * RATIO**2 / (RATIO**2 - 1))
"""What a difference of Gaussians leaves of a grating at the frequency that it passes best."""
CONTRAST: Final = 0.03
"""Least root mean square contrast in a band, in brightness from 0 to 1."""


def orientation_names(bins: int) -> tuple[str, ...]:
    """Return the names of orientations: lines at so many degrees, counted anticlockwise from horizontal ones."""
    return tuple(f"lines at {180 / bins * number:g}°" for number in range(bins))


def orientation_masks(images: Images, bins: int = 8) -> PixelMasks:
    """Mark where lines and edges run in one direction.

    The structure tensor tells the direction in which a neighbourhood's brightness changes most; lines run across it. A
    pixel whose neighbourhood is flat (`STEEP`) or has no single direction (`COHERENT`) has no orientation.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1].
        bins: How many orientations, evenly over half a turn; the first is horizontal.

    Returns:
        ``(b, bins, h, w)``; at most one orientation a pixel.

    Raises:
        BadInput: less than two bins, or images of one row or column.
    """
    if bins < 2:
        raise BadInput(f"{bins} orientations tell nothing apart; give at least 2")
    check_shape(images)
    if min(images.shape[-2:]) < 2:
        raise BadInput(f"a side of {min(images.shape[-2:])} pixels has no orientation; give larger images")
    tensors = [structure_tensor(grey, WINDOW, mode="nearest") for grey in _brightness(images)]
    rows, mixed, columns = np.stack(tensors, 1) / 64  # Sobel's filter gives 8 times the gradient
    energy = rows + columns
    agreement = np.hypot(rows - columns, 2 * mixed)
    told = (energy >= STEEP**2) & (agreement >= COHERENT * energy)
    across = np.arctan2(2 * mixed, columns - rows) / 2  # of the steepest change, clockwise, as rows count downwards
    angle = np.pi / 2 - across
    nearest = np.round(angle * bins / np.pi).astype(int) % bins
    found = (nearest[:, None] == np.arange(bins)[:, None, None]) & told[:, None]
    return torch.from_numpy(found).to(images.device)


def frequency_masks(images: Images) -> PixelMasks:
    """Mark where the pattern is fine, middling or coarse: which band of spatial frequencies is strongest.

    A band is a difference of two Gaussians, scaled so that it keeps the contrast of a grating at its best frequency. A
    pixel belongs to the band of highest local contrast, if that is `CONTRAST` at least.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1].

    Returns:
        ``(b, 3, h, w)``, in the order of `BANDS`; at most one band a pixel.
    """
    grey = _brightness(images)
    contrasts = np.stack([_contrast(grey, sigma) for sigma in BANDS.values()], 1)
    strongest = contrasts.argmax(1)
    told = contrasts.max(1) >= CONTRAST
    found = (strongest[:, None] == np.arange(len(BANDS))[:, None, None]) & told[:, None]
    return torch.from_numpy(found).to(images.device)


def _contrast(grey: Float[np.ndarray, "b h w"], sigma: float) -> Float[np.ndarray, "b h w"]:
    """Return the local root mean square of a band."""
    band = (_blurred(grey, sigma) - _blurred(grey, RATIO * sigma)) / PEAK
    return np.sqrt(np.maximum(_blurred(band**2, 2 * sigma), 0))


def _blurred(maps: Float[np.ndarray, "b h w"], sigma: float) -> Float[np.ndarray, "b h w"]:
    return gaussian_filter(maps, (0, sigma, sigma), mode="nearest")


def _brightness(images: Images) -> Float[np.ndarray, "b h w"]:
    check_shape(images)
    return rgb2gray(images.detach().cpu().permute(0, 2, 3, 1).numpy())


@dataclass(frozen=True)
class PixelConcepts:
    """Eleven colours, some orientations, three bands of spatial frequency.

    Args:
        orientations: How many.
        size: Of the masks, in place of that of the images, on which they are computed: the nearest pixels are taken.
    """

    orientations: int = 8
    size: Size | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all concepts."""
        return (*COLORS, *orientation_names(self.orientations), *BANDS)

    @property
    def categories(self) -> tuple[str, ...]:
        """``color``, ``orientation`` or ``frequency``."""
        counts = {"color": len(COLORS), "orientation": self.orientations, "frequency": len(BANDS)}
        return tuple(category for category, count in counts.items() for _ in range(count))

    @property
    def count(self) -> None:
        """Any image will do."""
        return

    def masks(self, images: AnyImages) -> PixelMasks:
        """Return the masks of images, in the order of `names`."""
        found = [orientation_masks(images, self.orientations), frequency_masks(images)]
        near = [self._resized(masks.float()) > 0 for masks in found]
        return torch.cat([color_masks(self._resized(images)), *near], 1)

    def _resized(self, images: Tensor) -> Tensor:
        return images if self.size is None else F.interpolate(images, self.size, mode="nearest-exact")

    def read(self, batch: Batch) -> ConceptMasks:
        """Compute the masks of some images."""
        masks = self.masks(batch.images)
        return ConceptMasks(masks, torch.ones(masks.shape[:2], dtype=torch.bool, device=masks.device))

    def identity(self) -> Any:
        """Return the settings, and the code that computes."""
        return [self.orientations, self.size, orientation_masks, color_masks]
