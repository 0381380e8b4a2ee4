"""What the replication runs: the article's numbers, and the units of our network that show what its units showed.

The article's indices belong to Google's InceptionV1. Ours is BVLC GoogLeNet, trained apart from it: channel 97 of
`inception_4a` is another one here. Our units were found on sheets of all channels
(``innerview visualize googlenet sprites:inception_4a``) and by the photographs that excite them.
"""

from dataclasses import dataclass
from typing import NamedTuple

from innerview.optimize import ARTICLE, Transform


class Unit(NamedTuple):
    """A channel of a layer."""

    layer: str
    channel: int

    def __str__(self) -> str:
        return f"{self.layer.removeprefix('inception_')}:{self.channel}"


@dataclass(frozen=True)
class Config:
    """Settings of all studies; the defaults are the article's where it names them."""

    model: str = "googlenet"
    steps: int = 2560  # "The Enemies of Feature Visualization", appendix on methods
    size: int = 224  # pixels
    transforms: tuple[Transform, ...] = ARTICLE
    learning_rate: float = 0.05

    # Optimization
    growing: Unit = Unit("inception_4a", 194)  # the article's 4a:11
    stages: tuple[int, ...] = (0, 4, 48, 2560)  # steps after which it is shown
    unit: Unit = Unit("inception_4a", 206)  # of the comparison of objectives
    classes: tuple[int, ...] = (207, 301, 417, 985)  # golden retriever, ladybug, balloon, daisy

    # Photographs
    explained: tuple[Unit, ...] = (
        Unit("inception_4a", 480), Unit("inception_4b", 470), Unit("inception_4b", 504), Unit("inception_4b", 464)
    )  # fmt: skip
    signed: Unit = Unit("inception_4a.3x3.conv", 12)  # the article's 4a:492; read before the ReLU, where it has a sign
    examples: int = 4  # photographs shown of each kind
    photographs: int = 1000  # of the thousand classes, one each
    ten_classes: int = 3000  # of the ten classes
    photograph_size: int = 224  # pixels

    # Diversity: the article's 4a:97, 4a:143, 4e:55, 5a:9
    diverse: tuple[Unit, ...] = (
        Unit("inception_4a", 308), Unit("inception_4b", 464), Unit("inception_4e", 771), Unit("inception_4e", 711)
    )  # fmt: skip
    polysemantic: Unit = Unit("inception_4e", 771)  # one of these
    variants: int = 4  # pictures of one unit
    diversity: float = 0.5  # times the objective itself; the article adds it with the weight 1e2

    # Interaction
    pair: tuple[Unit, Unit] = (Unit("inception_4b", 504), Unit("inception_4a", 480))  # the article's 4b:111 + 4a:476
    directions_layer: str = "inception_4d"
    directions: int = 528  # random ones, as many as the layer has channels
    shown_directions: int = 6
    ends: tuple[Unit, Unit] = (Unit("inception_4a", 476), Unit("inception_4a", 460))  # the article's own
    frames: int = 6

    # The enemy, and regularization
    plain: Unit = Unit("inception_4b", 470)  # of the comparisons of ways, metrics and transforms
    regularized: Unit = Unit("inception_4b", 504)  # the article's 4b:452
    regularized_size: int = 64  # pixels
    regularized_stages: tuple[int, ...] = (1, 32, 128, 256, 2048)
    penalties: tuple[float, float, float, float] = (0.25, 1.0, 20.0, 20.0)  # L1, TV, blur, bilateral; the article's
    # .05, .25, 1 and 1 belong to a network whose activations are smaller

    # Preconditioning
    rates: tuple[float, float, float, float] = (2.0, 0.015, 2.0, 0.2)  # of L2, L-infinity, blurred, decorrelated: ours
    metric_steps: int = 256
    conditioned: tuple[Unit, ...] = (Unit("inception_4b", 470), Unit("inception_4b", 504))  # of one layer
    conditioned_steps: int = 2048
    gradient_images: int = 16  # over which the gradient's spectrum is averaged

    # Many at once
    sprites_layer: str = "inception_4b"
    sprites: int = 49  # channels
    photo: str = "grad_cam_photo/both.png"
    places: int = 7  # along each side of the grid
    groups: int = 5  # of neurons

    # Trained here
    epochs: int = 12
    training_images: int = 3000
    small_channels: tuple[int, ...] = (3, 17, 42, 111)  # shown at several ages
    small_steps: int = 96
    digit_epochs: int = 20
    decoder_steps: int = 900
