"""Maps over an image: one number for each place."""

import torch
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import LayerMaps, ResizedMaps


def enlarged(maps: LayerMaps, size: tuple[int, int]) -> ResizedMaps:
    """Bring coarse maps to the size of their images, bilinearly.

    Args:
        maps: ``(b, rows, columns)``.
        size: Height and width in pixels.

    Returns:
        ``(b, h, w)``; maps that have this size already as they are.

    Raises:
        BadInput: maps of another kind.
    """
    if maps.ndim != 3 or not maps.is_floating_point():
        raise BadInput(f"maps are real numbers (b, rows, columns), not {maps.dtype} {tuple(maps.shape)}")
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps[:, None], tuple(size), mode="bilinear", align_corners=False)[:, 0]


def scaled(maps: LayerMaps) -> LayerMaps:
    """Divide each map by its largest absolute value; a map that is zero everywhere stays zero."""
    largest = maps.abs().amax((1, 2), keepdim=True)
    return maps / torch.where(largest > 0, largest, torch.ones_like(largest))


def unit_range(maps: LayerMaps) -> LayerMaps:
    """Scale each map to [0, 1] by its own smallest and largest value; a map without any difference becomes zero."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / torch.where(high > low, high - low, torch.ones_like(high))
