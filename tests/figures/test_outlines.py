"""Boxes and outlines: they lie where their numbers say, each label in its own colour."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure

from innerview.core.errors import BadInput, NotFinite
from innerview.figures.outlines import Marked, outlines
from innerview.figures.sheets import rendered
from innerview.figures.style import COLORS

GREY = np.full((112, 112, 3), 120, np.uint8)
TRUE, FOUND = "True box", "Box of the heatmap"


def square(top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros((112, 112), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def in_color(figure: Figure, color: str, index: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of one picture's pixels that have a colour."""
    height = round(figure.get_figheight() * figure.dpi)
    box = figure.axes[index].get_window_extent()
    pixels = rendered(figure)[round(height - box.y1) : round(height - box.y0), round(box.x0) : round(box.x1)]
    rows, columns = np.nonzero((np.abs(pixels / 255 - to_rgb(color)) < 0.02).all(-1))
    return rows, columns


def test_a_box_lies_on_the_edges_of_the_pixels_that_it_covers():
    scale = 2
    figure = outlines([Marked("a", GREY, {TRUE: np.array([[20.0, 30.0, 60.0, 90.0]])})], scale=scale)
    rows, columns = in_color(figure, COLORS[0])
    edges = ((rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2)
    assert edges == pytest.approx((scale * (30 + 90) / 2, scale * (20 + 60) / 2), abs=0.6)
    assert rows.max() - rows.min() == pytest.approx(scale * 60, abs=5)
    assert columns.max() - columns.min() == pytest.approx(scale * 40, abs=5)
    assert not ((rows > scale * 40) & (rows < scale * 80) & (columns > scale * 30) & (columns < scale * 50)).any()


def test_the_outline_of_a_mask_lies_around_it_and_closes_along_the_edge():
    figure = outlines([Marked("a", GREY, masks={"Mask": square(0, 40, 50)})])
    rows, columns = in_color(figure, COLORS[0])
    assert columns.min() == pytest.approx(40, abs=3)
    assert columns.max() == pytest.approx(90, abs=3)
    assert rows.max() == pytest.approx(50, abs=3)
    assert ((rows < 3) & (columns > 55) & (columns < 75)).any()  # along the picture's upper edge
    axes = figure.axes[0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((-0.5, 111.5), (111.5, -0.5))


def test_a_label_has_one_colour_in_all_pictures_and_a_legend_tells_it():
    first = Marked("a", GREY, {TRUE: np.array([[5, 5, 50, 50]]), FOUND: torch.tensor([[20.0, 20, 90, 90]])})
    second = Marked("b", GREY, {FOUND: np.array([[20, 20, 90, 90]])}, {"Mask": square(30, 30, 40)})
    with mpl.rc_context({"legend.fontsize": 30}):
        figure = outlines([first, second])
    (legend,) = figure.legends
    assert [text.get_text().replace("\n", " ") for text in legend.get_texts()] == [TRUE, FOUND, "Mask"]
    assert [to_hex(str(line.get_color())) for line in legend.get_lines()] == list(COLORS[:3])
    drawn = [[to_hex(patch.get_edgecolor()) for patch in axes.patches] for axes in figure.axes]
    assert drawn == [[COLORS[0], COLORS[1]], [COLORS[1]]]
    (contour,) = [one for one in figure.axes[1].collections if isinstance(one, QuadContourSet)]
    assert to_hex(np.asarray(contour.get_edgecolor())[0]) == COLORS[2]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_legend_lies_below_the_pictures_and_inside_the_figure(count):
    boxes = {label: np.array([[5, 5, 50, 50]]) for label in (TRUE, FOUND, "Box of the enlarged saliency map")}
    figure = outlines([Marked("a", GREY, boxes)] * count)
    figure.draw_without_rendering()
    extent = figure.legends[0].get_window_extent()
    assert extent.y0 >= -0.5
    assert extent.x1 <= figure.bbox.x1 + 0.5
    assert extent.y1 <= min(axes.get_window_extent().y0 for axes in figure.axes)


def test_pictures_without_marks_are_exact_and_have_no_legend():
    image = np.random.default_rng(0).integers(0, 255, (57, 113, 3), np.uint8)
    empty = Marked("a", image, {}, {})
    figure = outlines([empty])
    assert not figure.legends
    box = figure.axes[0].get_window_extent()
    height = round(figure.get_figheight() * figure.dpi)
    found = rendered(figure)[round(height - box.y1) : round(height - box.y0), round(box.x0) : round(box.x1)]
    np.testing.assert_array_equal(found, image)


def test_no_boxes_and_an_empty_mask_are_only_told():
    figure = outlines([Marked("a", GREY, {FOUND: torch.zeros(0, 4)}, {"Mask": square(0, 0, 0)})])
    assert not figure.axes[0].patches
    assert not figure.axes[0].collections
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [FOUND, "Mask"]


@pytest.mark.parametrize(
    ("marks", "error", "says"),
    [
        ({"boxes": {TRUE: np.zeros(4)}}, BadInput, r"boxes are \(n, 4\), .* not \(4,\)"),
        ({"boxes": {TRUE: np.zeros((2, 3))}}, BadInput, r"not \(2, 3\)"),
        ({"boxes": {TRUE: np.full((1, 4), np.nan)}}, NotFinite, "NaN"),
        ({"masks": {"Mask": square(0, 0, 9)[:50]}}, BadInput, r"a mask is \(112, 112\) of bool .* not \(50, 112\)"),
        ({"masks": {"Mask": square(0, 0, 9).astype(float)}}, BadInput, "not .* of float64"),
    ],
)
def test_marks_that_cannot_be(marks, error, says):
    with pytest.raises(error, match=says):
        outlines([Marked("a", GREY, **marks)])


@pytest.mark.mpl_image_compare(
    tolerance=6, style="default", savefig_kwargs={"dpi": 100}, baseline_dir="baseline/heatmaps"
)
def test_outlines_look_as_they_did():
    boxes = {TRUE: np.array([[10, 20, 80, 100]]), FOUND: np.array([[0, 0, 60, 70]])}
    return outlines([Marked("Boxes", GREY, boxes), Marked("Mask", GREY, masks={"Mask": square(20, 30, 60)})])
