"""First-layer filters: what a network looks for in the pixels themselves {cite}`krizhevsky2012imagenet`."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite, near
from innerview.models.activations import device_of
from innerview.models.classifier import Classifier, NoLogits

Weights = Float[Tensor, "n 3 rows columns"]
"""One filter a row, over red, green and blue."""

Numbers = Float[Tensor, " n"]

FINENESS: Final = 128
"""Frequencies along each side on which a filter's spectrum is sought for its peak: steps of 1/128 cycles a pixel."""

GREY: Final = 0.1
"""Share of colour below which a filter counts as grey."""

ORDERS: Final = ("color", "hue", "frequency", "orientation")


@dataclass(frozen=True)
class Filters:
    """The filters of a network's first convolution; made by `first_filters`.

    Args:
        layer: Name of the convolution.
        weights: ``(n, 3, rows, columns)``, as the network holds them.
        stride: Pixels from position to position, down and across.
    """

    layer: str
    weights: Weights
    stride: tuple[int, int]


def first_filters(model: nn.Module, size: int = 224) -> Filters:
    """Return the filters of the convolution that reads the image.

    Args:
        model: Any network.
        size: Height and width of a grey image that is shown to find which convolution runs first.

    Raises:
        BadInput: no convolution runs, or the first one does not read all three colours with each filter.
    """
    prefix = "module." if isinstance(model, Classifier) else ""
    ran: list[tuple[str, nn.Conv2d]] = []

    def note(name: str, layer: nn.Conv2d) -> Callable[[nn.Module, Any], None]:
        return lambda _layer, _inputs: ran.append((name.removeprefix(prefix), layer))

    handles = [
        layer.register_forward_pre_hook(note(name, layer))
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d) and not isinstance(layer, torch.jit.ScriptModule)
    ]
    try:
        with torch.inference_mode(), suppress(NoLogits):
            model(torch.full((1, 3, size, size), 0.5, device=device_of(model)))
    finally:
        for handle in handles:
            handle.remove()
    if not ran:
        raise BadInput(f"no convolution of {type(model).__name__} runs, so it has no filters; take another network")
    name, layer = ran[0]
    weights = layer.weight.detach().cpu().float()
    if weights.shape[1] != 3:
        raise BadInput(
            f"the filters of layer {name!r} read {weights.shape[1]} channels, not three colours; take another network"
        )
    return Filters(name, weights, (layer.stride[0], layer.stride[1]))


@dataclass(frozen=True)
class Traits:
    """What filters are like, ``(n,)`` each; made by `traits`.

    Args:
        color: Share of the energy that is colour, not grey, in [0, 1].
        hue: Axis of the colour, in degrees in [0, 180): 0 is red against cyan, 90 yellow-green against violet.
        frequency: Of the peak of the spectrum, in cycles a pixel in [0, 0.71]; 0 is a blot.
        orientation: Of the stripes, in degrees in [0, 180), counted from level anticlockwise; of a blot it means
            nothing.
    """

    color: Numbers
    hue: Numbers
    frequency: Numbers
    orientation: Numbers

    @property
    def grey(self) -> Bool[Tensor, " n"]:
        """Whether each filter counts as grey: less than a tenth of its energy is colour."""
        return self.color < GREY

    def order(self, by: str) -> Int[Tensor, " n"]:
        """Return the filters' indices in ascending order of a trait.

        By hue, grey filters come first, by frequency: their hue means nothing.

        Raises:
            BadInput: no such trait.
        """
        if by not in ORDERS:
            raise BadInput(f"filters have no {by!r}{near(by, ORDERS)}; order them by {', '.join(ORDERS)}")
        if by != "hue":
            return getattr(self, by).argsort(stable=True)
        return torch.where(self.grey, self.frequency, 1 + self.hue).argsort(stable=True)


def traits(weights: Weights) -> Traits:
    r"""Measure colour, spatial frequency and orientation of filters.

    A filter $w$ is the sum of a grey one, the mean of its three colours, and the rest, its colour; the two are
    orthogonal, so their squares add up. Frequency and orientation are those of the peak of $\sum_c |\hat w_c|^2$.

    Args:
        weights: ``(n, 3, rows, columns)``.

    Raises:
        NotFinite: a weight is NaN or infinite.
    """
    if not torch.isfinite(weights).all():
        raise NotFinite("the filters hold weights that are NaN or infinite; check the network's file")
    weights = weights.double()
    energy = weights.square().sum((1, 2, 3)).clamp(min=1e-30)
    grey = weights.mean(1)
    color = 1 - 3 * grey.square().sum((1, 2)) / energy
    red, green, blue = weights.unbind(1)
    # Chroma as a complex number: red along the real axis, green and blue a third of a turn to either side. A filter's
    # colour has no sign, since it is for one end of its axis and against the other; squares forget the sign.
    chroma = torch.complex(red - (green + blue) / 2, (green - blue) * 0.75**0.5)
    hue = torch.rad2deg((chroma**2).sum((1, 2)).angle() / 2) % 180
    power = torch.fft.rfft2(weights, s=(FINENESS, FINENESS)).abs().square().sum(1)
    peak = power.flatten(1).argmax(1)
    down = torch.fft.fftfreq(FINENESS, dtype=torch.float64)[peak // power.shape[2]]
    right = torch.fft.rfftfreq(FINENESS, dtype=torch.float64)[peak % power.shape[2]]
    stripes = torch.rad2deg(torch.atan2(-down, right)) + 90  # rows count downwards, angles upwards
    found = (color.clamp(0, 1), hue, torch.hypot(down, right), stripes % 180)
    return Traits(*(one.float() for one in found))
