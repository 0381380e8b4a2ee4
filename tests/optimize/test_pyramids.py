"""Pyramids: literal sums of enlarged planes, blends between images, and what is shared."""

from itertools import pairwise
from typing import Any

import pytest
import torch

from innerview.core.errors import BadInput
from innerview.optimize import Fourier, Laplacian, Pixels, Shared


def enlarged(small, height, width):
    """Bilinear interpolation at pixel middles, literally, of one plane."""
    found = torch.zeros(height, width, dtype=torch.float64)
    for row in range(height):
        for column in range(width):
            places = []
            for place, side, sides in [(row, height, small.shape[0]), (column, width, small.shape[1])]:
                middle = min(max((place + 0.5) * sides / side - 0.5, 0), sides - 1)
                low = min(int(middle), sides - 1)
                places.append((low, min(low + 1, sides - 1), middle - low))
            (top, bottom, down), (left, right, along) = places
            upper = (1 - along) * small[top, left] + along * small[top, right]
            lower = (1 - along) * small[bottom, left] + along * small[bottom, right]
            found[row, column] = (1 - down) * upper + down * lower
    return found


@pytest.mark.parametrize(("size", "levels", "decay"), [((16, 16), 4, 0.0), ((11, 14), 3, 0.0), ((9, 8), 2, 1.5)])
def test_a_laplacian_is_the_literal_sum_of_its_levels(size, levels, decay):
    module: Any = Laplacian(levels, sd=1.0, decay=decay).planes([5], size)
    assert [part.values.shape for part in module.parts] == [
        (1, 3, size[0] // 2**level, size[1] // 2**level) for level in range(levels)
    ]
    found = module().detach().double()
    for plane in range(3):
        literal = sum(
            2 ** (level * decay) * enlarged(part.values.detach()[0, plane].double(), *size)
            for level, part in enumerate(module.parts)
        )
        torch.testing.assert_close(found[0, plane], literal, rtol=0, atol=1e-5)


def test_one_level_is_pixels():
    module: Any = Laplacian(levels=1, sd=0.2).start([1], (7, 9))
    pixels: Any = Pixels().start([1], (7, 9))
    with torch.no_grad():
        pixels.planes.pixels.copy_(module.planes.parts[0].values)
        torch.testing.assert_close(module(), pixels(), rtol=0, atol=1e-6)


def test_a_step_in_a_coarse_level_is_smooth():
    module: Any = Laplacian(levels=4, sd=0.0).planes([0], (32, 32))
    with torch.no_grad():
        module.parts[3].values[0, 0, 1, 2] = 1.0
        bump = module()[0, 0]
    assert float(bump.sum()) == pytest.approx(64, rel=1e-4)  # 8 x 8 pixels for one
    assert float((bump[1:] - bump[:-1]).abs().max()) <= 1 / 8 + 1e-6


@pytest.mark.parametrize("size", [(7, 64), (64, 7)])
def test_a_level_below_one_pixel_is_refused(size):
    with pytest.raises(BadInput, match=f"images of {size[0]}x{size[1]} pixels cannot be divided by 8"):
        Laplacian(levels=4).start([0], size)
    assert Laplacian(levels=3).start([0], size)().shape == (1, 3, *size)


def test_the_parts_are_those_of_an_interpolation_of_six_images():
    module: Any = Shared().planes(range(6), (32, 48))
    own, *parts = module.parts
    assert own.spectrum.shape[0] == 6
    assert [tuple(part.part.values.shape) for part in parts] == [
        (1, 3, 16, 24), (1, 3, 8, 12), (1, 3, 4, 6), (2, 3, 4, 6), (1, 3, 2, 3), (2, 3, 2, 3),
    ]  # fmt: skip


def test_two_shared_planes_blend_from_the_first_image_to_the_last():
    module: Any = Shared(Fourier(sd=0.0), parts=((2, 2),), sd=1.0).planes(range(5), (8, 8))
    first, last = (enlarged(plane.double(), 8, 8) for plane in module.parts[1].part.values.detach()[:, 0])
    found = module().detach()[:, 0].double()
    for image in range(5):
        share = image / 4
        torch.testing.assert_close(found[image], (1 - share) * first + share * last, rtol=0, atol=1e-5)


def test_shared_planes_blend_between_the_two_nearest():
    module: Any = Shared(Fourier(sd=0.0), parts=((3, 4),), sd=1.0).planes(range(9), (8, 8))
    corners = module.parts[1].part().detach()
    found = module().detach()
    torch.testing.assert_close(found[4], corners[1], rtol=0, atol=1e-6)
    torch.testing.assert_close(found[1], 0.75 * corners[0] + 0.25 * corners[1], rtol=0, atol=1e-6)
    torch.testing.assert_close(found[6], 0.5 * corners[1] + 0.5 * corners[2], rtol=0, atol=1e-6)


def test_shared_images_are_their_own_planes_and_the_shared_ones_before_colours():
    with torch.no_grad():
        shared: Any = Shared(parts=((1, 4),), sd=0.5).start([3, 8], (16, 16))
        own: Any = Fourier().start([3, 8], (16, 16))
        planes = own.planes() + shared.planes.parts[1].part()
        torch.testing.assert_close(shared(), own.colors(planes), rtol=0, atol=1e-6)


def test_the_shared_parts_start_from_the_first_seed():
    modules: list[Any] = [Shared().planes(seeds, (32, 32)) for seeds in ([4, 5, 6], [4, 9], [5, 4])]
    first, same, other = ([part.part.values for part in module.parts[1:]] for module in modules)
    assert all(map(torch.equal, first, same))
    assert not any(map(torch.equal, first, other))
    assert not torch.equal(first[2][0], first[3][0])  # two parts of one size differ


def test_sharing_makes_neighbours_alike_under_gradients_that_differ():
    """One step along independent gradients moves the shared planes by the mean: neighbours stay closer."""
    pull = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def apart(kind):
        module = kind.start(range(6), (32, 32))
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05, maximize=True)
        for _ in range(20):
            optimizer.zero_grad()
            (module() * pull).sum().backward()
            optimizer.step()
        with torch.no_grad():
            images = module()
        spread = images - images.mean((2, 3), keepdim=True)
        return sum(
            float(torch.nn.functional.cosine_similarity(one.flatten(), next_one.flatten(), dim=0))
            for one, next_one in pairwise(spread)
        )

    assert apart(Shared()) > apart(Fourier()) + 0.5


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (((1, 33),), "images of 32x32 pixels cannot be divided by 33"),
        (((1, 0),), "images of 32x32 pixels cannot be divided by 0"),
        (((0, 2),), "a shared part of 0 images holds nothing"),
    ],
)
def test_parts_that_hold_nothing_are_refused(parts, message):
    with pytest.raises(BadInput, match=message):
        Shared(parts=parts).start([0], (32, 32))
