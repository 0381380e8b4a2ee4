"""The training loop: everything that Innerview trains is trained here."""

import copy
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.core.store import fingerprint, read_tensors
from innerview.models.classifier import frozen
from innerview.training.checkpoints import Checkpoints, snapshot_path
from innerview.training.recipe import TrainingRecipe, optimizer_of
from innerview.training.run import Run
from innerview.training.samples import Samples
from innerview.training.steps import Loss, Steps, Validate


@dataclass(frozen=True)
class Training:
    """A finished training.

    Args:
        model: The trained copy: frozen, in evaluation mode.
        history: ``(steps,)``, the loss of each step's batch before the step.
        folder: Where the state, the log and the snapshots lie.
        measures: From the names of what the validation returned to ``(epochs,)``, the values after each epoch.
        skipped: How many of the samples' files could not be read by this process.
    """

    model: nn.Module
    history: Tensor
    folder: Path | None
    measures: Mapping[str, Tensor] = field(default_factory=dict)
    skipped: int = 0

    @property
    def seconds(self) -> float:
        """How long it took, all its parts together where it was stopped, as its log tells.

        Raises:
            BadInput: it has no folder, so no log, or a damaged one.
        """
        if self.folder is None:
            raise BadInput("a training without a folder writes no log; give it a folder")
        total = before = 0.0
        for number, line in enumerate((self.folder / "log.jsonl").read_bytes().splitlines(), 1):
            try:
                now = float(json.loads(line)["seconds"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise BadInput(
                    f"{self.folder / 'log.jsonl'}, line {number} is damaged; the time is not known"
                ) from error
            total += now - before if now >= before else now  # each part counts from 0
            before = now
        return round(total, 1)

    def snapshot(self, epoch: float) -> dict[str, Tensor]:
        """Return the weights that the model had after `epoch` epochs, for `load_state_dict`.

        Raises:
            BadInput: the recipe asked for no snapshot then, the training stopped before, or the file is damaged.
        """
        if self.folder is None or not snapshot_path(self.folder, epoch).exists():
            raise BadInput(f"there is no snapshot of epoch {epoch:g}; name it in the recipe's `snapshots`")
        return read_tensors(snapshot_path(self.folder, epoch))


def train(  # noqa: PLR0913  (what is trained, and how this machine does it; half of it is hardly ever given)
    model: nn.Module,
    samples: Samples,
    loss: Loss,
    recipe: TrainingRecipe,
    *,
    validate: Validate | None = None,
    folder: str | Path | None = None,
    progress: bool = False,
    checkpoint_seconds: float = 30.0,
    workers: int = 1,
) -> Training:
    """Train a copy of a model on the device where the model is.

    The batch of step k, its augmentations and the model's own randomness depend on the recipe's seed and on k alone. A
    training that was stopped, also by a kill, goes on from its last state when the same call is made again, and ends
    with the same bits on the same processor. Ctrl-C waits for the end of the step and saves it; a second one does not
    wait.

    On several GPUs, start the program with ``torchrun`` and make the process group first: each process then takes its
    share of every batch, and the first validates and writes the files.

    Files of the samples that cannot be read are skipped; one warning at the end names how many and the first.

    Args:
        model: Its parameters that ask for gradients are trained; parts without any stay in evaluation mode.
        samples: Such as `TensorSamples` or `ImageSamples`.
        loss: Called with the model and the batch's tensors; returns the batch's mean, which is minimised.
        recipe: How to train.
        validate: Called with the model in evaluation mode, without gradients, after every epoch; returns numbers by
            name, which are written to ``epochs.csv`` and may end the training, see `EarlyStop`.
        folder: For states, log and snapshots; None keeps nothing, which suits trainings of seconds.
        progress: Whether to show a bar.
        checkpoint_seconds: A state is saved this often, besides at every epoch's end.
        workers: Threads that read ahead, each one batch; 0 reads a batch when it is needed. The result is the same.

    Raises:
        BadInput: too few samples for a batch, nothing to train, an early stop without its measure, a batch of which
            nothing can be read, or a folder that holds another training.
        NotFinite: the loss, a weight or a measure became NaN or infinite; the last good state stays in the folder.
        OutputError: the folder cannot be written to.
    """
    folder = None if folder is None else Path(folder)
    _check(recipe, validate, folder, workers)
    identity = _identity(model, samples, loss, recipe, validate)
    model = copy.deepcopy(model)
    steps = Steps(model, samples, loss, recipe, optimizer_of(model, recipe))
    files = None if folder is None else Checkpoints(folder, identity, recipe)
    run = Run(steps, validate, files, checkpoint_seconds)
    run.go(workers, progress)
    measures = {name: torch.tensor(values, dtype=torch.float64) for name, values in run.record.measures.items()}
    history = torch.tensor(run.record.losses, dtype=torch.float64)
    return Training(frozen(model), history, folder, measures, _skipped(samples))


def _check(recipe: TrainingRecipe, validate: Validate | None, folder: Path | None, workers: int) -> None:
    if folder is None and recipe.snapshots:
        raise BadInput("snapshots are kept on disk; give the training a folder")
    if recipe.early_stop and validate is None:
        raise BadInput(f"early stop needs a validation that returns {recipe.early_stop.measure!r}; give `validate`")
    if workers < 0:
        raise BadInput(f"{workers} workers cannot read ahead; give 0 or more")


def _identity(model: nn.Module, samples: Samples, loss: Loss, recipe: TrainingRecipe, validate: Validate | None) -> str:
    """Return a fingerprint of all that is trained; of samples that do not tell theirs, that of the first few."""
    told = getattr(samples, "identity", None)
    content = told() if told else list(samples.batch(torch.arange(min(8, len(samples))), generator("identity")))
    return fingerprint(recipe, model, _name(loss), _name(validate), len(samples), content)


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


def _skipped(samples: Samples) -> int:
    """Return how many files could not be read, and warn if there are any."""
    skipped = getattr(samples, "skipped", ())
    if skipped:
        count = f"{len(skipped)} of {len(samples)}"
        warnings.warn(f"skipped {count} files that cannot be read; the first: {min(skipped)}", stacklevel=3)
    return len(skipped)
