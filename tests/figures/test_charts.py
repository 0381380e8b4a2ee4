"""Charts of fixed numbers: what they draw, and how they look.

The pictures in ``baseline/`` are made anew by
``pytest tests/figures/test_charts.py -o addopts= --mpl-generate-path=tests/figures/baseline``.
"""

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import style
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images
from matplotlib.text import Annotation

from innerview.core.errors import BadInput, NotFinite
from innerview.figures import bars, dots, histograms, lines, signed_map
from innerview.figures.style import COLORS, DPI, TEXT

BASELINE = Path(__file__).parent / "baseline"
X = np.arange(1, 33)
SERIES = {"With jitter": (X, np.sqrt(X)), "Without": (X, np.log2(X) / 2)}
GROUPS = {"Ours": {"GoogLeNet": 31.2, "SqueezeNet": 42.0}, "Paper": {"GoogLeNet": 31.1, "SqueezeNet": 42.5}}


def curves() -> Figure:
    return lines(SERIES, "Step", "Objective", reference={"Paper": 4.0})


def logarithmic() -> Figure:
    return lines({"Energy": (X, 1.0 / X**2)}, "Cycles per pixel", "Energy", log="xy", width=3.6)


def grouped() -> Figure:
    return bars(GROUPS, "Top-1 error in %", width=4.0)


def single() -> Figure:
    return bars({"Seconds": {"forward": 0.1, "backward": 0.4, "update": 0.02}}, "Seconds", width=4.0, xscale="log")


POINTS = np.random.default_rng(0).normal(size=(40, 2))
VALUES = np.linspace(-3, 1, 40)


def plane() -> Figure:
    return signed_map(POINTS, VALUES, {0: "dog", 39: "cat"}, "Change of the logit", width=4.0)


TENTHS = {
    "Channels": np.repeat([0.3, 0.4, 0.5, 0.9], [4, 3, 2, 1]),
    "Directions": np.repeat([0.2, 0.3, 0.4], [3, 5, 2]),
}


def spread() -> Figure:
    return histograms(TENTHS, "Purity of the top ten", "Share of units", width=4.0)


DELTAS, MEASURED = np.array([0.5, 0.6, 0.7, 0.8, 0.9]), np.array([40.0, 41.0, 41.5, 40.2, 39.0])
SPREADS = {"Both branches": (MEASURED - 0.8, MEASURED + 0.8)}


def measured() -> Figure:
    series = {"Both branches": (DELTAS, MEASURED), "Branch A": (DELTAS, MEASURED - 1.2)}
    return lines(series, "Threshold of the erasing", "Right boxes, %", spread=SPREADS, markers=True, width=4.0)


INTERVALS = {
    "Fixed threshold": {"CAM": (54.2, 52.9, 55.5), "ACoL": (57.1, 55.8, 59.0), "Middle box": (48.0, 46.5, 49.4)},
    "Tuned threshold": {"CAM": (57.2, 56.0, 58.5), "ACoL": (57.9, 56.6, 59.1), "Middle box": (48.0, 46.5, 49.4)},
}


def dotted() -> Figure:
    return dots(INTERVALS, "Right boxes, %", reference={"Paper's ACoL": 53.3}, width=4.0)


CHARTS = {
    "plane": plane, "curves": curves, "logarithmic": logarithmic, "grouped": grouped, "single": single,
    "spread": spread, "measured": measured, "dotted": dotted,
}  # fmt: skip
# Text is placed by hinting and antialiasing, which differ a little between builds of FreeType.
TOLERANCE = 6


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in CHARTS.items()])
@pytest.mark.mpl_image_compare(tolerance=TOLERANCE, style="default", savefig_kwargs={"dpi": 100})
def test_charts_look_as_they_did(make):
    return make()


def altered() -> dict[str, Figure]:
    """Return charts in which something that matters differs from the baselines."""
    fewer = {"With jitter": SERIES["With jitter"]}
    steeper = SERIES | {"Without": (X, np.log2(X))}
    return {
        "a curve is missing": lines(fewer, "Step", "Objective", reference={"Paper": 4.0}),
        "a curve is another": lines(steeper, "Step", "Objective", reference={"Paper": 4.0}),
        "the paper's line is missing": lines(SERIES, "Step", "Objective"),
        "the axis is logarithmic": lines(SERIES, "Step", "Objective", log="x", reference={"Paper": 4.0}),
    }


@pytest.mark.parametrize("what", list(altered()))
def test_the_comparison_sees_a_wrong_chart(what, tmp_path):
    """The tolerance of the test above is not so wide that anything passes."""
    altered()[what].savefig(tmp_path / "wrong.png", dpi=100)
    baseline = BASELINE / "test_charts_look_as_they_did_curves.png"
    assert compare_images(str(baseline), str(tmp_path / "wrong.png"), TOLERANCE) is not None


