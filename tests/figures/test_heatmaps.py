"""Heatmaps over images: every colour is the one that the bar tells, and every map is on the scale that it says.

The pictures in ``baseline/heatmaps/`` are made anew by
``pytest tests/figures/test_heatmaps.py tests/figures/test_outlines.py -o addopts= -m "" -k look_as_they_did
--mpl-generate-path=tests/figures/baseline/heatmaps``.
"""

import itertools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from innerview.core.errors import BadInput, NotFinite
from innerview.core.maps import enlarged
from innerview.figures.coloring import (
    AREAS,
    PIXELS,
    SIGNED_AREAS,
    SIGNED_PIXELS,
    Look,
    colored,
    gradient_picture,
    look,
)  # fmt: skip
from innerview.figures.heatmaps import Explained, heatmaps
from innerview.figures.sheets import even_columns, rendered

BASELINE = Path(__file__).parent / "baseline" / "heatmaps"
TOLERANCE = 6  # as for the charts
LOOKS = {"areas": AREAS, "signed areas": SIGNED_AREAS, "pixels": PIXELS, "signed pixels": SIGNED_PIXELS}


def photo(height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def heat(rows: int = 60, columns: int = 80, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.0, 1.0, (rows, columns))


def hill(rows: int, columns: int, row: float, column: float) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / 3)


def one_by_one(image: np.ndarray, numbers: np.ndarray, colors: Look, limit: float) -> np.ndarray:
    """Colour an image pixel by pixel."""
    made = np.zeros(image.shape)
    for row, column in itertools.product(*map(range, numbers.shape)):
        share = min(max(float(numbers[row, column]) / limit, -1.0), 1.0)
        color = mpl.colormaps[colors.colors]((share + 1) / 2 if colors.signed else share)[:3]
        red, green, blue = image[row, column] / 255
        grey = 0.2 + 0.8 * (0.299 * red + 0.587 * green + 0.114 * blue)
        made[row, column] = [colors.opacity * one + (1 - colors.opacity) * grey for one in color]
    return np.round(255 * made).astype(np.uint8)


def percentile(numbers: np.ndarray) -> float:
    """Return the absolute value that 99.5 of 100 numbers stay below."""
    ordered = np.sort(np.abs(numbers).ravel())
    return float(np.interp(0.995 * (len(ordered) - 1), np.arange(len(ordered)), ordered))


# Colours


@pytest.mark.parametrize("name", LOOKS)
def test_every_pixel_has_the_colour_of_its_share_over_the_grey_image(name):
    shape, numbers = LOOKS[name], heat() * (np.where(heat(seed=2) > 1, 1, -1) if LOOKS[name].signed else 1)
    limit = percentile(numbers) if "pixels" in name else np.abs(numbers).max()
    found = colored(photo(), numbers, shape)
    np.testing.assert_allclose(found.astype(int), one_by_one(photo(), numbers, shape, limit).astype(int), atol=1)


