"""What a training leaves in its folder, so that it goes on after it was stopped.

========================  ==================================================================================
``training.json``         what is trained: the recipe, and a fingerprint of all that the result depends on
``state.safetensors``     the last good state: weights, the optimiser's averages, losses and measures so far
``log.jsonl``             one line a step: step, epoch, loss, learning rate, seconds since the start
``epochs.csv``            one line an epoch: its number, the mean loss of its steps, the measures after it
``best.safetensors``      the weights of the best epoch, where an early stop asks for them
``epoch-N.safetensors``   snapshots of the weights
========================  ==================================================================================
"""

import csv
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite, OutputError
from innerview.core.files import check_writable, read_json, write_json, written_whole
from innerview.core.store import Store, read_tensors
from innerview.training.recipe import TrainingRecipe
from innerview.training.record import RESERVED, Record

WEIGHTS = "model."
OPTIMIZER = "optimizer."
MEASURES = "measures."
LOSSES = "losses"
PARTS = (WEIGHTS, OPTIMIZER, MEASURES)


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
        self._best = folder / "best.safetensors"
        self._log = folder / "log.jsonl"
        self._lines: list[str] = []  # not yet written
        self._start = self._saved = time.perf_counter()
        check_writable(self._state)
        told = folder / "training.json"
        if not told.exists():
            write_json(told, {"identity": identity, "recipe": repr(recipe)})
        elif read_json(told, dict).get("identity") != identity:
            raise BadInput(
                f"{folder} holds another training (its recipe, starting weights, samples, loss or validation differ); "
                "choose another folder or remove it"
            )

    def resume(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> Record:
        """Put the last state into the model and the optimiser; return what came before, nothing if there is no state.

        Raises:
            BadInput: the state is that of another network.
        """
        state = self._store.load(self._state)
        record = Record()
        if state is not None:
            _fill(model, _below(state, WEIGHTS), self._state)
            restore(optimizer, _below(state, OPTIMIZER))
            measures = sorted(_below(state, MEASURES).items())
            record = Record(state[LOSSES].tolist(), {name: values.tolist() for name, values in measures})
        with self._log_open("a+b") as file:  # steps after the state are done, and written down, once more
            file.seek(0)
            for _ in record.losses:
                file.readline()
            file.truncate(file.tell())
        return record

    def note(self, step: int, epoch: float, loss: float, learning_rate: float) -> None:
        """Write the step's line into the log at the next save."""
        seconds = time.perf_counter() - self._start
        entry = {"step": step, "epoch": epoch, "loss": loss, "learning_rate": learning_rate, "seconds": seconds}
        self._lines.append(json.dumps({name: float(f"{value:.6g}") for name, value in entry.items()}) + "\n")

    def due(self, seconds: float) -> bool:
        """Return whether the last save was this long ago."""
        return time.perf_counter() - self._saved >= seconds

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, record: Record) -> None:
        """Write the log and the state.

        Raises:
            NotFinite: a weight is NaN or infinite; the state on disk stays the last good one.
            OutputError: there is no space or no permission.
        """
        check_finite(model, len(record.losses))
        with self._log_open("ab") as file:
            file.writelines(line.encode() for line in self._lines)
        self._lines.clear()
        state = {f"{WEIGHTS}{name}": tensor for name, tensor in model.state_dict().items()}
        state |= {f"{OPTIMIZER}{name}": tensor for name, tensor in flattened(optimizer).items()}
        told = {LOSSES: record.losses} | {f"{MEASURES}{name}": values for name, values in record.measures.items()}
        state |= {name: torch.tensor(values, dtype=torch.float64) for name, values in told.items()}
        self._store.save(self._state, state)
        self._saved = time.perf_counter()

    @contextmanager
    def _log_open(self, mode: str) -> Iterator[IO[bytes]]:
        try:
            with self._log.open(mode) as file:
                yield file
        except OSError as error:
            why = error.strerror or error
            raise OutputError(f"cannot write {self._log}: {why}; free space or choose another place") from error

    def write_epochs(self, record: Record, per_epoch: int) -> None:
        """Write ``epochs.csv`` anew, so that it never holds an epoch that the state does not."""
        with (
            written_whole(self._folder / "epochs.csv") as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*RESERVED, *record.measures])
            writer.writerows(record.rows(per_epoch))

    def snapshot(self, model: nn.Module, epoch: float, step: int) -> None:
        """Keep the weights after `step` steps as those of `epoch`; raises as `save` does."""
        check_finite(model, step)
        self._store.save(snapshot_path(self._folder, epoch), model.state_dict())

    def save_best(self, model: nn.Module) -> None:
        """Keep the weights as those of the best epoch."""
        self._store.save(self._best, model.state_dict())

    def load_best(self, model: nn.Module) -> None:
        """Put the weights of the best epoch into the model; raises as `load_weights` does."""
        load_weights(model, self._best)


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Fill a model with weights that a training left.

    Args:
        model: Of the architecture that was trained; changed in place, on the device where it is.
        path: ``state.safetensors``, ``best.safetensors`` or ``epoch-N.safetensors``.

    Raises:
        BadInput: no such file, a damaged one, or weights of another network; the model is as it was.
    """
    tensors = read_tensors(path)
    _fill(model, _below(tensors, WEIGHTS) if _is_state(tensors) else tensors, path)


def _is_state(tensors: Mapping[str, Tensor]) -> bool:
    return LOSSES in tensors and all(name == LOSSES or name.startswith(PARTS) for name in tensors)


def _fill(model: nn.Module, weights: Mapping[str, Tensor], path: str | Path) -> None:
    other = f"{path} holds weights of another network: "
    own = model.state_dict()
    for name, tensor in own.items():
        if name not in weights:
            raise BadInput(f"{other}{name} is missing")
        if weights[name].shape != tensor.shape:
            raise BadInput(f"{other}{name} is {tuple(weights[name].shape)}, this one has {tuple(tensor.shape)}")
    for name in sorted(set(weights) - set(own)):
        raise BadInput(f"{other}this one has no {name}")
    model.load_state_dict(weights)


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