def test_pictures_are_compared_in_every_run_of_the_tests(request):
    assert request.config.getoption("--mpl")
    assert Path(request.config.getoption("--mpl-baseline-path")).resolve() == BASELINE
    found = {path.stem for path in BASELINE.glob("*.png")}
    assert {f"test_charts_look_as_they_did_{name}" for name in CHARTS} == found


SMALL_TEST = """
import pytest
from matplotlib.figure import Figure

@pytest.mark.mpl_image_compare(style="default")
def test_line():
    figure = Figure()
    figure.subplots().plot([0, {height}, 1])
    return figure
"""


@pytest.mark.parametrize(("height", "status"), [(1, 0), (1.2, 1)])
def test_a_wrong_figure_fails_its_test(tmp_path, height, status):
    """Run pytest on a figure that is its baseline, and on one that is not."""
    with style.context("default"):
        wanted = Figure()
        wanted.subplots().plot([0, 1, 1])
        (tmp_path / "baseline").mkdir()
        wanted.savefig(tmp_path / "baseline" / "test_line.png")
    (tmp_path / "test_small.py").write_text(SMALL_TEST.format(height=height))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--mpl", "--mpl-baseline-path=baseline"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout
    assert ("Image files did not match" in done.stdout) == bool(status)


def test_curves_hold_the_numbers_under_their_labels():
    (axes,) = curves().axes
    drawn = {str(line.get_label()): line for line in axes.get_lines()}
    assert list(drawn) == ["With jitter", "Without", "Paper"]
    for label, (x, y) in SERIES.items():
        np.testing.assert_array_equal(drawn[label].get_xdata(), x)
        np.testing.assert_array_equal(drawn[label].get_ydata(), y)
    assert np.unique(np.asarray(drawn["Paper"].get_ydata())).tolist() == [4.0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Step", "Objective")


def test_a_spread_is_a_light_band_in_the_colour_of_its_curve_and_in_no_legend():
    (axes,) = measured().axes
    (band,) = axes.collections
    (path,) = band.get_paths()
    low, high = SPREADS["Both branches"]
    corners = {(round(float(x), 9), round(float(y), 9)) for x, y in np.asarray(path.vertices)}
    assert corners == {(x, round(y, 9)) for ends in (low, high) for x, y in zip(DELTAS.tolist(), ends, strict=True)}
    assert to_hex(np.asarray(band.get_facecolor())[0]) == COLORS[0]
    assert band.get_alpha() == 0.15
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["Both branches", "Branch A"]


def test_markers_stand_at_the_points_only_where_told():
    assert [line.get_marker() for line in measured().axes[0].get_lines()] == ["o", "o"]
    assert {str(line.get_marker()) for line in curves().axes[0].get_lines()} <= {"", "None"}


@pytest.mark.parametrize(
    "spread",
    [
        {"Paper": (X, X)},
        {"Without": (X[1:], X[1:])},
        {"Without": (X, X[1:])},
        {"Without": (X + 1, X)},
        {"Without": (X * np.nan, X)},
    ],
)
def test_a_spread_that_is_none_is_refused(spread):
    with pytest.raises(BadInput, match=f"the spread '{next(iter(spread))}' needs a curve of this label, and low <= "):
        lines(SERIES, "Step", "Objective", spread=spread)


def test_dots_hold_the_numbers_row_by_row():
    (axes,) = dotted().axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["CAM", "ACoL", "Middle box"]
    assert axes.yaxis_inverted()
    fixed, tuned, paper = axes.get_lines()
    assert np.unique(np.asarray(paper.get_xdata())).tolist() == [53.3]
    assert paper.get_linestyle() == "--"
    places = np.array([line.get_ydata() for line in (fixed, tuned)], float)
    assert (np.abs(places - np.arange(3)) < 0.5).all()  # beside its own row's label
    assert (places[0] < places[1]).all()
    np.testing.assert_allclose(places.mean(0), np.arange(3))
    for line, whiskers, rows in zip((fixed, tuned), axes.collections, INTERVALS.values(), strict=True):
        middle, low, high = np.array(list(rows.values())).T
        np.testing.assert_array_equal(np.asarray(line.get_xdata()), middle)
        assert isinstance(whiskers, LineCollection)
        ends = np.array(whiskers.get_segments())
        np.testing.assert_array_equal(ends[..., 0], np.stack([low, high], 1))
        np.testing.assert_array_equal(ends[..., 1], np.repeat(np.asarray(line.get_ydata())[:, None], 2, 1))
        assert to_hex(np.asarray(whiskers.get_color())[0]) == to_hex(str(line.get_color()))
    assert fixed.get_marker() != tuned.get_marker()  # told apart without colours, too
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [*INTERVALS, "Paper's ACoL"]


def test_the_rows_of_dots_are_found_by_name_and_not_by_place():
    (axes,) = dots({"a": {"x": (1, 1, 1), "y": (2, 2, 2)}, "b": {"y": (4, 4, 4), "x": (3, 3, 3)}}, "v").axes
    assert [np.asarray(line.get_xdata()).tolist() for line in axes.get_lines()] == [[1, 2], [3, 4]]


def test_reference_lines_are_told_apart():
    (axes,) = dots({"a": {"x": (1, 1, 1)}}, "v", reference={"Paper": 2, "Chance": 3}).axes
    assert len({str(line.get_linestyle()) for line in axes.get_lines()[1:]}) == 2


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("words", ["{}", "threshold {}", "the threshold that is best on held-out images, {}"])
def test_the_legend_of_dots_stays_inside_the_figure(count, words):
    rows = {"A method of a rather long name": (1, 0, 2), "CAM": (2, 1, 3)}
    groups = {words.format(index): rows for index in range(count)}
    figure = dots(groups, "v", reference={"Paper": 1.5})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_window_extent().x1 <= figure.bbox.x1
    assert legend.get_window_extent().y1 <= figure.bbox.y1
    assert axes.get_window_extent().height / DPI > 0.2 * count  # the legend leaves room for the dots


@pytest.mark.parametrize(
    ("interval", "error", "says"),
    [
        ((np.nan, 0, 1), NotFinite, "Ours, CAM: NaN or infinite"),
        ((0, 0, np.inf), NotFinite, "Ours, CAM: NaN or infinite"),
        ((2, 0, 1), BadInput, r"Ours, CAM: 2 lies outside its interval \[0, 1\]"),
        ((0.5, 1, 0), BadInput, r"0.5 lies outside its interval \[1, 0\]"),
    ],
)
def test_dots_refuse_what_is_no_interval(interval, error, says):
    with pytest.raises(error, match=says):
        dots({"Ours": {"CAM": interval}}, "value")


def test_dots_refuse_a_reference_that_is_no_number():
    with pytest.raises(NotFinite, match="Reference, Paper: NaN"):
        dots(INTERVALS, "value", reference={"Paper": np.nan})


@pytest.mark.parametrize(
    ("log", "scales"), [("", ("linear",) * 2), ("x", ("log", "linear")), ("y", ("linear", "log")), ("xy", ("log",) * 2)]
)
def test_axes_are_logarithmic_where_told(log, scales):
    (axes,) = lines(SERIES, "x", "y", log=log).axes
    assert (axes.get_xscale(), axes.get_yscale()) == scales


def test_a_legend_stands_only_where_there_is_something_to_tell_apart():
    assert lines({"one": (X, X)}, "x", "y").axes[0].get_legend() is None
    assert lines({"one": (X, X)}, "x", "y", reference={"Paper": 3}).axes[0].get_legend() is not None
    assert bars({"one": {"a": 1}}, "x").axes[0].get_legend() is None
    assert histograms({"one": X}, "x", "y").axes[0].get_legend() is None
    assert dots({"one": {"a": (1, 0, 2)}}, "x").axes[0].get_legend() is None
    assert dots({"one": {"a": (1, 0, 2)}}, "x", reference={"Paper": 3}).axes[0].get_legend() is not None


def test_bars_hold_the_numbers_row_by_row():
    (axes,) = grouped().axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["GoogLeNet", "SqueezeNet"]
    for container, values in zip(axes.containers, GROUPS.values(), strict=True):
        assert [bar.get_width() for bar in container] == list(values.values())
        for row, bar in enumerate(container):
            assert abs(bar.get_y() + bar.get_height() / 2 - row) < 0.5  # beside its own row's label
    first, second = axes.containers
    assert first[0].get_y() + first[0].get_height() == pytest.approx(
        second[0].get_y()
    )  # side by side, not one over another
    assert axes.yaxis_inverted()


@pytest.mark.parametrize("make", [grouped, dotted])
def test_the_legend_stands_above_bars_and_dots_and_hides_none(make):
    figure = make()
    figure.draw_without_rendering()
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_window_extent().y0 >= axes.get_window_extent().y1 - 1


def test_rows_are_found_by_name_and_not_by_place():
    (axes,) = bars({"a": {"x": 1.0, "y": 2.0}, "b": {"y": 4.0, "x": 3.0}}, "v").axes
    assert [[bar.get_width() for bar in container] for container in axes.containers] == [[1.0, 2.0], [3.0, 4.0]]


def drawn_bars(figure: Figure) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the middles and heights of each group's bars."""
    return [
        (np.array([bar.get_x() + bar.get_width() / 2 for bar in group]), np.array([bar.get_height() for bar in group]))
        for group in figure.axes[0].containers
    ]


def test_a_histogram_of_few_values_has_bars_for_each_and_shares_that_sum_to_one():
    figure = spread()
    (channels, shares), (directions, others) = drawn_bars(figure)
    np.testing.assert_allclose(shares, [0, 0.4, 0.3, 0.2, 0.1])
    np.testing.assert_allclose(others, [0.3, 0.5, 0.2, 0, 0])
    middles = np.array([0.2, 0.3, 0.4, 0.5, 0.9])
    np.testing.assert_allclose((channels + directions) / 2, middles)  # side by side around their value
    np.testing.assert_allclose(directions - channels, 0.04)
    (axes,) = figure.axes
    assert [bar.get_width() for group in axes.containers for bar in group] == pytest.approx([0.04] * 10)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Purity of the top ten", "Share of units")


def test_dashed_lines_stand_at_the_means_in_the_colour_of_their_group():
    (axes,) = spread().axes
    assert [np.asarray(line.get_xdata())[0] for line in axes.get_lines()] == pytest.approx([0.43, 0.29])
    assert [line.get_linestyle() for line in axes.get_lines()] == ["--", "--"]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(TENTHS)
    assert [to_hex(str(line.get_color())) for line in axes.get_lines()] == [
        to_hex(group[0].get_facecolor()) for group in axes.containers
    ]


def test_many_values_are_put_into_twenty_equal_bins():
    numbers = np.random.default_rng(0).normal(size=500)
    ((places, shares),) = drawn_bars(histograms({"one": numbers}, "x", "share"))
    np.testing.assert_allclose(places, np.linspace(numbers.min(), numbers.max(), 20))
    half = np.diff(places)[0] / 2
    counted = [np.mean((numbers >= place - half) & (numbers < place + half)) for place in places]
    np.testing.assert_allclose(shares, counted, atol=1e-12)
    assert shares.sum() == pytest.approx(1)


def test_a_single_value_is_one_bar():
    ((places, shares),) = drawn_bars(histograms({"one": np.full(7, 2.5)}, "x", "share"))
    assert (places.tolist(), shares.tolist()) == ([2.5], [1])


@pytest.mark.parametrize("groups", [{}, {"one": np.zeros(0)}, {"one": np.ones(3), "other": np.zeros(0)}])
def test_histograms_refuse_nothing(groups):
    with pytest.raises(BadInput, match="at least one group, and numbers in each"):
        histograms(groups, "x", "share")


def test_points_of_a_plane_are_colored_about_zero_and_named():
    axes = plane().axes[0]
    (dots,) = axes.collections
    assert isinstance(dots, PathCollection)
    order = np.argsort(np.abs(VALUES))  # the strongest on top
    np.testing.assert_array_equal(np.asarray(dots.get_offsets()), POINTS[order])
    np.testing.assert_array_equal(np.asarray(dots.get_array()), VALUES[order])
    assert (dots.norm.vmin, dots.norm.vmax) == (-3, 3)
    assert np.asarray(dots.norm(np.zeros(1))).item() == pytest.approx(0.5)
    assert np.argmax(dots.get_sizes()) == len(VALUES) - 1
    places = {text.get_text(): text.xy for text in axes.texts if isinstance(text, Annotation)}
    np.testing.assert_array_equal(places["dog"], POINTS[0])
    np.testing.assert_array_equal(places["cat"], POINTS[39])


def test_a_plane_of_zeros_can_be_drawn():
    dots = signed_map(POINTS, np.zeros(40), {}, "v").axes[0].collections[0]
    assert isinstance(dots, PathCollection)
    assert np.isfinite(np.asarray(dots.get_sizes())).all()


def test_the_look_is_the_books_whatever_the_user_has_set():
    with mpl.rc_context({"figure.facecolor": "black", "axes.spines.top": True, "figure.dpi": 50, "lines.linewidth": 9}):
        figure = curves()
    (axes,) = figure.axes
    assert figure.dpi == DPI
    assert to_hex(figure.get_facecolor()) == "#ffffff"
    assert not axes.spines["top"].get_visible()
    assert [to_hex(str(line.get_color())) for line in axes.get_lines()] == [COLORS[0], COLORS[1], TEXT]
    assert {line.get_linewidth() for line in axes.get_lines()[:2]} == {1.6}


@pytest.mark.parametrize("groups", [{}, {"one": {}}, {"one": {"a": 1.0}, "other": {"b": 1.0}}])
@pytest.mark.parametrize("draw", [bars, dots])
def test_bars_and_dots_refuse_groups_that_do_not_match(draw, groups):
    with pytest.raises(BadInput, match=f"{draw.__name__} need at least one group, and the same rows in every group"):
        draw(groups, "value")
