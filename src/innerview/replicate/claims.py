"""What a paper claims, and how a measured value is judged."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from innerview.core.errors import BadInput

Verdict = Literal["reproduced", "partly", "not reproduced", "not measured"]
Value = float | int | bool | None

ROUNDING = 1e-9
"""Relative slack at the edge of a tolerance: 64.09 - 60.09 is a little more than 4 in binary."""

ON_EMBEDDED = "measured on the paper's model only; this run used the embedded model"


@dataclass(frozen=True)
class Measurement:
    """A measured value with a remark for the scorecard."""

    value: Any
    """A number, a boolean or None; scalars of NumPy and torch do as well."""
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """One statement of a paper that a run can check.

    Either `paper` and `tolerance` are given, or a threshold (`at_least`, `at_most`), or the value is true or false.
    """

    id: str
    source: str
    """Where in the paper: ``Table 1``, ``Sec. 3.1``."""
    statement: str
    measure: Callable[[Any], Any] | None
    """From a run to a value; None for a claim that cannot be measured here, for the `reason`."""
    paper: float | None = None
    unit: str = ""
    tolerance: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise BadInput(f"claim {self.id!r}: {problem}")

    def _problem(self) -> str | None:
        numbers = [x for x in (self.paper, self.tolerance, self.at_least, self.at_most) if x is not None]
        if not self.statement:
            return "says nothing; write the statement as the first paragraph of the docstring"
        if not all(map(math.isfinite, numbers)) or (self.tolerance or 0) < 0:
            return "its numbers must be finite, the tolerance not negative"
        if self.measure is None:
            return None if self.reason else "is not measured for no reason; give one"
        return self._undecided(self.measure)

    def _undecided(self, measure: Callable[[Any], Any]) -> str | None:
        """Say why a measured value could not be judged."""
        if self.paper is not None and self.has_threshold:
            return "give the paper's number with a tolerance, or a threshold of your own, not both"
        if self.paper is not None and self.tolerance is None:
            return "the paper's number needs a tolerance"
        if self.paper is None and not self.has_threshold and not _may_be_boolean(measure):
            return "a number that the paper does not give needs at_least or at_most (a boolean is annotated -> bool)"
        return None

    @property
    def has_threshold(self) -> bool:
        """Whether the claim brings its own threshold."""
        return self.at_least is not None or self.at_most is not None

    @property
    def threshold(self) -> str:
        """The threshold in words, or ``""``."""
        words = (("at least", self.at_least), ("at most", self.at_most))
        limits = [f"{word} {limit:g}" for word, limit in words if limit is not None]
        return f"threshold: {' and '.join(limits)} {self.unit}".rstrip() if limits else ""

    def verdict(self, value: Value) -> Verdict:
        """Judge a value that was measured.

        Raises:
            BadInput: the value's kind does not fit: a number without any criterion, a boolean where one is given.
        """
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return "not measured"
        if isinstance(value, bool):
            if self.paper is not None or self.has_threshold:
                raise BadInput(f"claim {self.id!r} compares numbers but measured {value}")
            return "reproduced" if value else "not reproduced"
        if self.paper is None and not self.has_threshold:
            raise BadInput(f"claim {self.id!r} measured {value} but has no threshold; give at_least or at_most")
        tolerance, miss = self.tolerance or 0.0, self._miss(value)
        reproduced, partly = (0.0, tolerance) if self.has_threshold else (tolerance, 2 * tolerance)
        return "reproduced" if miss <= reproduced else "partly" if miss <= partly else "not reproduced"

    def _miss(self, value: float) -> float:
        """Return by how much the value misses what grades as reproduced without any tolerance."""
        if self.paper is not None:
            return _distance(value, self.paper)
        below = 0.0 if self.at_least is None or value >= self.at_least else _distance(value, self.at_least)
        above = 0.0 if self.at_most is None or value <= self.at_most else _distance(value, self.at_most)
        return max(below, above)

    def row(self, run: Any) -> dict[str, Any]:
        """Measure the claim on a run and return its entry of ``claims.json``."""
        value, note = self._measured(run)
        if value is not None and not math.isfinite(value):
            value, note = None, " ".join([f"the measurement gave {value}.", note]).strip()
        return {
            "id": self.id,
            "source": self.source,
            "statement": self.statement,
            "paper": self.paper,
            "measured": value,
            "unit": self.unit,
            "tolerance": self.tolerance,
            "verdict": self.verdict(value),
            "note": "; ".join(filter(None, [self.threshold, note])),
        }

    def _measured(self, run: Any) -> tuple[Value, str]:
        if self.measure is None:
            return None, self.reason
        if run.fallback and self.paper is not None:
            return None, ON_EMBEDDED
        measured = self.measure(run)
        if not isinstance(measured, Measurement):
            measured = Measurement(measured, "" if measured is not None else "this run could not measure it")
        return _plain(self.id, measured.value), measured.note


def is_close(value: float, wanted: float, tolerance: float) -> bool:
    """Tell whether two numbers differ by no more than `tolerance`, rounding aside."""
    return _distance(value, wanted) <= tolerance


def _distance(value: float, wanted: float) -> float:
    """Return how far `value` lies from `wanted`, less what rounding may have added."""
    return max(0.0, abs(value - wanted) - ROUNDING * max(abs(value), abs(wanted)))


def _may_be_boolean(measure: Callable[[Any], Any]) -> bool:
    annotation = str(getattr(measure, "__annotations__", {}).get("return", ""))
    return "bool" in annotation or "Measurement" in annotation


def _plain(claim: str, value: Any) -> Value:
    """Turn the scalars of NumPy and torch into Python's."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, bool | int | float):
        return value
    raise BadInput(f"claim {claim!r} measured a {type(value).__name__}; return a number, a boolean or None")
