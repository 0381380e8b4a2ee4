"""How cost grows: measured seconds on logarithmic axes, beside the power of the variable that fits them best."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from innerview.core.errors import BadInput
from innerview.figures.charts import Numbers
from innerview.figures.style import COLORS, LOOK, TEXT, figure


@dataclass(frozen=True)
class Growth:
    """A cost, measured at some values of a variable.

    Args:
        what: Whose cost.
        variable: What was varied, with its unit.
        values: Of the variable; positive, increasing, at least two.
        seconds: At each of them; positive.

    Raises:
        BadInput: other numbers than these.
    """

    what: str
    variable: str
    values: Numbers
    seconds: Numbers

    def __post_init__(self) -> None:
        values, seconds = np.asarray(self.values, float), np.asarray(self.seconds, float)
        if values.ndim != 1 or len(values) < 2 or values.shape != seconds.shape:
            raise BadInput(f"{self.what}: a growth needs two values or more, and seconds at each")
        if not (values[0] > 0 and (np.diff(values) > 0).all() and (seconds > 0).all() and np.isfinite(seconds).all()):
            raise BadInput(f"{self.what}: values must be positive and increase, and seconds be positive and finite")

    def exponent(self) -> float:
        r"""Return $k$ of the $a x^k$ that fits best: by least squares on the logarithms of both."""
        return self._line()[0]

    def fitted(self) -> np.ndarray:
        """Return the seconds of the fitted power at each value."""
        exponent, start = self._line()
        return np.exp(start + exponent * np.log(self.values))

    def _line(self) -> tuple[float, float]:
        exponent, start = np.polyfit(np.log(self.values), np.log(self.seconds), 1)
        return float(exponent), float(start)


def growths(curves: Sequence[Growth], *, columns: int = 2, width: float = 8.0) -> Figure:
    """Draw one panel for each cost: dots are measured, the dashed line is the fitted power.

    Args:
        curves: What was measured.
        columns: Panels in a row.
        width: In inches at figure size; pages show half of it.

    Raises:
        BadInput: nothing to draw.
    """
    if not curves:
        raise BadInput("a figure of growths needs at least one")
    rows = -(-len(curves) // columns)
    with mpl.rc_context(LOOK):
        made = figure(width, 0.33 * width * rows, layout="constrained")
        for place, curve in enumerate(curves):
            _panel(made.add_subplot(rows, columns, place + 1), curve)
    return made


def _panel(axes: Axes, curve: Growth) -> None:
    axes.plot(curve.values, curve.fitted(), color=TEXT, linestyle="--", linewidth=1.0)
    axes.plot(curve.values, curve.seconds, "o", color=COLORS[0], markersize=5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(curve.values, [f"{value:g}" for value in curve.values])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(min(curve.seconds) / 1.6, max(curve.seconds) * 1.6)
    axes.set(xlabel=curve.variable, ylabel="seconds", title=f"{curve.what}: exponent {curve.exponent():.2f}")
