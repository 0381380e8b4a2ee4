"""Images from a small network of the pixel's place {cite}`mordvintsev2018differentiable`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from innerview.core.types import Images, ResizedImages
from innerview.optimize.parameterizations import noise


@dataclass(frozen=True)
class CPPN:
    r"""A compositional pattern producing network: each pixel's colour is a function of its coordinates.

    After each hidden layer both parts of $[\arctan(x)/0.67,\ \arctan(x)^2/0.6]$ go on, so that twice as many numbers
    of about unit size come out. The last layer starts at zero: every image starts grey.

    Shapes come out large and smooth. A learning rate of 0.003 and some hundred steps do well; 0.01 sends large areas to
    single colours, 0.02 whole images.

    Args:
        hidden: Units a layer.
        layers: Hidden layers; a last one makes the colours.
    """

    hidden: int = 24
    layers: int = 8

    def start(self, seeds: Sequence[int], size: tuple[int, int]) -> nn.Module:
        """See `innerview.optimize.parameterizations.Parameterization`."""
        wide = 2 * self.hidden  # of the activation
        shapes = [(self.hidden, wide if layer else 2) for layer in range(self.layers)]
        weights = [noise(seeds, shape, f"weight {i}") / shape[1] ** 0.5 for i, shape in enumerate(shapes)]
        biases = [noise(seeds, (self.hidden, 1), f"bias {i}") * 0.1 for i in range(self.layers)]
        weights.append(torch.zeros(len(seeds), 3, wide if self.layers else 2))
        biases.append(torch.zeros(len(seeds), 3, 1))
        return CPPNImages(weights, biases, size)


class CPPNImages(nn.Module):
    """Images from the weights ``(b, out, in)`` and biases ``(b, out, 1)`` of the layers of b networks."""

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], size: tuple[int, int]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(biases)
        self.size = size

    def forward(self) -> Images:
        return self.render(self.size)

    def render(self, size: tuple[int, int]) -> ResizedImages:
        """Return the images at any size: a function of the place has no resolution of its own."""
        values = _coordinates(size).to(self.weights[0]).expand(len(self.weights[0]), -1, -1)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.baddbmm(bias, weight, _composite(values) if layer else values)
        return torch.sigmoid(values).reshape(-1, 3, *size)


def _composite(values: Tensor) -> Tensor:
    angle = torch.atan(values)
    return torch.cat([angle / 0.67, angle.square() / 0.6], 1)  # over the root mean squares for normal input


def _coordinates(size: tuple[int, int]) -> Tensor:
    """Return x and y of every pixel, ``(2, h * w)``; the longer side goes from -sqrt(3) to sqrt(3): deviation one."""
    reach = [3**0.5 * side / max(size) for side in size]
    rows, columns = (torch.linspace(-end, end, side) for end, side in zip(reach, size, strict=True))
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y]).flatten(1)
