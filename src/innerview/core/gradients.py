"""Gradients of scores, wherever they are asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.types import Values


@contextmanager
def differentiable() -> Iterator[None]:
    """Let gradients be computed, also where the caller has switched them off."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def gradient(scores: Values, source: Tensor, name: str) -> Tensor:
    """Differentiate the sum of scores with respect to a tensor.

    Args:
        scores: Numbers that depend on `source`.
        source: A part of the graph.
        name: Of `source`, for the message.

    Raises:
        BadInput: no gradient reaches `source`.
    """
    found = torch.autograd.grad(scores.sum(), source, allow_unused=True)[0] if scores.requires_grad else None
    if found is None:
        raise BadInput(
            f"no gradient reaches {name}: the target does not depend on it, or the model detaches it; choose a layer "
            "on the way to the target"
        )
    return found
