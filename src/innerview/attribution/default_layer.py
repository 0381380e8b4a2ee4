"""The layer that a class activation map shows where none is named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from innerview.attribution.targets import ClassScores, Target, scoring
from innerview.attribution.tokens import as_maps, lies_over
from innerview.core.errors import BadInput
from innerview.core.gradients import differentiable
from innerview.core.types import Images
from innerview.models.classifier import Classifier
from innerview.models.layers import as_read

RESAMPLING = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
"""They copy the map before them to the grid that a head wants; nothing is in them that is not in that map."""


AT_ONCE = 16
"""Layers whose gradients are asked for together."""


class Output(NamedTuple):
    """What a layer put out, and how often it had been changed in place by then."""

    tensor: Tensor
    version: int


def default_layer(model: nn.Module, images: Images, target: Target = None) -> str:
    """Find the deepest layer with positions that a target depends on, by one forward and one backward pass.

    Deepest is what runs last. A layer counts if the gradient is nonzero at a position: a vision transformer's head
    reads the class token alone, so what counts there is what the last attention reads. Layers inside an attention do
    not count: their channels are queries, keys and values side by side. Where several layers put out the same tensor,
    a block and its last part, the outermost is named.

    Args:
        model: Any network.
        images: The first stands for all, unless the target is an objective.
        target: All classes have the same layer; an objective has one below what it reads.

    Returns:
        The layer's name.

    Raises:
        BadInput: no layer has positions that the target depends on.
    """
    score = scoring(model, images, target)
    if isinstance(score, ClassScores):
        images, score = images[:1], ClassScores(None)
    with differentiable(), _outputs(model) as outputs:
        scores = score(model, images.detach().clone().requires_grad_())
        found = next(_reached(model, images, scores, outputs), None)
    if found is None:
        raise BadInput(f"no layer of {type(model).__name__} has positions that the target depends on; name the layer")
    deepest, slope = outputs[found[0]], found[1]
    same = [
        name
        for name, output in outputs.items()
        if output.tensor is deepest.tensor
        and output.version == deepest.version
        and _has_positions(model, name, slope, images)
    ]
    return min(same, key=lambda name: name.count("."))


def _reached(
    model: nn.Module, images: Images, scores: Tensor, outputs: dict[str, Output]
) -> Iterator[tuple[str, Tensor]]:
    """Find the layers with positions that the scores depend on, and their gradients, the deepest first.

    A few at a time, since the gradient of those far below is seldom needed.
    """
    names = list(outputs)[::-1] if scores.requires_grad else []
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        tensors = [outputs[name].tensor for name in some]
        slopes = torch.autograd.grad(scores.sum(), tensors, allow_unused=True, retain_graph=True)
        for name, slope in zip(some, slopes, strict=True):
            if slope is not None and _has_positions(model, name, slope, images):
                yield name, slope


def _has_positions(model: nn.Module, name: str, slope: Tensor, images: Tensor) -> bool:
    with suppress(BadInput):
        maps = as_maps(model, name, as_read(model, name, slope), images)
        return lies_over(model, maps, images) and bool(maps.any())
    return False


@contextmanager
def _outputs(model: nn.Module) -> Iterator[dict[str, Output]]:
    """Collect what each layer puts out first, in the order of execution; resampled maps are left out."""
    prefix = "module." if isinstance(model, Classifier) else ""
    outputs: dict[str, Output] = {}
    resampled: list[Tensor] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(layer: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(layer, RESAMPLING):
                resampled.append(output)
            elif isinstance(output, Tensor) and output.requires_grad and all(output is not one for one in resampled):
                outputs.setdefault(name, Output(output, output._version))  # noqa: SLF001  (the only way to ask)

        return hook

    attentions = tuple(
        f"{path}." for path, layer in model.named_modules() if "attention" in type(layer).__name__.lower()
    )
    handles = [
        layer.register_forward_hook(note(path.removeprefix(prefix)))
        for path, layer in model.named_modules()
        if path + "." not in (".", prefix)
        and not path.startswith(attentions)
        and not isinstance(layer, torch.jit.ScriptModule)
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