def test_a_coarse_map_is_enlarged_and_keeps_its_own_maximum():
    coarse = torch.rand(7, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    large = enlarged(coarse[None], (60, 80))[0].numpy()
    assert large.max() < float(coarse.max())
    wanted = colored(photo(), large, AREAS, limit=float(coarse.max()))
    np.testing.assert_array_equal(colored(photo(), coarse), wanted)
    assert not np.array_equal(colored(photo(), large), wanted)


@pytest.mark.parametrize("name", LOOKS)
def test_the_unit_of_a_map_alone_does_not_matter(name):
    np.testing.assert_array_equal(colored(photo(), heat(), LOOKS[name]), colored(photo(), 1e-9 * heat(), LOOKS[name]))


@pytest.mark.parametrize("name", LOOKS)
def test_a_map_of_zeros_has_the_colour_of_zero(name):
    shape = LOOKS[name]
    with np.errstate(all="raise"):
        found = colored(photo(), np.zeros((7, 7)), shape)
    np.testing.assert_array_equal(found, one_by_one(photo(), np.zeros((60, 80)), shape, 1.0))


def test_signed_maps_turn_their_colours_with_their_sign():
    image = np.full((8, 8, 3), 128, np.uint8)
    numbers = np.linspace(-1, 1, 64).reshape(8, 8)
    red, blue = (colored(image, sign * numbers, SIGNED_AREAS) for sign in (1, -1))
    np.testing.assert_array_equal(red, blue[::-1, ::-1])
    assert red[-1, -1, 0] > red[-1, -1, 2]  # for: red
    assert red[0, 0, 2] > red[0, 0, 0]  # against: blue


def test_pixel_maps_end_at_the_percentile_and_areas_at_the_maximum():
    numbers = np.linspace(0, 1, 4800).reshape(60, 80)
    numbers[0, 0] = 1000.0
    black = (colored(photo(), numbers, PIXELS) == 0).all(-1)
    assert black.sum() == pytest.approx(0.005 * 4800, abs=20)
    assert colored(photo(), numbers, AREAS)[30:].max() < 150  # one pixel takes the whole scale


def test_a_map_of_few_pixels_is_not_lost_by_the_percentile():
    numbers = np.zeros((60, 80))
    numbers[4, 5] = 0.25
    found = colored(photo(), numbers, PIXELS)
    assert (found[4, 5] == 0).all()
    assert (np.delete(found.reshape(-1, 3), 4 * 80 + 5, axis=0) == 255).all()


def test_looks_by_what_a_map_is():
    assert look(signed=False, fine=False) is AREAS
    assert look(signed=True, fine=False) is SIGNED_AREAS
    assert look(signed=False, fine=True) is PIXELS
    assert look(signed=True, fine=True) is SIGNED_PIXELS
    assert "jet" not in {one.colors for one in LOOKS.values()}


def test_gradients_are_grey_at_zero_symmetric_and_clipped():
    gradient = np.random.default_rng(0).normal(size=(3, 40, 50))
    gradient[:, 0, 0] = 0
    gradient[1, 2, 3] = 500.0
    up, down = gradient_picture(gradient).astype(int), gradient_picture(torch.from_numpy(-gradient)).astype(int)
    assert np.abs(up + down - 255).max() <= 1
    assert set(up[0, 0]) <= {127, 128}
    limit = percentile(gradient)
    np.testing.assert_allclose(
        up, np.round(255 * (0.5 + 0.5 * np.clip(gradient / limit, -1, 1))).transpose(1, 2, 0), atol=1
    )
    assert up[2, 3, 1] == 255
    assert set(gradient_picture(np.zeros((3, 4, 4))).ravel()) <= {127, 128}


# Sheets


def places(figure: Figure) -> list[tuple[slice, slice]]:
    """Return the rows and columns of pixels that each picture covers, by the figure's own account."""
    height = round(figure.get_figheight() * figure.dpi)
    boxes = [axes.get_window_extent() for axes in figure.axes]
    return [(slice(round(height - b.y1), round(height - b.y0)), slice(round(b.x0), round(b.x1))) for b in boxes]


@pytest.mark.parametrize("side", [29, 50, 57, 101, 113, 224])
@pytest.mark.parametrize("scale", [1, 2])
def test_the_pictures_of_a_sheet_are_exact_above_their_colour_bar(side, scale):
    images = [photo(side, side + 6, seed) for seed in range(3)]
    maps = [heat(7, 7, seed) for seed in range(3)]
    figure = heatmaps([Explained("a", *pair) for pair in zip(images, maps, strict=True)], scale=scale, columns=2)
    pixels = rendered(figure)
    for place, image, numbers in zip(places(figure), images, maps, strict=False):
        wanted = colored(image, numbers).repeat(scale, 0).repeat(scale, 1)
        np.testing.assert_array_equal(pixels[place], wanted)


def test_photographs_stay_as_they_are_and_none_leaves_a_place_empty():
    image = photo(120, 120)
    figure = heatmaps([Explained("photo", image), None, Explained("map", image, heat(7, 7))], columns=2)
    pixels, (first, empty, second, _) = rendered(figure), places(figure)
    np.testing.assert_array_equal(pixels[first], image)
    assert (pixels[first[0], empty[1].start :] == 255).all()
    assert second[0].start > first[0].stop
    assert second[1] == first[1]


def texts(figure: Figure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.texts if text.get_text().strip()]


def test_without_a_unit_each_map_has_its_own_scale_and_the_bar_says_so():
    image = photo(120, 120)
    weak, strong = heatmaps([Explained("a", image, factor * heat(7, 7)) for factor in (1, 50)]), None
    pixels = rendered(weak)
    first, second, _ = places(weak)
    np.testing.assert_array_equal(pixels[first], pixels[second])
    assert strong is None
    assert texts(weak) == ["a", "a", "0", "0.5", "1", "Share of the map's maximum"]


def test_with_a_unit_all_maps_share_one_scale_up_to_the_largest_value():
    image, numbers = photo(120, 120), heat(7, 7) / heat(7, 7).max()
    figure = heatmaps([Explained("a", image, numbers), Explained("b", image, 5 * numbers)], unit="Logits")
    pixels, (first, second, _) = rendered(figure), places(figure)
    np.testing.assert_array_equal(pixels[first], colored(image, numbers, AREAS, limit=5.0))
    np.testing.assert_array_equal(pixels[second], colored(image, 5 * numbers, AREAS))
    assert texts(figure) == ["a", "b", "0", "2.5", "5", "Logits"]


def test_each_look_has_its_bar_with_what_its_colours_mean():
    image = photo(224, 224)
    shown = [Explained(name, image, heat(224, 224), shape) for name, shape in LOOKS.items()]
    shares = texts(heatmaps(shown))
    assert [text for text in shares if "hare" in text] == [
        "Share of the map's maximum",
        "Share of the map's largest absolute value",
        "Share of the map's 99.5th percentile, clipped there",
        "Share of the map's 99.5th percentile, clipped there",
    ]
    assert shares.count("-1") == 2
    assert shares.count("1") == 4
    in_logits = texts(heatmaps(shown, unit="Logits"))
    assert [text for text in in_logits if "ogit" in text] == ["Logits"] * 2 + [
        "Logits, clipped at the 99.5th percentile"
    ] * 2


@pytest.mark.parametrize("name", LOOKS)
def test_a_bar_runs_through_the_colours_over_middle_grey(name):
    shape = LOOKS[name]
    figure = heatmaps([Explained("a", photo(120, 120), heat(7, 7), shape)])
    _, (rows, columns) = places(figure)
    bar = rendered(figure)[rows, columns]
    assert (bar == bar[:1]).all()
    shares = np.linspace(-1 if shape.signed else 0, 1, bar.shape[1])
    middle = round(255 * (0.5 - 0.2 / 2) / 0.8)  # the grey that is 0.6 once black is raised
    wanted = one_by_one(np.full((1, bar.shape[1], 3), middle, np.uint8), shares[None], shape, 1.0)
    np.testing.assert_allclose(bar[:1].astype(int), wanted.astype(int), atol=1)


def test_a_map_that_is_zero_everywhere_says_so_and_no_other_does():
    image = photo(120, 120)
    maps = {"full": heat(7, 7), "none": torch.zeros(7, 7), "photo": None}
    for unit in (None, "Logits"):
        with np.errstate(all="raise"):
            figure = heatmaps([Explained(title, image, numbers) for title, numbers in maps.items()], unit=unit)
        said = [[text.get_text().split() for text in axes.texts] for axes in figure.axes]
        assert said == [[], [["zero", "everywhere"]], [], []]
    figure.draw_without_rendering()
    assert figure.axes[1].texts[0].get_window_extent().width < 106  # the narrowest panel
    alone = heatmaps([Explained("none", image, np.zeros((3, 3)))], unit="Logits")
    assert [text for text in texts(alone) if text != "none"] == ["0", "0.5", "1", "Logits"]


def overlap(one: Bbox, other: Bbox) -> bool:
    common = Bbox.intersection(one, other)
    return common is not None and common.width > 0.5 and common.height > 0.5


WIDE = "Counterfactual Grad-CAM of the class Staffordshire bullterrier 0.0012%"


@pytest.mark.parametrize("side", [40, 112, 224])
@pytest.mark.parametrize("count", [1, 2, 7, 9])
def test_no_text_is_cut_or_lies_over_a_picture_or_another_text(count, side):
    shapes = itertools.cycle(LOOKS.values())
    shown = [Explained(WIDE, photo(side, side), heat(7, 7), next(shapes)) for _ in range(count)]
    figure = heatmaps(shown, unit="Probability when seen, less its mean")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in figure.texts if text.get_text().strip()]
    pictures = [axes.get_window_extent() for axes in figure.axes]
    for box in boxes:
        assert box.x0 >= -0.5
        assert box.y0 >= -0.5
        assert box.x1 <= figure.bbox.x1 + 1.5
        assert box.y1 <= figure.bbox.y1 + 0.5
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))
    assert not any(overlap(box, picture) for box, picture in itertools.product(boxes, pictures))


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (7, 7), (8, 4), (15, 5), (16, 6), (22, 6)])
def test_rows_are_as_equal_as_can_be(count, columns):
    assert even_columns(count) == columns


