"""What the page trains and measures."""

from dataclasses import dataclass

from innerview.core.errors import BadInput


@dataclass(frozen=True)
class Config:
    """Settings; what has no source is ours."""

    model: str = "googlenet"  # the paper: ResNeSt-26, trained along
    layer: str = "inception_5b"  # 7 x 7 positions; the paper's maps have 9 x 9
    size: int = 224  # pixels; the paper: 260

    area_weights: tuple[float, ...] = (0.0, 1.0, 10.0)  # lambda; the last one is the paper's
    epochs: int = 20  # the paper's
    batch: int = 50
    learning_rate: float = 1e-3  # the paper, backbone and all: 1e-4

    images: int = 3000  # training photographs, at most
    boxed: int = 500  # photographs with boxes, on which all is measured, at most
    curves: int = 100  # of these, for deletion and insertion
    steps: int = 25  # of these curves
    shown: int = 4  # photographs in the figures

    def __post_init__(self) -> None:
        if len(self.area_weights) < 2 or list(self.area_weights) != sorted(self.area_weights):
            raise BadInput(f"area_weights: give at least two, from the least to the greatest, not {self.area_weights}")
