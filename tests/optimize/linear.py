"""A network whose activations are written down: what the tests of objectives compare with."""

import torch
from torch import nn

LABELS = ("Granny Smith", "four-poster", "red fox", "grey fox")


class Linear1x1(nn.Module):
    """``mixed`` puts out M x of each pixel x, ``fc`` the mean over positions of N M x: all in closed form.

    ``tokens`` puts out the same as ``mixed``, position after position, as a vision transformer does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mixed = nn.Conv2d(3, 5, 1, bias=False)
        self.tokens = Tokens()
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.flat = nn.Flatten()
        self.fc = nn.Linear(5, 4, bias=False)
        self.labels = LABELS

    def forward(self, images):
        return self.fc(self.flat(self.pool(self.tokens(self.mixed(images)).mT)))


class Tokens(nn.Module):
    """``(b, c, h, w)`` -> ``(b, h w, c)``."""

    def forward(self, maps):
        return maps.flatten(2).mT


def linear_network():
    torch.manual_seed(0)
    return Linear1x1().double().eval().requires_grad_(False)


MODEL = linear_network()
IMAGES = torch.rand(2, 3, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
MIXED = torch.einsum("cp,bphw->bchw", MODEL.mixed.weight[:, :, 0, 0], IMAGES)
LOGITS = MIXED.mean((2, 3)) @ MODEL.fc.weight.T


def batch(count, seed=2):
    return torch.rand(count, 3, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def mixed_of(images):
    """The activations of ``mixed``, written out."""
    return torch.einsum("cp,bphw->bchw", MODEL.mixed.weight[:, :, 0, 0], images)


def same(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def ascent_raises(objective, model, images, steps=40, rate=0.01):
    """Whether plain gradient ascent raises every image's objective."""
    leaf = images.clone().requires_grad_()
    optimizer = torch.optim.Adam([leaf], lr=rate, maximize=True)
    before = objective(model, images)
    for _ in range(steps):
        optimizer.zero_grad()
        objective(model, leaf).sum().backward()
        optimizer.step()
    return bool((objective(model, leaf.detach()) > before).all())
