"""Transforms: literal counterparts, and the shape, range and generator that each promises."""

import math
import statistics

import pytest
import scipy.ndimage
import torch

from innerview.core.errors import BadInput
from innerview.optimize import (
    ARTICLE,
    MACO,
    RELEASED,
    Blur,
    BlurSchedule,
    Crop,
    Jitter,
    Noise,
    Pad,
    Resize,
    Rotate,
    Scale,
    Scheduled,
    Transform,
    Zoom,
    ZoomSchedule,
    resolved,
    transformed,
)

ALL = [
    Pad(5), Pad(5, "reflect"), Jitter(6), Scale((0.9, 1, 1.1)), Rotate((-20, 0, 7)), Crop(3), Blur(1.2), Blur(0),
    Resize(24), Resize((50, 7)), Zoom(0.5), Zoom(0.3, size=20), *RELEASED, *ARTICLE,
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


@pytest.mark.parametrize("transform", [*ALL, Noise(0.1)], ids=str)
def test_the_gradient_flows(transform):
    images = torch.rand(2, 3, 40, 32, generator=drawing(9)).requires_grad_()
    found = transform(images, drawing(1))
    (gradient,) = torch.autograd.grad(found.square().sum(), images)
    assert torch.isfinite(gradient).all()
    assert (gradient.flatten(1).abs().amax(1) > 0).all()
    assert isinstance(transform, Transform)


@pytest.mark.parametrize("recipe", [RELEASED, ARTICLE, resolved(MACO, 0.3)], ids=["released", "article", "maco"])
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
        (Resize(0), "images cannot be resized to 0x0 pixels"),
        (Resize((3, -1)), "images cannot be resized to 3x-1 pixels"),
        (Zoom(0), "no window is 0 of the image"),
        (Zoom(1.5), "no window is 1.5 of the image"),
        (Blur(-1), "a blur of -1 pixels is none"),
    ],
)
def test_what_leaves_nothing_is_refused(images, transform, message):
    with pytest.raises(BadInput, match=message):
        transform(images, drawing())


@pytest.mark.parametrize("transform", [Jitter(31), Crop(15), Pad(31, "reflect")])
def test_what_leaves_one_pixel_is_allowed(images, transform):
    assert min(transform(images, drawing()).shape[-2:]) >= 1


@pytest.mark.parametrize("sigma", [0.6, 1.5])
def test_blurring_is_the_literal_weighted_mean(images, sigma):
    found = Blur(sigma)(images, drawing())
    reach = math.ceil(3 * sigma)
    weights = [math.exp(-((place / sigma) ** 2) / 2) for place in range(-reach, reach + 1)]

    def mirrored(place, side):
        return -place if place < 0 else 2 * (side - 1) - place if place >= side else place

    for row, column in [(20, 15), (0, 0), (39, 31), (1, 30)]:
        total = sum(
            weights[reach + down] * weights[reach + along] / sum(weights) ** 2
            * images[:, :, mirrored(row + down, 40), mirrored(column + along, 32)]
            for down in range(-reach, reach + 1)
            for along in range(-reach, reach + 1)
        )  # fmt: skip
        torch.testing.assert_close(found[:, :, row, column], total, rtol=0, atol=1e-5)


def test_a_blur_wider_than_the_images_is_cut_at_their_size():
    images = torch.rand(1, 3, 1, 1, generator=drawing())
    assert torch.equal(Blur(2)(images, drawing()), images)  # one pixel has no neighbours to mirror
    flat = Blur(50)(torch.rand(1, 3, 6, 6, generator=drawing()), drawing())
    assert float(flat.std((2, 3)).max()) < 0.1


@pytest.mark.parametrize(("share", "sigma"), [(0, 3), (0.25, 2.5), (1, 1)])
def test_a_blur_goes_evenly_from_start_to_end(share, sigma):
    assert BlurSchedule(3, 1).at(share) == Blur(sigma)
    assert BlurSchedule(3).at(1) == Blur(0)


def test_noise_is_added_alike_to_all_images(images):
    found = Noise(0.2)(images, drawing(3)) - images
    literal = 0.2 * torch.randn(3, 40, 32, generator=drawing(3))
    torch.testing.assert_close(found, literal.expand(3, -1, -1, -1), rtol=0, atol=1e-6)


