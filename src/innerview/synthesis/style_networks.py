r"""Networks that give an image a style in one pass {cite}`johnson2016perceptual`, one style or many.

The architecture is Johnson's, with two later changes. Images grow by nearest-neighbour enlargement and a convolution
{cite}`dumoulin2017learned` instead of by fractionally strided convolutions, which leave chequerboards. All padding is
by reflection, so no border shows, and any size of at least 16 pixels a side goes in.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput, near
from innerview.core.images import check_images
from innerview.core.types import Images

Normalization = Literal["batch", "instance", "conditional"]
Mixture = Float[Tensor, "b styles"] | Float[Tensor, " styles"]
"""How much of each style every image gets, or all images; sums to 1."""

Features = Float[Tensor, "b c h w"]
NewFeatures = Float[Tensor, "b C H W"]

Style = str | int | Mapping[str, float]
"""A style by name or index, or several by name with the weight of each."""

SMALLEST: Final = 16
EPSILON: Final = 1e-5
"""Added to a variance before its root is taken."""


@dataclass(frozen=True)
class StyleArchitecture:
    """What a `StyleNetwork` is made of.

    Args:
        width: Channels after the first convolution; twice and four times as many after the next two.
        blocks: Residual ones.
        normalization: ``batch`` as in {cite}`johnson2016perceptual`, ``instance`` {cite}`ulyanov2016instance`, or
            ``conditional``: instance normalization with a scale and a shift of its own for each style
            {cite}`dumoulin2017learned`.
        styles: Their names; several only where normalization is conditional.

    Raises:
        BadInput: something that cannot be built.
    """

    width: int = 32
    blocks: int = 5
    normalization: Normalization = "instance"
    styles: tuple[str, ...] = ("style",)

    def __post_init__(self) -> None:
        if self.width < 1 or self.blocks < 0:
            raise BadInput(f"a style network has 1 or more channels and 0 or more blocks, not {self}")
        if self.normalization not in get_args(Normalization):
            known = ", ".join(get_args(Normalization))
            raise BadInput(f"a style network normalizes by one of {known}, not {self.normalization!r}")
        if not self.styles or len(set(self.styles)) != len(self.styles) or "" in self.styles:
            raise BadInput(f"name one or more styles, each once, not {list(self.styles)}")
        if len(self.styles) > 1 and self.normalization != "conditional":
            raise BadInput(
                f"{len(self.styles)} styles need normalization='conditional'; {self.normalization!r} holds one"
            )


class InstanceNorm(nn.Module):
    r"""Normalise each channel of each image by itself {cite}`ulyanov2016instance`, then scale and shift by style.

    $$z = \gamma_s \frac{x - \mu}{\sigma} + \beta_s$$ (Eq. 5 of {cite}`dumoulin2017learned`)

    where mean and deviation are taken over the positions. A mixture of styles has the mixture of their $\gamma$ and
    $\beta$.

    Args:
        channels: Of what comes in.
        styles: How many; with one this is plain instance normalization.
    """

    def __init__(self, channels: int, styles: int = 1) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(styles, channels))
        self.beta = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Features, mixture: Float[Tensor, "b styles"]) -> NewFeatures:
        # Sums of products rather than a matrix product, which mixed precision would round.
        gamma, beta = ((mixture[:, :, None] * values).sum(1) for values in (self.gamma, self.beta))
        each = x.reshape(1, -1, *x.shape[2:])  # a channel of an image is a channel of one batch: fused, and one pass
        normal = F.batch_norm(each, None, None, gamma.flatten(), beta.flatten(), training=True, eps=EPSILON)
        return normal.reshape(x.shape)


class BatchNorm(nn.Module):
    """Batch normalization, which knows no style: mean and deviation are taken over the batch too."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Features, mixture: Float[Tensor, "b styles"]) -> NewFeatures:  # noqa: ARG002
        return self.norm(x)


