"""Switching units off and on, to see what they bring about {cite}`bau2019gan`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.models import find_layer

Positions = Bool[Tensor, "h w"]
"""Of a layer: where units are switched."""


@contextmanager
def switched(
    model: nn.Module,
    layer: str,
    units: Sequence[int],
    value: float | Float[Tensor, " units"] = 0.0,
    where: Positions | None = None,
) -> Iterator[None]:
    """Let units of a layer put out a fixed value while the block runs, whatever the network computes for them.

    Args:
        model: Any network, such as a generator.
        layer: Puts out ``(b, c, h, w)``, or ``(b, c)``.
        units: Channels.
        value: 0 switches them off; such as their mean where a concept is seen switches them on. One for all, or one for
            each.
        where: Positions of the layer; all by default.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no such unit, another number of values, or positions of another shape; when the layer runs.
    """

    def change(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        _check(output, layer, units, where)
        level = torch.as_tensor(value, dtype=output.dtype, device=output.device)
        if level.ndim and len(level) != len(units):
            raise BadInput(
                f"{len(level)} values for {len(units)} units of {layer!r}; give one for all, or one for each"
            )
        own = output[:, list(units)]
        level = level.reshape(-1, *(1,) * (output.ndim - 2)).expand_as(own)
        changed = output.clone()
        changed[:, list(units)] = level if where is None else torch.where(where.to(output.device), level, own)
        return changed

    handle = find_layer(model, layer).register_forward_hook(change)
    try:
        yield
    finally:
        handle.remove()


def _check(output: Any, layer: str, units: Sequence[int], where: Positions | None) -> None:
    if not isinstance(output, Tensor) or output.ndim not in (2, 4):
        raise BadInput(f"layer {layer!r} has no units that could be switched; choose one that puts out channels")
    beyond = [unit for unit in units if not 0 <= unit < output.shape[1]]
    if beyond or not units:
        told = f"unit {beyond[0]} is none of them" if beyond else "none is named"
        raise BadInput(f"layer {layer!r} has the units 0 to {output.shape[1] - 1}; {told}")
    if where is not None and tuple(where.shape) != tuple(output.shape[2:]):
        grid = "x".join(map(str, output.shape[2:])) or "no"
        raise BadInput(f"layer {layer!r} has {grid} positions, not those of a mask of {tuple(where.shape)}")
