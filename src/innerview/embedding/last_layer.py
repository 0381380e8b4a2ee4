"""The layer whose features stand for an image: the last one before the classifier."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.models.activations import device_of
from innerview.models.classifier import Classifier, NoLogits

WEIGHTED = (nn.Linear, nn.Conv2d)
"""A classifier is one of these: it turns features into a number for each class."""


def last_layer(model: nn.Module, size: int = 224) -> str:
    """Find the layer that a classifier's last weighted layer reads; the last layer of a network that puts out maps.

    Where several end there, a block and its last part, the outermost is named.

    Args:
        model: Any network.
        size: Height and width of a grey image that is shown to find it.

    Raises:
        BadInput: there is no layer before the classifier.
    """
    prefix = "module." if isinstance(model, Classifier) else ""
    ended: list[tuple[str, nn.Module]] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda layer, _inputs, output: ended.append((name, layer)) if isinstance(output, Tensor) else None

    handles = [
        layer.register_forward_hook(note(name.removeprefix(prefix)))
        for name, layer in model.named_modules()
        if name + "." not in (".", prefix)
    ]
    output = None
    try:
        with torch.inference_mode(), suppress(NoLogits):
            output = model(torch.full((1, 3, size, size), 0.5, device=device_of(model)))
    finally:
        for handle in handles:
            handle.remove()
    if isinstance(output, Tensor) and output.ndim == 2:
        weighted = [place for place, (_, layer) in enumerate(ended) if isinstance(layer, WEIGHTED)]
        ended = ended[: weighted[-1]] if weighted else []
    if not ended:
        raise BadInput(f"{type(model).__name__} has no layer before its classifier; name a layer")
    return ended[-1][0]
