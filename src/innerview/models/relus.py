"""ReLUs with another backward pass: the forward pass stays as it is, and the model unchanged."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from innerview.models.forwarding import replaced_forward

ReluRule = Callable[[Tensor, Tensor, float], Tensor]
"""What a ReLU passes down: the gradient that reaches its output, its input, and the height at which it is cut off
(6 for ReLU6, else infinity) -> the gradient of its input. All tensors have the shape of the input."""


@dataclass
class ReluCalls:
    """How often ReLUs were called meanwhile.

    Args:
        count: 0 says that the rule had nothing to work on.
    """

    count: int = 0


@contextmanager
def relu_gradient(model: nn.Module, rule: ReluRule) -> Iterator[ReluCalls]:
    """Give the model's ReLUs another backward pass while the block runs.

    All activation functions take part that are a ReLU, cut off at some height or not: ReLU and ReLU6 as layers and as
    function calls (``F.relu``, ``x.relu_()``), in place or not, used once or often; also ``hardtanh(x, 0, c)`` and
    ``threshold(x, 0, 0)``, which are the same functions. ``x.clamp(min=0)`` does not, since networks also clip pixels
    and variances with it. Outside the model no ReLU takes part, and none inside a TorchScript module or in the threads
    of a `torch.nn.DataParallel` on several GPUs (give its ``module``).

    Of nested blocks around one model the innermost counts; a block around a part of the model goes before one around
    the whole.

    Args:
        model: Any network; nothing is left in it, also after an exception.
        rule: The backward pass.

    Yields:
        How many ReLUs were called.
    """
    calls = ReluCalls()
    with replaced_forward(model, _Forward(model.forward, rule, calls)):
        yield calls


class _Forward:
    """A model's forward pass in which a rule holds."""

    def __init__(self, forward: Callable[..., Any], rule: ReluRule, calls: ReluCalls) -> None:
        self.forward = forward.forward if isinstance(forward, _Forward) else forward  # the inner block's rule alone
        self.rule, self.calls = rule, calls

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        with _Ruling(self.rule, self.calls):
            return self.forward(*inputs, **options)


class _Ruling(TorchFunctionMode):
    """Every ReLU that is called meanwhile, by a layer or not, follows the rule."""

    def __init__(self, rule: ReluRule, calls: ReluCalls) -> None:
        super().__init__()
        self.rule, self.calls = rule, calls

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        call = READ[func](*args, **options) if func in READ else None
        if call is None:
            return func(*args, **options)
        self.calls.count += 1
        if call.inplace:  # the rule needs the source as it was
            return call.source.copy_(_Ruled.apply(call.source.clone(), call.ceiling, self.rule))
        return _Ruled.apply(call.source, call.ceiling, self.rule)


class _Ruled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, source: Tensor, ceiling: float, rule: ReluRule) -> Tensor:
        ctx.save_for_backward(source)
        ctx.ceiling, ctx.rule = ceiling, rule
        return torch.relu(source) if ceiling == math.inf else F.hardtanh(source, 0.0, ceiling)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.rule(gradients[0], ctx.saved_tensors[0], ctx.ceiling), None, None


@dataclass(frozen=True)
class _Call:
    """A call of a ReLU: of what, cut off where, and whether the result takes the source's place."""

    source: Tensor
    ceiling: float
    inplace: bool


def _relu(input: Tensor, inplace: bool = False) -> _Call:  # noqa: A002  (torch's name)
    return _Call(input, math.inf, inplace)


def _relu_(input: Tensor) -> _Call:  # noqa: A002
    return _Call(input, math.inf, inplace=True)


def _relu6(input: Tensor, inplace: bool = False) -> _Call:  # noqa: A002
    return _Call(input, 6.0, inplace)


def _hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> _Call | None:  # noqa: A002
    """`nn.ReLU6` calls this function, between 0 and 6."""
    return _Call(input, max_val, inplace) if min_val == 0 else None


def _hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> _Call | None:  # noqa: A002
    return _hardtanh(input, min_val, max_val, inplace=True)


def _threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> _Call | None:  # noqa: A002
    return _Call(input, math.inf, inplace) if threshold == value == 0 else None


def _threshold_(input: Tensor, threshold: float, value: float) -> _Call | None:  # noqa: A002
    return _threshold(input, threshold, value, inplace=True)


READ: Final[Mapping[Callable[..., Any], Callable[..., _Call | None]]] = {
    F.relu: _relu,
    torch.relu: _relu,
    torch.relu_: _relu_,
    Tensor.relu: _relu,
    Tensor.relu_: _relu_,
    F.relu6: _relu6,
    F.hardtanh: _hardtanh,
    F.hardtanh_: _hardtanh_,
    F.threshold: _threshold,
    torch.threshold: _threshold,
    torch.threshold_: _threshold_,
}
"""Function -> what its arguments say; None if it is no ReLU with them."""
