"""A network so small that an exercise runs in milliseconds and its numbers can be followed by hand."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from innerview.core.seeds import generator


class SmallNetwork(nn.Sequential):
    """Two convolutions, the mean over all positions, and one linear layer: class activation maps exist for it.

    Its layers are ``conv1``, ``relu1``, ``pool1``, ``conv2``, ``relu2``, ``average``, ``flatten``,
    ``linear``.

    Args:
        classes: Number of logits.
        seed: Of its random weights.
        dtype: Of its weights and of the images that it takes.
    """

    def __init__(self, classes: int = 5, seed: int = 0, dtype: torch.dtype = torch.float64) -> None:
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(3, 4, 3, padding=1),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(4, 6, 3, padding=1),
                relu2=nn.ReLU(),
                average=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
                linear=nn.Linear(6, classes),
            )
        )
        for index, weights in enumerate(self.parameters()):
            weights.data = torch.randn(weights.shape, generator=generator(seed, index), dtype=dtype) * 0.5
        self.requires_grad_(False)
        self.eval()

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (the name that `nn.Sequential` gives it)
        return super().forward(2 * input - 1)


def small_network(seed: int = 0, classes: int = 5, dtype: torch.dtype = torch.float64) -> SmallNetwork:
    """Return a network with random weights: images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.

    Args:
        seed: Of the weights.
        classes: Number of logits.
        dtype: Of weights and images; double by default, so that results agree to many digits.
    """
    return SmallNetwork(classes, seed, dtype)


def random_images(
    seed: int = 0, count: int = 2, size: int | tuple[int, int] = 16, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Return images of independent uniform noise, ``(count, 3, h, w)`` in [0, 1].

    Args:
        seed: Of the noise.
        count: Number of images.
        size: Side in pixels, or height and width.
        dtype: Of the images.
    """
    height, width = (size, size) if isinstance(size, int) else size
    return torch.rand(count, 3, height, width, generator=generator(seed, "images"), dtype=dtype)
