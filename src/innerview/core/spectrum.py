"""How an image's energy is spread over spatial frequencies."""

import torch
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.types import Values


def radial_spectrum(images: Tensor, bins: int = 32) -> tuple[Tensor, Tensor]:
    """Return the energy of images, or of differences of images, in rings of equal width around frequency zero.

    Colours are averaged and each image's mean is taken away; a Hann window keeps its borders from counting as edges.

    Args:
        images: ``(b, 3, h, w)``.
        bins: Rings between 0 and 0.5 cycles per pixel.

    Returns:
        The rings' middles ``(bins,)`` in cycles per pixel, and the summed energies ``(b, bins)``.
    """
    power, radius = _power(images)
    ring = (radius * 2 * bins).long().clamp(max=bins)  # corners beyond 0.5 fall into the last, which is dropped
    energies = power.new_zeros(len(images), bins + 1)
    energies.index_add_(1, ring.flatten(), power.flatten(1))
    middles = (torch.arange(bins) + 0.5) / (2 * bins)
    return middles, energies[:, :bins]


def high_frequency_share(images: Tensor, above: float = 0.25) -> Values:
    """Return the share of each image's energy at spatial frequencies above `above` cycles per pixel, in [0, 1]."""
    power, radius = _power(images)
    return power[:, radius > above].sum(1) / power.flatten(1).sum(1).clamp(min=1e-30)


def mean_frequency(images: Tensor) -> Values:
    """Return the energy-weighted mean spatial frequency of each image, in cycles per pixel."""
    power, radius = _power(images)
    return (power * radius).flatten(1).sum(1) / power.flatten(1).sum(1).clamp(min=1e-30)


def _power(images: Tensor) -> tuple[Tensor, Tensor]:
    if images.ndim != 4:
        raise BadInput(f"images have the shape (b, 3, h, w), not {tuple(images.shape)}")
    grey = images.detach().cpu().double().mean(1)
    height, width = grey.shape[-2:]
    window = torch.hann_window(height, periodic=False)[:, None] * torch.hann_window(width, periodic=False)
    centred = (grey - grey.mean((1, 2), keepdim=True)) * window
    radius = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None, :])
    return torch.fft.fft2(centred).abs().square(), radius
