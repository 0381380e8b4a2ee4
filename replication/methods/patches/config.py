"""What the page looks at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Settings; those without a source are ours."""

    model: str = "googlenet"  # Girshick et al.: an AlexNet, after fine-tuning
    layers: tuple[str, ...] = (  # whose fields are measured, from the image up
        "conv1_7x7_s2", "pool1_3x3_s2", "conv2_3x3", "pool2_3x3_s2", "inception_3a", "inception_3b", "pool3_3x3_s2",
        "inception_4a", "inception_4b", "inception_4c", "inception_4d", "inception_4e", "pool4_3x3_s2", "inception_5a",
        "inception_5b",
    )  # fmt: skip
    size: int = 224  # pixels
    large: int = 800  # of an image that no field of these layers reaches over
    noise: int = 4  # images, of which a gradient fills the field together
    measured: int = 6  # photographs, for the effective field
    share: float = 0.8  # of the influence that the effective field holds
    inside: str = "inception_4a"  # the deepest layer whose field lies inside an image of 224 pixels
    units: tuple[tuple[str, tuple[int, ...]], ...] = (  # layer, channels
        ("inception_3b", (5, 60, 200, 399)), ("inception_4c", (10, 100, 300, 447)), ("inception_5b", (6, 20, 200, 900)),
    )  # fmt: skip
    photographs: int = 500  # among which patches are sought; Girshick et al.: about 10 million regions
    count: int = 9  # patches of a unit
    alone: int = 3  # patches of a unit that are shown alone
    # AlexNet's layers up to pool5: kernel, stride, padding; Krizhevsky et al. 2012, Sec. 3.5
    alexnet: tuple[tuple[int, int, int], ...] = (
        (11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0),
    )  # fmt: skip
    alexnet_size: int = 227  # Girshick et al., Sec. 3.1
