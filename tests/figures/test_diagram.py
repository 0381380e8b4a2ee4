"""Diagrams of blocks and arrows: text in its box, arrows from edge to edge, through no block.

The pictures in ``baseline/diagram/`` are made anew by
``pytest tests/figures/test_diagram.py -o addopts= -k look_as_they_did
--mpl-generate-path=tests/figures/baseline/diagram``.
"""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.testing.compare import compare_images
from matplotlib.transforms import Bbox

from innerview.core.errors import BadInput
from innerview.figures import Arrow, Block, diagram
from innerview.figures.routing import GAP, SPACE, Route, routes
from innerview.figures.style import COLORS, DPI

BASELINE = Path(__file__).parent / "baseline" / "diagram"
TOLERANCE = 6  # as for the charts


def chain(*names: str) -> list[Arrow]:
    return [Arrow(start, end) for start, end in itertools.pairwise(names)]


def branch(letter: str, row: int, color: int) -> list[Block]:
    return [
        Block(f"{letter}.conv6", 4, row, "conv6", "3 x 3\nto 1024", color),
        Block(f"{letter}.conv7", 5, row, "conv7", "3 x 3\nto 1024", color),
        Block(f"{letter}.maps", 6, row, f"Maps {letter}", "1 x 1\nto 200", color),
        Block(f"{letter}.mean", 7, row, "GAP", "mean of\neach map", color),
        Block(f"{letter}.logits", 8, row, f"Logits {letter}", "200 classes", color),
    ]


ACOL = [
    Block("image", 0, 0.5, "Image", "RGB\n224 x 224"),
    Block("backbone", 1, 0.5, "GoogLeNet", "up to\ninception_4e"),
    Block("features", 2, 0.5, "Features", "832 channels\n14 x 14"),
    *branch("A", 0, 0),
    Block("erase", 3, 1, "Erase", "where A\n≥ 0.6", 1),
    *branch("B", 1, 1),
    Block("fused", 7, 0.5, "Fused map", "maximum of both", 2, columns=2),
]
ACOL_ARROWS = [
    *chain("image", "backbone", "features", "A.conv6", "A.conv7", "A.maps", "A.mean", "A.logits"),
    *chain("features", "erase", "B.conv6", "B.conv7", "B.maps", "B.mean", "B.logits"),
    Arrow("A.maps", "erase", "A's map of the true class"),
    *chain("A.maps", "fused"),
    *chain("B.maps", "fused"),
]
MODULE = [
    Block("input", 0, 1.5, detail="192 x 28 x 28"),
    Block("1x1", 1, 0, detail="64", color=0),
    Block("3x3_reduce", 1, 1, detail="96", color=1),
    Block("3x3", 2, 1, detail="128", color=1),
    Block("5x5_reduce", 1, 2, detail="16", color=2),
    Block("5x5", 2, 2, detail="32", color=2),
    Block("pool", 1, 3, detail="3 x 3", color=3),
    Block("pool_proj", 2, 3, detail="32", color=3),
    Block("output", 3, 1.5, detail="256 x 28 x 28"),
]
MODULE_ARROWS = [
    *chain("input", "1x1", "output"),
    *chain("input", "3x3_reduce", "3x3", "output"),
    *chain("input", "5x5_reduce", "5x5", "output"),
    *chain("input", "pool", "pool_proj", "output"),
]
RESIDUAL = [
    Block("x", 0, 1),
    Block("identity", 1, columns=2),
    Block("conv1", 1, 1),
    Block("conv2", 2, 1),
    Block("sum", 3, 1, detail="x + f(x)"),
    Block("next", 1, 2.4),
]
RESIDUAL_ARROWS = [*chain("x", "identity", "sum"), *chain("x", "conv1", "conv2", "sum"), Arrow("sum", "next", "ReLU")]


def acol() -> Figure:
    return diagram(ACOL, ACOL_ARROWS, width=7.2)


def module() -> Figure:
    return diagram(MODULE, MODULE_ARROWS, width=5.2)


def residual() -> Figure:
    return diagram(RESIDUAL, RESIDUAL_ARROWS, width=4.0)


DIAGRAMS = {"acol": (acol, ACOL, ACOL_ARROWS), "module": (module, MODULE, MODULE_ARROWS),
            "residual": (residual, RESIDUAL, RESIDUAL_ARROWS)}  # fmt: skip
