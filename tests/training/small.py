"""Small networks and samples, with all that makes a training hard to repeat: batch statistics, dropout, crops."""

import json
import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import distributed, nn

from innerview.core.errors import BadInput
from innerview.training import (
    SGD,
    Adam,
    Cosine,
    EarlyStop,
    Flip,
    RandomCrop,
    TensorSamples,
    TrainingRecipe,
    accuracy,
    cross_entropy,
    train,
)

RECIPE = TrainingRecipe(epochs=4, batch=5, optimizer=Adam(0.01, weight_decay=0.1), schedule=Cosine(0.2), seed=3)
MOMENTUM = replace(RECIPE, optimizer=SGD(0.01, nesterov=True))
STEPS = 16
ENDING = replace(RECIPE, epochs=6, early_stop=EarlyStop("closeness", patience=2))
"""Ends after the fourth epoch: `Judge` finds the second the best."""

TOGETHER = replace(MOMENTUM, batch=6, early_stop=EarlyStop("closeness", patience=1))
WAIT = timedelta(minutes=2)


def small_network(seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(4 * 36, 3)
        )


def small_samples(seed: int = 0) -> TensorSamples:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (22, 3, 10, 10), generator=generator, dtype=torch.uint8)
    labels = images.float().mean((2, 3)).argmax(1)
    return TensorSamples((images, labels), (RandomCrop(8), Flip()))


def plain_network() -> nn.Sequential:
    """What two processes train as one does: without draws, and without statistics of a process's own share."""
    network = small_network()
    return nn.Sequential(network[0], network[2], network[4], network[5])


def plain_samples() -> TensorSamples:
    images, labels = small_samples().tensors
    return TensorSamples((images[..., :8, :8], labels))


def same(first, second):
    one, other = first.state_dict(), second.state_dict()
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def on_disk(folder):
    """What a training left, without the seconds of the log."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    tensors = {path.name: load_file(path) for path in sorted(folder.glob("*.safetensors"))}
    return [{**line, "seconds": 0} for line in lines], (folder / "epochs.csv").read_text(), tensors


def assert_same_files(folder, other):
    (log, epochs, tensors), (other_log, other_epochs, others) = on_disk(folder), on_disk(other)
    assert log == other_log
    assert epochs == other_epochs
    assert list(tensors) == list(others)
    for name, file in tensors.items():
        assert list(file) == list(others[name])
        assert all(torch.equal(tensor, others[name][key]) for key, tensor in file.items()), name


def interrupt():
    raise KeyboardInterrupt


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Stopping:
    """The loss, until it was called so many times."""

    def __init__(self, calls, end=interrupt):
        self.left, self.end = calls, end

    def __call__(self, model, images, labels):
        self.left -= 1
        if self.left < 0:
            self.end()
        return cross_entropy(model, images, labels)


class Judge:
    """A validation whose measure rises and falls: how near the weights are to a certain distance from their start.

    It can be called so many times. It draws random numbers, and checks that the model is ready to be judged.
    """

    def __init__(self, start, distance=0.016, calls=10**9, end=interrupt):
        self.start, self.distance = start[0].weight.detach().clone(), distance
        self.left, self.end = calls, end

    def __call__(self, model):
        self.left -= 1
        if self.left < 0:
            self.end()
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
        images, labels = plain_samples().tensors
        moved = float((model[0].weight - self.start).abs().mean())
        right = accuracy(model, images, labels)
        return {"right": right, "closeness": -abs(moved - self.distance), "chance": float(torch.rand(()))}


def be_killed(folder: str, steps: int, judgements: int) -> None:
    """Train for so many steps and validations, then die at once."""
    torch.set_num_threads(1)
    loss = Stopping(steps, die)
    judge = Judge(small_network(), calls=judgements, end=die)
    train(small_network(), small_samples(), loss, ENDING, validate=judge, folder=folder, checkpoint_seconds=0)


def finish(folder: str) -> None:
    """Train to the end, from wherever a training in this folder stopped."""
    torch.set_num_threads(1)
    judge = Judge(small_network())
    train(small_network(), small_samples(), Stopping(10**9), ENDING, validate=judge, folder=folder)


def take_part(rank: int, folder: str) -> None:
    """Be one of two processes that train together."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2, timeout=WAIT)
    judge = Judge(plain_network(), 0.0021, calls=9 if rank == 0 else 0)
    try:
        for name, kept in {"kept": Path(folder) / "training", "again": Path(folder) / "training", "not": None}.items():
            result = train(plain_network(), plain_samples(), cross_entropy, TOGETHER, validate=judge, folder=kept)
            found = {"model": result.model.state_dict(), "history": result.history, "measures": dict(result.measures)}
            torch.save(found, f"{folder}/{name}-{rank}.pt")
        Path(f"{folder}/calls-{rank}.txt").write_text(str(judge.left))
        try:
            train(plain_network(), plain_samples(), cross_entropy, RECIPE)
        except BadInput as error:
            Path(f"{folder}/{rank}.txt").write_text(str(error))
    finally:
        distributed.destroy_process_group()