def test_resizing_averages_what_it_shrinks(images):
    assert Resize((10, 8))(images, drawing()).shape == (3, 3, 10, 8)
    stripes = torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(4).expand(1, 3, 16, 16)
    small = Resize(4)(stripes, drawing())[..., 1:-1, 1:-1]
    torch.testing.assert_close(small, torch.full((1, 3, 2, 2), 0.5), rtol=0, atol=1e-6)


def test_a_window_of_all_is_the_image(images):
    torch.testing.assert_close(Zoom(1, spread=0)(images, drawing(2)), images, rtol=0, atol=1e-6)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_windows_lie_inside_and_have_the_share_asked_for(share):
    """A ramp tells where a window lies: its ends are the window's first and last pixels."""
    ramp = torch.arange(100.0)[:, None] + 1000 * torch.arange(100.0)
    ramp = ramp.expand(1, 3, -1, -1)
    lengths, middles = [], []
    for seed in range(300):
        window = Zoom(share, size=400)(ramp, drawing(seed))[0, 0]
        top, bottom = (float(window[row, 0]) % 1000 for row in (0, -1))
        left, right = (float(window[0, column]) // 1000 for column in (0, -1))
        assert 0 <= top < bottom <= 99
        assert 0 <= left < right <= 99
        assert bottom - top == pytest.approx(right - left, abs=1.01)
        lengths.append((bottom - top + 1) / 100)
        middles.append((top + bottom) / 2)
    assert sum(lengths) / 300 == pytest.approx(share, abs=0.015)
    if share == 0.5:  # nothing cut off
        assert statistics.stdev(lengths) == pytest.approx(0.05, rel=0.15)
    assert sum(middles) / 300 == pytest.approx(49.5, abs=2.5)
    assert len(set(middles)) > 10


def test_a_zoom_without_shift_is_the_middle(images):
    middle = images[..., 10:30, 8:24]
    torch.testing.assert_close(
        Zoom(0.5, size=(20, 16), spread=0, shift=0)(images, drawing()), middle, rtol=0, atol=1e-6
    )


def test_a_zoom_goes_evenly_from_start_to_end():
    schedule = ZoomSchedule(0.9, 0.5, size=20)
    assert [schedule.at(share) for share in (0, 1)] == [Zoom(0.9, size=20), Zoom(0.5, size=20)]
    assert schedule.at(0.25) == Zoom(0.8, size=20)


def test_schedules_are_resolved_and_other_transforms_stay(images):
    recipe = (Jitter(2), BlurSchedule(2, 1), Noise(0.1))
    assert resolved(recipe, 0.5) == (Jitter(2), Blur(1.5), Noise(0.1))
    assert resolved(RELEASED, 0.7) == RELEASED
    assert isinstance(recipe[1], Scheduled)
    assert not isinstance(recipe[1], Transform)
    assert not any(isinstance(transform, Scheduled) for transform in ALL)


def test_the_maco_recipe_holds_the_released_codes_numbers():
    zoom, noise = MACO
    assert (zoom, noise) == (ZoomSchedule(0.5, 0.05, size=224), Noise(0.08))
    small = transformed(torch.rand(1, 3, 96, 96, generator=drawing()), resolved(MACO, 1.0), drawing(1))
    assert small.shape == (1, 3, 224, 224)


@pytest.mark.filterwarnings("ignore")
def test_padding_is_lucents(images):
    from lucent.optvis.transform import pad  # noqa: PLC0415  (warns at import)

    assert torch.equal(Pad(7)(images, drawing()), pad(7, "constant", 0.5)(images))
    assert torch.equal(Pad(7, "reflect")(images, drawing()), pad(7)(images))


@pytest.mark.parametrize("degrees", [-10, 3, 45])
def test_turning_is_scipys_where_no_border_shows(images, degrees):
    ours = Rotate((degrees,))(images, drawing())[..., 14:26, 10:22]
    theirs = scipy.ndimage.rotate(images.numpy(), degrees, axes=(3, 2), reshape=False, order=1)[..., 14:26, 10:22]
    torch.testing.assert_close(ours, torch.from_numpy(theirs), rtol=0, atol=1e-4)
