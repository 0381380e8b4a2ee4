"""How a training goes: the optimiser, its learning rates, and how long."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from innerview.core.errors import BadInput, near


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent; a step is ``-learning_rate * (momentum * last + gradient + weight_decay * weight)``.

    Args:
        learning_rate: Before the schedule.
        momentum: Share of the last step that goes on.
        nesterov: Whether the gradient is that of the place where the momentum leads.
        weight_decay: Strength of the pull towards zero.
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0

    def over(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Return PyTorch's optimiser over groups of parameters."""
        return torch.optim.SGD(groups, momentum=self.momentum, nesterov=self.nesterov)


@dataclass(frozen=True)
class Adam:
    """Adam, with weight decay apart from the gradient (AdamW).

    Args:
        learning_rate: Before the schedule.
        betas: Decay of the averages of the gradient and of its square.
        weight_decay: Share of a weight, times the learning rate, that each step takes away.
    """

    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0

    def over(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Return PyTorch's optimiser over groups of parameters."""
        return torch.optim.AdamW(groups, betas=self.betas)


@runtime_checkable
class Schedule(Protocol):
    """From the share of the training that is done, in [0, 1), to a factor of the learning rate."""

    def __call__(self, share: float) -> float: ...


@dataclass(frozen=True)
class Constant:
    """The same learning rate all the time."""

    def __call__(self, share: float) -> float:  # noqa: ARG002
        return 1.0


@dataclass(frozen=True)
class Drops:
    """Multiply the learning rate by `factor` at each of these shares of the training."""

    at: tuple[float, ...] = (0.5, 0.75)
    factor: float = 0.1

    def __call__(self, share: float) -> float:
        return self.factor ** sum(share >= drop for drop in self.at)


@dataclass(frozen=True)
class Cosine:
    """Rise from zero during the share `warmup`, then fall to zero along half a cosine."""

    warmup: float = 0.0

    def __call__(self, share: float) -> float:
        if share < self.warmup:
            return share / self.warmup
        return 0.5 + 0.5 * math.cos(math.pi * (share - self.warmup) / (1 - self.warmup))


@dataclass(frozen=True)
class Group:
    """Parameters that learn at a pace of their own.

    Args:
        pattern: Of their names, with ``*`` for anything: ``head.*``, ``*.bias``.
        factor: Of the learning rate.
        weight_decay: Instead of the optimiser's.
    """

    pattern: str
    factor: float = 1.0
    weight_decay: float | None = None


@dataclass(frozen=True)
class EarlyStop:
    """End a training when a measure of its validation no longer rises; the weights of the best epoch are the result.

    Args:
        measure: One that the validation returns. The highest value is the best; of equal ones, the first.
        patience: The training ends after this many epochs without a new best.
    """

    measure: str
    patience: int = 3

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise BadInput(f"an early stop needs a patience of 1 or more epochs, not {self.patience}")

    def best(self, values: Sequence[float]) -> int:
        """Return which epoch was the best, counted from 1; 0 if none is done."""
        return values.index(max(values)) + 1 if values else 0

    def ends(self, values: Sequence[float]) -> bool:
        """Return whether the training ends after epochs of these values."""
        return len(values) - self.best(values) >= self.patience


@dataclass(frozen=True)
class TrainingRecipe:
    """All that a training's result depends on, besides model, samples and loss.

    Args:
        epochs: How often every sample is seen.
        batch: Samples a step, over all GPUs together. The samples left over at an epoch's end wait for the next order.
        optimizer: `SGD` or `Adam`.
        schedule: Of the learning rate.
        groups: Exceptions; the first whose pattern fits a parameter counts.
        snapshots: Epochs after which the weights are kept on disk, 0 before the first step; 0.5 is half an epoch.
        seed: Of the order, the augmentations and the model's own randomness (dropout).
        mixed: Whether convolutions and products run in bfloat16. It has the range of float32, so no scaling is needed.
        early_stop: When to end before all epochs are done.
    """

    epochs: int = 10
    batch: int = 64
    optimizer: SGD | Adam = field(default_factory=Adam)
    schedule: Schedule = field(default_factory=Constant)
    groups: tuple[Group, ...] = ()
    snapshots: tuple[float, ...] = ()
    seed: int = 0
    mixed: bool = False
    early_stop: EarlyStop | None = None

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.batch < 1:
            raise BadInput(f"a training needs 0 or more epochs, not {self.epochs}, of 1 or more samples a batch")
        if not all(0 <= epoch <= self.epochs for epoch in self.snapshots):
            raise BadInput(f"snapshots are taken between epoch 0 and {self.epochs}, not at {self.snapshots}")


def optimizer_of(model: nn.Module, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over the parameters of a model that ask for gradients.

    Raises:
        BadInput: no parameter does, or a group's pattern fits none.
    """
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if not parameters:
        raise BadInput(f"no parameter of {type(model).__name__} asks for gradients; call requires_grad_() first")
    rest = Group("*")
    members: dict[Group, list[nn.Parameter]] = {group: [] for group in (*recipe.groups, rest)}
    for name, parameter in parameters.items():
        fitting = next(group for group in members if fnmatchcase(name, group.pattern))
        members[fitting].append(parameter)
    for group in recipe.groups:
        if not members[group]:
            raise BadInput(f"no parameter fits {group.pattern!r}{near(group.pattern, parameters)}")
    return recipe.optimizer.over(list(_settings(members, recipe.optimizer)))


def _settings(members: dict[Group, list[nn.Parameter]], optimizer: SGD | Adam) -> Iterator[dict[str, Any]]:
    for group, parameters in members.items():
        if parameters:
            rate = optimizer.learning_rate * group.factor
            decay = optimizer.weight_decay if group.weight_decay is None else group.weight_decay
            yield {"params": parameters, "lr": rate, "full_lr": rate, "weight_decay": decay}