every = pytest.mark.parametrize(("make", "blocks", "arrows"), [*DIAGRAMS.values()], ids=[*DIAGRAMS])


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, (make, _, _) in DIAGRAMS.items()])
@pytest.mark.mpl_image_compare(
    tolerance=TOLERANCE, style="default", savefig_kwargs={"dpi": 100}, baseline_dir="baseline/diagram"
)
def test_diagrams_look_as_they_did(make):
    return make()


def altered() -> dict[str, Figure]:
    """Return diagrams in which something that matters differs from the baseline."""
    inside = [arrow for arrow in MODULE_ARROWS if arrow.end != "output"]
    grey = [replace(block, color=None) for block in MODULE]
    blank = [replace(block, title=" ") for block in MODULE]
    return {
        "arrows": diagram(MODULE, inside, width=5.2),
        "colours": diagram(grey, MODULE_ARROWS, width=5.2),
        "titles": diagram(blank, MODULE_ARROWS, width=5.2),
    }


@pytest.mark.parametrize("what", list(altered()))
def test_the_comparison_sees_what_a_diagram_lacks(what, tmp_path):
    """The tolerance of the test above is not so wide that anything passes."""
    altered()[what].savefig(tmp_path / "wrong.png", dpi=100)
    baseline = BASELINE / "test_diagrams_look_as_they_did_module.png"
    assert compare_images(str(baseline), str(tmp_path / "wrong.png"), TOLERANCE) is not None


def boxes_of(figure: Figure) -> list[Bbox]:
    """Return where the blocks are, in pixels from the upper left."""
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    return [Bbox.from_bounds(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in patches]


def arrows_of(figure: Figure) -> list[np.ndarray]:
    """Return the points of each arrow's line and head, in pixels from the upper left."""
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    return [np.concatenate(patch.get_path().interpolated(20).to_polygons(closed_only=False)) for patch in patches]


def texts_of(figure: Figure) -> list[tuple[str, Bbox]]:
    """Return where the texts are, in pixels from the upper left."""
    figure.draw_without_rendering()
    height = figure.bbox.height
    found = [(text.get_text(), text.get_window_extent()) for text in figure.axes[0].texts]
    return [(text, Bbox.from_extents(box.x0, height - box.y1, box.x1, height - box.y0)) for text, box in found]


def overlap(one: Bbox, other: Bbox) -> bool:
    common = Bbox.intersection(one, other)
    return common is not None and common.width > 0.5 and common.height > 0.5


@every
def test_every_text_stands_in_its_box_and_every_label_in_none(make, blocks, arrows):
    figure = make()
    texts, boxes = texts_of(figure), boxes_of(figure)
    places = {block.name: box for block, box in zip(blocks, boxes, strict=True)}
    rest = iter(texts)
    for block in blocks:
        for line in [block.title or block.name, *block.detail.splitlines()]:
            found, extent = next(rest)
            assert found == line
            inside = places[block.name].padded(-8, -6)
            assert (inside.x0 <= extent.x0 + 0.5, inside.x1 >= extent.x1 - 0.5) == (True, True)
            assert (inside.y0 <= extent.y0 + 0.5, inside.y1 >= extent.y1 - 0.5) == (True, True)
    labels = list(rest)
    assert [label for label, _ in labels] == [arrow.label for arrow in arrows if arrow.label]
    assert not any(overlap(extent, box) for _, extent in labels for box in boxes)
    assert not any(overlap(one, other) for (_, one), (_, other) in itertools.combinations(texts, 2))
    for _, extent in texts:
        inside = extent.padded(-1)
        for points in arrows_of(figure):
            assert not any(inside.contains(*point) for point in points)


@every
def test_boxes_lie_evenly_inside_the_figure(make, blocks, arrows):
    figure = make()
    boxes = boxes_of(figure)
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))
    assert len({round(box.height, 6) for box in boxes}) == 1
    assert min(box.x0 for box in boxes) == pytest.approx(figure.bbox.width - max(box.x1 for box in boxes))
    assert min(box.y0 for box in boxes) == pytest.approx(figure.bbox.height - max(box.y1 for box in boxes), abs=1)
    starts = {block.column: box.x0 for block, box in zip(blocks, boxes, strict=True)}
    for block, box in zip(blocks, boxes, strict=True):
        if (after := block.column + block.columns) in starts:
            assert starts[after] - box.x1 == pytest.approx(GAP)
    for (one, above), (other, below) in itertools.permutations(zip(blocks, boxes, strict=True), 2):
        if one.row < other.row and set(one.covered) & set(other.covered):
            assert below.y0 - above.y1 >= SPACE - 1e-6
        if one.row == other.row:
            assert above.y0 == below.y0


