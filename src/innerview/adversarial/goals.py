"""What an attack wants a model to say: another class than this one, or exactly this one.

A goal is an objective that the attack raises, and a test of whether it got there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.types import Values
from innerview.models import LOGITS, as_classes, class_index, class_labels
from innerview.optimize import Objective, Reading

Classes = Int[Tensor, " b"]
"""One class index per image."""

ClassChoice = int | str | Sequence[int | str] | Tensor
"""A class index or name for all images, or one for each."""


@runtime_checkable
class Goal(Protocol):
    """What an attack wants; `AwayFrom` and `Towards` are the usual ones."""

    def classes(self, model: nn.Module, predicted: Classes) -> Classes:
        """Return the class that each image's attack is about, given what the model predicts before it."""
        ...

    def objective(self, classes: Classes) -> Objective:
        """Return what the attack raises."""
        ...

    def reached(self, predicted: Classes, classes: Classes) -> Bool[Tensor, " b"]:
        """Return for which images the model predicts what the attack wants."""
        ...


@dataclass(frozen=True)
class AwayFrom:
    """Untargeted: the model shall no longer see this class; raises the cross entropy, -log p.

    Args:
        target: A class for all images, or one for each; None for the class that each image is predicted to be.
    """

    target: ClassChoice | None = None

    def classes(self, model: nn.Module, predicted: Classes) -> Classes:
        return predicted if self.target is None else chosen(model, self.target, predicted)

    def objective(self, classes: Classes) -> Objective:
        return -log_probability(classes)

    def reached(self, predicted: Classes, classes: Classes) -> Bool[Tensor, " b"]:
        return predicted != classes


@dataclass(frozen=True)
class Towards:
    """Targeted: the model shall see this class; raises log p, the negative cross entropy.

    Args:
        target: A class for all images, or one for each.
        true: The class that each image shows, where it is known: none of them can be its own target.
    """

    target: ClassChoice
    true: ClassChoice | None = None

    def classes(self, model: nn.Module, predicted: Classes) -> Classes:
        classes = chosen(model, self.target, predicted)
        if self.true is not None:
            check_targets(model, classes, chosen(model, self.true, predicted))
        return classes

    def objective(self, classes: Classes) -> Objective:
        return log_probability(classes)

    def reached(self, predicted: Classes, classes: Classes) -> Bool[Tensor, " b"]:
        return predicted == classes


def log_probability(classes: Classes) -> Objective:
    """Return the objective of one class for each image: log p in nats, at most 0.

    The logarithm keeps its gradient where p itself has become zero in float32.
    """
    indices = classes.tolist()

    def measure(reading: Reading) -> Values:
        scores = reading.activations[LOGITS].log_softmax(1)
        return scores[torch.arange(len(scores), device=scores.device), indices]

    return Objective(f"log_probability({', '.join(map(str, indices))})", (LOGITS,), measure, len(indices))


def check_targets(model: nn.Module, targets: Classes, true: Classes) -> None:
    """Raise an error if an image is to be taken for what it shows: an attack would succeed by doing nothing.

    Raises:
        BadInput: a target is the true class.
    """
    same = (targets == true).nonzero().flatten().tolist()
    if same:
        index, labels = int(true[same[0]]), class_labels(model)
        name = f"{index}, {labels[index]}," if index < len(labels) else f"{index}"
        raise BadInput(f"class {name} is what image {same[0]} shows already; choose another target")


def chosen(model: nn.Module, target: ClassChoice, predicted: Classes) -> Classes:
    """Return the index of the class meant for each image.

    Raises:
        BadInput: no such class, or another number of classes than images.
    """
    several = isinstance(target, Sequence | np.ndarray) and not isinstance(target, str)
    each = as_classes(target)
    each = each if several or (isinstance(target, Tensor) and target.ndim) else each * len(predicted)
    if len(each) != len(predicted):
        raise BadInput(f"{len(each)} classes for {len(predicted)} images; give one for each, or one for all")
    return torch.tensor([class_index(model, one) for one in each], device=predicted.device)
