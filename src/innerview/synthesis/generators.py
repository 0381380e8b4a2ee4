"""Small generators, from codes to images of 64 pixels: a variational autoencoder, a generative adversarial network.

They are meant as learned priors {cite}`nguyen2016synthesizing` and for being dissected themselves
{cite}`bau2019gan`, and small enough to be trained on a processor in about an hour.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import Images

SIZE = 64
"""Height and width of what generators make, in pixels."""

Codes = Float[Tensor, "b code"]
"""What a generator makes images of; standard normal while it is trained."""


@dataclass(frozen=True)
class GeneratorArchitecture:
    """Sizes of a generator.

    Args:
        code: Numbers in a code.
        widths: Channels at 4, 8, 16, 32 and 64 pixels.
    """

    code: int = 64
    widths: tuple[int, int, int, int, int] = (256, 128, 64, 32, 16)

    def __post_init__(self) -> None:
        if self.code < 1 or len(self.widths) != 5 or min(self.widths) < 1:
            raise BadInput(f"a generator has a code and five widths of 1 or more, not {self.code} and {self.widths}")


class Block(nn.Module):
    """Twice the height and width: nearest neighbours, a 3x3 convolution, batch normalization, ReLU.

    Enlarging before an ordinary convolution leaves no checkerboard {cite}`odena2016checkerboard`.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.normalization = nn.BatchNorm2d(width)

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b width H W"]:
        enlarged = F.interpolate(maps, scale_factor=2, mode="nearest")
        return F.relu(self.normalization(self.convolution(enlarged)))


class Generator(nn.Module):
    """From codes to images.

    Its layers are `start` (4 pixels), `block8`, `block16`, `block32`, `block64`, all behind their ReLU, and `colors`.

    Args:
        architecture: Its sizes.
    """

    def __init__(self, architecture: GeneratorArchitecture | None = None) -> None:
        super().__init__()
        self.architecture = architecture or GeneratorArchitecture()
        first, *widths = self.architecture.widths
        self.start = nn.Sequential(
            nn.Linear(self.architecture.code, first * 16, bias=False),
            nn.Unflatten(1, (first, 4, 4)),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        )
        channels = first
        for pixels, width in zip((8, 16, 32, 64), widths, strict=True):
            self.add_module(f"block{pixels}", Block(channels, width))
            channels = width
        self.colors = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, codes: Codes) -> Images:
        """Return images ``(b, 3, 64, 64)`` in [0, 1].

        Raises:
            BadInput: codes of another length.
        """
        if codes.ndim != 2 or codes.shape[1] != self.architecture.code:
            shape = tuple(codes.shape)
            raise BadInput(f"this generator takes codes of shape (b, {self.architecture.code}), not {shape}")
        maps = codes
        for layer in self.children():
            maps = layer(maps)
        return torch.sigmoid(maps)

    def sample(self, count: int, seed: int = 0) -> Codes:
        """Return `count` standard normal codes on the generator's device."""
        drawn = torch.randn(count, self.architecture.code, generator=torch.Generator().manual_seed(seed % 2**64))
        return drawn.to(self.colors.weight)


class Encoder(nn.Module):
    """From images of 64 pixels to a normal distribution of codes each: its mean and the logarithm of its variance."""

    def __init__(self, architecture: GeneratorArchitecture | None = None) -> None:
        super().__init__()
        self.architecture = architecture or GeneratorArchitecture()
        layers: list[nn.Module] = []
        channels = 3
        for width in self.architecture.widths[:0:-1]:
            layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.distribution = nn.Linear(16 * channels, 2 * self.architecture.code)

    def forward(self, images: Images) -> tuple[Codes, Codes]:
        """Return means and log-variances."""
        if images.shape[1:] != (3, SIZE, SIZE):
            raise BadInput(f"images to encode have {SIZE}x{SIZE} pixels, not {tuple(images.shape)}; resize them")
        mean, log_variance = self.distribution(self.layers(images)).chunk(2, 1)
        return mean, log_variance.clamp(-8, 8)


class VariationalAutoencoder(nn.Module):
    """An encoder and the generator that decodes {cite}`kingma2014vae`."""

    def __init__(self, architecture: GeneratorArchitecture | None = None) -> None:
        super().__init__()
        self.encoder = Encoder(architecture)
        self.generator = Generator(architecture)

    def forward(self, images: Images) -> Images:
        """Return what is left of images when they go through the means of their codes."""
        return self.generator(self.encoder(images)[0])
