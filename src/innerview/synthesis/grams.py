"""Correlations of a layer's channels: what texture and style are made of."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import Values

GramMatrices = Float[Tensor, "b c c"]


def gram_matrix(features: Float[Tensor, "b c h w"], where: Float[Tensor, "#b 1 h w"] | None = None) -> GramMatrices:
    r"""Correlate channels over all positions {cite}`gatys2015texture`.

    $$G_{ij} = \frac{1}{M} \sum_k F_{ik} F_{jk}$$ (Eq. 1)

    The paper's is $M$ times that, $M$ being the number of positions; divided by it, images of several sizes compare.

    Args:
        features: $F$, what a layer puts out.
        where: ``(b or 1, 1, h, w)``, not negative: how much each position counts {cite}`gatys2017controlling`; the
            weighted sum is divided by the sum of the weights.

    Returns:
        ``(b, c, c)``, in squares of the activations' unit.

    Raises:
        BadInput: the features have no rows and columns.
    """
    if features.ndim != 4 or not features.is_floating_point():
        raise BadInput(f"a Gram matrix is that of features (b, c, h, w), not {features.dtype} {tuple(features.shape)}")
    # Where activations lie channels last, as those of our networks do, this is a view and no copy.
    vectors = features.permute(0, 2, 3, 1).flatten(1, 2)
    if where is None:
        return _OwnProduct.apply(vectors) / vectors.shape[1]
    shares = where.flatten(1) / where.flatten(1).sum(1, keepdim=True)
    return (vectors * shares[:, :, None]).mT @ vectors


class _OwnProduct(torch.autograd.Function):
    """``V.mT @ V`` with one large product on the way back: autograd would make two, one for each factor."""

    generate_vmap_rule = True

    @staticmethod
    def forward(vectors: Tensor) -> Tensor:
        return vectors.mT @ vectors

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (vectors,), (gradient,) = ctx.saved_tensors, gradients
        return vectors @ (gradient + gradient.mT).to(vectors)


def gram_distance(
    target: GramMatrices, channels: int | None = None, where: Tensor | None = None
) -> Callable[[Tensor], Values]:
    """Return what measures a quarter of the mean squared difference to Gram matrices, $E_l$ of a style's loss."""

    def measure(features: Tensor) -> Values:
        check_number(target, features)
        some = first_channels(features, channels)
        squares = (gram_matrix(some, at_positions(where, some)) - target).square().flatten(1)
        return squares.mean(1) / 4

    return measure


def first_channels(features: Tensor, channels: int | None) -> Tensor:
    """Return so many channels of a layer, or all."""
    if channels is None or channels >= features.shape[1]:
        return features
    return features[:, :channels]


def at_positions(where: Tensor | None, features: Tensor) -> Tensor | None:
    """Bring a mask to the positions of a layer: each counts with the mean over its share of the pixels."""
    if where is None:
        return None
    height, width = features.shape[-2:]
    return F.adaptive_avg_pool2d(where.to(features), (height, width)).clamp(min=1e-6)


def check_number(target: Tensor, features: Tensor) -> None:
    """Raise `BadInput` unless there is one target, or one for each image."""
    if len(target) not in (1, len(features)):
        raise BadInput(f"{len(target)} images are no target for {len(features)}; give one, or one for each")
