"""Pictures side by side: every pixel of theirs is a block of the figure's, and no title lies over a picture."""

import io
import itertools

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from innerview.core.errors import BadInput, NotFinite
from innerview.figures import panels, strips


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return noise that holds no white, so that the ground can be told from it."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def rendered(figure: Figure) -> np.ndarray:
    """Return the figure's pixels as `savefig` writes them."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB"))


def places(figure: Figure) -> list[tuple[int, int, int, int]]:
    """Return the rows and columns that each picture should cover, by the figure's own account."""
    height = round(figure.get_figheight() * figure.dpi)
    boxes = [axes.get_window_extent() for axes in figure.axes]
    return [(round(height - box.y1), round(height - box.y0), round(box.x0), round(box.x1)) for box in boxes]


SIZES = [(8, 8), (13, 7), (50, 99), (64, 64), (101, 33), (224, 224), (97, 131)]


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_is_a_block_of_the_figure(size, scale):
    array = picture(*size)
    figure = panels({"": array, " ": array[::-1]}, scale=scale)
    pixels = rendered(figure)
    wanted = array.repeat(scale, axis=0).repeat(scale, axis=1)
    for found, block in zip(
        places(figure), (wanted, array[::-1].repeat(scale, axis=0).repeat(scale, axis=1)), strict=True
    ):
        top, bottom, left, right = found
        np.testing.assert_array_equal(pixels[top:bottom, left:right], block)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 15])
@pytest.mark.parametrize("side", [23, 50])
def test_every_picture_of_a_sheet_is_exact_under_its_title(count, side):
    arrays = [picture(side, side + 6, seed) for seed in range(count)]
    figure = panels({f"Step {index}": array for index, array in enumerate(arrays)}, columns=min(count, 4), scale=2)
    pixels = rendered(figure)
    for array, (top, bottom, left, right) in zip(arrays, places(figure), strict=True):
        np.testing.assert_array_equal(pixels[top:bottom, left:right], array.repeat(2, axis=0).repeat(2, axis=1))


def test_between_pictures_lies_white_ground():
    figure = panels({" " * index: picture(40, 40) for index in range(6)}, columns=3)
    pixels = rendered(figure)
    ground = np.ones(pixels.shape[:2], bool)
    for top, bottom, left, right in places(figure):
        margin = np.s_[max(0, top - 4) : bottom + 4, max(0, left - 4) : right + 4]
        assert ground[margin].all()  # at least four pixels around each are nobody else's
        ground[top:bottom, left:right] = False
    assert (pixels[ground] == 255).all()


def test_pictures_of_different_sizes_keep_theirs():
    arrays = [picture(40, 30), picture(20, 60, 1), picture(33, 33, 2)]
    figure = panels(dict(zip("abc", arrays, strict=True)), columns=2)
    pixels = rendered(figure)
    for array, (top, bottom, left, right) in zip(arrays, places(figure), strict=True):
        np.testing.assert_array_equal(pixels[top:bottom, left:right], array)


def test_a_tensor_is_drawn_like_its_bytes():
    array = picture(20, 30)
    image = torch.from_numpy(array).permute(2, 0, 1)[None] / 255
    np.testing.assert_array_equal(rendered(panels({"a": image})), rendered(panels({"a": array})))


def test_settings_of_the_user_do_not_blur_or_move_pictures():
    array = picture(30, 30)
    alone = rendered(panels({"a": array}, scale=2))
    with mpl.rc_context({"image.interpolation": "bilinear", "figure.dpi": 72, "savefig.dpi": 72, "font.size": 20}):
        figure = panels({"a": array}, scale=2)
    np.testing.assert_array_equal(rendered(figure), alone)


@pytest.mark.parametrize(("count", "columns", "rows"), [(3, None, 1), (7, None, 1), (8, None, 2), (6, 3, 2), (5, 2, 3)])
def test_pictures_stand_in_reading_order(count, columns, rows):
    figure = panels({f"{index}": picture(40, 40) for index in range(count)}, columns=columns)
    tops = [(top, left) for top, _, left, _ in places(figure)]
    assert tops == sorted(tops)
    assert len({top for top, _ in tops}) == rows


TITLES = {
    "none": ["", " ", "  "],
    "short": ["Input", "Octave 1", "Octave 2"],
    "long": ["Grey-Fox-Channel 123 of inception_4c, 512 steps", "Start", "Without any normalised gradient and jitter"],
    "wide letters": ["WWWWWWWWWW MMMMMM", "MMMMMMMMMMMMMMMM", "WWWWWWWWWWWWWWWWWWWWWW"],
    "one long word": ["inception_4c_3x3_reduce_channel_12", "a", "b"],
    "signs that could be taken for formulas": ["$5 to $6", "a_1^2 of $x_i$", "100 % & more"],
    "descenders": ["gypsy gypqj", "(Åg)", "Ég"],
}


