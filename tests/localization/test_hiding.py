"""Hidden squares and erased rectangles: the papers' words in slow loops, shares and ranges, and what is never done."""

import math

import pytest
import torch

from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.localization import HideAndSeek, RandomErasing
from innerview.training import TensorSamples

CHANGES = {
    "hide": HideAndSeek(grids=(3, 5)),
    "erase": RandomErasing(chance=1.0),
    "erase with a colour": RandomErasing(chance=1.0, fill=(0.1, 0.2, 0.3)),
}


def noisy(count=8, height=21, width=34, kind=torch.float32):
    """Pictures without a pixel of any colour that hides."""
    draws = torch.rand(count, 3, height, width, generator=generator("noisy"))
    return (draws * 255).to(torch.uint8) if kind == torch.uint8 else draws.to(kind)


def hidden_by_hand(pictures, grids, chance, colour, random):
    """Hide squares one by one, from the same draws."""
    shown = pictures.clone()
    height, width = pictures.shape[2:]
    sides = [grids[place] for place in torch.randint(len(grids), (len(pictures),), generator=random)]
    for picture, side in zip(shown, sides, strict=True):
        if side == 0:
            continue
        draws = iter(torch.rand(math.ceil(height / side) * math.ceil(width / side), generator=random))
        for top in range(0, height, side):
            for left in range(0, width, side):
                if next(draws) < chance:
                    for row in range(top, min(top + side, height)):
                        for column in range(left, min(left + side, width)):
                            picture[:, row, column] = torch.tensor(colour)
    return shown


def erased_by_hand(pictures, change, random):
    """Algorithm 1, picture by picture, from the same draws; the sides are rounded."""
    shown = pictures.clone()
    height, width = pictures.shape[2:]
    waiting = [place for place, draw in enumerate(torch.rand(len(pictures), generator=random)) if draw < change.chance]
    (s_l, s_h), (r_1, r_2) = change.area, change.ratio
    while waiting:
        draws = torch.rand(len(waiting), 4, generator=random, dtype=torch.float64).tolist()
        again = []
        for place, (share, ratio, across, down) in zip(waiting, draws, strict=True):
            s_e = (s_l + share * (s_h - s_l)) * height * width
            r_e = r_1 + ratio * (r_2 - r_1)
            h_e, w_e = round(math.sqrt(s_e * r_e)), round(math.sqrt(s_e / r_e))
            x_e, y_e = int(across * width), int(down * height)
            if x_e + w_e <= width and y_e + h_e <= height:
                shown[place, :, y_e : y_e + h_e, x_e : x_e + w_e] = torch.tensor(change.fill)[:, None, None]
            else:
                again.append(place)
        waiting = again
    return shown


def rectangles(pictures, changed):
    """Return height and width of what changed in each picture, which must be one rectangle."""
    found = []
    for mask in (pictures != changed).any(1):
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns[None, :])
        for line in (rows, columns):
            assert int(line.diff(prepend=line.new_zeros(1), append=line.new_zeros(1)).sum()) in {0, 2}
        found.append((int(rows.sum()), int(columns.sum())))
    return found


@pytest.mark.parametrize("grids", [(7,), (0, 4, 50), (1,)])
def test_squares_are_hidden_as_by_hand(grids):
    pictures, colour = noisy(), (0.485, 0.456, 0.406)
    shown = HideAndSeek(grids, chance=0.3)(pictures, generator("hide"))
    assert torch.equal(shown, hidden_by_hand(pictures, grids, 0.3, colour, generator("hide")))
    assert not torch.equal(shown, pictures)


def test_rectangles_are_erased_as_by_hand():
    pictures, change = noisy(count=40), RandomErasing(chance=0.6, fill=(0.1, 0.2, 0.3))
    shown = change(pictures, generator("erase"))
    assert torch.equal(shown, erased_by_hand(pictures, change, generator("erase")))
    assert not torch.equal(shown, pictures)


def test_about_the_chances_share_is_hidden_and_each_size_comes():
    pictures = noisy(200, 56, 56)
    hidden = (HideAndSeek((0, 8, 14, 28), chance=0.25)(pictures, generator("share")) != pictures).any(1)
    shares = hidden.float().mean((1, 2))
    assert 0.15 < float(shares.mean()) < 0.23  # 0.25 in three of four sizes; standard deviation 0.01
    whole: dict[int, int] = dict.fromkeys((8, 14, 28), 0)
    for mask in hidden:
        fits = [side for side in whole if torch.equal(mask, mask[::side, ::side].kron(mask.new_ones(side, side)))]
        if mask.any() and not mask.all():
            whole[max(fits)] += 1
    assert all(count > 20 for count in whole.values())
    assert int((shares == 0).sum()) > 30


def test_squares_at_the_right_and_the_lower_edge_may_be_smaller():
    shown = HideAndSeek((20,), chance=1.0, fill=0.5)(noisy(), generator("all"))
    assert torch.equal(shown, torch.full_like(shown, 0.5))


