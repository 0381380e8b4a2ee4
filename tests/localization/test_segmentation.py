"""Weak segmentation: pictures whose cut is known, the pixels that colours are learnt from, maps that say nothing."""

import sys

import pytest
import torch
from localization import literal
from skimage import data

from innerview.core.errors import BadInput, NotFinite
from innerview.core.images import from_array
from innerview.localization import grabcut, grabcut_from_seeds, largest_component, mask_iou, seeds

SIDE = 40
ROWS, COLUMNS = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")


def disk(row, column, radius):
    return (ROWS - row).square() + (COLUMNS - column).square() <= radius**2


def picture(*masks, seed=0):
    """Red where one of the masks is, green elsewhere, with a little noise."""
    red = torch.stack(masks).any(0)
    colours = torch.where(
        red, torch.tensor([0.8, 0.1, 0.2])[:, None, None], torch.tensor([0.1, 0.7, 0.3])[:, None, None]
    )
    noise = torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    return (colours + 0.03 * noise).clamp(0, 1)[None]


def heat(row, column, width=6.0):
    distance = (ROWS - row).square() + (COLUMNS - column).square()
    return torch.exp(-distance / (2 * width**2))[None]


OBJECT = disk(18, 20, 11)
PICTURE = picture(OBJECT)
PHOTO = from_array(data.coffee()[::7, ::10][None, :56, :56])


def blob(height, width, spread=12.0):
    down, across = torch.arange(float(height))[:, None] - height / 2, torch.arange(float(width)) - width / 2
    return torch.exp(-(down.square() + across.square()) / (2 * spread**2))[None]


PHOTO_HEAT = blob(56, 56)


def test_a_heatmap_in_the_middle_of_an_object_finds_all_of_it_by_its_colour():
    assert int((heat(18, 20) > 0.2).sum()) < int(OBJECT.sum())
    assert torch.equal(grabcut(PICTURE, heat(18, 20))[0], OBJECT)


def test_colours_are_learnt_from_the_surest_pixels_alone():
    """Most of the object lies between the quantiles; were it taken for background, its colour would be, too."""
    corner = heat(10, 14, 2.0) + 1e-3 * heat(39, 39, 9.0)
    assert torch.equal(grabcut(PICTURE, corner)[0], OBJECT)
    blue = PICTURE.clone()
    stripe = (COLUMNS >= 30) & ~OBJECT
    blue[0, :, stripe] = torch.tensor([0.1, 0.2, 0.9])[:, None]
    ramp = torch.where(OBJECT, 2.0, 0.0) + heat(18, 20)[0]
    found = grabcut(blue, torch.where(stripe, 1.5, ramp)[None], sure=0.75, background=0.3)
    assert not found[0, ~stripe & ~OBJECT].any()


def test_the_quantiles_say_which_pixels_are_sure():
    """Three stripes, red, blue and green, with heat falling from left to right: who is sure decides on the blue."""
    left, right = COLUMNS < 14, COLUMNS >= 26
    stripes = torch.stack([left.float(), (~left & ~right).float(), right.float()])[None] * 0.8 + 0.1
    falling = (SIDE - COLUMNS).float()[None]
    assert torch.equal(grabcut(stripes, falling, sure=0.4, background=0.3)[0], ~right)
    assert torch.equal(grabcut(stripes, falling, sure=0.7, background=0.6)[0], left)


def test_the_largest_component_alone_is_kept():
    small, large = disk(8, 8, 5), disk(27, 27, 9)
    found = grabcut(picture(small, large), heat(8, 8, 4.0))
    assert torch.equal(found[0], large)


def test_further_iterations_learn_the_colours_again():
    once, often = (grabcut(PHOTO, PHOTO_HEAT, iterations=count) for count in (1, 4))
    assert once.any()
    assert not torch.equal(once, often)
    rocket = from_array(data.rocket()[::7, ::8][None, :40, :50])
    sizes = [int(grabcut_from_seeds(rocket, (blob(40, 50) > 0.1), iterations=count).sum()) for count in (1, 3)]
    assert 0 < sizes[1] < sizes[0]


def test_seeds_that_spill_over_are_narrowed_down_and_nothing_outside_is_taken():
    around = disk(18, 20, 15)
    assert torch.equal(grabcut_from_seeds(PICTURE, around[None])[0], OBJECT)
    marked = PHOTO_HEAT > 0.3
    found = grabcut_from_seeds(PHOTO, marked)
    assert 0 < found.sum() < marked.sum()
    assert not (found & ~marked).any()


def test_an_image_does_not_depend_on_those_beside_it():
    images = torch.cat([PHOTO, PHOTO.flip(3), 1 - PHOTO])
    maps = torch.cat([PHOTO_HEAT, PHOTO_HEAT, PHOTO_HEAT.flip(1)])
    together = grabcut(images, maps, iterations=2)
    singly = torch.cat([grabcut(images[one : one + 1], maps[one : one + 1], iterations=2) for one in (0, 1, 2)])
    assert torch.equal(together, singly)
    marked = maps > 0.3
    assert torch.equal(grabcut_from_seeds(images, marked)[2:], grabcut_from_seeds(images[2:], marked[2:]))


