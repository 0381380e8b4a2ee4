"""What the page measures: the paper's settings where it gives any, and ours."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Settings of {cite}`bau2017dissection`; what no source is named for is ours."""

    model: str = "googlenet"  # one of the paper's, Sec. 3.4
    layers: tuple[str, ...] = ("conv2_3x3", "inception_3b", "inception_4c", "inception_5b")
    rotated: str = "inception_5b"  # the last one with positions; the paper: AlexNet's conv5, Sec. 3.2

    size: int = 224  # pixels; of Broden's images
    masks: int = 112  # pixels; of Broden's masks
    quantile: float = 0.005  # Sec. 2.2
    minimum_iou: float = 0.04  # Sec. 2.2

    scenes: int = 128  # photographs with outlines of COCO's categories; the paper: 63,305 images of Broden
    per_class: int = 25  # photographs of each of ten classes, with boxes
    rarest: int = 5  # a category is a concept if at least so many photographs show it
    orientations: int = 8

    alphas: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # shares of a rotation; Sec. 3.2
    rotations: int = 1  # how many are drawn
