"""Parts of a picture with styles of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import AnyImages, Opacity
from innerview.synthesis.grams import at_positions, gram_distance, gram_matrix
from innerview.synthesis.losses import LayerWeights, Loss, Term, layer_weights, read_maps


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the picture with a style of its own {cite}`gatys2017controlling`.

    Args:
        where: ``(1, 1, h, w)`` in [0, 1], of the content: how much a pixel belongs to the region.
        style: ``(1, 3, h', w')``.
        style_where: The same for the style's pixels; all by default.
    """

    where: Opacity
    style: AnyImages
    style_where: Tensor | None = None


def region_loss(model: nn.Module, regions: Sequence[Region], layers: LayerWeights) -> Loss:
    """Give each region of a picture a style of its own: Gram matrices over the region's positions.

    Each term counts as much as its region's share of the picture.

    Args:
        model: See `style_loss`.
        regions: At least one; `where` has the proportions of the picture that will be made.
        layers: See `style_loss`.

    Raises:
        LayerNotFound: the model lacks a layer.
        BadInput: no region, an empty one, or a mask of another shape or with values outside [0, 1].
    """
    if not regions:
        raise BadInput("there is no region; give at least one")
    weights = layer_weights(layers)
    for number, region in enumerate(regions):
        for mask in (region.where, region.style_where):
            if mask is not None:
                _check_mask(mask, number)
    sizes = [float(region.where.mean()) for region in regions]
    terms = []
    for number, region in enumerate(regions):
        with torch.no_grad():
            read = read_maps(model, region.style, list(weights))
        for layer, weight in weights.items():
            target = gram_matrix(read[layer], at_positions(region.style_where, read[layer]))
            measure = gram_distance(target, where=region.where)
            share = sizes[number] / sum(sizes)
            terms.append(Term(f"style {number} {layer}", layer, measure, weight * share))
    return Loss(tuple(terms))


def _check_mask(mask: Tensor, number: int) -> None:
    if mask.ndim != 4 or mask.shape[:2] != (1, 1) or not mask.is_floating_point():
        kind = f"{tuple(mask.shape)} of {str(mask.dtype).removeprefix('torch.')}"
        raise BadInput(f"the mask of region {number} is {kind}; give (1, 1, h, w) of float")
    if not bool(((mask >= 0) & (mask <= 1)).all()):
        raise BadInput(f"the mask of region {number} leaves [0, 1] or holds NaN; scale it")
    if not mask.any():
        raise BadInput(f"region {number} is empty; give a mask that is not all black")
