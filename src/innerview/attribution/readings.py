"""What a layer put out for images, and how a target changes with it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from innerview.attribution.default_layer import default_layer
from innerview.attribution.targets import Target, scoring
from innerview.attribution.tokens import ChannelMaps, as_maps
from innerview.core.errors import LayerNotFound
from innerview.core.gradients import differentiable, gradient
from innerview.core.types import Activations, Images
from innerview.models import leaf


@dataclass(frozen=True)
class LayerReading:
    """A layer's activations and the target's gradient at them, both ``(b, c, rows, columns)``."""

    activations: ChannelMaps
    gradient: ChannelMaps


def read_layer(model: nn.Module, images: Images, target: Target, layer: str | None) -> LayerReading:
    """Run the model once and differentiate what stands above a layer.

    Args:
        model: Any network.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: See `Target`.
        layer: A layer with positions; None for `default_layer`.

    Raises:
        LayerNotFound: the model has no such layer, or the target is computed before it.
        BadInput: the layer has no spatial map, the target does not depend on it, or see `scoring`.
        NotFinite: a pixel is NaN or infinite.
    """
    score = scoring(model, images, target)
    layer = default_layer(model, images, score) if layer is None else layer
    with differentiable():
        scores, source = above(model, images, score, layer)
        maps = layer_maps(model, layer, source, images)
        slope = gradient(scores, source, f"layer {layer!r}")
    return LayerReading(maps, layer_maps(model, layer, slope, images))


def above(
    model: nn.Module, images: Images, score: Callable[[nn.Module, Tensor], Tensor], layer: str
) -> tuple[Tensor, Activations]:
    """Score images by a graph that begins at a layer; return the scores, and what the layer put out as its leaf.

    Raises:
        LayerNotFound: the model has no such layer, or the scores are there before it is reached.
    """
    with leaf(model, layer) as record:
        scores = score(model, images)
    if layer not in record:
        raise LayerNotFound(
            f"the target is computed before layer {layer!r} of {type(model).__name__} is reached; choose one before it"
        )
    return scores, record[layer]


def layer_maps(model: nn.Module, layer: str, output: Activations, images: Images) -> ChannelMaps:
    """Return a layer's output or gradient as detached maps, in float32 at least: half precision sums badly."""
    maps = as_maps(model, layer, output.detach(), images)
    return maps.float() if torch.finfo(maps.dtype).bits < 32 else maps
