r"""Losses on what a network makes of an image: content, style, and priors on the pixels; values that add and scale.

``content_loss(…) + 1e3 * style_loss(…)`` is a loss again. What does not change while an image is made, such as the
Gram matrices of a style, is computed once, when the loss is made.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import AnyImages, Images, Values
from innerview.models import activations
from innerview.synthesis.grams import check_number, first_channels, gram_distance, gram_matrix

PIXELS: Final = "(pixels)"
"""Instead of a layer's name: the term looks at the image itself."""

LayerWeights = Mapping[str, float] | Sequence[str]
"""Layers with the weight of each, or layers that share a weight of 1 evenly."""


@dataclass(frozen=True)
class Term:
    """One summand of a loss.

    Args:
        name: Such as ``style conv1_1``.
        layer: Whose activations it looks at; `PIXELS` for the image's own.
        measure: From these ``(b, c, h, w)`` to one number for each image.
        weight: Factor of that number.
    """

    name: str
    layer: str
    measure: Callable[[Tensor], Values]
    weight: float = 1.0


@dataclass(frozen=True)
class Loss:
    """A weighted sum of terms, to be minimised."""

    terms: tuple[Term, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that are looked at, each once."""
        return tuple(dict.fromkeys(term.layer for term in self.terms if term.weight and term.layer != PIXELS))

    def parts(self, model: nn.Module, images: Images) -> dict[str, Values]:
        """Return each term with its weight: name -> one number for each image; terms of one name are added.

        The network runs as deep as the deepest layer of a term whose weight is not zero.

        Raises:
            LayerNotFound: the model lacks a layer.
            BadInput: the images are too small for the deepest layer.
        """
        read = activations(model, images, self.layers) if self.layers else {}
        seen = {PIXELS: images, **read}
        found: dict[str, Values] = {}
        for term in self.terms:
            if term.weight:
                value = term.weight * term.measure(seen[term.layer])
                found[term.name] = found[term.name] + value if term.name in found else value
        return found

    def __call__(self, model: nn.Module, images: Images) -> Values:
        """Return the loss of each image ``(b,)``; see `parts`."""
        parts = self.parts(model, images)
        return torch.stack(list(parts.values())).sum(0) if parts else images.new_zeros(len(images))

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(self.terms + other.terms)

    def __mul__(self, factor: float) -> "Loss":
        if not math.isfinite(factor):
            raise BadInput(f"a loss is weighted by a finite number, not by {factor}")
        return Loss(tuple(replace(term, weight=factor * term.weight) for term in self.terms))

    __rmul__ = __mul__


def style_loss(
    model: nn.Module,
    styles: AnyImages | Sequence[AnyImages],
    layers: LayerWeights,
    *,
    blend: Sequence[float] | None = None,
    channels: int | None = None,
) -> Loss:
    r"""Distance between Gram matrices {cite}`gatys2016style`.

    $$L = \sum_l w_l E_l, \qquad E_l = \frac{1}{4 N_l^2} \sum_{ij} (G^l_{ij} - A^l_{ij})^2$$ (Eqs. 4 and 5)

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        styles: One image ``(1, 3, h, w)``, or several of any sizes, whose Gram matrices $A$ are averaged.
        layers: $w_l$ by layer, or layers of equal weights that sum to 1.
        blend: Shares of several styles; equal by default. They are scaled to sum to 1.
        channels: Only so many channels of each layer, the first ones: a texture of fewer parameters.

    Raises:
        LayerNotFound: the model lacks a layer.
        BadInput: no style, a batch instead of one image, shares that cannot be, no channels, a layer without positions,
            or an image too small for the deepest layer.
    """
    pictures = [styles] if isinstance(styles, Tensor) else list(styles)
    shares = _shares(pictures, blend)
    weights = layer_weights(layers)
    if channels is not None and channels < 1:
        raise BadInput(f"a texture takes at least 1 channel of each layer, not {channels}")
    with torch.no_grad():
        read = [read_maps(model, picture, list(weights)) for picture in pictures]
        grams = {
            layer: sum(
                share * gram_matrix(first_channels(one[layer], channels))
                for share, one in zip(shares, read, strict=True)
            )
            for layer in weights
        }
    return Loss(
        tuple(
            Term(f"style {layer}", layer, gram_distance(gram, channels), weights[layer])
            for layer, gram in grams.items()
            if isinstance(gram, Tensor)
        )
    )


def content_loss(
    model: nn.Module, content: Images, layers: LayerWeights, reduction: Literal["sum", "mean"] = "mean"
) -> Loss:
    r"""Distance between activations {cite}`gatys2016style`.

    $$L = \frac{1}{2} \sum_{ij} (F_{ij} - P_{ij})^2$$ (Eq. 1)

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        content: ``(1, 3, h, w)``, of the size of the picture that will be made, or one for each picture; its
            activations are $P$.
        layers: Weights by layer, or layers of equal weights that sum to 1.
        reduction: ``sum`` is the paper's equation. ``mean`` is the released code's mean of squares: without the 1/2,
            divided by the number of activations, so that the balance with the style does not depend on the size.

    Raises:
        LayerNotFound: the model lacks a layer.
        BadInput: another kind of reduction, or an image too small for the deepest layer.
    """
    if reduction not in ("sum", "mean"):
        raise BadInput(f"a content loss is a sum or a mean, not {reduction!r}")
    weights = layer_weights(layers)
    with torch.no_grad():
        read = activations(model, content, list(weights))

    def distance(target: Tensor) -> Callable[[Tensor], Values]:
        def measure(features: Tensor) -> Values:
            check_number(target, features)
            if features.shape[1:] != target.shape[1:]:
                made, wanted = ("x".join(map(str, one.shape[-2:])) for one in (features, target))
                raise BadInput(f"the content's activations are {wanted}, the picture's {made}; give both one size")
            squares = (features - target).square().flatten(1)
            return squares.sum(1) / 2 if reduction == "sum" else squares.mean(1)

        return measure

    return Loss(tuple(Term(f"content {layer}", layer, distance(read[layer]), weights[layer]) for layer in weights))


def layer_weights(layers: LayerWeights) -> dict[str, float]:
    """Return the weight of each layer: the given ones, or equal ones that sum to 1.

    Raises:
        BadInput: no layer, a name twice, or a weight that is negative or not finite.
    """
    names = [layers] if isinstance(layers, str) else list(layers)
    if not names or len(set(names)) != len(names):
        raise BadInput(f"name layers, each once, not {names}")
    found = dict(layers) if isinstance(layers, Mapping) else {name: 1 / len(names) for name in names}
    for name, weight in found.items():
        if not 0 <= weight < math.inf:
            raise BadInput(f"the weight of layer {name} is at least 0, not {weight}")
    return found


def read_maps(model: nn.Module, picture: AnyImages, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return what layers with positions put out for one image.

    Raises:
        LayerNotFound: the model lacks a layer.
        BadInput: a batch of several images, one too small for the deepest layer, or a layer without positions.
    """
    if len(picture) != 1:
        raise BadInput(f"a style is one image (1, 3, h, w), not {len(picture)}; give several as a list")
    read = activations(model, picture, layers)
    for layer, features in read.items():
        if features.ndim != 4:
            raise BadInput(f"layer {layer} has no positions over which channels correlate; choose a convolution")
    return read


def _shares(pictures: Sequence[AnyImages], blend: Sequence[float] | None) -> list[float]:
    if not pictures:
        raise BadInput("there is no style; give at least one image")
    shares = [1.0] * len(pictures) if blend is None else list(blend)
    if len(shares) != len(pictures) or any(not 0 <= share < math.inf for share in shares) or sum(shares) <= 0:
        raise BadInput(f"{len(pictures)} styles need as many shares of at least 0, not {shares}")
    return [share / sum(shares) for share in shares]
