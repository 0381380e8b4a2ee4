"""Maps beside what they are compared with: other maps, or masks."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.core.maps import enlarged
from innerview.core.types import LayerMaps

OtherMaps = Float[Tensor, "others other_rows other_columns"]
"""Maps of perhaps another resolution; that they are as many as the first is checked with a message."""

OtherMasks = Bool[Tensor, "others h w"]
"""Masks; that they are as many as the maps is checked with a message."""


def check_finite(maps: Tensor) -> None:
    """Raise `BadInput` unless these are maps ``(b, rows, columns)``, `NotFinite` if a number is NaN or infinite."""
    if maps.ndim != 3 or not maps.numel():
        raise BadInput(f"heatmaps must be (b, rows, columns), not {tuple(maps.shape)}")
    if not torch.isfinite(maps).all():
        raise NotFinite("the heatmaps hold NaN or infinite numbers; check the method that made them")


def check_as_many(first: Tensor, second: Tensor, what: str) -> None:
    """Raise `BadInput` unless there is one of the second for each of the first."""
    if len(first) != len(second):
        raise BadInput(f"{len(first)} heatmaps but {len(second)} {what}; give one for each")


def on_masks(heatmaps: LayerMaps, masks: OtherMasks) -> tuple[Tensor, Tensor]:
    """Check heatmaps and their masks; bring the heatmaps to the size of the masks.

    Raises:
        BadInput: another number of heatmaps than masks, or a mask without a pixel.
        NotFinite: a heatmap holds NaN or infinite numbers.
    """
    check_finite(heatmaps)
    check_as_many(heatmaps, masks, "masks")
    empty = [index for index, mask in enumerate(masks) if not mask.any()]
    if empty:
        raise BadInput(f"mask {empty[0]} marks no pixel, so nothing can lie inside; leave out this image")
    return enlarged(heatmaps.detach(), (masks.shape[-2], masks.shape[-1])), masks.bool().to(heatmaps.device)
