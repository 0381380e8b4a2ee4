"""A small network with drawn weights that tells how deep it ran, and pictures for it."""

import torch
from torch import nn

from innerview.models.classifier import frozen


class Refusing(nn.Module):
    """A layer that must never run."""

    def forward(self, _):
        raise AssertionError("the network ran deeper than any layer that was asked for")


def network(dtype=torch.float32, *, smooth=False):
    """Two convolutions with pooling between them: `conv1`, `relu1`, `pool1`, `conv2`, `relu2`, and `never`.

    A smooth one has softplus for rectification, so that second derivatives exist and descents converge fast.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(4)
        model = nn.Sequential()
        for number, (inputs, outputs) in enumerate(((3, 4), (4, 6)), start=1):
            model.add_module(f"conv{number}", nn.Conv2d(inputs, outputs, 3, padding=1))
            model.add_module(f"relu{number}", nn.Softplus() if smooth else nn.ReLU())
            if number == 1:
                model.add_module("pool1", nn.AvgPool2d(2))
        model.add_module("never", Refusing())
    return frozen(model.to(dtype))


def pictures(count=1, size=(12, 12), seed=0, dtype=torch.float32):
    """Noise in [0, 1]."""
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed)).to(dtype)
