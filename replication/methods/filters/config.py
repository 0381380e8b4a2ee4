"""What the page looks at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Settings; none is a paper's, whose network is an AlexNet with 96 filters of 11 pixels, four apart."""

    model: str = "googlenet"
    others: tuple[str, ...] = ("squeezenet1_1", "efficientnet_lite0")  # whose filters are shown beside
    photo: str = "skimage/chelsea"
    size: int = 224  # pixels
    layers: tuple[str, ...] = (  # behind a ReLU each, from the image up
        "conv1_7x7_s2", "conv2_3x3", "inception_3a", "inception_3b", "inception_4a", "inception_4b", "inception_4c",
        "inception_4d", "inception_4e", "inception_5a", "inception_5b",
    )  # fmt: skip
    shown: tuple[str, ...] = ("conv1_7x7_s2", "inception_3a", "inception_4c", "inception_5b")
    strongest: int = 7  # channels of each layer that are shown
    photographs: int = 300  # over which zeros are counted
    grey: float = 0.1  # share of colour below which a filter counts as grey
    colored: float = 0.5  # and above which it counts as coloured
