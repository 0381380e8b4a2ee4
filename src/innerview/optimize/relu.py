"""Waking dead units: at first, let a gradient through ReLUs that would stop all of it {cite}`olah2017feature`."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


@contextmanager
def redirected_relu(model: nn.Module) -> Iterator[None]:
    """Redirect the gradient of the model's ReLUs while the block runs; the forward pass stays as it is.

    A unit that starts below zero has no gradient, so an ascent towards it never begins. Where nothing of an image's
    gradient gets through a ReLU, the part that pushes negative inputs up is let through instead, as in the released
    library. ReLU and ReLU6 take part, as layers and as function calls (``F.relu``, ``x.relu_()``); inside a scripted
    module none do, and outside the model none.
    """
    own = vars(model).get("forward")  # there if someone replaced this one model's
    forward = model.forward

    def redirecting(*inputs: Any, **options: Any) -> Any:
        with _Redirecting():
            return forward(*inputs, **options)

    model.forward = redirecting
    try:
        yield
    finally:
        del model.forward
        if own is not None:
            model.forward = own


class _Redirecting(TorchFunctionMode):
    """Every ReLU that is called meanwhile, by a layer or not, is the redirected one."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return REDIRECTED.get(func, func)(*args, **(kwargs or {}))


class _Redirected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, source: Tensor, ceiling: float) -> Tensor:
        ctx.save_for_backward(source)
        ctx.ceiling = ceiling
        return torch.relu(source) if ceiling == math.inf else F.hardtanh(source, 0.0, ceiling)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        (source,) = ctx.saved_tensors
        usual = gradient * ((source > 0) & (source < ctx.ceiling))
        if usual.ndim < 2:  # no batch of images
            return usual, None
        something = usual.any(dim=tuple(range(1, usual.ndim)), keepdim=True)
        redirected = gradient * ((source > 0) | (gradient > 0))  # does not push down what is below zero already
        return torch.where(something, usual, redirected), None


def _rectified(source: Tensor, ceiling: float, inplace: bool) -> Tensor:
    if inplace:  # the gradient needs the source as it was
        return source.copy_(_Redirected.apply(source.clone(), ceiling))
    return _Redirected.apply(source, ceiling)


def _relu(input: Tensor, inplace: bool = False) -> Tensor:  # noqa: A002  (torch's name)
    return _rectified(input, math.inf, inplace)


def _relu_(input: Tensor) -> Tensor:  # noqa: A002
    return _rectified(input, math.inf, inplace=True)


def _relu6(input: Tensor, inplace: bool = False) -> Tensor:  # noqa: A002
    return _rectified(input, 6.0, inplace)


def _hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:  # noqa: A002
    """`nn.ReLU6` calls this function, between 0 and 6."""
    return _rectified(input, max_val, inplace) if min_val == 0 else F.hardtanh(input, min_val, max_val, inplace)


REDIRECTED: Final[Mapping[Callable[..., Any], Callable[..., Tensor]]] = {
    F.relu: _relu,
    torch.relu: _relu,
    torch.relu_: _relu_,
    Tensor.relu: _relu,
    Tensor.relu_: _relu_,
    F.relu6: _relu6,
    F.hardtanh: _hardtanh,
}
"""Function -> what is called in its place, with the same arguments."""
