"""Filters and feature maps as pictures: every value at its place, on its own scale, and the scale told."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from innerview.core.errors import BadInput, NotFinite
from innerview.figures import LayerMaps, feature_maps, filter_pictures, filter_sheet


def weights(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 3, 4, 6))


def test_every_filter_is_scaled_to_its_own_largest_value_around_grey() -> None:
    numbers = weights()
    numbers[1] *= 1000
    numbers[2] = 0
    pictures = filter_pictures(torch.from_numpy(numbers), 2)
    assert pictures.shape == (5, 8, 12, 3)
    assert (pictures[2] == 128).all()
    for one, picture in zip(numbers, pictures, strict=True):
        for row, column, color in ((0, 0, 0), (7, 11, 2), (3, 5, 1)):
            share = one[color, row // 2, column // 2] / (abs(one).max() or 1)
            assert abs(float(picture[row, column, color]) - 127.5 * (1 + share)) <= 0.5
    extremes = [(int(picture.min()), int(picture.max())) for place, picture in enumerate(pictures) if place != 2]
    assert all(low == 0 or high == 255 for low, high in extremes)


def test_a_sheet_holds_them_row_by_row() -> None:
    pictures, whole = filter_pictures(weights(), 4), filter_sheet(weights(), columns=3, scale=4)
    assert whole.shape == (2 * 16 + 2, 3 * 24 + 4, 3)
    for place, picture in enumerate(pictures):
        top, left = place // 3 * 18, place % 3 * 26
        assert np.array_equal(whole[top : top + 16, left : left + 24], picture)
    assert (whole[16:18] == 255).all()
    assert (whole[18:, 52:] == 255).all()


def test_filters_that_are_none_are_refused() -> None:
    for wrong in (weights()[:, :2], weights()[0], weights(0)):
        with pytest.raises(BadInput, match="filters are"):
            filter_pictures(wrong)
    with pytest.raises(BadInput, match="at a scale from 1"):
        filter_pictures(weights(), 0)
    with pytest.raises(NotFinite):
        filter_pictures(np.full((1, 3, 2, 2), np.inf))


def shown(made: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.get_images()[0].get_array()) for axes in made.axes]


def titles(made: Figure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in made.texts if text.get_text()]


def maps() -> np.ndarray:
    numbers = np.random.default_rng(1).uniform(0, 1, (9, 7, 14))
    return numbers * np.array([1, 5, 300, 0, 2, 40, 3, 1234, 0.5])[:, None, None] / numbers.max((1, 2), keepdims=True)


def test_the_strongest_channels_come_first_each_on_its_own_scale() -> None:
    made = feature_maps({"mixed": LayerMaps(maps())}, count=4)
    assert titles(made) == ["mixed: 7, to 1234", "mixed: 2, to 300", "mixed: 5, to 40", "mixed: 1, to 5"]
    for channel, picture in zip((7, 2, 5, 1), shown(made), strict=True):
        assert picture.shape == (7 * 16, 14 * 16, 3)
        one = maps()[channel]
        wanted = np.round(255 * mpl.colormaps["magma"](one / one.max())[..., :3])
        assert np.array_equal(picture[8::16, 8::16], wanted)


def test_named_channels_keep_their_order_and_a_silent_one_is_dark() -> None:
    made = feature_maps({"mixed": LayerMaps(torch.from_numpy(maps()), [3, 0])})
    assert titles(made) == ["mixed: 3, to 0", "mixed: 0, to 1"]
    assert (shown(made)[0] == np.round(255 * np.array(mpl.colormaps["magma"](0.0)[:3]))).all()


def test_signed_maps_are_white_at_zero_and_every_layer_begins_a_row() -> None:
    signed = maps()[:3] - 2.0
    signed[:, 0, 0] = 0
    made = feature_maps({"before": LayerMaps(signed), "after": LayerMaps(maps())}, count=4)
    pictures = shown(made)
    assert len(pictures) == 8
    middle = np.round(255 * np.array(mpl.colormaps["RdBu_r"](0.5)[:3]))
    assert all((picture[0, 0] == middle).all() for picture in pictures[:3])
    tops = [round(axes.get_position().y1, 3) for axes in made.axes]
    assert len(set(tops[:3])) == len(set(tops[4:])) == 1
    assert tops[0] > tops[4]


def test_maps_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(BadInput, match="mixed has the channels 0 to 8; 9 is out of range"):
        feature_maps({"mixed": LayerMaps(maps(), [9])})
    with pytest.raises(BadInput, match="0 layers"):
        feature_maps({})
    with pytest.raises(BadInput, match="the maps of fc to be drawn"):
        feature_maps({"fc": LayerMaps(maps()[0])})
    with pytest.raises(NotFinite):
        feature_maps({"mixed": LayerMaps(maps() * np.nan)})