def test_areas_and_ratios_stay_in_their_ranges_and_reach_through_them():
    pictures = noisy(400, 60, 90)
    sides = rectangles(pictures, RandomErasing(chance=1.0)(pictures, generator("ranges")))
    areas = [height * width / (60 * 90) for height, width in sides]
    ratios = [height / width for height, width in sides]
    assert all(0.015 < area < 0.42 for area in areas)  # rounding moves a side by half a pixel
    assert all(0.25 < ratio < 3.8 for ratio in ratios)
    assert min(areas) < 0.04
    assert max(areas) > 0.3
    assert min(ratios) < 0.4
    assert max(ratios) > 2.5


def test_about_as_many_pictures_lose_a_rectangle_as_the_chance_says():
    pictures = noisy(200)
    changed = (RandomErasing(chance=0.25)(pictures, generator("chance")) != pictures).flatten(1).any(1)
    assert 30 < int(changed.sum()) < 70  # 50 expected, standard deviation 6
    assert torch.equal(RandomErasing(chance=0.0)(pictures, generator("chance")), pictures)


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32, torch.float64])
def test_random_values_fill_the_whole_range(kind):
    pictures = torch.zeros(4, 3, 40, 40, dtype=kind)
    erasing = RandomErasing(chance=1.0, area=(0.4, 0.4), ratio=(1.0, 1.0))
    noise = erasing(pictures, generator("noise"))
    values = noise[noise > 0].double() / (255 if kind == torch.uint8 else 1)
    assert noise.dtype == kind
    assert abs(float(values.mean()) - 0.5) < 0.03
    assert float(values.max()) > 0.98
    assert float(noise.double().std(1).amax((1, 2)).min()) > 0  # a colour, not a grey


@pytest.mark.parametrize("change", [HideAndSeek((5,), chance=1.0), RandomErasing(1.0, fill=(0.485, 0.456, 0.406))])
def test_bytes_take_the_nearest_byte(change):
    shown = change(torch.zeros(3, 3, 20, 20, dtype=torch.uint8), generator("bytes"))
    assert shown.dtype == torch.uint8
    assert [sorted(set(plane.tolist()) - {0}) for plane in shown.movedim(1, 0).flatten(1)] == [[124], [116], [104]]


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_seed_repeats_pictures_differ_and_none_is_changed_in_place(change, kind):
    pictures = noisy(1, kind=kind).expand(6, -1, -1, -1).clone()
    kept = pictures.clone()
    first = change(pictures, generator("a"))
    torch.manual_seed(1)
    assert torch.equal(first, change(pictures, generator("a")))
    assert not torch.equal(first, change(pictures, generator("b")))
    assert torch.equal(pictures, kept)
    assert first.data_ptr() != pictures.data_ptr()
    assert len({tuple(one.flatten().tolist()) for one in first}) == 6
    assert (first.dtype, first.shape) == (kind, pictures.shape)


def test_samples_take_them_as_augmentations_and_none_is_needed():
    samples = TensorSamples((noisy(kind=torch.uint8), torch.arange(8)), tuple(CHANGES.values()))
    images, labels = samples.batch(torch.tensor([2, 5]), generator("samples"))
    assert (images.shape, images.dtype, labels.tolist()) == ((2, 3, 21, 34), torch.float32, [2, 5])
    for change in CHANGES.values():
        assert change(noisy(0), generator("none")).shape == (0, 3, 21, 34)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HideAndSeek(()), r"squares of \(\) pixels cannot be cut"),
        (lambda: HideAndSeek((16, -1)), r"squares of \(16, -1\) pixels cannot be cut; give one side or more"),
        (lambda: HideAndSeek(chance=1.1), r"a chance lies in \[0, 1\], not 1.1"),
        (lambda: HideAndSeek(chance=math.nan), "a chance lies in"),
        (lambda: HideAndSeek(fill=(0.1, 0.2, 124.0)), r"\(0.1, 0.2, 124.0\) is no colour; give three numbers"),
        (lambda: RandomErasing(chance=-0.1), "a chance lies in"),
        (lambda: RandomErasing(fill=2.0), "2.0 is no colour"),
        (lambda: RandomErasing(area=(0.0, 0.4)), r"areas \(0.0, 0.4\) are no range of shares"),
        (lambda: RandomErasing(area=(0.5, 0.4)), "are no range of shares; give 0 < least <= largest <= 1"),
        (lambda: RandomErasing(area=(0.5, 1.4)), "are no range of shares"),
        (lambda: RandomErasing(ratio=(3.0, 0.3)), r"ratios \(3.0, 0.3\) are no range"),
        (lambda: RandomErasing(ratio=(0.0, 0.3)), "are no range; give 0 < least <= largest"),
    ],
)
def test_settings_that_hide_nothing_right_are_refused(make, message):
    with pytest.raises(BadInput, match=message):
        make()


def test_pictures_that_a_change_cannot_meet_are_refused():
    with pytest.raises(BadInput, match=r"none of 1000 rectangles of area \(0.9, 1.0\) and ratio .* fits into 21x34"):
        RandomErasing(1.0, area=(0.9, 1.0), ratio=(4.0, 5.0))(noisy(), generator("narrow"))
    with pytest.raises(BadInput, match="a colour of 3 channels cannot fill pictures of 1; give one grey"):
        HideAndSeek()(noisy()[:, :1], generator("grey"))
    assert HideAndSeek((4,), fill=0.0)(noisy()[:, :1], generator("grey")).shape == (8, 1, 21, 34)