@every
def test_arrows_lead_from_edge_to_edge_and_through_no_block(make, blocks, arrows):
    figure = make()
    boxes = {block.name: box for block, box in zip(blocks, boxes_of(figure), strict=True)}
    for arrow, points in zip(arrows, arrows_of(figure), strict=True):
        for name in (arrow.start, arrow.end):
            box = boxes[name]
            beside = np.maximum(box.min - points, points - box.max).max(1).min()
            assert beside == pytest.approx(0, abs=1.5)  # half a line
        for box in boxes.values():
            inside = box.padded(-1)
            assert not any(inside.contains(*point) for point in points)


@every
def test_arrows_without_a_common_end_do_not_touch(make, blocks, arrows):
    drawn = list(zip(arrows, arrows_of(make()), strict=True))
    for (one, points), (other, others) in itertools.combinations(drawn, 2):
        if one.start != other.start and one.end != other.end:
            assert np.abs(points[:, None] - others[None]).max(-1).min() > 3, (one, other)


def test_the_map_of_a_leads_down_into_the_erasing():
    figure = acol()
    boxes = {block.name: box for block, box in zip(ACOL, boxes_of(figure), strict=True)}
    points = arrows_of(figure)[ACOL_ARROWS.index(Arrow("A.maps", "erase", "A's map of the true class"))]
    start, end, tip = boxes["A.maps"], boxes["erase"], points[points[:, 1].argmax()]
    assert points[:, 1].min() == pytest.approx(start.y1, abs=1.5)
    assert tip == pytest.approx([(end.x0 + end.x1) / 2, end.y0], abs=1.5)


Corners = tuple[float, float, float, float]


def route(arrow: tuple[str, str], boxes: Mapping[str, Corners], *others: tuple[str, str]) -> Route:
    found = routes([arrow, *others], {name: Bbox.from_extents(*corners) for name, corners in boxes.items()})
    return [(float(x), float(y)) for x, y in found[0]]


A: Corners = (0, 0, 100, 40)


def test_ways_by_where_the_blocks_are():
    assert route(("a", "b"), {"a": A, "b": (148, 0, 248, 40)}) == [(100, 20), (148, 20)]
    assert route(("a", "b"), {"a": A, "b": (0, 80, 100, 120)}) == [(50, 40), (50, 80)]
    assert route(("b", "a"), {"a": A, "b": (0, 80, 100, 120)}) == [(50, 80), (50, 40)]
    right = {"a": A, "b": (148, 80, 248, 120)}
    assert route(("a", "b"), right) == [(100, 20), (120, 20), (120, 100), (148, 100)]
    assert route(("b", "a"), right) == [(198, 80), (198, 60), (50, 60), (50, 40)]


def test_an_arrow_turns_where_no_block_is_in_its_way():
    boxes = {"a": A, "b": (296, 80, 396, 120)}
    assert route(("a", "b"), boxes)[1] == (120, 20)
    assert route(("a", "b"), boxes | {"below": (148, 80, 248, 120)})[1] == (268, 20)
    back = {"b": (296, 0, 396, 40), "a": (0, 200, 100, 240)}
    assert route(("b", "a"), back)[1:3] == [(346, 120), (50, 120)]
    assert route(("b", "a"), back | {"between": (148, 100, 248, 140)})[1:3] == [(346, 60), (50, 60)]


def test_an_arrow_turns_where_it_crosses_no_other():
    boxes = {"a": A, "b": (296, 80, 396, 120), "c": (0, 160, 100, 200), "d": (148, 30, 248, 70)}
    assert route(("a", "b"), boxes | {"d": (148, 160, 248, 200)}, ("c", "d"))[1] == (120, 20)
    with_other = {"a": A, "b": (296, 160, 396, 200), "c": (0, 80, 100, 120), "d": (148, 80, 248, 120)}
    assert route(("a", "b"), with_other, ("c", "d"))[1] == (268, 20)


