r"""How class images are made: steps, step sizes, and the regularisers of {cite}`yosinski2015understanding`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from innerview.core.errors import BadInput

Offsets = Float[Tensor, "b 3 h w"]
"""Pixels in levels of 255, relative to the network's mean."""

_LARGE: Final = 1e30
_RANGES: Final = {
    "steps": (0, _LARGE), "step_size": (0, _LARGE), "progress": (1e-30, _LARGE), "penalty": (0, _LARGE),
    "decay": (0, 1), "blur": (0, _LARGE), "blur_every": (1, _LARGE), "small_norm": (0, 100),
    "small_contribution": (0, 100), "noise": (0, _LARGE), "center": (1e-3, _LARGE),
}  # fmt: skip


@dataclass(frozen=True)
class ClassRecipe:
    r"""How to ascend: $x \leftarrow r_\theta(x + \eta g)$, pixels in levels of 255 relative to the network's mean.

    Symbols are those of {cite}`yosinski2015understanding`, but for the penalty of {cite}`simonyan2014deep`. Pixels stay
    in the range that images have, as in the released code of the former.

    Args:
        steps: How many.
        step_size: $\eta$; the most that it may be, where `progress` is given.
        progress: By how much the score rises in a step if it were linear: each image's step is this over $\|g\|^2$.
            None: all steps are `step_size`.
        penalty: $\lambda$ of $S_c(I) - \lambda \|I\|_2^2$.
        decay: $\theta_\mathrm{decay}$: share of each pixel that is taken away after a step.
        blur: $\theta_\mathrm{b\_width}$, a Gaussian's standard deviation in pixels; 0 for none.
        blur_every: $\theta_\mathrm{b\_every}$: steps from one blur to the next; the first comes after the first step.
        small_norm: $\theta_\mathrm{n\_pct}$: pixels whose norm over the colours is below this percentile become the
            mean.
        small_contribution: $\theta_\mathrm{c\_pct}$: likewise those of small $|\sum_c x_c g_c|$, about the amount by
            which the score would change without them.
        noise: Standard deviation of the normal noise that the ascent starts from.
        center: Standard deviation, in sides of the image, of a Gaussian window that weighs the gradient, so that the
            object grows in the middle; None for none.
    """

    steps: int = 100  # ours
    step_size: float = 1e4  # ours, for GoogLeNet, whose gradients are small
    progress: float | None = None  # released code, `lr_policy progress`
    penalty: float = 0.0  # Simonyan et al., Sec. 2
    decay: float = 0.0  # Yosinski et al., Sec. 3
    blur: float = 0.0  # Yosinski et al., Sec. 3
    blur_every: int = 4  # Yosinski et al., Table 1
    small_norm: float = 0.0  # Yosinski et al., Sec. 3
    small_contribution: float = 0.0  # Yosinski et al., Sec. 3
    noise: float = 0.0  # Simonyan et al., Sec. 2: the zero image
    center: float | None = None  # ours, after the "center-biased regularization" of Nguyen et al. 2016

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                limit = f"at least {least:g}" if most == _LARGE else f"from {least:g} to {most:g}"
                raise BadInput(f"{name} of a class image is {limit}, not {value}")


SIMONYAN: Final = ClassRecipe(penalty=1e-6)
"""From the zero image, L2-regularised {cite}`simonyan2014deep` (Sec. 2). The paper gives no numbers: all are ours."""

YOSINSKI: Final[Mapping[str, ClassRecipe]] = MappingProxyType(
    {
        "sparse": ClassRecipe(steps=500, step_size=100, progress=2.0, blur=0.5, small_norm=50, noise=10),
        "decay": ClassRecipe(steps=750, step_size=100, decay=0.3, small_norm=20, noise=10),
        "smooth": ClassRecipe(steps=1000, step_size=100, decay=1e-4, blur=1.0, noise=10),
        "contribution": ClassRecipe(steps=1000, step_size=1e8, progress=2.0, blur=0.5, small_contribution=90, noise=10),
    }
)
"""The four of Table 1 of {cite}`yosinski2015understanding`, in its order, with steps, step sizes and start of the
released code's documentation (``running-optimize-image.md``). The names are ours. "smooth" made most of the paper's
images. The step sizes were chosen for CaffeNet; GoogLeNet's gradients are smaller, so it needs larger ones."""


def regularized(x: Offsets, slope: Offsets, recipe: ClassRecipe, step: int) -> Offsets:
    r"""Apply $r_\theta$, in the order of the released code.

    Args:
        x: ``(b, 3, h, w)``, after a step.
        slope: The gradient of that step, by which contributions are measured.
        recipe: Which regularisers.
        step: Its number, from 0.
    """
    x = x * (1 - recipe.decay)
    if recipe.blur and step % recipe.blur_every == 0:
        x = _blurred(x, recipe.blur)
    if recipe.small_norm:
        x = x * _large(torch.linalg.vector_norm(x, dim=1), recipe.small_norm)
    if recipe.small_contribution:
        x = x * _large((x * slope).sum(1).abs(), recipe.small_contribution)
    return x


def _blurred(x: Offsets, sigma: float) -> Offsets:
    rows, columns = (torch.from_numpy(gaussian_filter1d(np.eye(side), sigma, axis=0)).to(x) for side in x.shape[-2:])
    return rows @ x @ columns.T


def _large(sizes: Float[Tensor, "b h w"], percentile: float) -> Float[Tensor, "b 1 h w"]:
    """Return 1 for the pixels that are not below the percentile of their image, and 0 for the others."""
    limits = torch.quantile(sizes.flatten(1), percentile / 100, dim=1)
    return (sizes >= limits[:, None, None])[:, None].to(sizes)