# What goes wrong


@pytest.mark.parametrize(
    ("numbers", "shape", "error", "says"),
    [
        (np.full((7, 7), np.nan), AREAS, NotFinite, "the boxer: a map to be drawn holds NaN or infinite values"),
        (torch.tensor([[1.0, float("inf")]]), AREAS, NotFinite, "the boxer: a map to be drawn holds NaN"),
        (-heat(7, 7), AREAS, BadInput, "the boxer: the map has negative values; draw it with SIGNED_AREAS"),
        (-heat(7, 7), PIXELS, BadInput, "negative values"),
        (np.zeros((1, 7, 7)), AREAS, BadInput, r"is \(rows, columns\), not \(1, 7, 7\)"),
        (np.zeros((0, 7)), SIGNED_AREAS, BadInput, r"not \(0, 7\)"),
    ],
)
def test_maps_that_cannot_be_drawn(numbers, shape, error, says):
    with pytest.raises(error, match=says):
        heatmaps([Explained("the boxer", photo(), numbers, shape)])


def test_sheets_and_gradients_that_cannot_be():
    with pytest.raises(BadInput, match="0 pictures"):
        heatmaps([])
    with pytest.raises(BadInput, match="cannot be drawn"):
        heatmaps([Explained("a", photo())], columns=0)
    with pytest.raises(BadInput, match=r"a gradient of an image is \(3, h, w\), not \(1, 3, 4, 4\)"):
        gradient_picture(np.zeros((1, 3, 4, 4)))
    with pytest.raises(NotFinite):
        gradient_picture(np.full((3, 4, 4), np.inf))


