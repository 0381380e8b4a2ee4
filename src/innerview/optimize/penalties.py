"""Penalties on the images that the network sees: numbers to subtract, ``layer("conv2") - 0.25 * total_variation()``.

They are those of the article on feature visualization {cite}`olah2017feature` and of its library {cite}`lucid`: sums
over pixels and colours, not means.
"""

import math
from collections.abc import Callable

import torch
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import Images, Values
from innerview.optimize.objectives import Objective, Reading, written


def total_variation() -> Objective:
    """Sum of the absolute differences of neighbouring pixels {cite}`mahendran2015understanding`."""

    def penalty(images: Images) -> Values:
        down = (images[..., 1:, :] - images[..., :-1, :]).abs().flatten(1).sum(1)
        right = (images[..., 1:] - images[..., :-1]).abs().flatten(1).sum(1)
        return down + right

    return _of_images("total_variation()", penalty)


def l1(center: float = 0.5) -> Objective:
    r"""Sum of the absolute differences from a grey, $\sum |x - \mathrm{center}|$."""
    return _of_images(f"l1({written(center)})", lambda images: (images - center).abs().flatten(1).sum(1))


def l2(center: float = 0.5) -> Objective:
    r"""Distance from a grey, $\sqrt{10^{-6} + \sum (x - \mathrm{center})^2}$: a length, not half its square."""
    return _of_images(
        f"l2({written(center)})", lambda images: ((images - center).square().flatten(1).sum(1) + 1e-6).sqrt()
    )


def blur(sigma: float = 0.775) -> Objective:
    r"""What a Gaussian blur $K$ takes away, $\frac{1}{2} \langle x, x - Kx \rangle$ {cite}`nguyen2015deep`.

    The image counts as periodic, so that $K$ is symmetric and the gradient is exactly $x - Kx$: a step of size s
    against it mixes the share s of the blurred image into the image. In frequencies it is an L2 penalty that weighs
    a wave of f cycles per pixel with $1 - k(f)$, $k(f) = e^{-2 \pi^2 \sigma^2 f^2}$.

    Args:
        sigma: Standard deviation in pixels; by default that of the library's 3x3 kernel, whose variance is 0.6.

    Raises:
        BadInput: `sigma` is not positive.
    """
    _check_positive("sigma", sigma)

    def penalty(images: Images) -> Values:
        height, width = images.shape[-2:]
        down = torch.fft.fftfreq(height, device=images.device, dtype=images.dtype)[:, None]
        right = torch.fft.rfftfreq(width, device=images.device, dtype=images.dtype)
        kernel = torch.exp(-2 * (math.pi * sigma) ** 2 * (down.square() + right.square()))
        blurred = torch.fft.irfft2(kernel * torch.fft.rfft2(images), s=(height, width))
        return (images * (images - blurred)).flatten(1).sum(1) / 2

    return _of_images(f"blur({written(sigma)})", penalty)


def bilateral(spatial: float = 1.0, contrast: float = 0.1) -> Objective:
    r"""What a bilateral filter takes away: noise, but not edges {cite}`tyka2016class`.

    $$\tfrac{1}{2} \sum (x - F(x))^2, \qquad
    F(x)_p \propto \sum_q x_q \, e^{-|p - q|^2 / 2 \sigma_s^2 - \|x_p - x_q\|^2 / 2 \sigma_r^2}$$

    $F(x)$ counts as a constant, so the gradient is $x - F(x)$. The window reaches $3 \sigma_s$ to each side,
    differences of the colours count together, and the border's pixels are repeated outside {cite}`tomasi1998bilateral`.

    Args:
        spatial: $\sigma_s$, in pixels.
        contrast: $\sigma_r$, in units of the image's range [0, 1].

    Raises:
        BadInput: one of them is not positive.
    """
    _check_positive("spatial", spatial)
    _check_positive("contrast", contrast)
    return _of_images(
        f"bilateral({written(spatial)}, {written(contrast)})",
        lambda images: (images - _filtered(images.detach(), spatial, contrast)).square().flatten(1).sum(1) / 2,
    )


def opacity() -> Objective:
    """Mean of the alpha plane of transparent images, in [0, 1]: subtracted, it clears what the objective ignores."""

    def measure(reading: Reading) -> Values:
        if reading.alpha is None:
            raise BadInput("opacity() needs transparent images; choose a parameterization with an alpha plane")
        return reading.alpha.flatten(1).mean(1)

    return Objective("opacity()", (), measure)


def _filtered(images: Images, spatial: float, contrast: float) -> Images:
    radius = math.ceil(3 * spatial)
    height, width = images.shape[-2:]
    padded = F.pad(images, [radius] * 4, mode="replicate")
    total, weights = torch.zeros_like(images), torch.zeros_like(images[:, :1])
    for down in range(2 * radius + 1):
        for right in range(2 * radius + 1):
            shifted = padded[..., down : down + height, right : right + width]
            distance = ((down - radius) ** 2 + (right - radius) ** 2) / spatial**2
            difference = (shifted - images).square().sum(1, keepdim=True) / contrast**2
            weight = torch.exp(-(distance + difference) / 2)
            total += weight * shifted
            weights += weight
    return total / weights


def _of_images(name: str, penalty: Callable[[Images], Values]) -> Objective:
    return Objective(name, (), lambda reading: penalty(reading.images))


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise BadInput(f"{name} is a positive number, not {value}")
