"""What the replication makes: the papers' settings where they give any, and ours."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from innerview.synthesis.class_recipes import SIMONYAN, ClassRecipe

SMOOTH: Final = ClassRecipe(step_size=3e4, decay=1e-2, blur=0.5, blur_every=1, small_norm=20, small_contribution=10)
"""All four regularisers of {cite}`yosinski2015understanding`, with strengths of ours for GoogLeNet. They take much
away, so steps are larger than elsewhere."""

FACET: Final = ClassRecipe(blur=0.5, blur_every=1)
"""Blur alone: decay and cutting would pull the image back to grey, away from the mean image that it starts from."""


@dataclass(frozen=True)
class Config:
    """Settings of all four papers; what no source is named for is ours."""

    model: str = "googlenet"  # Simonyan et al.: a network like AlexNet; Yosinski et al.: CaffeNet, an AlexNet
    size: int = 224  # pixels; Simonyan et al., Sec. 1

    # Class models, {cite}`simonyan2014deep`
    classes: tuple[str, ...] = (
        "dumbbell", "dalmatian", "bell pepper", "lemon", "goose", "ostrich",  # among those of its Fig. 1
    )  # fmt: skip
    plain: ClassRecipe = SIMONYAN  # Sec. 2
    smooth: ClassRecipe = SMOOTH  # the same classes with the regularisers of Yosinski et al.

    # Regularisers, {cite}`yosinski2015understanding`
    studied: str = "flamingo"  # class that each regulariser is shown with
    steps: int = 1000  # Table 1, third row, by the released code's documentation
    other: str = "efficientnet_lite0"  # another network that judges the images

    # Facets, {cite}`nguyen2016multifaceted`, and centroids, {cite}`wei2015intraclass`
    faceted: str = "church"
    layer: str = "pool5_7x7_s1"  # the last but one; Nguyen et al.: fc6, Wei et al.: fc7
    photographs: int = 300  # Nguyen et al.: the class's about 1300
    clusters: int = 4  # Nguyen et al.: 10
    nearest: int = 15  # photographs whose mean is the start; Nguyen et al., Sec. 2
    facet: ClassRecipe = FACET
    noise: float = 10.0  # of the random starts, in levels; released code of Yosinski et al., `mean_plus_rand`


def regularizers(config: Config) -> Mapping[str, ClassRecipe]:
    """Return the regularisers, each alone and all together: title -> recipe."""
    none = ClassRecipe(steps=config.steps)
    return MappingProxyType(
        {
            "None": none,
            "L2 decay": replace(none, decay=0.02),
            "Blur": replace(none, blur=0.5, blur_every=1),
            "Small norms cut": replace(none, small_norm=50),
            "Small contributions cut": replace(none, small_contribution=50),
            "All four": replace(config.smooth, steps=config.steps),
        }
    )
