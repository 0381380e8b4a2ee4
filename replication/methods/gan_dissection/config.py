"""What the page makes: the paper's settings where it gives any, and ours."""

from dataclasses import dataclass
from typing import Final

LAYERS: Final = ("start", "block8", "block16", "block32", "block64")


@dataclass(frozen=True)
class Config:
    """Settings; what no source is named for is ours."""

    generator: str = "gan"  # Bau et al.: a progressive GAN of 256 pixels
    model: str = "googlenet"  # its features tell how real images look
    feature_layer: str = "pool5_7x7_s1"
    images: int = 400  # that are dissected; Bau et al.: 10000
    tried: int = 100  # images, others than these, on which units are switched
    layers: tuple[str, ...] = LAYERS
    layer: str = "block16"  # whose units are switched; Bau et al., Sec. 4.2: those of a middle layer
    quantile: float = 0.05  # share of the positions at which a unit is on
    switched: int = 8  # units that are switched together; Bau et al., Sec. 3.2: 20 of 512
    draws: int = 5  # random choices of as many units, to compare with
    shown: int = 6  # images in a row of a figure
    units: int = 6  # units that a figure shows
