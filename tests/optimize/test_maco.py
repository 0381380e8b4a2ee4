"""MACO: the magnitude that comes out is the one put in, whatever the phases; and that of photographs."""

import math
from typing import Any

import pytest
import torch

from innerview.core.errors import BadInput
from innerview.optimize import Maco, frequencies, mean_magnitude
from innerview.optimize.colors import Colors, planes_of
from innerview.optimize.maco import CONTRAST

SIZES = pytest.mark.parametrize("size", [(16, 16), (12, 18), (9, 14), (14, 9), (7, 5), (1, 6)])


def random_magnitude(size):
    """Of a random image: in the first column the lower half mirrors the upper one, as in every image."""
    return torch.fft.rfft2(torch.randn(3, *size, generator=torch.Generator().manual_seed(1)), norm="ortho").abs()


@SIZES
def test_the_magnitude_is_kept_whatever_the_phases_are(size):
    magnitude = random_magnitude(size)
    module: Any = Maco(magnitude).start([0, 1], size)
    wanted = magnitude.clone()
    wanted[:, 0, 0] = 0  # the mean
    drawing = torch.Generator().manual_seed(2)
    for spread in (0.0, 1.0, 30.0):
        with torch.no_grad():
            module.planes.phase.add_(spread * torch.randn(module.planes.phase.shape, generator=drawing))
            found = torch.fft.rfft2(module.planes(), norm="ortho").abs()
        torch.testing.assert_close(found, wanted.expand(2, -1, -1, -1), rtol=0, atol=1e-5)


@SIZES
def test_any_planes_of_that_magnitude_can_be_reached(size):
    """Up to the sign of the few coefficients that are real, which no continuous phase could turn."""
    planes = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    spectrum = torch.fft.rfft2(planes, norm="ortho")
    rows, columns = {0, size[0] / 2}, {0, size[1] / 2}
    for row in range(size[0]):
        for column in range(size[1] // 2 + 1):
            if row in rows and column in columns:
                spectrum[..., row, column] = spectrum[..., row, column].abs() * ((row, column) != (0, 0))
    planes = torch.fft.irfft2(spectrum, s=size, norm="ortho")
    module: Any = Maco(spectrum[0].abs().float()).start([0], size)
    own = [0] if size[1] % 2 else [0, size[1] // 2]
    phase = spectrum.angle()
    phase[..., own] /= 2  # these phases count twice: for the row and its mirror image
    with torch.no_grad():
        module.planes.phase.copy_(phase)
        torch.testing.assert_close(module.planes().double(), planes, rtol=0, atol=1e-5)


def test_the_default_falls_with_frequency_and_has_the_contrast_of_photographs():
    module: Any = Maco().start([0], (32, 48))
    magnitude, radius = module.planes.magnitude, frequencies((32, 48))
    product = (magnitude * radius)[:, radius >= 1 / 48]
    torch.testing.assert_close(product, product[:1, :1].expand_as(product), rtol=1e-4, atol=0)
    with torch.no_grad():
        planes = module.planes()
    torch.testing.assert_close(planes.mean((2, 3)), torch.zeros(1, 3), rtol=0, atol=1e-5)
    torch.testing.assert_close(planes.square().mean((2, 3)).sqrt(), torch.full((1, 3), CONTRAST), rtol=1e-4, atol=0)


def test_phases_start_uniform():
    phase: Any = Maco().start(range(4), (32, 32)).planes.phase.detach()  # type: ignore[union-attr]
    assert 0 <= float(phase.min()) < 0.01
    assert 2 * math.pi - 0.01 < float(phase.max()) <= 2 * math.pi
    assert float(phase.mean()) == pytest.approx(math.pi, abs=0.05)
    assert float(torch.polar(torch.ones_like(phase), phase).mean().abs()) < 0.03


def test_the_mean_magnitude_is_the_literal_one():
    images = torch.rand(4, 3, 6, 8, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    planes = planes_of(images).double()
    window = torch.tensor(
        [[math.sin(math.pi * y / 6) ** 2 * math.sin(math.pi * x / 8) ** 2 for x in range(8)] for y in range(6)]
    ).double()
    window /= math.sqrt(float((window**2).sum()) / 48)
    found = mean_magnitude(images)
    assert found.shape == (3, 6, 5)
    for plane, row, column in [(0, 0, 0), (1, 2, 3), (2, 5, 4), (0, 3, 0)]:
        magnitudes = []
        for image in planes[:, plane]:
            faded = (image - image.mean()) * window
            total = sum(
                complex(faded[y, x]) * complex(math.cos(angle), math.sin(angle))
                for y in range(6)
                for x in range(8)
                for angle in [-2 * math.pi * (row * y / 6 + column * x / 8)]
            )
            magnitudes.append(abs(total) / math.sqrt(48))
        assert float(found[plane, row, column]) == pytest.approx(sum(magnitudes) / 4, abs=1e-4)


def test_images_of_one_contrast_give_images_of_that_contrast():
    """The window loses nothing on average: textures come back as strong as they went in."""
    planes = 1.5 * torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    magnitude = mean_magnitude(Colors(decorrelated=True)(planes))
    module: Any = Maco(magnitude).start(range(4), (32, 32))
    found = float(module.planes().detach().std())
    rayleigh = math.sqrt(math.pi) / 2  # the mean magnitude of noise, over its root mean square
    assert found == pytest.approx(1.5 * rayleigh, rel=0.06)  # planes beyond the darkest are cut off


def test_a_magnitude_of_another_size_is_refused():
    with pytest.raises(
        BadInput, match=r"images of 16x12 pixels need a magnitude of shape \(3, 16, 7\), not \(3, 12, 9\)"
    ):
        Maco(random_magnitude((12, 16))).start([0], (16, 12))


def test_a_magnitude_is_not_changed_by_starting():
    magnitude = random_magnitude((8, 8))
    before = magnitude.clone()
    Maco(magnitude).start([0], (8, 8))
    assert torch.equal(magnitude, before)


def test_two_configurations_can_be_compared_and_hashed():
    one, other = Maco(random_magnitude((8, 8))), Maco(random_magnitude((8, 8)))
    assert one == one  # noqa: PLR0124  (tensors have no truth value; configurations do)
    assert one != other
    assert len({one, other}) == 2
