"""Parts of a picture with styles of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import Images, Opacity
from innerview.models import activations
from innerview.synthesis.losses import LayerWeights, Loss, Term, at_positions, gram_distance, gram_matrix, layer_weights


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the picture with a style of its own {cite}`gatys2017controlling`.

    Args:
        where: ``(1, 1, h, w)`` in [0, 1], of the content: how much a pixel belongs to the region.
        style: ``(1, 3, h', w')``.
        style_where: The same for the style's pixels; all by default.
    """

    where: Opacity
    style: Images
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
        BadInput: no region, or an empty one.
    """
    if not regions:
        raise BadInput("there is no region; give at least one")
    weights = layer_weights(layers)
    sizes = [float(region.where.mean()) for region in regions]
    for number, region in enumerate(regions):
        empty = sizes[number] <= 0 or (region.style_where is not None and not region.style_where.any())
        if empty:
            raise BadInput(f"region {number} is empty; give a mask that is not all black")
    terms = []
    for number, region in enumerate(regions):
        with torch.no_grad():
            read = activations(model, region.style, list(weights))
        for layer, weight in weights.items():
            target = gram_matrix(read[layer], at_positions(region.style_where, read[layer]))
            measure = gram_distance(target, where=region.where)
            share = sizes[number] / sum(sizes)
            terms.append(Term(f"style {number} {layer}", layer, measure, weight * share))
    return Loss(tuple(terms))