def drawn(figure: Figure) -> tuple[list[Bbox], list[Bbox]]:
    """Return where the titles and the pictures are, in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    titles = [text.get_window_extent(canvas.get_renderer()) for text in figure.texts if text.get_text().strip()]
    return titles, [axes.get_window_extent() for axes in figure.axes]


def overlap(one: Bbox, other: Bbox) -> bool:
    common = Bbox.intersection(one, other)
    return common is not None and common.width > 0.5 and common.height > 0.5


@pytest.mark.parametrize("side", [20, 100, 160, 224])
@pytest.mark.parametrize("titles", TITLES.values(), ids=list(TITLES))
def test_titles_lie_over_no_picture_and_no_other_title_and_inside_the_figure(titles, side):
    figure = panels({title: picture(side, side) for title in titles + [f"{title}." for title in titles]}, columns=3)
    texts, pictures = drawn(figure)
    assert len(texts) == (3 if titles == TITLES["none"] else 6)
    for text in texts:
        assert not any(overlap(text, box) for box in pictures)
        assert text.x0 >= -0.5
        assert text.y0 >= -0.5
        assert text.x1 <= figure.bbox.x1 + 0.5
        assert text.y1 <= figure.bbox.y1 + 0.5
    assert not any(overlap(one, other) for one, other in itertools.combinations(texts, 2))


def test_the_words_of_a_title_are_all_there():
    title = "A title of many words that has to be broken over several lines for $5 or $6"
    (text,) = panels({title: picture(120, 120)}).texts
    assert text.get_text().split() == title.split()
    assert text.get_text().count("\n") > 3
    assert not text.get_parse_math()
    (text,) = panels({"inception_4c_3x3_reduce": picture(120, 120)}).texts
    assert text.get_text().replace("\n", "") == "inception_4c_3x3_reduce"


def test_a_figure_is_no_window_of_pyplot():
    from matplotlib import pyplot as plt  # noqa: PLC0415

    before = plt.get_fignums()
    panels({"a": picture(10, 10)})
    assert plt.get_fignums() == before


@pytest.mark.parametrize(
    ("count", "options"),
    [(0, {}), (2, {"columns": 8}), (2, {"columns": 0}), (2, {"columns": -1}), (2, {"scale": 0}), (2, {"scale": -2})],
)
def test_a_sheet_that_cannot_be_is_refused(count, options):
    with pytest.raises(BadInput, match=f"{count} pictures in .* cannot be drawn"):
        panels({f"{index}": picture(10, 10) for index in range(count)}, **options)


@pytest.mark.parametrize(
    "array", [np.zeros((8, 8)), np.zeros((8, 8, 3)), np.zeros((8, 8, 4), np.uint8), np.zeros((1, 8, 8, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused(array):
    with pytest.raises(BadInput, match=r"a panel is \(h, w, 3\) bytes, not"):
        panels({"a": array})


def test_a_batch_is_no_picture():
    with pytest.raises(BadInput, match="a panel shows one image, not a batch of 2"):
        panels({"a": torch.rand(2, 3, 8, 8)})


def test_a_picture_with_a_pixel_that_is_no_number_is_refused():
    with pytest.raises(NotFinite):
        panels({"a": torch.full((1, 3, 8, 8), float("nan"))})


def test_a_strip_is_a_row_of_images_under_one_title():
    rows = {"First": torch.rand(3, 3, 10, 12), "Second": torch.rand(2, 3, 10, 12)}
    figure = strips(rows, scale=2)
    assert [text.get_text() for text in figure.texts] == ["First", "Second"]
    pixels = rendered(figure)
    for (top, bottom, left, right), images in zip(places(figure), rows.values(), strict=True):
        found = pixels[top:bottom:2, left:right:2]
        assert found.shape == (10, len(images) * 16 - 4, 3)
        for place, image in enumerate(images):
            wanted = (255 * image.permute(1, 2, 0)).round().numpy()
            np.testing.assert_array_equal(found[:, 16 * place : 16 * place + 12], wanted)


def test_nothing_makes_no_strips():
    with pytest.raises(BadInput):
        strips({})
    with pytest.raises(BadInput):
        strips({"None": torch.zeros(0, 3, 4, 4)})
