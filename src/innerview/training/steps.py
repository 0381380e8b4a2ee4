"""The steps of a training, each of which depends on its number and the weights before it alone."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from innerview.core.errors import BadInput, NotFinite
from innerview.core.seeds import generator
from innerview.training.processes import Processes
from innerview.training.recipe import TrainingRecipe
from innerview.training.record import as_measures
from innerview.training.samples import Samples, order

Loss = Callable[..., Tensor]
"""From the model and a batch's tensors to the number that is minimised, the batch's mean."""

Validate = Callable[[nn.Module], Mapping[str, float]]
"""From the model, in evaluation mode, to numbers by name."""

NAMED = 8
"""Samples that a message names."""


class Steps:
    """What is done to a model in a training.

    Args:
        model: Trained in place.
        samples: Give the batches.
        loss: Is minimised.
        recipe: How to train.
        optimizer: Of the model's parameters.

    Raises:
        BadInput: too few samples for a batch, or batches that the processes cannot share.
    """

    def __init__(
        self, model: nn.Module, samples: Samples, loss: Loss, recipe: TrainingRecipe, optimizer: torch.optim.Optimizer
    ) -> None:
        self._device = next(model.parameters()).device
        self.processes = Processes(self._device)
        if len(samples) < recipe.batch:
            raise BadInput(f"{len(samples)} samples make no batch of {recipe.batch}; lower the recipe's batch")
        if recipe.batch % self.processes.count:
            raise BadInput(f"a batch of {recipe.batch} cannot be shared by {self.processes.count} processes; change it")
        self.model, self.optimizer, self.recipe = model, optimizer, recipe
        self.per_epoch = len(samples) // recipe.batch
        self._samples, self._loss = samples, loss
        self._factor = 1.0  # of the learning rate, by the schedule
        _set_modes(model)
        self._shared = DistributedDataParallel(model) if self.processes.together else model

    def __len__(self) -> int:
        return self.recipe.epochs * self.per_epoch

    @property
    def learning_rate(self) -> float:
        """Of the last step, for parameters without a pace of their own."""
        return self.recipe.optimizer.learning_rate * self._factor

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """Read this process's share of a step's batch; several threads may do so at once."""
        mine = self._indices(step)[self.processes.rank :: self.processes.count]
        return self._samples.batch(mine, generator("augmentation", self.recipe.seed, step, self.processes.rank))

    def take(self, step: int, batch: tuple[Tensor, ...]) -> float:
        """Take one step; return the loss before it."""
        self._factor = self.recipe.schedule(step / len(self))
        for group in self.optimizer.param_groups:
            group["lr"] = group["full_lr"] * self._factor
        tensors = [tensor.to(self._device) for tensor in batch]
        self.optimizer.zero_grad()
        with (
            self._randomness("model", self.recipe.seed, step, self.processes.rank),
            torch.autocast(self._device.type, torch.bfloat16, enabled=self.recipe.mixed),
        ):
            loss = self._loss(self._shared, *tensors)
        value = self.processes.mean(loss)
        if not math.isfinite(value):
            raise NotFinite(
                f"the loss became {value} at {self._where(step)}; lower the learning rate or check these samples"
            )
        loss.backward()
        self.optimizer.step()
        return value

    def judge(self, validate: Validate, epoch: int) -> dict[str, float]:
        """Return what the first process's validation says of the model after an epoch."""
        measures = {}
        if self.processes.rank == 0:
            self.model.eval()
            # Not inference mode: what a model keeps from there could not take part in a later step.
            with torch.no_grad(), self._randomness("validation", self.recipe.seed, epoch):
                measures = as_measures(validate(self.model))
            _set_modes(self.model)
        return self.processes.from_first(measures)

    def _indices(self, step: int) -> Tensor:
        epoch, place = divmod(step, self.per_epoch)
        size = self.recipe.batch
        return order(len(self._samples), self.recipe.seed, epoch)[place * size : (place + 1) * size]

    def _where(self, step: int) -> str:
        epoch, place = divmod(step, self.per_epoch)
        indices = self._indices(step).tolist()
        named = ", ".join(map(str, indices[:NAMED])) + " …" * (len(indices) > NAMED)
        return f"step {step} (epoch {epoch + 1}, batch {place + 1}, samples {named})"

    @contextmanager
    def _randomness(self, *seed: int | str) -> Iterator[None]:
        """Seed what the model draws itself, such as dropout, and leave the program's own randomness alone."""
        cards = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(cards):
            torch.manual_seed(generator(*seed).initial_seed())
            yield


def _set_modes(module: nn.Module) -> None:
    """Put a model into training mode, but for parts whose parameters are all frozen."""
    module.training = True
    for child in module.children():
        asked = [parameter.requires_grad for parameter in child.parameters()]
        if asked and not any(asked):
            child.eval()
        else:
            _set_modes(child)
