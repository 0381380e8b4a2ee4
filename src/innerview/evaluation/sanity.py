"""Sanity checks {cite}`adebayo2018sanity`: a heatmap that explains a network changes when its weights become random."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from innerview.attribution.targets import ClassScores, Target, fixed, scoring
from innerview.core.errors import BadInput
from innerview.core.maps import enlarged, scaled
from innerview.core.seeds import generator
from innerview.core.types import Images, LayerMaps, Values
from innerview.evaluation.correlation import rank_correlation
from innerview.evaluation.pairing import check_as_many, check_finite
from innerview.models import find_layer
from innerview.models.classifier import Classifier

ORDERS = ("cascading", "independent")
"""Whether the layers above a random one are random too, or as they were trained."""

Explain = Callable[[nn.Module, Images, Any], Tensor]
"""A model, its images and a target -> maps ``(b, rows, columns)``: any of the methods."""

WINDOW = 7  # pixels, of the structural similarity


@dataclass(frozen=True)
class SanityCheck:
    """How much the heatmaps of ever more random networks are like those of the trained one.

    Args:
        layers: The n layers that became random, from the logits down.
        signed: Rank correlation of the maps, ``(n, b)`` in [-1, 1]; NaN where a map is constant.
        absolute: The same of the maps' absolute values.
        similarity: Structural similarity of the absolute values, each map divided by its maximum, ``(n, b)``.
    """

    layers: tuple[str, ...]
    signed: Float[Tensor, "n b"]
    absolute: Float[Tensor, "n b"]
    similarity: Float[Tensor, "n b"]


def sanity_check(
    model: nn.Module,
    images: Images,
    explain: Explain,
    target: Target = None,
    *,
    layers: Sequence[str] | None = None,
    order: str = "cascading",
    seed: int = 0,
) -> SanityCheck:
    """Explain with random networks, and compare with the trained one {cite}`adebayo2018sanity`.

    Args:
        model: The trained network; it stays as it is.
        images: ``(b, 3, h, w)`` in [0, 1], at least 7 pixels a side.
        explain: Any method. It gets class indices as target, or the score that was given here.
        target: None for the class that the trained network predicts; random ones explain the same class.
        layers: Which become random, in this order; None for all `weighted_layers`.
        order: See `randomized`.
        seed: See `randomized`.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: a layer without weights, images that are too small, maps that are no ``(b, rows, columns)``.
        NotFinite: a map holds NaN or infinite numbers.
    """
    score = fixed(model, images, scoring(model, images, target))
    size = (images.shape[-2], images.shape[-1])
    if min(size) < WINDOW:
        raise BadInput(f"structural similarity needs images of {WINDOW} pixels a side; enlarge them")
    named = layers if layers is not None else weighted_layers(model, size)
    # Methods of other libraries take indices; a score of the user's own, or a probability, only means what it is.
    meant = list(score.indices or ()) if isinstance(score, ClassScores) and not callable(target) else score
    trained = _maps(explain, model, images, meant)
    found: list[tuple[Values, Values, Values]] = []
    for _, random in randomized(model, named, order=order, seed=seed):
        maps = _maps(explain, random, images, meant)
        absolute = (trained.abs(), maps.abs())
        found.append((rank_correlation(trained, maps), rank_correlation(*absolute), _similarity(*absolute)))
    return SanityCheck(tuple(named), *(torch.stack(each) for each in zip(*found, strict=True)))


def weighted_layers(model: nn.Module, size: int | tuple[int, int] = 224) -> tuple[str, ...]:
    """Return the layers that carry weights, from the logits down, in the order in which an image reaches them.

    A block counts as one layer: what stands in the model itself, or in a plain `Sequential` or `ModuleList` there.

    Args:
        model: Any network.
        size: Height and width of the image that is passed through, in pixels.

    Raises:
        BadInput: no layer that the image reaches carries weights.
    """
    prefix = "module." if isinstance(model, Classifier) else ""
    layers = {name.removeprefix(prefix): layer for name, layer in _blocks(model, "") if _weights(layer)}
    reached: dict[str, None] = {}
    handles = [
        layer.register_forward_hook(lambda *_, name=name: reached.setdefault(name)) for name, layer in layers.items()
    ]
    height, width = (size, size) if isinstance(size, int) else size
    try:
        with torch.inference_mode():
            model(next(model.parameters(), torch.zeros(())).new_full((1, 3, height, width), 0.5))
    finally:
        for handle in handles:
            handle.remove()
    if not reached:
        raise BadInput(f"no layer of {type(model).__name__} carries weights, so there is nothing to make random")
    return tuple(reversed(reached))


def randomized(
    model: nn.Module, layers: Sequence[str] | None = None, *, order: str = "cascading", seed: int = 0
) -> Iterator[tuple[str, nn.Module]]:
    """Make copies of a model with random weights, one layer after another.

    Each tensor of weights is drawn from a normal distribution with the tensor's own mean and standard deviation. So
    activations keep their size, whatever the kind of layer, and a change of the maps comes from what the weights had
    learned. Statistics of batch normalisation are no weights and stay.

    Args:
        model: The trained network; it stays as it is.
        layers: Names, from the logits down; None for all `weighted_layers`.
        order: "cascading": the layers before it are random, too; "independent": only the layer itself.
        seed: A layer's random weights depend on this and its name alone, so both orders give it the same.

    Yields:
        The name of a layer, and a copy of the model of its own.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no layers, a layer without weights, or no such order.
    """
    if order not in ORDERS:
        raise BadInput(f"order {order!r} is unknown; choose {' or '.join(ORDERS)}")
    named = weighted_layers(model) if layers is None else tuple(layers)
    if not named:
        raise BadInput("there are no layers to make random; name at least one")
    bare = [name for name in named if not _weights(find_layer(model, name))]
    if bare:
        raise BadInput(f"layer {bare[0]!r} carries no weights, so it cannot become random; choose another")
    return _copies(model, named, order, seed)


def _copies(model: nn.Module, layers: Sequence[str], order: str, seed: int) -> Iterator[tuple[str, nn.Module]]:
    for number, name in enumerate(layers):
        random = copy.deepcopy(model)
        for each in layers[: number + 1] if order == "cascading" else [name]:
            _randomize(find_layer(random, each), generator("sanity", seed, each))
        yield name, random


def _randomize(layer: nn.Module, random: torch.Generator) -> None:
    with torch.no_grad():
        for weight in _weights(layer):
            drawn = torch.randn(weight.shape, generator=random, dtype=torch.float64)
            learned = weight.detach().double()
            weight.copy_(drawn.to(weight.device) * learned.std(correction=0) + learned.mean())


def _weights(layer: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in layer.parameters() if weight.is_floating_point()]


def _blocks(layer: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    """Return the children of a model by name; those of plain containers, and of a `Classifier`, in their place."""
    for name, child in layer.named_children():
        if type(child) in (nn.Sequential, nn.ModuleList) or (isinstance(layer, Classifier) and name == "module"):
            yield from _blocks(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


def _maps(explain: Explain, model: nn.Module, images: Images, target: Any) -> LayerMaps:
    """Explain, and bring the maps to the images' size, as they are looked at."""
    maps = explain(model, images, target).detach()
    check_finite(maps)
    check_as_many(maps, images, "images")
    return enlarged(maps, (images.shape[-2], images.shape[-1]))


def _similarity(first: Tensor, second: Tensor) -> Values:
    pairs = zip(*(scaled(maps).double().cpu().numpy() for maps in (first, second)), strict=True)
    similarities = [structural_similarity(*pair, data_range=1, win_size=WINDOW) for pair in pairs]
    return torch.from_numpy(np.array(similarities)).to(first)
