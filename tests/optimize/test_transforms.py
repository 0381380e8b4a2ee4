"""Transforms: literal counterparts, and the shape, range and generator that each promises."""

import pytest
import torch

from innerview.core.errors import BadInput
from innerview.optimize import ARTICLE, RELEASED, Crop, Jitter, Pad, Rotate, Scale, transformed

ALL = [
    Pad(5), Pad(5, "reflect"), Jitter(6), Scale((0.9, 1, 1.1)), Rotate((-20, 0, 7)), Crop(3), *RELEASED, *ARTICLE,
]  # fmt: skip


def drawing(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, 3, 40, 32, generator=drawing(9))


@pytest.mark.parametrize("transform", ALL, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_the_range_is_kept_and_the_batch_is_treated_alike(images, transform, seed):
    found = transform(images, drawing(seed))
    assert found.shape[:2] == (3, 3)
    assert float(found.min()) >= -1e-6
    assert float(found.max()) <= 1 + 1e-6
    for place in range(3):
        alone = transform(images[place : place + 1], drawing(seed))
        torch.testing.assert_close(found[place], alone[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("recipe", [RELEASED, ARTICLE], ids=["released", "article"])
def test_transforms_depend_on_the_generator_alone(images, recipe):
    torch.manual_seed(1)
    first = transformed(images, recipe, drawing(4))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(first, transformed(images, recipe, drawing(4)))
    assert torch.equal(state, torch.get_rng_state())
    others = [transformed(images, recipe, drawing(seed)) for seed in range(5, 9)]
    assert all(other.shape != first.shape or not torch.equal(other, first) for other in others)


def test_they_act_one_after_another(images):
    generator = drawing(3)
    by_hand = Jitter(2)(Rotate((5, 10))(Jitter(4)(images, generator), generator), generator)
    assert torch.equal(transformed(images, (Jitter(4), Rotate((5, 10)), Jitter(2)), drawing(3)), by_hand)
    assert transformed(images, (), drawing()) is images


def test_padding_is_grey_all_around(images):
    padded = Pad(4)(images, drawing())
    assert padded.shape == (3, 3, 48, 40)
    assert torch.equal(padded[..., 4:-4, 4:-4], images)
    frame = padded.clone()
    frame[..., 4:-4, 4:-4] = 0.5
    assert torch.equal(frame, torch.full_like(frame, 0.5))


def test_padding_takes_another_grey_and_mirrors(images):
    assert float(Pad(1, value=0.25)(images, drawing())[0, 0, 0, 0]) == 0.25
    mirrored = Pad(2, "reflect")(images, drawing())
    assert torch.equal(mirrored[..., 2:-2, :2], images[..., :, [2, 1]])
    assert torch.equal(mirrored[..., -2:, 2:-2], images[..., [-2, -3], :])


def test_jitter_is_a_crop_at_a_random_place(images):
    places = set()
    for seed in range(200):
        generator = drawing(seed)
        top, left = (int(torch.randint(4, (), generator=generator)) for _ in range(2))
        found = Jitter(3)(images, drawing(seed))
        assert torch.equal(found, images[:, :, top : top + 37, left : left + 29])
        places.add((top, left))
    assert places == {(top, left) for top in range(4) for left in range(4)}


@pytest.mark.parametrize(
    ("factor", "size"), [(1, (40, 32)), (0.5, (20, 16)), (1.1, (44, 35)), (0.95, (38, 30)), (0.001, (1, 1))]
)
def test_scaling_multiplies_the_sides(images, factor, size):
    found = Scale((factor,))(images, drawing())
    assert found.shape[-2:] == size
    torch.testing.assert_close(
        Scale((factor,))(torch.full_like(images, 0.3), drawing()), torch.full((3, 3, *size), 0.3)
    )


def test_scaling_draws_every_factor(images):
    found = {Scale((0.5, 1, 2))(images, drawing(seed)).shape[-1] for seed in range(30)}
    assert found == {16, 32, 64}


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (-90, -1), (270, 3), (360, 0)])
def test_a_square_turned_by_right_angles_is_rot90(degrees, turns):
    square = torch.rand(2, 3, 17, 17, generator=drawing())
    turned = Rotate((degrees,))(square, drawing())
    torch.testing.assert_close(turned, torch.rot90(square, turns, (2, 3)), rtol=0, atol=1e-4)


def test_no_turn_is_the_identity(images):
    assert Rotate((0,))(images, drawing()) is images


def test_half_a_turn_of_a_rectangle_flips_both_sides(images):
    torch.testing.assert_close(Rotate((180,))(images, drawing()), images.flip(2, 3), rtol=0, atol=1e-4)


def test_a_turn_keeps_lengths_in_a_rectangle():
    """A bright spot 10 pixels right of the middle lies, after 30 degrees, where sine and cosine say: no shear."""
    rows, columns = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(61.0) - 30, indexing="ij")
    spot = torch.exp(-(rows**2 + (columns - 10) ** 2) / 8).expand(1, 3, -1, -1)
    turned = Rotate((30,))(spot, drawing())[0, 0]
    down, right = ((turned * place).sum() / turned.sum() for place in (rows, columns))
    assert float(down) == pytest.approx(-5, abs=0.05)  # counter-clockwise, as rot90
    assert float(right) == pytest.approx(10 * 3**0.5 / 2, abs=0.05)


@pytest.mark.parametrize("pixels", [0, 1, 7])
def test_a_crop_cuts_every_side(images, pixels):
    assert torch.equal(Crop(pixels)(images, drawing()), images[:, :, pixels : 40 - pixels, pixels : 32 - pixels])


def test_the_crop_takes_off_the_padding(images):
    assert torch.equal(transformed(images, (Pad(4), Crop(4)), drawing()), images)


def test_the_released_recipe_holds_the_librarys_numbers():
    """Checked against lucid's `standard_transforms`, as `PAPERS.md` quotes them."""
    pad, first, scale, rotate, last = RELEASED
    assert (pad, first, last) == (Pad(12, "constant", 0.5), Jitter(8), Jitter(4))
    assert isinstance(scale, Scale)
    assert isinstance(rotate, Rotate)
    assert scale.factors == pytest.approx([0.9, 0.92, 0.94, 0.96, 0.98, 1, 1.02, 1.04, 1.06, 1.08, 1.1])
    assert sorted(rotate.degrees) == sorted([*range(-10, 11), *[0] * 5])


def test_the_article_recipe_holds_its_numbers_and_ends_at_the_images_size(images):
    assert ARTICLE[:2] == (Pad(16), Jitter(16))
    assert ARTICLE[2:4] == (Scale((1, 0.975, 1.025, 0.95, 1.05)), Rotate(tuple(range(-5, 6))))
    assert ARTICLE[4] == Jitter(8)
    unscaled = (*ARTICLE[:2], *ARTICLE[3:])
    assert transformed(images, unscaled, drawing()).shape == images.shape


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (Jitter(32), "a jitter of 32 pixels leaves nothing of images of 40x32 pixels"),
        (Crop(16), "cropping 16 pixels leaves nothing of images of 40x32 pixels"),
        (Pad(32, "reflect"), "images of 40x32 pixels have no 32 pixels to reflect"),
    ],
)
def test_what_leaves_nothing_is_refused(images, transform, message):
    with pytest.raises(BadInput, match=message):
        transform(images, drawing())


@pytest.mark.parametrize("transform", [Jitter(31), Crop(15), Pad(31, "reflect")])
def test_what_leaves_one_pixel_is_allowed(images, transform):
    assert min(transform(images, drawing()).shape[-2:]) >= 1