def test_blocks_have_their_colours_and_names_their_titles():
    figure = module()
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    edges = [to_hex(patch.get_edgecolor()) for patch in patches]
    wanted = ["#8c959f" if block.color is None else COLORS[block.color] for block in MODULE]
    assert edges == wanted
    assert all(min(to_rgb(patch.get_facecolor())) > 0.9 for patch in patches)  # text is read on it


@pytest.mark.parametrize("width", [5.0, 5.2, 7.0])
def test_the_figure_is_as_wide_as_told_and_the_narrow_columns_take_the_room(width):
    figure = diagram(MODULE, MODULE_ARROWS, width=width)
    assert figure.get_figwidth() == width
    assert figure.dpi == DPI
    widths = [box.width for box in boxes_of(figure)]
    assert max(widths) - min(widths) < 1 or min(widths) > 120


def test_no_column_is_widened_while_another_is_narrower():
    blocks = [Block("a", 0), Block("b", 1), Block("a block with a long name", 2)]
    narrow, same, long = (box.width for box in boxes_of(diagram(blocks, [], width=3.2)))
    assert narrow == pytest.approx(same)
    assert long > narrow
    text = next(extent for text, extent in texts_of(diagram(blocks, [], width=3.2)) if text == blocks[2].name)
    assert long == pytest.approx(text.width + 20, abs=2)


def test_the_look_is_the_books_whatever_the_user_has_set():
    alone = acol()
    with mpl.rc_context({"font.size": 30, "figure.dpi": 50, "path.snap": False, "lines.linewidth": 9}):
        other = acol()
    assert [box.bounds for box in boxes_of(alone)] == [box.bounds for box in boxes_of(other)]
    assert [text for text, _ in texts_of(alone)] == [text for text, _ in texts_of(other)]
    np.testing.assert_allclose(
        [extent.bounds for _, extent in texts_of(alone)], [extent.bounds for _, extent in texts_of(other)]
    )


def test_signs_that_could_be_taken_for_formulas_stay_as_they_are():
    assert [text for text, _ in texts_of(diagram([Block("$a_1$", 0, detail="$5 to $6")], []))] == ["$a_1$", "$5 to $6"]


TWO = [Block("conv6", 0), Block("conv7", 1)]


@pytest.mark.parametrize(
    ("blocks", "arrows", "says"),
    [
        ([], [], "needs blocks"),
        ([Block("a", 0), Block("a", 1)], [], "a name of its own"),
        ([Block("a", 0, columns=0)], [], "at least one column"),
        ([Block("a", 0), Block("b", 0)], [], "the blocks a and b lie in one place; move one"),
        ([Block("a", 0, columns=3), Block("b", 2)], [], "the blocks a and b lie in one place"),
        (TWO, chain("conv6", "conv8"), "an arrow names 'conv8', but no block has this name; near ones: conv"),
        (TWO, chain("image", "conv6"), "an arrow names 'image', but no block has this name"),
        (TWO, chain("conv7", "conv6"), "no way from conv7 to conv6; move a block"),
        (TWO, chain("conv6", "conv6"), "no way from conv6 to conv6"),
        ([*TWO, Block("maps", 2)], chain("conv6", "maps"), "no way from conv6 to maps but through conv7; move a block"),
        (TWO, [Arrow("conv6", "conv7", "erased")], "the label 'erased' has no room beside its arrow; shorten it"),
        ([Block("w" * 120, 0)], [], r"needs a width of \d+\.\d\d inches, not 7\.00"),
    ],
)
def test_diagrams_that_cannot_be(blocks, arrows, says):
    with pytest.raises(BadInput, match=says):
        diagram(blocks, arrows)


def test_the_width_that_an_error_names_is_enough():
    with pytest.raises(BadInput) as error:
        diagram(ACOL, ACOL_ARROWS, width=5.0)
    needed = float(str(error.value).split("width of ")[1].split(" ")[0])
    diagram(ACOL, ACOL_ARROWS, width=needed + 0.01)


def test_two_labels_do_not_lie_over_one_another():
    blocks = [Block("a", 0), Block("b", 0, 3), Block("c", 0, 4), Block("far", 3)]
    assert diagram(blocks, [Arrow("a", "b", "one")])
    with pytest.raises(BadInput, match="'two' has no room"):
        diagram(blocks, [Arrow("a", "b", "one"), Arrow("b", "a", "two")])
