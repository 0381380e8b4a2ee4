"""Objectives: what an ascent maximises, as values that add, subtract and multiply.

``channel("inception_4c", 10) - 0.25 * total_variation()`` is an objective again. An objective gives one number for each
image of a batch, so one ascent serves many objectives side by side: ``channel("inception_4c", [10, 11, 12])``. Numbers
may be as many as the images, too: ``[1, 0.5, 0] * channel("inception_4c", 10)``.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Union

import numpy as np
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import Images, ResizedOpacity, Values
from innerview.models import activations

Number = int | float
Operand = Union["Objective", Number, Sequence[Number], np.ndarray, Tensor]


@dataclass(frozen=True)
class Reading:
    """What an objective looks at: the images, the activations they cause, the model, and how opaque the images are."""

    images: Images
    activations: Mapping[str, Tensor]
    model: nn.Module
    alpha: ResizedOpacity | None = None


@dataclass(frozen=True)
class Objective:
    """Something to maximise; see the modules `units`, `directions`, `batch` and `penalties` for the usual ones.

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
    __array_ufunc__ = None  # or NumPy would multiply by each number of an array on its own

    def __call__(self, model: nn.Module, images: Images, alpha: ResizedOpacity | None = None) -> Values:
        """Return the objective of each image, running the model only as deep as needed.

        Args:
            model: Takes images ``(b, 3, h, w)`` in [0, 1].
            images: What the model sees.
            alpha: How opaque they were, ``(b, 1, h, w)`` in [0, 1]; None for images that cover all.

        Raises:
            LayerNotFound: the model has no such layer.
            BadInput: a channel or class that the model lacks, or another number of images than `count`.
        """
        if self.count not in (None, len(images)):
            raise BadInput(f"{self.name} asks for {self.count} images, not {len(images)}")
        read = activations(model, images, self.layers) if self.layers else {}
        return self.measure(Reading(images, read, model, alpha))

    def __add__(self, other: Operand) -> "Objective":
        return _combined(self, _operand(other), operator.add, "+")

    def __sub__(self, other: Operand) -> "Objective":
        return _combined(self, _operand(other), operator.sub, "-")

    def __mul__(self, other: Operand) -> "Objective":
        return _combined(self, _operand(other), operator.mul, "*")

    def __radd__(self, other: Operand) -> "Objective":
        if isinstance(other, int) and other == 0:  # where `sum` starts
            return self
        return _combined(_operand(other), self, operator.add, "+")

    def __rsub__(self, other: Operand) -> "Objective":
        return _combined(_operand(other), self, operator.sub, "-")

    def __rmul__(self, other: Operand) -> "Objective":
        return _combined(_operand(other), self, operator.mul, "*")

    def __neg__(self) -> "Objective":
        return Objective(f"-{self.name}", self.layers, lambda reading: -self.measure(reading), self.count)

    def __repr__(self) -> str:
        return self.name


def interpolation(a: Objective, b: Objective, count: int) -> Objective:
    r"""Blend from one objective into another over a batch {cite}`olah2017feature`.

    Image i of n maximises $(1 - s_i)\,a + s_i\,b$ with $s_i = i / (n - 1)$.

    Args:
        a: Of the first image.
        b: Of the last image.
        count: How many images, at least 2.

    Raises:
        BadInput: too few images, or `a` or `b` asks for another number of them.
    """
    if count < 2:
        raise BadInput(f"an interpolation needs at least 2 images, not {count}")
    shares = [image / (count - 1) for image in range(count)]
    blended = [1 - share for share in shares] * a + shares * b
    return replace(blended, name=f"interpolation({a.name}, {b.name}, {count})")


def side_by_side(objectives: Sequence[Objective]) -> Objective:
    """Let each objective have images of its own in one batch: as many as it asks for, or one.

    ``channel("inception_4a", [10, 11])`` does it for channels of one layer; this does it for anything.

    Args:
        objectives: At least one; the batch holds the images of the first, then those of the second, and so on.

    Raises:
        BadInput: no objective.
    """
    if not objectives:
        raise BadInput("there are no objectives to put side by side; give at least one")
    counts = [objective.count or 1 for objective in objectives]

    def measure(reading: Reading) -> Values:
        starts = accumulate(counts, initial=0)
        parts = [slice(start, start + count) for start, count in zip(starts, counts, strict=False)]
        return torch.cat([one.measure(_part(reading, part)) for one, part in zip(objectives, parts, strict=True)])

    names = ", ".join(objective.name for objective in objectives)
    layers = dict.fromkeys(layer for objective in objectives for layer in objective.layers)
    return Objective(f"side_by_side({names})", tuple(layers), measure, sum(counts))


def _part(reading: Reading, part: slice) -> Reading:
    """Return the reading of some of the images."""
    alpha = None if reading.alpha is None else reading.alpha[part]
    read = {layer: activations[part] for layer, activations in reading.activations.items()}
    return Reading(reading.images[part], read, reading.model, alpha)


def written(number: Number) -> str:
    """Return a number as names hold it, with all its digits: finished work is found again by name."""
    return f"{number}".removesuffix(".0")


def _operand(value: Operand) -> Objective:
    """Return numbers as an objective that looks at nothing."""
    if isinstance(value, Objective):
        return value
    plain = value.tolist() if isinstance(value, np.ndarray | Tensor) else value
    numbers = plain if isinstance(plain, Sequence) else [plain]
    if not all(isinstance(number, int | float) for number in numbers):
        raise BadInput(f"an objective combines with a number, or one for each image, not with {plain!r}")
    if isinstance(plain, Sequence):
        name = f"[{', '.join(map(written, plain))}]"
        return Objective(name, (), lambda reading: reading.images.new_tensor(plain), len(plain))
    return Objective(written(plain), (), lambda reading: reading.images.new_full((len(reading.images),), plain))


def _combined(left: Objective, right: Objective, combine: Callable[[Tensor, Tensor], Tensor], sign: str) -> Objective:
    counts = {count for count in (left.count, right.count) if count is not None}
    if len(counts) > 1:
        raise BadInput(
            f"{left.name} asks for {left.count} images and {right.name} for {right.count}; give both as many"
        )
    return Objective(
        f"({left.name} {sign} {right.name})",
        tuple(dict.fromkeys(left.layers + right.layers)),
        lambda reading: combine(left.measure(reading), right.measure(reading)),
        counts.pop() if counts else None,
    )
