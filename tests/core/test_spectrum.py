"""Energy over spatial frequencies, against waves and noise whose spectrum is known."""

import math

import pytest
import torch
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.spectrum import high_frequency_share, mean_frequency, radial_spectrum

SIDE = 128


def wave(across: float, down: float = 0.0, height: int = SIDE, width: int = SIDE) -> Tensor:
    """Return a sine of so many cycles per pixel."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (0.5 + 0.3 * torch.sin(2 * math.pi * (across * x + down * y) + 0.7)).expand(1, 3, height, width)


def noise(count: int = 32, side: int = 64) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def literal_spectrum(image: Tensor, bins: int) -> list[float]:
    """Sum the energy frequency by frequency: a discrete Fourier transform written out."""
    grey = image.double().mean(0)
    height, width = grey.shape
    hann_y, hann_x = (
        torch.tensor([0.5 - 0.5 * math.cos(2 * math.pi * n / (side - 1)) for n in range(side)], dtype=torch.float64)
        for side in (height, width)
    )
    windowed = (grey - grey.mean()) * torch.outer(hann_y, hann_x)
    y, x = torch.arange(height).double(), torch.arange(width).double()
    sums = [0.0] * bins
    for v in range(height):
        for u in range(width):
            down = (v if v < (height + 1) // 2 else v - height) / height
            across = (u if u < (width + 1) // 2 else u - width) / width
            phase = 2 * math.pi * (down * y[:, None] + across * x[None, :])
            energy = (windowed * phase.cos()).sum() ** 2 + (windowed * phase.sin()).sum() ** 2
            ring = math.floor(math.hypot(down, across) * 2 * bins + 1e-9)
            if ring < bins:
                sums[ring] += energy.item()
    return sums


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 12)])
def test_rings_are_those_of_the_written_out_fourier_transform(height, width):
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1))
    _, energies = radial_spectrum(images, bins=4)
    for image, found in zip(images, energies, strict=True):
        torch.testing.assert_close(found, torch.tensor(literal_spectrum(image, 4)).double(), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("across", "down"), [(0.05, 0.0), (0.0, 0.11), (0.2, 0.1), (0.3, -0.3), (0.42, 0.0), (-0.27, 0.2)]
)
def test_a_pure_wave_has_all_its_energy_in_its_ring(across, down):
    bins = 16
    middles, energies = radial_spectrum(wave(across, down), bins)
    radius = math.hypot(across, down)
    ring = int((middles - radius).abs().argmin())
    # The window spreads a wave over 2 of 128 frequencies to each side, half of a ring's width.
    assert energies[0, max(0, ring - 1) : ring + 2].sum() / energies.sum() > 0.999
    assert energies[0].argmax() == ring
    assert mean_frequency(wave(across, down)).item() == pytest.approx(radius, abs=0.01)


def test_white_noise_is_flat():
    bins = 8
    _, energies = radial_spectrum(noise(), bins)
    frequencies = torch.fft.fftfreq(64)
    ring = (torch.hypot(frequencies[:, None], frequencies[None, :]) * 2 * bins).long()
    density = energies.mean(0) / torch.bincount(ring.flatten(), minlength=bins)[:bins]
    assert (density / density.mean() - 1).abs().max() < 0.1


def test_the_middles_of_the_rings_are_in_cycles_per_pixel():
    middles, energies = radial_spectrum(noise(2), 5)
    torch.testing.assert_close(middles, torch.tensor([0.05, 0.15, 0.25, 0.35, 0.45]))
    assert energies.shape == (2, 5)


def test_energy_grows_with_the_square_of_the_contrast_and_ignores_brightness():
    images = noise(2)
    _, one = radial_spectrum(images)
    _, three = radial_spectrum(3 * images + 0.4)
    torch.testing.assert_close(three, 9 * one, rtol=1e-4, atol=1e-6)


def test_images_of_a_batch_do_not_mix():
    batch = torch.cat([wave(0.05), wave(0.4)])
    for measure in (high_frequency_share, mean_frequency, lambda images: radial_spectrum(images)[1]):
        torch.testing.assert_close(measure(batch), torch.cat([measure(wave(0.05)), measure(wave(0.4))]))


@pytest.mark.parametrize(("across", "share"), [(0.1, 0.0), (0.2, 0.0), (0.3, 1.0), (0.45, 1.0)])
def test_a_wave_lies_below_or_above_the_edge(across, share):
    assert high_frequency_share(wave(across)).item() == pytest.approx(share, abs=1e-3)


def test_the_share_falls_from_one_to_nothing_as_its_edge_moves_up():
    images = noise(1)
    shares = [high_frequency_share(images, above).item() for above in (-1.0, 0.0, 0.1, 0.25, 0.4, 0.5, 0.7072)]
    assert shares[0] == pytest.approx(1)
    assert shares[1] == pytest.approx(1, abs=0.01)  # all but the mean
    assert shares == sorted(shares, reverse=True)
    assert shares[3] == pytest.approx(1 - math.pi / 16, abs=0.03)  # a disc of radius 1/4 in the unit square is quiet
    assert shares[-1] == 0


def test_an_even_image_has_no_high_frequencies_and_no_division_by_zero():
    even = torch.full((1, 3, 32, 32), 0.5)
    assert high_frequency_share(even).item() == 0
    assert mean_frequency(even).item() == 0
    assert radial_spectrum(even)[1].sum() == 0


@pytest.mark.parametrize("shape", [(3, 8, 8), (8, 8), (1, 1, 3, 8, 8)])
@pytest.mark.parametrize("measure", [radial_spectrum, high_frequency_share, mean_frequency])
def test_what_is_no_batch_of_images_is_refused(measure, shape):
    with pytest.raises(BadInput, match=r"images have the shape \(b, 3, h, w\), not"):
        measure(torch.zeros(shape))
