"""How much made images are like photographs, as the features of a network tell."""

import torch
from jaxtyping import Float
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite

Features = Float[Tensor, "n d"]
OtherFeatures = Float[Tensor, "m d"]


def kernel_distance(features: Features, others: OtherFeatures) -> float:
    r"""Return the kernel inception distance of two sets of images {cite}`binkowski2018demystifying`.

    The unbiased estimate of the squared maximum mean discrepancy under the kernel $k(x, y) = (x \cdot y / d + 1)^3$.
    For two samples of the same images it is 0 on average, for small sets too, and may be a little below. Numbers of
    different networks or layers cannot be compared.

    Args:
        features: ``(n, d)``, such as GoogLeNet's `pool5_7x7_s1` of made images.
        others: ``(m, d)``, of photographs.

    Raises:
        BadInput: less than two images in a set.
        NotFinite: a feature is NaN or infinite.
    """
    if min(len(features), len(others)) < 2:
        raise BadInput(f"sets of {len(features)} and {len(others)} images have no distance; give two or more in each")
    x, y = features.detach().double(), others.detach().double()
    if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise NotFinite("the features hold NaN or infinite numbers; check the images and the layer")
    across = _kernel(x, y).mean()
    return float(_within(x) + _within(y) - 2 * across)


def _kernel(one: Tensor, other: Tensor) -> Tensor:
    return (one @ other.T / one.shape[1] + 1) ** 3


def _within(rows: Tensor) -> Tensor:
    """Return the mean kernel of all pairs of different rows."""
    kernel, count = _kernel(rows, rows), len(rows)
    return (kernel.sum() - kernel.diagonal().sum()) / (count * (count - 1))
