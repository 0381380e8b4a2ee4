"""Pictures at the places of a map, one over another where the map is dense."""

import numpy as np

from innerview.core.errors import BadInput, NotFinite


def scattered(pictures: np.ndarray, points: np.ndarray, side: int = 2400) -> np.ndarray:
    """Paste pictures with their middles at the points of a map, later ones over earlier ones.

    Args:
        pictures: ``(n, s, s, 3)`` bytes.
        points: ``(n, 2)`` in [0, 1], x to the right and y downwards.
        side: Height and width of the whole, in pixels.

    Returns:
        ``(side, side, 3)`` bytes on white; no picture is cut.

    Raises:
        BadInput: no square pictures of bytes, another number of points, points outside [0, 1], or a side smaller than
            a picture.
        NotFinite: a point is NaN or infinite.
    """
    shape = pictures.shape
    if pictures.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or side < shape[1]:
        raise BadInput(f"pictures (n, s, s, 3) of bytes are pasted, not {shape} {pictures.dtype} on {side} pixels")
    if points.shape != (len(pictures), 2):
        raise BadInput(f"{len(pictures)} pictures have one point (x, y) each, not {points.shape}")
    if not np.isfinite(points).all():
        raise NotFinite("the map holds NaN or infinite points; check what it was made from")
    if points.size and not (points.min() >= 0 and points.max() <= 1):
        raise BadInput("the points of a map lie in [0, 1]; scale them first")
    whole, extent = np.full((side, side, 3), 255, np.uint8), shape[1]
    corners = np.round(points * (side - extent)).astype(int)
    for picture, (left, top) in zip(pictures, corners, strict=True):
        whole[top : top + extent, left : left + extent] = picture
    return whole
