"""Class discrimination: on a picture with two objects, does each class's heatmap keep to its own?"""

import torch

from innerview.core.types import LayerMaps, Values
from innerview.evaluation.pairing import OtherMaps, OtherMasks, on_masks
from innerview.evaluation.pointing import Verdicts


def energy_inside(heatmaps: LayerMaps, masks: OtherMasks) -> Values:
    """Return the share of a heatmap's positive heat that lies inside the mask.

    Args:
        heatmaps: ``(b, rows, columns)``; coarse ones are enlarged to the masks' size, bilinearly.
        masks: ``(b, h, w)``.

    Returns:
        ``(b,)`` in [0, 1]; NaN where a heatmap is positive nowhere: of nothing there is no share.

    Raises:
        BadInput: another number of heatmaps than masks, or a mask without a pixel.
        NotFinite: a heatmap holds NaN or infinite numbers.
    """
    maps, wanted = on_masks(heatmaps, masks)
    heat = maps.clamp(min=0)
    return (heat * wanted).sum((1, 2)) / heat.sum((1, 2))  # 0 / 0 is NaN


def discriminates(
    heatmaps: LayerMaps, other_heatmaps: OtherMaps, masks: OtherMasks, other_masks: OtherMasks
) -> Verdicts:
    """Tell whether each of two heatmaps holds a larger share of its heat in its own mask than the other one does.

    Args:
        heatmaps: Of the first class, ``(b, rows, columns)``.
        other_heatmaps: Of the second class on the same images.
        masks: Where the first class's object is, ``(b, h, w)``.
        other_masks: Where the second's is.

    Returns:
        ``(b,)``; no where a heatmap is positive nowhere.

    Raises:
        BadInput: see `energy_inside`.
        NotFinite: see `energy_inside`.
    """
    first = energy_inside(heatmaps, masks) > energy_inside(other_heatmaps, masks)
    second = energy_inside(other_heatmaps, other_masks) > energy_inside(heatmaps, other_masks)
    return torch.logical_and(first, second)