def test_the_seed_of_the_clustering_is_the_callers():
    coffee = from_array(data.coffee()[::6, ::6][None])
    marked = blob(67, 100, 24.0)
    one, again, other = (grabcut(coffee, marked, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_an_object_that_is_cut_away_leaves_an_empty_mask():
    chelsea = from_array(data.chelsea()[::7, ::8][None, :40, :50])
    assert grabcut_from_seeds(chelsea, blob(40, 50) > 0.1, iterations=1).any()
    for iterations in (3, 8):
        assert not grabcut_from_seeds(chelsea, blob(40, 50) > 0.1, iterations=iterations).any()


def test_a_map_that_says_nothing_gives_an_empty_mask():
    for flat in (torch.zeros(1, SIDE, SIDE), torch.full((1, SIDE, SIDE), 2.0)):
        assert not grabcut(PICTURE, flat).any()
    assert not seeds(torch.zeros(1, SIDE, SIDE)).any()
    assert not grabcut_from_seeds(PICTURE, torch.zeros(1, SIDE, SIDE, dtype=torch.bool)).any()
    assert grabcut_from_seeds(PICTURE, torch.ones(1, SIDE, SIDE, dtype=torch.bool)).all()


def test_a_map_that_is_mostly_zero_still_shows_where():
    one_spot = torch.where(disk(18, 20, 4), 1.0, 0.0)[None]
    assert float((one_spot > 0).float().mean()) < 0.05
    assert torch.equal(grabcut(PICTURE, one_spot)[0], OBJECT)


@pytest.mark.parametrize("count", [1, 3, SIDE * SIDE - 2])
def test_a_handful_of_pixels_is_enough_for_a_mask(count):
    marked = torch.zeros(SIDE * SIDE, dtype=torch.bool)
    marked[:count] = True
    found = grabcut_from_seeds(PICTURE, marked.view(1, SIDE, SIDE))
    assert not (found & ~marked.view(1, SIDE, SIDE)).any()
    assert grabcut(PICTURE, marked.view(1, SIDE, SIDE).float(), iterations=3).shape == (1, SIDE, SIDE)


def test_an_image_of_one_colour_is_cut_without_a_crash():
    grey = torch.full((1, 3, SIDE, SIDE), 0.5)
    found = grabcut(grey, heat(18, 20), iterations=3)
    assert len(literal.components(found[0])) <= 1
    grabcut_from_seeds(grey, heat(18, 20) > 0.2)


def test_seeds_lie_above_a_fifth_of_the_maximum():
    maps = torch.stack([torch.tensor([[0.0, 1.0, 1.001], [5.0, 4.0, -9.0]]), torch.tensor([[-2.0, -1.0, 0.0]] * 2)])
    assert seeds(maps).tolist() == [[[False, False, True], [True, True, False]], [[False] * 3] * 2]
    assert seeds(maps, 0.9)[0].sum() == 1


def test_mask_iou_counts_pixels():
    masks, others = (literal.random_maps(6, seed=seed) > 0.5 for seed in (1, 2))
    wanted = []
    for mask, other in zip(masks, others, strict=True):
        one, two = ({tuple(pixel) for pixel in some.nonzero().tolist()} for some in (mask, other))
        wanted.append(len(one & two) / len(one | two))
    torch.testing.assert_close(mask_iou(masks, others), torch.tensor(wanted))
    empty = torch.zeros_like(masks)
    assert mask_iou(empty, others).tolist() == [0] * 6
    assert mask_iou(empty, empty).tolist() == [1] * 6


def test_the_result_is_one_component_of_a_photograph():
    found = grabcut(PHOTO, PHOTO_HEAT)
    assert found.any()
    assert torch.equal(found, largest_component(found))


def test_bad_input_is_refused(monkeypatch):
    with pytest.raises(BadInput, match=r"0 < background < sure < 1, not 0\.95 and 0\.3"):
        grabcut(PICTURE, heat(18, 20), sure=0.3, background=0.95)
    with pytest.raises(BadInput, match="0 iterations cut nothing"):
        grabcut(PICTURE, heat(18, 20), iterations=0)
    with pytest.raises(BadInput, match="threshold must lie"):
        seeds(heat(18, 20), 1.0)
    with pytest.raises(NotFinite, match="heatmap holds NaN"):
        grabcut(PICTURE, heat(18, 20) / 0)
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        grabcut(PICTURE / 0, heat(18, 20))
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(BadInput, match="pip install opencv-python-headless"):
        grabcut(PICTURE, heat(18, 20))


def test_maps_of_another_size_are_refused_also_where_types_are_not_checked():
    from innerview.localization.segmentation import _cut_out, _of_seeds  # noqa: PLC0415

    small = (torch.ones(1, 7, 7) > 0).numpy()
    with pytest.raises(BadInput, match=r"images \(1, 40, 40\) and maps \(1, 7, 7\) differ"):
        _cut_out(PICTURE, (small, ~small), _of_seeds, 1, 0)
