"""Style without its colours {cite}`gatys2016preserving`."""

import torch
from jaxtyping import Float
from torch import Tensor

from innerview.core.types import Images, ResizedImages
from innerview.models.normalization import luminance

FLOOR = 1e-6
"""Smallest variance of a colour: a grey style has none in two directions."""


def with_colors_like(style: Images, content: ResizedImages) -> Images:
    r"""Give a style the colours of a content: the same mean and covariance of pixels.

    $$x' = A x + b, \qquad A = \Sigma_c^{1/2} \Sigma_s^{-1/2}, \qquad b = \mu_c - A \mu_s$$ (Eqs. 1 and 2, Sec. 3.1)

    Args:
        style: ``(1, 3, h, w)`` in [0, 1].
        content: ``(1, 3, h', w')`` in [0, 1].

    Returns:
        ``(1, 3, h, w)``, clipped to [0, 1].
    """
    pixels, others = (image[0].double().flatten(1) for image in (style, content))
    change = _root(torch.cov(others), 0.5) @ _root(torch.cov(pixels), -0.5)
    moved = change @ (pixels - pixels.mean(1, keepdim=True)) + others.mean(1, keepdim=True)
    return moved.reshape(style.shape).to(style).clamp(0, 1)


def grey(images: Images) -> Images:
    """Return the luminance of images in all three colours."""
    return luminance(images).expand(-1, 3, -1, -1).contiguous()


def grey_like(style: Images, content: ResizedImages) -> Images:
    """Return a style's luminance with the mean and the spread of a content's (Sec. 3.2)."""
    own, wanted = luminance(style), luminance(content)
    moved = (own - own.mean()) * (wanted.std() / own.std().clamp(min=FLOOR)) + wanted.mean()
    return moved.clamp(0, 1).expand(-1, 3, -1, -1).contiguous()


def with_luminance(content: Images, made: Images) -> Images:
    """Put another luminance under the colours of a content, clipped to [0, 1] (Sec. 3.2)."""
    return (content + luminance(made) - luminance(content)).clamp(0, 1)


def _root(covariance: Float[Tensor, "3 3"], exponent: float) -> Float[Tensor, "3 3"]:
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=FLOOR).pow(exponent)) @ vectors.T
