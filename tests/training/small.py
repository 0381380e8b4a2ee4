"""Small networks and samples, with all that makes a training hard to repeat: batch statistics, dropout, crops."""

import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed, nn

from innerview.core.errors import BadInput
from innerview.training import SGD, Adam, Cosine, Flip, RandomCrop, TensorSamples, TrainingRecipe, cross_entropy, train

RECIPE = TrainingRecipe(epochs=4, batch=5, optimizer=Adam(0.01, weight_decay=0.1), schedule=Cosine(0.2), seed=3)
MOMENTUM = replace(RECIPE, optimizer=SGD(0.01, nesterov=True))
TOGETHER = replace(MOMENTUM, batch=6)
STEPS = 16
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


def be_killed(folder: str) -> None:
    """Train until the tenth step, then die at once."""
    calls = iter(range(9))

    def dying(model, images, labels):
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return cross_entropy(model, images, labels)

    dying.__qualname__ = cross_entropy.__qualname__
    torch.set_num_threads(1)
    train(small_network(), small_samples(), dying, RECIPE, folder=folder, checkpoint_seconds=0)


def finish(folder: str) -> None:
    """Train to the end, from wherever a training in this folder stopped."""
    torch.set_num_threads(1)
    train(small_network(), small_samples(), cross_entropy, RECIPE, folder=folder)


def take_part(rank: int, folder: str) -> None:
    """Be one of two processes that train together."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2, timeout=WAIT)
    try:
        result = train(plain_network(), plain_samples(), cross_entropy, TOGETHER, folder=Path(folder) / "training")
        torch.save({"model": result.model.state_dict(), "history": result.history}, f"{folder}/{rank}.pt")
        try:
            train(plain_network(), plain_samples(), cross_entropy, RECIPE)
        except BadInput as error:
            Path(f"{folder}/{rank}.txt").write_text(str(error))
    finally:
        distributed.destroy_process_group()
