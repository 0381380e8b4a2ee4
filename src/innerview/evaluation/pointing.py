"""The pointing game {cite}`zhang2018excitation`: does the heatmap's maximum lie on the object?"""

import numpy as np
import torch
from jaxtyping import Bool
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.types import Boxes, LayerMaps, Masks
from innerview.evaluation.pairing import OtherMasks, on_masks

Verdicts = Bool[Tensor, " b"]
"""Yes or no for each image."""

Mask = Bool[Tensor, "h w"]
"""Whether each pixel of one image belongs to something."""


def pointing_hits(heatmaps: LayerMaps, masks: OtherMasks, tolerance: float = 15) -> Verdicts:
    """Tell whether a heatmap's maximum lies inside the mask, or at most `tolerance` pixels away from it.

    A heatmap that is the same everywhere points nowhere: a miss. Where several pixels share the maximum, as they do
    when a coarse map is enlarged, all of them have to hit.

    Args:
        heatmaps: ``(b, rows, columns)``; coarse ones are enlarged to the masks' size, bilinearly.
        masks: Where the object is, ``(b, h, w)``; see `box_masks`.
        tolerance: Distance from pixel to pixel, 15 in the paper.

    Returns:
        ``(b,)``; their mean is the accuracy of the pointing game.

    Raises:
        BadInput: another number of heatmaps than masks, a mask without a pixel, a negative tolerance.
        NotFinite: a heatmap holds NaN or infinite numbers.
    """
    if not tolerance >= 0:
        raise BadInput(f"tolerance must be a distance in pixels, not {tolerance}")
    maps, wanted = on_masks(heatmaps, masks)
    highest = maps.amax((1, 2), keepdim=True)
    varies = maps.amin((1, 2)) < highest[:, 0, 0]
    misses = (maps == highest) & ~_grown(wanted, tolerance)
    return varies & ~misses.any(2).any(1)


def box_masks(boxes: Boxes, size: tuple[int, int]) -> Mask:
    """Mark the pixels inside any of an image's boxes: those whose middle lies in one.

    Args:
        boxes: Corners ``x0, y0, x1, y1`` in pixels, ``(n, 4)``.
        size: Height and width of the image.

    Returns:
        ``(h, w)``; `torch.stack` makes one tensor of many images' masks.
    """
    left, top, right, bottom = (corner[:, None] for corner in boxes.unbind(1))
    rows, columns = (torch.arange(side, device=boxes.device) + 0.5 for side in size)
    inside_rows, inside_columns = (top <= rows) & (rows < bottom), (left <= columns) & (columns < right)
    return (inside_rows[:, :, None] & inside_columns[:, None]).any(0)


def _grown(masks: Masks, tolerance: float) -> Masks:
    """Add the pixels that are no farther than `tolerance` from a mask's nearest pixel."""
    distances = np.stack([np.asarray(distance_transform_edt(~mask)) for mask in masks.cpu().numpy()])
    return torch.from_numpy(distances <= tolerance).to(masks.device)
