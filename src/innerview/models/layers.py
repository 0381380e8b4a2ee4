"""Layers by name.

A layer is a submodule; its name is the dotted path of `torch.nn.Module.named_modules`. The empty name is the model
itself, so that `LOGITS` reads a classifier's output. A model may carry `aliases`: other names for its layers.
"""

from collections.abc import Mapping
from typing import Final

from torch import nn

from innerview.core.errors import LayerNotFound, near

LOGITS: Final = ""
"""The name under which a classifier's output is read: the model itself."""


def aliases(model: nn.Module) -> Mapping[str, str]:
    """Return the model's other names for its layers: alias -> dotted name."""
    return getattr(model, "aliases", {})


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """Return the layer called `name`.

    Raises:
        LayerNotFound: there is none; the message names near ones.
    """
    path = aliases(model).get(name, name)
    try:
        return model.get_submodule(path)
    except AttributeError as error:
        known = [known for known, _ in model.named_modules() if known] + list(aliases(model))
        raise LayerNotFound(
            f"{type(model).__name__} has no layer {name!r}{near(name, known)}; "
            "`innerview layers MODEL` or `dict(model.named_modules())` lists them all"
        ) from error
