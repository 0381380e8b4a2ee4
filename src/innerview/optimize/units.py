"""Objectives of a network's own units: a neuron, a channel, a whole layer, a class {cite}`olah2017feature`."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.types import Logits, Values
from innerview.models import LOGITS, as_classes, channels_first, class_index
from innerview.optimize.objectives import Objective, Reading

Position = int | tuple[int, int]


def channel(layer: str, index: int | Sequence[int]) -> Objective:
    """Mean activation of a channel over all positions, or over all tokens.

    Args:
        layer: Name of the layer.
        index: One channel; or several, of which image i maximises the i-th (repeats differ by their seed).
    """

    def measure(reading: Reading) -> Values:
        picked = _channels(channels_first(reading.activations[layer]), layer, index)
        return picked.reshape(len(picked), -1).mean(1)

    return Objective(f"channel({layer}, {_shown(index)})", (layer,), measure, _count(index))


def neuron(layer: str, index: int | Sequence[int], position: Position | None = None) -> Objective:
    """Activation of a channel at one position.

    Args:
        layer: Name of a layer with positions.
        index: See `channel`.
        position: Row and column in the layer, or the number of a token; the middle by default.
    """

    def measure(reading: Reading) -> Values:
        return _channels(at_position(channels_first(reading.activations[layer]), layer, position), layer, index)

    name = f"neuron({layer}, {_shown(index)}{place(position)})"
    return Objective(name, (layer,), measure, _count(index))


def layer(name: str) -> Objective:
    r"""Half the squared length of a layer's activations, $\frac{1}{2}\|A\|^2$ {cite}`mordvintsev2015deepdream`.

    Its gradient with respect to the activations is the activations themselves, as in the released notebook.
    """
    return Objective(
        f"layer({name})", (name,), lambda reading: reading.activations[name].flatten(1).square().sum(1) / 2
    )


def class_logit(target: int | str | Sequence[int | str]) -> Objective:
    """A class's score before the softmax.

    Args:
        target: Index or name of a class; or several, of which image i maximises the i-th.
    """
    return _class("class_logit", target, lambda logits: logits)


def class_probability(target: int | str | Sequence[int | str]) -> Objective:
    """A class's probability: the softmax of the logits, in [0, 1], which other classes' lower scores raise, too.

    Args:
        target: See `class_logit`.
    """
    return _class("class_probability", target, lambda logits: logits.softmax(1))


def _class(kind: str, target: int | str | Sequence[int | str], score: Callable[[Logits], Logits]) -> Objective:
    classes, several = as_classes(target), not isinstance(target, int | str)
    if not classes:
        raise BadInput("there is no target; give a class, or a list of at least one")

    def measure(reading: Reading) -> Values:
        logits = reading.activations[LOGITS]
        if logits.ndim != 2:
            raise BadInput(f"{type(reading.model).__name__} has no class logits; choose a layer's channel instead")
        indices = [class_index(reading.model, one) for one in classes]
        return _channels(score(logits), "logits", indices if several else indices[0])

    named = classes if several else target
    return Objective(f"{kind}({_shown(named)})", (LOGITS,), measure, _count(named))


def at_position(activations: Tensor, layer: str, position: Position | None) -> Tensor:
    """Pick one position, the middle by default: ``(b, c, h, w)`` or ``(b, c, n)`` -> ``(b, c)``.

    Raises:
        BadInput: the layer has no positions, or not this one.
    """
    extent = activations.shape[2:]
    if not extent:
        raise BadInput(f"layer {layer!r} has no positions, so no neuron in one; use channel:{layer}:…")
    given = (position,) if isinstance(position, int) else position
    spot = tuple(side // 2 for side in extent) if given is None else given
    size = "x".join(map(str, extent)) + " tokens" * (len(extent) == 1)
    if len(spot) != len(extent):
        wanted = "a row and a column" if len(extent) == 2 else "the number of a token"
        raise BadInput(f"layer {layer!r} is {size} here; give {wanted}, not {', '.join(map(str, spot))}")
    if not all(0 <= one < side for one, side in zip(spot, extent, strict=True)):
        raise BadInput(f"layer {layer!r} is {size} here; it has no position {', '.join(map(str, spot))}")
    return activations[(..., *spot)]


def place(position: Position | None) -> str:
    """Return a position as names hold it: `` at 3, 4``, or nothing for the middle."""
    if position is None:
        return ""
    return f" at {position}" if isinstance(position, int) else f" at {', '.join(map(str, position))}"


def _count(index: object) -> int | None:
    return len(index) if isinstance(index, Sequence) and not isinstance(index, str) else None


def _shown(index: object) -> str:
    return ", ".join(map(str, index)) if isinstance(index, Sequence) and not isinstance(index, str) else str(index)


def _channels(activations: Tensor, layer: str, index: int | Sequence[int]) -> Tensor:
    """Pick one channel for each image: ``(b, c, ...)`` -> ``(b, ...)``."""
    channels = activations.shape[1]
    each = list(index) if isinstance(index, Sequence) else [index]
    if not each or not all(isinstance(one, int) and 0 <= one < channels for one in each):
        raise BadInput(f"layer {layer!r} has the channels 0 to {channels - 1}; {_shown(index)} is out of range")
    indices = torch.tensor(each, device=activations.device).expand(len(activations))
    return activations[torch.arange(len(activations), device=activations.device), indices]
