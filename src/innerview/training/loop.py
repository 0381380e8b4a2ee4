"""The training loop: everything that Innerview trains is trained here."""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from innerview.core.errors import BadInput, NotFinite
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator
from innerview.core.store import fingerprint
from innerview.models.classifier import frozen
from innerview.training.checkpoints import Checkpoints, check_finite, snapshot_path
from innerview.training.recipe import TrainingRecipe, optimizer_of
from innerview.training.samples import Samples, order

Loss = Callable[..., Tensor]
"""From the model and a batch's tensors to the number that is minimised, the batch's mean."""


@dataclass(frozen=True)
class Training:
    """A finished training.

    Args:
        model: The trained copy: frozen, in evaluation mode.
        history: ``(steps,)``, the loss of each step's batch before the step.
        folder: Where the state, the log and the snapshots lie.
    """

    model: nn.Module
    history: Tensor
    folder: Path | None

    def snapshot(self, epoch: float) -> dict[str, Tensor]:
        """Return the weights that the model had after `epoch` epochs, for `load_state_dict`.

        Raises:
            BadInput: the recipe asked for no snapshot then.
        """
        if self.folder is None or not snapshot_path(self.folder, epoch).exists():
            raise BadInput(f"there is no snapshot of epoch {epoch:g}; name it in the recipe's `snapshots`")
        return load_file(snapshot_path(self.folder, epoch))


def train(
    model: nn.Module,
    samples: Samples,
    loss: Loss,
    recipe: TrainingRecipe,
    *,
    folder: str | Path | None = None,
    progress: bool = False,
    checkpoint_seconds: float = 30.0,
) -> Training:
    """Train a copy of a model on the device where the model is.

    The batch of step k, its augmentations and the model's own randomness depend on the recipe's seed and on k alone. A
    training that was stopped, also by a kill, goes on from its last state when the same call is made again, and ends
    with the same bits on the same processor.

    On several GPUs, start the program with ``torchrun`` and make the process group first: each process then takes its
    share of every batch, and the first writes the files.

    Args:
        model: Its parameters that ask for gradients are trained; parts without any stay in evaluation mode.
        samples: Such as `TensorSamples`.
        loss: Called with the model and the batch's tensors; returns the batch's mean, which is minimised.
        recipe: How to train.
        folder: For states, log and snapshots; None keeps nothing, which suits trainings of seconds.
        progress: Whether to show a bar.
        checkpoint_seconds: At most this much work is lost when the training is stopped.

    Raises:
        BadInput: too few samples for a batch, nothing to train, or a folder that holds another training.
        NotFinite: the loss or a weight became NaN or infinite; the last good state stays in the folder.
        OutputError: the folder cannot be written to.
    """
    folder = None if folder is None else Path(folder)
    if folder is None and recipe.snapshots:
        raise BadInput("snapshots are kept on disk; give the training a folder")
    identity = _identity(model, samples, loss, recipe)
    model = copy.deepcopy(model)
    optimizer = optimizer_of(model, recipe)
    steps = _Steps(model, samples, loss, recipe, optimizer)
    files = None if folder is None else Checkpoints(folder, identity, recipe)
    losses = [] if files is None else files.resume(model, optimizer)
    files = files if steps.rank == 0 else None
    for step in bar(range(len(losses), len(steps)), "training", progress):
        if files:
            _take_snapshots(files, model, steps, step)
        losses.append(steps.take(step))
        if files:
            files.note(step, step / steps.per_epoch, losses[-1], steps.learning_rate)
            if files.due(checkpoint_seconds):
                files.save(model, optimizer, losses)
    check_finite(model, len(losses))
    if files:
        _take_snapshots(files, model, steps, len(steps))
        files.save(model, optimizer, losses)
    return Training(frozen(model), torch.tensor(losses, dtype=torch.float64), folder)


