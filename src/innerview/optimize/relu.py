"""Waking dead units: at first, let a gradient through ReLUs that would stop all of it {cite}`olah2017feature`."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from innerview.models.relus import relu_gradient


@contextmanager
def redirected_relu(model: nn.Module) -> Iterator[None]:
    """Redirect the gradient of the model's ReLUs while the block runs; the forward pass stays as it is.

    A unit that starts below zero has no gradient, so an ascent towards it never begins. Where nothing of an image's
    gradient gets through a ReLU, the part that pushes negative inputs up is let through instead, as in the released
    library. Which functions count as ReLUs is said at `innerview.models.relus.relu_gradient`.
    """
    with relu_gradient(model, redirected):
        yield


def redirected(gradient: Tensor, source: Tensor, ceiling: float) -> Tensor:
    """Pass a ReLU's gradient down as usual, or, for images of which nothing would get through, redirected."""
    usual = gradient * ((source > 0) & (source < ceiling))
    if usual.ndim < 2:  # no batch of images
        return usual
    something = usual.any(dim=tuple(range(1, usual.ndim)), keepdim=True)
    up = gradient * ((source > 0) | (gradient > 0))  # does not push down what is below zero already
    return torch.where(something, usual, up)
