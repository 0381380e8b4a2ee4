"""What the replication trains: the paper's settings, the released code's, and sizes of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from innerview.core.errors import BadInput
from innerview.localization import HideAndSeek, RandomErasing
from innerview.training import Augmentation


@dataclass(frozen=True)
class Config:
    """Settings of the trainings and of what is measured; section numbers are those of the paper."""

    model: str = "googlenet"
    layer: str = "inception_4e"  # both classifiers read what it puts out; Sec. 4.1: the last inception blocks go
    dense: tuple[str, ...] = ()  # pools that keep the resolution; the released VGG has its last two so
    trained_behind: str = ""  # the network is trained behind this layer; "": from the pixels on, as in the paper
    smoothing: int = 1  # features are averaged over 3 positions in the released code, not in the paper
    width: int = 1024  # channels of the classifiers' convolutions; Sec. 4.1

    delta: float = 0.6  # Sec. 4.1; the best of the ablation
    deltas: tuple[float, ...] = (0.5, 0.6, 0.7, 0.8, 0.9)  # the ablation's

    # Training: the released code
    epochs: int = 6  # CUB: 60
    batch: int = 20
    learning_rate: float = 1e-4  # of the backbone; the classifiers' is 10 times that, biases' twice that
    momentum: float = 0.9
    weight_decay: float = 5e-4
    resize: int = 256  # pixels of the shorter side
    size: int = 224  # pixels of the crop
    views: int = 6  # crops of each photograph whose features are kept, where they are computed once
    mixed: bool = True  # bfloat16

    # Data
    images: int = 3000  # training photographs, at most
    boxed: int = 500  # photographs with boxes, at most
    imagenet: str = ""  # folder of ILSVRC 2012; else its ten classes that are at hand
    cub: str = ""  # folder of CUB-200-2011

    # Measuring
    threshold: float = 0.2  # of the map's range: CAM's, whose way of drawing boxes the paper follows
    steps: int = 100  # thresholds that are tried

    def __post_init__(self) -> None:
        if self.imagenet and self.cub:
            raise BadInput("give one of imagenet and cub: one training has the classes of one data set")
        for name in ("imagenet", "cub"):
            folder = getattr(self, name)
            if folder and not Path(folder).is_dir():
                raise BadInput(f"{name}: {folder} is no folder")

    @property
    def read_size(self) -> int:
        """Pixels of the shorter side of a photograph before it is cropped."""
        return self.resize if self.augmented else self.size

    @property
    def augmented(self) -> bool:
        """Whether trainings see crops and mirror images: not where each photograph's features are computed but once."""
        return not self.trained_behind or self.views > 1


@dataclass(frozen=True)
class Method:
    """One way to train.

    Args:
        delta: Where the second classifier's input is erased; None: there is no second classifier.
        hiding: What is hidden in the training photographs.
    """

    delta: float | None = None
    hiding: Augmentation | None = None


def methods(config: Config) -> Mapping[str, Method]:
    """Return the ways to train that are compared: name -> how."""
    return MappingProxyType(
        {
            "GAP": Method(),
            "HaS": Method(hiding=HideAndSeek()),
            "Random erasing": Method(hiding=RandomErasing()),
            "ACoL": Method(delta=config.delta),
        }
    )


def erasings(config: Config) -> Mapping[str, Method]:
    """Return ACoL with each threshold of the ablation: name -> how."""
    return MappingProxyType({f"ACoL, {delta:g}": Method(delta=delta) for delta in config.deltas})


REPORTED: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {"VGG-16, ACoL": (54.17, 40.57), "GoogLeNet, GAP": (56.40, 43.00), "GoogLeNet, ACoL": (53.28, 42.58)}
)
"""Localization errors on ILSVRC in %, top-1 and top-5, as reported."""

REVISITED: Final[Mapping[str, float]] = MappingProxyType({"VGG-16": -2.6, "InceptionV3": 0.3, "ResNet-50": -1.4})
"""MaxBoxAccV2 on ImageNet, ACoL less CAM, in percentage points, by {cite}`choe2020evaluating`, as reported."""
