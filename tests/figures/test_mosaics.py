"""Mosaics: every picture at its place, as far from white as its opacity says, and names that do not crowd.

The picture in ``baseline/mosaics/`` is made anew by
``pytest tests/figures/test_mosaics.py -o addopts= -k look_as_they_did
--mpl-generate-path=tests/figures/baseline/mosaics``.
"""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images

from innerview.core.errors import BadInput
from innerview.figures import Mosaic, mosaics, spread_names

BASELINE = Path(__file__).parent / "baseline" / "mosaics"
TOLERANCE = 6  # as for the charts
SIDE = 5


def made(*places: tuple[int, int], density: int = 4, side: int = SIDE, **options: Any) -> Mosaic:
    """Return a mosaic of noise, without white, at these rows and columns."""
    pictures = np.random.default_rng(0).integers(0, 255, (len(places), side, side, 3), np.uint8)
    rows, columns = np.array(places, dtype=int).reshape(-1, 2).T
    return Mosaic(pictures, rows, columns, density, **options)


SOME = ((0, 0), (1, 3), (2, 0), (3, 3))


# Where pictures lie


def test_every_picture_lies_in_its_cell_and_all_others_are_white():
    mosaic = made(*SOME)
    wanted = np.full((4 * SIDE, 4 * SIDE, 3), 255)
    for picture, (row, column) in zip(mosaic.pictures, SOME, strict=True):
        for y in range(SIDE):
            for x in range(SIDE):
                wanted[row * SIDE + y, column * SIDE + x] = picture[y, x]
    assert mosaic.array().dtype == np.uint8
    np.testing.assert_array_equal(mosaic.array(), wanted)


def test_the_order_of_the_pictures_does_not_matter():
    mosaic, order = made(*SOME), [2, 0, 3, 1]
    other = Mosaic(mosaic.pictures[order], mosaic.rows[order], mosaic.columns[order], 4)
    np.testing.assert_array_equal(other.array(), mosaic.array())


def test_a_mosaic_without_pictures_is_white():
    assert (made(density=2).array() == 255).all()
    assert made(density=2).array().shape == (2 * SIDE, 2 * SIDE, 3)


def test_opacity_is_how_far_a_picture_stands_out_from_white():
    pictures = np.array([0, 100, 255], np.uint8).reshape(3, 1, 1, 1).repeat(3, axis=3)
    for opacity, wanted in ((0.0, [255, 255, 255]), (0.4, [153, 193, 255]), (1.0, [0, 100, 255])):
        mosaic = Mosaic(pictures, np.zeros(3, int), np.arange(3), 3, np.full(3, opacity))
        assert mosaic.array()[0, :, 0].tolist() == wanted


def test_each_picture_has_an_opacity_of_its_own():
    mosaic = made((0, 0), (0, 1), density=2)
    seen = replace(mosaic, opacity=np.array([1.0, 0.0])).array()
    np.testing.assert_array_equal(seen[:SIDE, :SIDE], mosaic.pictures[0])
    assert (seen[:SIDE, SIDE:] == 255).all()
    full = replace(mosaic, opacity=np.ones(2))
    np.testing.assert_array_equal(full.array(), mosaic.array())


# What is no mosaic


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (4, 0), (0, 4)])
def test_a_place_outside_is_refused(place):
    with pytest.raises(BadInput, match="lies outside the grid of 4x4 cells"):
        made((0, 0), place).array()


def test_two_pictures_in_one_cell_are_refused():
    with pytest.raises(BadInput, match="two pictures lie in the same cell"):
        made((1, 2), (1, 2)).array()


@pytest.mark.parametrize(
    ("part", "told"),
    [("rows", "4, 3, 4, 4"), ("columns", "4, 4, 3, 4"), ("opacity", "4, 4, 4, 3"), ("pictures", "3, 4, 4, 4")],
)
def test_other_numbers_of_places_than_pictures_are_refused(part, told):
    mosaic = made(*SOME, opacity=np.ones(4))
    with pytest.raises(BadInput, match=f"as many of each, not {told}"):
        replace(mosaic, **{part: getattr(mosaic, part)[:3]}).array()


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_an_opacity_outside_its_range_is_refused(wrong):
    with pytest.raises(BadInput, match=r"an opacity lies in \[0, 1\]"):
        made((0, 0), (1, 1), opacity=np.array([0.5, wrong])).array()


@pytest.mark.parametrize(
    "pictures", [np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 5, 3), np.uint8), np.zeros((1, 4, 4), np.uint8)]
)
def test_what_is_no_square_picture_of_bytes_is_refused(pictures):
    with pytest.raises(BadInput, match=r"pictures \(m, s, s, 3\) of bytes, not"):
        Mosaic(pictures, np.zeros(1, int), np.zeros(1, int), 2).array()


@pytest.mark.parametrize("number", [-1, 4])
def test_a_name_for_no_picture_is_refused(number):
    with pytest.raises(BadInput, match=f"a mosaic of 4 pictures has none of number {number} to name"):
        mosaics({"": made(*SOME, names={number: "fox"})})


def test_a_sheet_without_mosaics_is_refused():
    with pytest.raises(BadInput, match="0 pictures"):
        mosaics({})


# Drawn


