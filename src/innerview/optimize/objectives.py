"""Objectives: what an ascent maximises, as values that add, subtract and multiply.

``channel("inception_4c", 10) - 0.25 * total_variation()`` is an objective again. An objective gives one number for each
image of a batch, so one ascent serves many objectives side by side: ``channel("inception_4c", [10, 11, 12])``.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Union

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import Images, Values
from innerview.models import LOGITS, activations, class_index

Number = int | float


@dataclass(frozen=True)
class Reading:
    """What an objective looks at: the images, the activations they cause, and the model."""

    images: Images
    activations: Mapping[str, Tensor]
    model: nn.Module


@dataclass(frozen=True)
class Objective:
    """Something to maximise; see the functions of this module for the usual ones.

    Args:
        name: Readable, such as ``channel(inception_4c, 10)``.
        layers: Names of the layers that it reads.
        measure: Reading of b images -> b numbers.
        count: How many images it asks for, or None if it takes any number (an ascent makes one then).
    """

    name: str
    layers: tuple[str, ...]
    measure: Callable[[Reading], Values]
    count: int | None = None

    def __call__(self, model: nn.Module, images: Images) -> Values:
        """Return the objective of each image, running the model only as deep as needed.

        Raises:
            LayerNotFound: the model has no such layer.
            BadInput: a channel or class that the model lacks, or another number of images than `count`.
        """
        if self.count not in (None, len(images)):
            raise BadInput(f"{self.name} asks for {self.count} images, not {len(images)}")
        read = activations(model, images, self.layers) if self.layers else {}
        return self.measure(Reading(images, read, model))

    def __add__(self, other: Union["Objective", Number]) -> "Objective":
        return _combined(self, other, operator.add, "+")

    def __sub__(self, other: Union["Objective", Number]) -> "Objective":
        return _combined(self, other, operator.sub, "-")

    def __mul__(self, other: Union["Objective", Number]) -> "Objective":
        return _combined(self, other, operator.mul, "*")

    def __radd__(self, other: Number) -> "Objective":
        return _combined(_constant(other), self, operator.add, "+")

    def __rsub__(self, other: Number) -> "Objective":
        return _combined(_constant(other), self, operator.sub, "-")

    def __rmul__(self, other: Number) -> "Objective":
        return _combined(_constant(other), self, operator.mul, "*")

    def __neg__(self) -> "Objective":
        return Objective(f"-{self.name}", self.layers, lambda reading: -self.measure(reading), self.count)

    def __repr__(self) -> str:
        return self.name


def _constant(value: Number) -> Objective:
    name = f"{value}".removesuffix(".0")  # all its digits: finished dreams are found again by name
    return Objective(name, (), lambda reading: reading.images.new_full((len(reading.images),), value))


def _combined(
    left: Objective, right: Objective | Number, combine: Callable[[Tensor, Tensor], Tensor], sign: str
) -> Objective:
    other = right if isinstance(right, Objective) else _constant(right)
    counts = {count for count in (left.count, other.count) if count is not None}
    if len(counts) > 1:
        raise BadInput(
            f"{left.name} asks for {left.count} images and {other.name} for {other.count}; give both as many"
        )
    return Objective(
        f"({left.name} {sign} {other.name})",
        tuple(dict.fromkeys(left.layers + other.layers)),
        lambda reading: combine(left.measure(reading), other.measure(reading)),
        counts.pop() if counts else None,
    )


def channel(layer: str, index: int | Sequence[int]) -> Objective:
    """Mean activation of a channel over all positions.

    Args:
        layer: Name of the layer.
        index: One channel; or several, of which image i maximises the i-th (repeats differ by their seed).
    """
    return Objective(
        f"channel({layer}, {_shown(index)})",
        (layer,),
        lambda reading: _channels(reading.activations[layer], layer, index).reshape(len(reading.images), -1).mean(1),
        _count(index),
    )


def neuron(layer: str, index: int | Sequence[int], position: tuple[int, int] | None = None) -> Objective:
    """Activation of a channel at one position.

    Args:
        layer: Name of a layer with positions.
        index: See `channel`.
        position: Row and column in the layer; the middle by default.
    """

    def measure(reading: Reading) -> Values:
        maps = _channels(reading.activations[layer], layer, index)
        if maps.ndim != 3:
            raise BadInput(f"layer {layer!r} has no positions, so no neuron in one; use channel:{layer}:…")
        height, width = maps.shape[1:]
        row, column = position or (height // 2, width // 2)
        if not (0 <= row < height and 0 <= column < width):
            raise BadInput(f"layer {layer!r} is {height}x{width} here; it has no position {row}, {column}")
        return maps[:, row, column]

    place = "" if position is None else f" at {position[0]}, {position[1]}"
    return Objective(f"neuron({layer}, {_shown(index)}{place})", (layer,), measure, _count(index))


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

    def measure(reading: Reading) -> Values:
        logits = reading.activations[LOGITS]
        if logits.ndim != 2:
            raise BadInput(f"{type(reading.model).__name__} has no class logits; choose a layer's channel instead")
        if isinstance(target, int | str):
            return _channels(logits, "logits", class_index(reading.model, target))
        return _channels(logits, "logits", [class_index(reading.model, one) for one in target])

    return Objective(f"class_logit({_shown(target)})", (LOGITS,), measure, _count(target))


def total_variation() -> Objective:
    """Sum of the absolute differences of neighbouring pixels: a penalty, to be subtracted."""

    def measure(reading: Reading) -> Values:
        images = reading.images
        down = (images[..., 1:, :] - images[..., :-1, :]).abs().flatten(1).sum(1)
        right = (images[..., 1:] - images[..., :-1]).abs().flatten(1).sum(1)
        return down + right

    return Objective("total_variation()", (), measure)


def _count(index: object) -> int | None:
    return len(index) if isinstance(index, Sequence) and not isinstance(index, str) else None


def _shown(index: object) -> str:
    return ", ".join(map(str, index)) if isinstance(index, Sequence) and not isinstance(index, str) else str(index)


def _channels(activations: Tensor, layer: str, index: int | Sequence[int]) -> Tensor:
    """Pick one channel for each image: ``(b, c, ...)`` -> ``(b, ...)``."""
    channels = activations.shape[1]
    indices = torch.as_tensor(index, device=activations.device).expand(len(activations))
    if int(indices.min()) < 0 or int(indices.max()) >= channels:
        raise BadInput(f"layer {layer!r} has the channels 0 to {channels - 1}; {_shown(index)} is out of range")
    return activations[torch.arange(len(activations), device=activations.device), indices]
