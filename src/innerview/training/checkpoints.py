"""What a training leaves in its folder, so that it goes on after it was stopped.

========================  ==================================================================================
``training.json``         what is trained: the recipe, and a fingerprint of all that the result depends on
``state.safetensors``     the last good state: weights, the optimiser's averages, the losses so far
``log.jsonl``             one line a step: step, epoch, loss, learning rate, seconds since the start
``epoch-N.safetensors``   snapshots of the weights
========================  ==================================================================================
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite, OutputError
from innerview.core.files import check_writable, read_json, write_json
from innerview.core.store import Store
from innerview.training.recipe import TrainingRecipe

WEIGHTS = "model."
OPTIMIZER = "optimizer."


class Checkpoints:
    """The files of one training.

    Args:
        folder: Where they lie; made if it is missing.
        identity: Fingerprint of all that the training's result depends on.
        recipe: Written down for people.

    Raises:
        BadInput: the folder holds another training.
        OutputError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, identity: str, recipe: TrainingRecipe) -> None:
        self._folder = folder
        self._store = Store(folder)
        self._state = folder / "state.safetensors"
        self._log = folder / "log.jsonl"
        self._lines: list[str] = []  # not yet written
        self._start = self._saved = time.perf_counter()
        check_writable(self._state)
        told = folder / "training.json"
        if not told.exists():
            write_json(told, {"identity": identity, "recipe": repr(recipe)})
        elif read_json(told).get("identity") != identity:
            raise BadInput(
                f"{folder} holds another training (its recipe, starting weights, samples or loss differ); "
                "choose another folder or remove it"
            )

    def resume(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
        """Put the last state into the model and the optimiser; return the losses so far, none if there is no state."""
        state = self._store.load(self._state)
        losses = [] if state is None else state["losses"].tolist()
        if state is not None:
            model.load_state_dict(_below(state, WEIGHTS))
            restore(optimizer, _below(state, OPTIMIZER))
        with self._log_open("a+") as file:  # steps after the state are done, and written down, once more
            file.seek(0)
            for _ in losses:
                file.readline()
            file.truncate(file.tell())
        return losses

    def note(self, step: int, epoch: float, loss: float, learning_rate: float) -> None:
        """Write the step's line into the log at the next save."""
        seconds = time.perf_counter() - self._start
        entry = {"step": step, "epoch": epoch, "loss": loss, "learning_rate": learning_rate, "seconds": seconds}
        self._lines.append(json.dumps({name: float(f"{value:.6g}") for name, value in entry.items()}) + "\n")

    def due(self, seconds: float) -> bool:
        """Return whether the last save was this long ago."""
        return time.perf_counter() - self._saved >= seconds

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, losses: list[float]) -> None:
        """Write the log and the state.

        Raises:
            NotFinite: a weight is NaN or infinite; the state on disk stays the last good one.
            OutputError: there is no space or no permission.
        """
        check_finite(model, len(losses))
        with self._log_open("a") as file:
            file.writelines(self._lines)
        self._lines.clear()
        state = {f"{WEIGHTS}{name}": tensor for name, tensor in model.state_dict().items()}
        state |= {f"{OPTIMIZER}{name}": tensor for name, tensor in flattened(optimizer).items()}
        self._store.save(self._state, state | {"losses": torch.tensor(losses, dtype=torch.float64)})
        self._saved = time.perf_counter()

    @contextmanager
    def _log_open(self, mode: str) -> Iterator[IO[str]]:
        try:
            with self._log.open(mode, encoding="utf-8") as file:
                yield file
        except OSError as error:
            why = error.strerror or error
            raise OutputError(f"cannot write {self._log}: {why}; free space or choose another place") from error

    def snapshot(self, model: nn.Module, epoch: float, step: int) -> None:
        """Keep the weights after `step` steps as those of `epoch`; raises as `save` does."""
        check_finite(model, step)
        self._store.save(snapshot_path(self._folder, epoch), model.state_dict())


def snapshot_path(folder: Path, epoch: float) -> Path:
    """Return where the weights of `epoch` lie."""
    return folder / f"epoch-{epoch:g}.safetensors"


def check_finite(model: nn.Module, steps: int) -> None:
    """Raise `NotFinite` if a weight is NaN or infinite after this many steps."""
    for name, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise NotFinite(f"{name} is NaN or infinite after {steps} steps; lower the learning rate")


def flattened(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the tensors that an optimiser remembers, as ``INDEX.NAME`` -> tensor."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, entries in state.items()
        for name, value in entries.items()
        if value is not None
    }


def restore(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser back what `flattened` took from it."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
