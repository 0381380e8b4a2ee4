"""Trying an exercise out: the reference must get every point, the blank none, and each wrong answer lose its own."""

import contextlib
import io
import re
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from innerview.course.lessons import Lesson, Part, Wrong, read_exercise, read_wrong, with_seed

SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION[^\n]*", re.DOTALL | re.MULTILINE)


@dataclass
class Played:
    """What came of running the cells of an exercise."""

    points: dict[str, int] = field(default_factory=dict)
    """Test -> points that it gave."""
    hints: dict[str, str] = field(default_factory=dict)
    """Solution -> what its check said against it."""
    errors: dict[str, str] = field(default_factory=dict)
    """Solution, check or test -> what it raised."""

    @property
    def total(self) -> int:
        """All points."""
        return sum(self.points.values())


def blank(source: str) -> str:
    """Return a solution cell as the student gets it."""
    return SOLUTION.sub(r"\1# YOUR CODE HERE\n\1raise NotImplementedError()", source)


def play(parts: Sequence[Part], answers: dict[str, str] | None = None, seed: int = 0) -> Played:
    """Run the cells of an exercise one after the other in this process, as grading does.

    Args:
        parts: Of the exercise.
        answers: Solution -> source that stands in its place.
        seed: The course's.
    """
    return _run(parts, answers or {}, seed, {"__name__": "__main__"})


def _run(parts: Sequence[Part], answers: dict[str, str], seed: int, space: dict[str, Any]) -> Played:
    played = Played()
    for part in parts:
        if part.role == "text":
            continue
        source = with_seed(part.source, seed) if part.role == "setup" else part.source
        error = _executed(answers.get(part.name, source) if part.role == "solution" else source, space, part)
        if part.role == "test":
            played.points[part.name] = 0 if error else part.points
        if isinstance(error, AssertionError) and part.role == "check":
            played.hints.setdefault(part.of, str(error))
        if error:
            played.errors.setdefault(part.name or part.of, "".join(traceback.format_exception(error)))
    return played


def _executed(source: str, space: dict[str, Any], part: Part) -> BaseException | None:
    """Run a cell and return what it raised."""
    hidden = io.StringIO()
    with contextlib.redirect_stderr(hidden), contextlib.redirect_stdout(hidden), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in grading
        try:
            exec(compile(source, f"<{part.name or part.role}>", "exec"), space)  # noqa: S102  (the course's own code)
        except Exception as error:  # noqa: BLE001  (whatever an answer raises)
            return error
    return None


@dataclass(frozen=True)
class Trial:
    """How one answer fared: what it was to get, and what it got."""

    answer: str
    expected: int
    got: int
    problem: str = ""
    """What is wrong with the exercise; empty if nothing is."""


def rehearse(lesson: Lesson, seed: int = 0) -> list[Trial]:
    """Run the reference, the blank and every wrong answer of a lesson, and compare their points with what is right.

    A wrong answer runs only from its own cell to the next solution's; the cells before it are those of the reference.

    Args:
        lesson: Whose exercise.
        seed: The course's.

    Raises:
        BadInput: the files do not make an exercise.
    """
    parts, wrong = read_exercise(lesson), read_wrong(lesson)
    full = sum(part.points for part in parts)
    spaces: dict[str, dict[str, Any]] = {}
    reference = _reference(parts, seed, spaces)
    trials = [Trial("reference", full, reference.total, "\n".join([*reference.errors.values()]))]
    empty = play(parts, {part.name: blank(part.source) for part in parts if part.role == "solution"}, seed)
    given = [name for name, points in empty.points.items() if points]
    trials.append(Trial("blank", 0, empty.total, f"gets points for {', '.join(given)}" if given else ""))
    return trials + [_tried(one, parts, full, seed, spaces) for one in wrong]


def _reference(parts: Sequence[Part], seed: int, spaces: dict[str, dict[str, Any]]) -> Played:
    """Run the reference and keep what was defined before each solution."""
    space: dict[str, Any] = {"__name__": "__main__"}
    all_played = Played()
    for part in parts:
        if part.role == "solution":
            spaces[part.name] = dict(space)
        one = _run([part], {}, seed, space)
        all_played.points |= one.points
        all_played.errors |= one.errors
    return all_played


def _tried(one: Wrong, parts: Sequence[Part], full: int, seed: int, spaces: dict[str, dict[str, Any]]) -> Trial:
    own = [part for part in parts if part.of == one.of]
    label = f"{one.of}: {one.name}"
    if one.of not in spaces:
        return Trial(label, full - one.loses, full, f"there is no solution {one.of!r}")
    played = _run(own, {one.of: one.source}, seed, dict(spaces[one.of]))
    got = full - sum(part.points for part in own) + played.total
    problem = ""
    if one.loses < 1:
        problem = "a wrong answer has to lose a point"
    elif got != full - one.loses:
        failed = [name for name, points in played.points.items() if not points]
        problem = f"loses {full - got} points, not {one.loses}; tests that fail: {', '.join(failed) or 'none'}"
    elif one.hint not in played.hints.get(one.of, ""):
        problem = f"the check says {played.hints.get(one.of, 'nothing')!r}, not {one.hint!r}"
    return Trial(label, full - one.loses, got, problem)
