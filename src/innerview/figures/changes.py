"""Changes of images that are too small to be seen, made visible."""

import math

import numpy as np
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.images import to_array

SHOWN = 0.999
"""Share of the values that are drawn uncut: a few far ones would leave the others grey."""


def amplified(image: Tensor, changed: Tensor) -> tuple[np.ndarray, int]:
    """Draw the difference of two images on grey, as many times enlarged as fits.

    Args:
        image: ``(1, 3, h, w)`` in [0, 1].
        changed: Likewise.

    Returns:
        ``(h, w, 3)`` bytes, and the whole number by which each difference was multiplied.

    Raises:
        BadInput: not two single images of one size.
    """
    if image.shape != changed.shape or len(image) != 1:
        shapes = " and ".join(str(tuple(one.shape)) for one in (image, changed))
        raise BadInput(f"a change is that of one image (1, 3, h, w), not between {shapes}")
    change = changed.detach().cpu().double() - image.detach().cpu().double()
    reach = float(np.quantile(change.abs().numpy(), SHOWN))
    times = max(1, math.floor(0.5 / reach)) if reach else 1
    return to_array(0.5 + times * change)[0], times