def _identity(model: nn.Module, samples: Samples, loss: Loss, recipe: TrainingRecipe) -> str:
    """Return a fingerprint of recipe, model, loss and samples; of the latter, that of the first few."""
    few = samples.batch(torch.arange(min(8, len(samples))), generator("identity"))
    named = getattr(loss, "__qualname__", type(loss).__qualname__)
    return fingerprint(recipe, model, named, len(samples), list(few))


def _take_snapshots(files: Checkpoints, model: nn.Module, steps: "_Steps", step: int) -> None:
    for epoch in steps.recipe.snapshots:
        if round(epoch * steps.per_epoch) == step:
            files.snapshot(model, epoch, step)


class _Steps:
    """The steps of a training, each of which depends on its number and the weights before it alone."""

    def __init__(
        self, model: nn.Module, samples: Samples, loss: Loss, recipe: TrainingRecipe, optimizer: torch.optim.Optimizer
    ) -> None:
        together = distributed.is_available() and distributed.is_initialized()
        self.rank, self._workers = (distributed.get_rank(), distributed.get_world_size()) if together else (0, 1)
        if len(samples) < recipe.batch:
            raise BadInput(f"{len(samples)} samples make no batch of {recipe.batch}; lower the recipe's batch")
        if recipe.batch % self._workers:
            raise BadInput(f"a batch of {recipe.batch} cannot be shared by {self._workers} processes; change it")
        self.recipe, self.per_epoch = recipe, len(samples) // recipe.batch
        self._samples, self._loss, self._optimizer = samples, loss, optimizer
        self._factor = 1.0  # of the learning rate, by the schedule
        self._device = next(model.parameters()).device
        _set_modes(model)
        self._model = DistributedDataParallel(model) if together else model

    def __len__(self) -> int:
        return self.recipe.epochs * self.per_epoch

    @property
    def learning_rate(self) -> float:
        """Of the last step, for parameters without a pace of their own."""
        return self.recipe.optimizer.learning_rate * self._factor

    def take(self, step: int) -> float:
        """Take one step; return the loss before it."""
        self._factor = self.recipe.schedule(step / len(self))
        for group in self._optimizer.param_groups:
            group["lr"] = group["full_lr"] * self._factor
        batch = [tensor.to(self._device) for tensor in self._batch(step)]
        self._optimizer.zero_grad()
        with self._randomness(step), torch.autocast(self._device.type, torch.bfloat16, enabled=self.recipe.mixed):
            loss = self._loss(self._model, *batch)
        value = self._mean(loss)
        if not math.isfinite(value):
            raise NotFinite(f"the loss became {value} at step {step}; lower the learning rate or check the samples")
        loss.backward()
        self._optimizer.step()
        return value

    def _batch(self, step: int) -> tuple[Tensor, ...]:
        epoch, place = divmod(step, self.per_epoch)
        size, seed = self.recipe.batch, self.recipe.seed
        indices = order(len(self._samples), seed, epoch)[place * size : (place + 1) * size]
        mine = indices[self.rank :: self._workers]
        return self._samples.batch(mine, generator("augmentation", seed, step, self.rank))

    @contextmanager
    def _randomness(self, step: int) -> Iterator[None]:
        """Seed what the model draws itself, such as dropout, and leave the program's own randomness alone."""
        cards = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(cards):
            torch.manual_seed(generator("model", self.recipe.seed, step, self.rank).initial_seed())
            yield

    def _mean(self, loss: Tensor) -> float:
        """Return the mean over all processes, so that all of them stop where one of them has to."""
        value = loss.detach().float() / self._workers
        if self._workers > 1:
            distributed.all_reduce(value)
        return float(value)


def _set_modes(module: nn.Module) -> None:
    """Put a model into training mode, but for parts whose parameters are all frozen."""
    module.training = True
    for child in module.children():
        asked = [parameter.requires_grad for parameter in child.parameters()]
        if asked and not any(asked):
            child.eval()
        else:
            _set_modes(child)
