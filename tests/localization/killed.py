"""A training of ACoL that is killed in its second epoch, in a process of its own."""

import os
import signal

import torch
from torch import nn

from innerview.localization import PACES, Acol, AcolHeads, acol_loss, composites
from innerview.training import SGD, TensorSamples, Training, TrainingRecipe, train

RECIPE = TrainingRecipe(epochs=3, batch=6, optimizer=SGD(1e-3, nesterov=True, weight_decay=5e-4), groups=PACES, seed=2)
PER_EPOCH = 5


def network() -> Acol:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        backbone = nn.Sequential(nn.Conv2d(3, 6, 5, stride=4), nn.BatchNorm2d(6), nn.ReLU())
    return Acol(backbone, AcolHeads(6, 3, width=5))


def samples() -> TensorSamples:
    made = composites(30, size=32, classes=3)
    return TensorSamples((made.images, made.labels))


def finish(folder: str | None) -> Training:
    """Train to the end, from wherever a training in this folder stopped."""
    torch.set_num_threads(1)
    return train(network(), samples(), acol_loss, RECIPE, folder=folder)


def be_killed(folder: str) -> None:
    """Train until the third step of the second epoch, then die at once."""
    left = iter(range(PER_EPOCH + 2))

    def dying(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return acol_loss(model, inputs, labels)

    dying.__qualname__ = acol_loss.__qualname__
    torch.set_num_threads(1)
    train(network(), samples(), dying, RECIPE, folder=folder)
