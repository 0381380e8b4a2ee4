"""Waking dead units: at first, let a gradient through ReLUs that would stop all of it {cite}`olah2017feature`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

RECTIFIERS = nn.ReLU | nn.ReLU6


@contextmanager
def redirected_relu(model: nn.Module) -> Iterator[None]:
    """Redirect the gradient of the model's ReLUs while the block runs; the forward pass stays as it is.

    A unit that starts below zero has no gradient, so an ascent towards it never begins. Where nothing of an image's
    gradient gets through a ReLU, the part that pushes negative inputs up is let through instead, as in the released
    library. ReLUs that are layers take part, those that are mere function calls do not.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, RECTIFIERS)]
    inplace = [layer for layer in layers if layer.inplace]
    handles = [layer.register_forward_hook(_redirect) for layer in layers]
    try:
        for layer in inplace:
            layer.inplace = False  # it would overwrite the input that the gradient is redirected by
        yield
    finally:
        for layer in inplace:
            layer.inplace = True
        for handle in handles:
            handle.remove()


def _redirect(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    ceiling = 6.0 if isinstance(layer, nn.ReLU6) else float("inf")
    return _Redirected.apply(inputs[0], output, ceiling)


class _Redirected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, source: Tensor, output: Tensor, ceiling: float) -> Tensor:
        ctx.save_for_backward(source)
        ctx.ceiling = ceiling
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        (source,) = ctx.saved_tensors
        usual = gradient * ((source > 0) & (source < ctx.ceiling))
        redirected = gradient * ((source > 0) | (gradient > 0))  # does not push down what is below zero already
        nothing = (usual.flatten(1) == 0).all(1).reshape(-1, *[1] * (gradient.ndim - 1))
        return torch.where(nothing, redirected, usual), None, None
