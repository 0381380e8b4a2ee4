"""What the page makes: the papers' settings where they give any, and ours."""

from dataclasses import dataclass, field
from typing import Final

from innerview.synthesis import PlugAndPlayRecipe

GENERATORS: Final = {"vae": "Autoencoder", "gan": "GAN"}
"""Name of a generator that comes with Innerview -> what the page calls it."""


@dataclass(frozen=True)
class Config:
    """Settings; what no source is named for is ours."""

    model: str = "googlenet"  # Nguyen et al. 2016: CaffeNet
    other: str = "efficientnet_lite0"  # another network that judges the images
    layer: str = "pool5_7x7_s1"  # whose features tell how much images are like photographs

    # Both generators
    samples: int = 250  # images for the kernel distance
    shown: int = 7  # samples that a figure shows of each

    # Priors of feature visualisation, {cite}`nguyen2016synthesizing`
    inside: tuple[str, ...] = ("church", "parachute", "golf ball", "tench")  # among the ten classes of the photographs
    outside: tuple[str, ...] = ("flamingo", "volcano", "banana", "school bus")  # not among them
    size: int = 128  # pixels that the network sees; Nguyen et al.: 227
    steps: int = 100  # Nguyen et al.: 200
    learning_rate: float = 0.05  # of Adam, of codes and pixels alike
    bound: float = 2.5  # of a code; Nguyen et al., Sec. 3.2: three standard deviations of what the encoder gives

    # Sampling a class, {cite}`nguyen2017plug`
    plug: PlugAndPlayRecipe = field(default_factory=lambda: PlugAndPlayRecipe(steps=120))
    images: int = 3  # of each class

    # Patches, {cite}`wei2015intraclass`
    photographs: int = 200  # from which patches are cut
    patches: int = 4000
    side: int = 8  # pixels
    pull: float = 2.0  # weight of the penalty