class Convolution(nn.Module):
    """A convolution padded by reflection, then normalization, and a ReLU or not.

    Args:
        shape: Channels in and out.
        architecture: Says how it normalises.
        size: Of the kernel.
        stride: Above 1 the image shrinks.
        enlarge: Whether the image is first doubled.
        relu: Whether negative values become 0.
        normalized: Whether there is normalization; else there is a bias.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        architecture: StyleArchitecture,
        *,
        size: int = 3,
        stride: int = 1,
        enlarge: bool = False,
        relu: bool = True,
        normalized: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            *shape, size, stride, padding=size // 2, padding_mode="reflect", bias=not normalized
        )  # normalization would take a bias away
        self.norm = _normalization(shape[1], architecture) if normalized else None
        self.enlarge, self.relu = enlarge, relu

    def forward(self, x: Features, mixture: Float[Tensor, "b styles"]) -> NewFeatures:
        x = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest") if self.enlarge else x)
        x = x if self.norm is None else self.norm(x, mixture)
        return F.relu(x) if self.relu else x


class Block(nn.Module):
    """A residual block: two convolutions whose result is added to what came in; no ReLU after the sum."""

    def __init__(self, channels: int, architecture: StyleArchitecture) -> None:
        super().__init__()
        self.first = Convolution((channels, channels), architecture)
        self.second = Convolution((channels, channels), architecture, relu=False)

    def forward(self, x: Features, mixture: Float[Tensor, "b styles"]) -> NewFeatures:
        return x + self.second(self.first(x, mixture), mixture)


class StyleNetwork(nn.Module):
    """Images to images of a style, both ``(b, 3, h, w)`` in [0, 1] {cite}`johnson2016perceptual`.

    The last layer is a tanh scaled to the range of pixels, as in the paper; scaled to [0, 1] it is a sigmoid. Before it
    stands normalization where this is conditional {cite}`dumoulin2017learned`, else none {cite}`johnson2016perceptual`.

    Args:
        architecture: What it is made of.
        trained: How the weights came about, by name; empty for a new network.
    """

    def __init__(self, architecture: StyleArchitecture, trained: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.architecture, self.trained = architecture, dict(trained or {})
        one, two, four = (factor * architecture.width for factor in (1, 2, 4))
        last = architecture.normalization == "conditional"
        self.layers = nn.ModuleList([
            Convolution((3, one), architecture, size=9),
            Convolution((one, two), architecture, stride=2),
            Convolution((two, four), architecture, stride=2),
            *(Block(four, architecture) for _ in range(architecture.blocks)),
            Convolution((four, two), architecture, enlarge=True),
            Convolution((two, one), architecture, enlarge=True),
            Convolution((one, 3), architecture, size=9, relu=False, normalized=last),
        ])  # fmt: skip

    def forward(self, images: Images, mixture: Mixture | None = None) -> Images:
        """Return the images in a style.

        Args:
            images: At least 16 pixels a side.
            mixture: Weights of the styles that sum to 1, the same for all images or for each its own; not needed where
                there is one style.

        Raises:
            BadInput: images too small, or no weight for each style.
        """
        height, width = images.shape[-2:]
        if min(height, width) < SMALLEST:
            raise BadInput(f"images of {height}x{width} pixels are too small for a style; enlarge them to {SMALLEST}")
        weights = self._weights(images, mixture)
        x = F.pad(images, (0, -width % 4, 0, -height % 4), mode="reflect")  # what is halved twice comes back as it was
        for layer in self.layers:
            x = layer(x, weights)
        return torch.sigmoid(x[..., :height, :width].to(images.dtype))

    def _weights(self, images: Images, mixture: Mixture | None) -> Float[Tensor, "b styles"]:
        count, names = len(images), self.architecture.styles
        if mixture is None and len(names) > 1:
            raise BadInput(f"say which style: the network has {', '.join(names)}")
        given = images.new_ones(1) if mixture is None else mixture.to(images)
        weights = given.expand(count, -1) if given.ndim == 1 else given
        if weights.shape != (count, len(names)):
            raise BadInput(f"a mixture holds a weight for each of {len(names)} styles, not {tuple(given.shape)}")
        return weights


def stylize(network: StyleNetwork, images: Images, style: Style | None = None) -> Images:
    """Give images a style, or a mixture of styles {cite}`dumoulin2017learned`.

    Args:
        network: Used in evaluation mode, whatever its mode is.
        images: ``(b, 3, h, w)`` in [0, 1], at least 16 pixels a side.
        style: By name or index, or names with weights that are scaled to sum to 1: ``{"starry_night": 1, "pebbles":
            1}`` lies halfway. None where the network has one style.

    Returns:
        ``(b, 3, h, w)`` in [0, 1], without a graph, on the network's device.

    Raises:
        BadInput: no such style, weights that cannot be, or images that are none or too small.
        NotFinite: a pixel is NaN or infinite.
    """
    check_images(images)
    mixture = None if style is None else style_weights(network.architecture.styles, style)
    first = next(network.parameters())
    was = network.training
    network.eval()
    try:
        with torch.no_grad():
            return network(images.to(first), None if mixture is None else mixture.to(first))
    finally:
        network.train(was)


def style_weights(names: tuple[str, ...], style: Style) -> Float[Tensor, " styles"]:
    """Return the weight of each style, which sum to 1.

    Args:
        names: Of all styles.
        style: See `stylize`.

    Raises:
        BadInput: no such style, or weights that are negative, not finite or all 0.
    """
    given: Mapping[str, float]
    if isinstance(style, int):
        if not 0 <= style < len(names):
            raise BadInput(f"there is no style {style}; the network has {len(names)}, counted from 0")
        given = {names[style]: 1.0}
    else:
        given = {style: 1.0} if isinstance(style, str) else style
    for name, weight in given.items():
        if name not in names:
            raise BadInput(f"the network has no style {name!r}{near(name, names) or '; it has ' + ', '.join(names)}")
        if not 0 <= weight < math.inf:
            raise BadInput(f"the weight of style {name} is at least 0, not {weight}")
    total = sum(given.values())
    if not total > 0:
        raise BadInput("the weights of the styles are all 0; give one above 0")
    return torch.tensor([given.get(name, 0.0) / total for name in names])


def _normalization(channels: int, architecture: StyleArchitecture) -> nn.Module:
    if architecture.normalization == "batch":
        return BatchNorm(channels)
    return InstanceNorm(channels, len(architecture.styles))
