"""Losses on the pixels alone: what a picture should be like before any network sees it."""

import math

from innerview.core.errors import BadInput
from innerview.core.types import Images, Values
from innerview.synthesis.losses import PIXELS, Loss, Term


def variation_loss(beta: float = 2.0) -> Loss:
    r"""Total variation, which keeps neighbouring pixels alike {cite}`mahendran2015understanding`.

    $$R_{V^\beta} = \sum_{ij} \big((x_{i,j+1} - x_{ij})^2 + (x_{i+1,j} - x_{ij})^2\big)^{\beta/2}$$ (Sec. 2)

    summed over colours; with $\beta = 2$ that of {cite}`johnson2016perceptual`, up to its square root.

    Args:
        beta: Exponent, at least 1; smaller ones keep edges.

    Raises:
        BadInput: `beta` is smaller than 1.
    """
    if not 1 <= beta < math.inf:
        raise BadInput(f"beta of a total variation is at least 1, not {beta}")

    def measure(images: Images) -> Values:
        down = images[..., 1:, :-1] - images[..., :-1, :-1]
        right = images[..., :-1, 1:] - images[..., :-1, :-1]
        squares = down.square() + right.square()
        powers = squares if beta == 2 else (squares + 1e-12).pow(beta / 2)  # a root has no slope at 0
        return powers.flatten(1).sum(1)

    return Loss((Term("variation", PIXELS, measure),))


def norm_loss(alpha: float = 6.0, center: float = 0.5) -> Loss:
    r"""The prior that keeps pixels from extremes {cite}`mahendran2015understanding`.

    $$R_\alpha = \sum |x - \mathrm{center}|^\alpha$$ (Sec. 2)

    Args:
        alpha: Exponent, at least 1; large ones keep pixels within a range.
        center: The grey they are measured from, in [0, 1].

    Raises:
        BadInput: `alpha` is smaller than 1.
    """
    if not 1 <= alpha < math.inf:
        raise BadInput(f"alpha of a norm is at least 1, not {alpha}")
    return Loss((Term("norm", PIXELS, lambda images: (images - center).abs().pow(alpha).flatten(1).sum(1)),))