# How they look


def shares() -> Figure:
    image = np.repeat(np.linspace(0, 255, 112).astype(np.uint8)[None, :, None], 112, 0).repeat(3, -1)
    signed = hill(7, 7, 2, 2) - hill(7, 7, 5, 5)
    return heatmaps(
        [
            Explained("Photo", image),
            Explained("Unsigned", image, hill(7, 7, 2, 2)),
            Explained("Signed", image, signed, SIGNED_AREAS),
            Explained(
                "Pixel by pixel", image, 1 - np.cos(np.arange(112) / 9)[:, None] * np.sin(np.arange(112) / 5), PIXELS
            ),
            Explained("Zero", image, np.zeros((7, 7))),
        ]
    )


def unit() -> Figure:
    image = np.full((112, 112, 3), 90, np.uint8)
    maps = {"boxer 10%": hill(7, 7, 1, 3), "tiger cat 18%": 0.6 * hill(7, 7, 5, 4)}
    return heatmaps([Explained(title, image, one) for title, one in maps.items()], unit="Grad-CAM, in logits")


@pytest.mark.parametrize("make", [pytest.param(make, id=make.__name__) for make in (shares, unit)])
@pytest.mark.mpl_image_compare(
    tolerance=TOLERANCE, style="default", savefig_kwargs={"dpi": 100}, baseline_dir="baseline/heatmaps"
)
def test_heatmaps_look_as_they_did(make):
    return make()
