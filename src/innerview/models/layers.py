"""Layers by name.

A layer is a submodule; its name is the dotted path of `torch.nn.Module.named_modules`. The empty name is the model
itself, so that `LOGITS` reads a classifier's output. A model may carry `aliases`: other names for its layers.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, LayerNotFound, near
from innerview.core.types import Activations

LOGITS: Final = ""
"""The name under which a classifier's output is read: the model itself."""


def aliases(model: nn.Module) -> Mapping[str, str]:
    """Return the model's other names for its layers: alias -> dotted name."""
    return getattr(model, "aliases", {})


def as_read(model: nn.Module, name: str, output: Tensor) -> Tensor:
    """Return what a layer put out as it is read: ``(b, h, w, c)`` as ``(b, c, h, w)`` where the model declares it so.

    The declaration is the attribute `channels_last`, a set of names; see `as_classifier`.
    """
    declared = aliases(model).get(name, name) in getattr(model, "channels_last", ())
    return output.permute(0, 3, 1, 2) if declared and output.ndim == 4 else output


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """Return the layer called `name`.

    Raises:
        LayerNotFound: there is none; the message names near ones.
    """
    path = aliases(model).get(name, name)
    if isinstance(model, torch.jit.ScriptModule) and path:
        raise LayerNotFound(f"TorchScript hides layer {name!r}; use the module it was made from")
    try:
        return model.get_submodule(path)
    except AttributeError as error:
        known = [known for known, _ in model.named_modules() if known] + list(aliases(model))
        raise LayerNotFound(
            f"{type(model).__name__} has no layer {name!r}{near(name, known)}; "
            "`innerview layers MODEL` or `dict(model.named_modules())` lists them all"
        ) from error


def channels_first(activations: Activations) -> Tensor:
    """Put the channels behind the batch: ``(b, n, c)`` -> ``(b, c, n)``; ``(b, c)`` and ``(b, c, h, w)`` stay.

    Three dimensions are those of a vision transformer's layers: n tokens with c channels each.

    Raises:
        BadInput: another number of dimensions; nothing tells then which of them are channels.
    """
    if activations.ndim not in (2, 3, 4):
        raise BadInput(
            f"activations of {activations.ndim} dimensions name no channels; choose a layer that puts out "
            "(b, c), (b, c, h, w), or tokens (b, n, c)"
        )
    return activations.mT if activations.ndim == 3 else activations
