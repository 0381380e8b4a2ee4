import math

import numpy as np
import pytest
from matplotlib.axes import Axes

from innerview.core.errors import BadInput
from innerview.figures import Growth, growths


def test_a_power_is_found_again():
    values = np.array([1.0, 2.0, 5.0, 12.0])
    curve = Growth("a step", "images", values, 0.25 * values**1.5)
    assert curve.exponent() == pytest.approx(1.5)
    np.testing.assert_allclose(curve.fitted(), curve.seconds)


def test_the_fit_is_least_squares_on_logarithms():
    values, seconds = [1.0, 2.0, 4.0], [1.0, 3.0, 4.0]
    x, y = np.log(values), np.log(seconds)
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    curve = Growth("a step", "images", values, seconds)
    assert curve.exponent() == pytest.approx(slope)
    assert np.log(curve.fitted()).mean() == pytest.approx(y.mean())


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([1], [1]),
        ([1, 2], [1]),
        ([2, 1], [1, 2]),
        ([1, 1], [1, 2]),
        ([0, 1], [1, 2]),
        ([1, 2], [0, 1]),
        ([1, 2], [1, math.nan]),
        ([1, 2], [1, math.inf]),
    ],
)
def test_other_numbers_are_refused(values, seconds):
    with pytest.raises(BadInput, match=r"a step: "):
        Growth("a step", "images", values, seconds)


def test_each_panel_shows_its_points_on_logarithmic_axes():
    curves = [Growth("a step", "images", [1, 2, 4], [0.1, 0.2, 0.4]), Growth("b", "px", [64, 128], [1, 4])]
    first, second = (axes for axes in growths(curves).axes if isinstance(axes, Axes))
    assert first.get_title(loc="left") == "a step: exponent 1.00"
    assert (first.get_xscale(), first.get_yscale()) == ("log", "log")
    np.testing.assert_allclose(np.array(first.lines[1].get_xydata()), [[1, 0.1], [2, 0.2], [4, 0.4]])
    assert [label.get_text() for label in second.get_xticklabels()] == ["64", "128"]


def test_nothing_makes_no_figure():
    with pytest.raises(BadInput, match="at least one"):
        growths([])
