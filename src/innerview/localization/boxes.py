"""Boxes around what heatmaps mark, and how well boxes agree.

A box covers the pixels from x0 up to, not including, x1, and likewise from y0 to y1. So its area is a count of pixels,
it scales with the image, and torchvision's functions of boxes count right.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.core.types import Boxes, Heatmaps, Masks

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=int)
"""Pixels that touch at a corner belong to one component, as in OpenCV's contours, which the papers' codes used."""

BoxSets = Sequence[Float[Tensor, "_ 4"]]
"""Boxes of each image, any number each."""

Heatmap = Float[Tensor, "h w"]
"""One number per pixel of one image."""

Mask = Bool[Tensor, "h w"]
"""Whether each pixel of one image belongs to something."""


def above(heatmaps: Heatmaps, threshold: float) -> Masks:
    """Mark what lies above a share of each heatmap's maximum; nothing where nothing is positive.

    Args:
        heatmaps: ``(b, h, w)``.
        threshold: Share of the maximum, in [0, 1).

    Raises:
        BadInput: the threshold is out of range.
        NotFinite: a heatmap holds NaN or infinite values.
    """
    if not 0 <= threshold < 1:
        raise BadInput(f"threshold must lie in [0, 1), not {threshold}: nothing is above the maximum itself")
    check_finite(heatmaps)
    return heatmaps > threshold * heatmaps.amax((1, 2), keepdim=True)


def check_finite(heatmaps: Heatmaps) -> None:
    """Raise `NotFinite` if a heatmap holds NaN or infinite values."""
    if not torch.isfinite(heatmaps).all():
        raise NotFinite("a heatmap holds NaN or infinite values; check the model's activations")


def component_boxes(heatmap: Heatmap, threshold: float = 0.15) -> Boxes:
    """Draw a box around each connected component of what lies above a share of the maximum.

    Args:
        heatmap: ``(h, w)``.
        threshold: Share of the maximum, in [0, 1); eight neighbours of a pixel touch it.

    Returns:
        ``(n, 4)``, the component of most pixels first, equal ones in reading order; none where nothing is positive.

    Raises:
        BadInput: the threshold is out of range.
        NotFinite: the heatmap holds NaN or infinite values.
    """
    labels, order = _components(above(heatmap[None], threshold)[0])
    slices = ndimage.find_objects(labels)
    corners = [
        (columns.start, rows.start, columns.stop, rows.stop) for rows, columns in (slices[one - 1] for one in order)
    ]
    return heatmap.new_tensor(corners).reshape(-1, 4)


def box_from_heatmap(heatmaps: Heatmaps, threshold: float = 0.15) -> Float[Tensor, "b 4"]:
    """Draw one box for each heatmap: around the largest component above 15 % of its maximum.

    {cite}`selvaraju2017gradcam`, Sec. 4.1.

    Args:
        heatmaps: ``(b, h, w)``, as large as the images (`core.maps.enlarged`).
        threshold: See `component_boxes`.

    Returns:
        ``(b, 4)``; the whole image for a heatmap that is positive nowhere, since it says nothing about the place.

    Raises:
        BadInput, NotFinite: as for `component_boxes`.
    """
    height, width = heatmaps.shape[-2:]
    whole = heatmaps.new_tensor([[0, 0, width, height]])
    found = [torch.cat([component_boxes(heatmap, threshold), whole])[0] for heatmap in heatmaps]
    return torch.stack(found) if found else whole[:0]


def largest_component(masks: Masks) -> Masks:
    """Keep of each mask the component of most pixels, the first in reading order of equal ones."""
    kept = torch.zeros_like(masks)
    for mask, place in zip(masks, kept, strict=True):
        labels, order = _components(mask)
        if len(order):
            place[:] = torch.from_numpy(labels == order[0])
    return kept


def iou(boxes: Float[Tensor, "n 4"], others: Float[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """Return the intersection over the union of each box with each other one, in [0, 1].

    Args:
        boxes: ``(n, 4)``.
        others: ``(m, 4)``.

    Returns:
        ``(n, m)``; 0 for two boxes that are both empty.

    Raises:
        BadInput: a corner is no number, or a box ends before it begins.
    """
    for some in (boxes, others):
        if not (some[:, 2:] >= some[:, :2]).all():
            raise BadInput("a box ends before it begins; give corners x0, y0, x1, y1 with x0 <= x1 and y0 <= y1")
    begin = torch.maximum(boxes[:, None, :2], others[:, :2])
    end = torch.minimum(boxes[:, None, 2:], others[:, 2:])
    both = (end - begin).clamp(min=0).prod(-1)
    either = _areas(boxes)[:, None] + _areas(others) - both
    return torch.where(either > 0, both / either, 0.0)


def scaled_boxes(boxes: Boxes, source: tuple[int, int], size: tuple[int, int]) -> Boxes:
    """Move boxes from an image to the same image resized, each side by its own factor.

    Args:
        boxes: ``(n, 4)``.
        source: Height and width of the image that the boxes are for.
        size: Height and width of the resized image, whole, not cropped.

    Returns:
        ``(n, 4)``, not rounded to pixels.

    Raises:
        BadInput: a side is not positive.
    """
    if min(*source, *size) < 1:
        raise BadInput(f"boxes cannot be scaled from {source} to {size}; give positive heights and widths")
    down, across = (new / old for new, old in zip(size, source, strict=True))
    return boxes * boxes.new_tensor([across, down, across, down])


def _areas(boxes: Boxes) -> Float[Tensor, " n"]:
    return (boxes[:, 2:] - boxes[:, :2]).prod(-1)


def _components(mask: Mask) -> tuple[np.ndarray, np.ndarray]:
    """Number a mask's components from 1; return the numbers of the pixels, and the components, the largest first."""
    labels = np.empty(tuple(mask.shape), dtype=np.int32)
    ndimage.label(mask.cpu().numpy(), EIGHT_NEIGHBOURS, output=labels)
    sizes = np.bincount(labels.ravel())[1:]
    return labels, np.argsort(-sizes, kind="stable") + 1
