"""Small networks in float64 whose gradients are written down."""

import torch
from torch import nn

IMAGES = torch.rand(3, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
LABELS = ("fox", "cat", "dog", "red car")


class Flat(nn.Module):
    """Logits are a matrix times the pixels."""

    def __init__(self, classes=4, scale=1.0):
        super().__init__()
        self.flat = nn.Flatten()
        self.fc = nn.Linear(60, classes, bias=False)
        self.fc.weight.data = scale * torch.randn(classes, 60, generator=torch.Generator().manual_seed(0))
        self.labels = LABELS[:classes]

    def forward(self, images):
        return self.fc(self.flat(images))


class Curved(Flat):
    """The same behind a curve, so that the gradient differs from place to place."""

    def forward(self, images):
        return self.fc(self.flat(torch.sin(6 * images)))


def network(kind, **options):
    return kind(**options).double().eval().requires_grad_(False)