def pixels_of(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@pytest.mark.parametrize("scale", [1, 3])
def test_a_drawn_mosaic_is_its_array_pixel_by_pixel(scale):
    mosaic = made(*SOME, density=30)
    wanted = mosaic.array().repeat(scale, axis=0).repeat(scale, axis=1)
    np.testing.assert_array_equal(pixels_of(mosaics({"": mosaic}, scale=scale)), wanted)


def test_names_stand_in_the_middle_of_their_cells_and_the_outermost_begin_at_the_edge():
    mosaic = made((0, 0), (1, 2), (2, 0), (3, 3), side=40, names={1: "red fox", 2: "$1_a crane $2_b", 3: "W" * 12})
    figure = mosaics({"Left": made(*SOME, side=40), "Right": mosaic})
    plain, named = figure.axes
    assert not plain.texts
    assert [text.get_text() for text in named.texts] == ["red\nfox", "$1_a\ncrane\n$2_b", "W" * 12]
    assert not any(text.get_parse_math() for text in named.texts)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    frame = named.get_window_extent()
    middle, left, right = (text.get_window_extent(canvas.get_renderer()) for text in named.texts)
    assert (middle.x0 + middle.x1) / 2 == pytest.approx(frame.x0 + 2.5 * 40, abs=2)
    assert left.x0 == pytest.approx(frame.x0, abs=2)
    assert right.x1 == pytest.approx(frame.x1, abs=2)
    for box, row in ((middle, 1), (left, 2), (right, 3)):
        assert (box.y0 + box.y1) / 2 == pytest.approx(frame.y1 - (row + 0.5) * 40, abs=2)


def test_titles_name_the_mosaics_and_columns_break_rows():
    shown = {f"Layer {number}": made(*SOME, side=40) for number in range(3)}
    figure = mosaics(shown, columns=2)
    assert [text.get_text() for text in figure.texts] == list(shown)
    assert len({round(axes.get_window_extent().y0) for axes in figure.axes}) == 2


def example(**changes: Any) -> Figure:
    """Two mosaics with names, one of them faded."""
    ramp = np.linspace(0, 255, 48).round().astype(np.uint8)
    grey = ramp[:, None] // 2 + ramp[None] // 2
    one = np.stack([grey, grey.T // 2, 255 - grey], axis=2)
    pictures = np.stack([np.rot90(one, turns) for turns in range(4)])
    rows, columns = np.array(SOME).T
    plain = Mosaic(pictures, rows, columns, 4, names={0: "crane", 3: "red fox"})
    faded = replace(plain, opacity=np.array([1, 0.6, 0.3, 0.1]), names={})
    return mosaics({"Whole": replace(plain, **changes), "Faded": faded})


@pytest.mark.mpl_image_compare(
    tolerance=TOLERANCE, style="default", savefig_kwargs={"dpi": 100}, baseline_dir="baseline/mosaics"
)
def test_mosaics_look_as_they_did():
    return example()


@pytest.mark.parametrize("changes", [{"names": {}}, {"rows": np.array([1, 0, 2, 3])}, {"opacity": np.full(4, 0.8)}])
def test_a_mosaic_with_a_difference_that_matters_fails(changes, tmp_path):
    example(**changes).savefig(tmp_path / "wrong.png", dpi=100)
    baseline = BASELINE / "test_mosaics_look_as_they_did.png"
    assert compare_images(str(baseline), str(tmp_path / "wrong.png"), TOLERANCE) is not None


# Which names


def test_the_highest_ranks_are_named_first_and_the_crowded_are_left_out():
    mosaic = made((0, 0), (0, 1), (0, 3), (3, 0))
    names = ["a", "b", "c", "d"]
    assert spread_names(mosaic, names, np.array([1, 4, 3, 2]), 2) == {1: "b", 2: "c", 3: "d"}
    assert spread_names(mosaic, names, np.array([4, 1, 3, 2]), 2) == {0: "a", 2: "c", 3: "d"}
    assert list(spread_names(mosaic, names, np.array([1, 4, 3, 2]), 0)) == [1, 2, 3, 0]


def test_a_distance_of_exactly_so_many_cells_is_enough():
    mosaic = made((0, 0), (0, 2), density=4)
    assert len(spread_names(mosaic, ["a", "b"], np.ones(2), 2)) == 2
    assert len(spread_names(mosaic, ["a", "b"], np.ones(2), 2.01)) == 1


def test_a_name_stands_only_once():
    mosaic = made((0, 0), (3, 3), (0, 3))
    assert spread_names(mosaic, ["fox", "fox", "owl"], np.array([1, 3, 2]), 1) == {1: "fox", 2: "owl"}


@pytest.mark.parametrize("apart", [1.0, 2.0, 3.5])
def test_chosen_names_are_apart_different_and_cannot_be_more(apart):
    density, draws = 12, np.random.default_rng(3)
    places = [(number // density, number % density) for number in range(density**2) if number % 5]
    mosaic = made(*places, density=density, side=1)
    names = [f"class {index}" for index in draws.integers(0, 60, len(places))]
    ranks = draws.random(len(places))
    chosen = spread_names(mosaic, names, ranks, apart)

    def distance(one: int, other: int) -> float:
        (y, x), (b, a) = places[one], places[other]
        return ((y - b) ** 2 + (x - a) ** 2) ** 0.5

    assert all(name == names[index] for index, name in chosen.items())
    assert len(set(chosen.values())) == len(chosen)
    assert all(distance(one, other) >= apart for one, other in combinations(chosen, 2))
    assert list(chosen) == sorted(chosen, key=lambda index: -ranks[index])
    for index in set(range(len(places))) - set(chosen):  # each has a higher one that it would be near to, or named as
        higher = [other for other in chosen if ranks[other] > ranks[index]]
        assert any(distance(index, other) < apart or names[index] == names[other] for other in higher)


@pytest.mark.parametrize(("names", "ranks", "told"), [(3, 4, "4, 3, 4"), (4, 3, "4, 4, 3"), (5, 4, "4, 5, 4")])
def test_other_numbers_of_names_or_ranks_are_refused(names, ranks, told):
    with pytest.raises(BadInput, match=f"pictures, names and ranks are as many of each, not {told}"):
        spread_names(made(*SOME), ["a"] * names, np.ones(ranks))
