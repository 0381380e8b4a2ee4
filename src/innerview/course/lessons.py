"""The lessons of a course: where they lie, and what an exercise consists of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from innerview.core.errors import BadInput, near

if TYPE_CHECKING:
    from nbformat import NotebookNode
else:
    NotebookNode = Any

CHAPTERS = "chapters"
"""The folder of a repository that holds one folder a lesson."""

KINDS = ("warm-up", "core", "open")
SEED = re.compile(r"^seed = (\d+)", re.MULTILINE)
"""In the cell tagged ``setup``: the course's seed."""


@dataclass(frozen=True)
class Lesson:
    """One lesson: ``lesson.py`` to read, ``exercise.py`` to solve, ``wrong.py`` with typical wrong answers."""

    folder: Path

    @property
    def name(self) -> str:
        """Of the folder, such as ``06_grad_cam``."""
        return self.folder.name

    @property
    def script(self) -> Path:
        """The lesson's own notebook, as a percent script."""
        return self.folder / "lesson.py"


def find_lessons(root: Path) -> list[Lesson]:
    """Return all lessons of a repository in their order.

    Raises:
        BadInput: there are none.
    """
    found = [Lesson(path.parent) for path in sorted((root / CHAPTERS).glob("*/exercise.py"))]
    if not found:
        raise BadInput(f"{root} holds no {CHAPTERS}/NAME/exercise.py; go to the repository or name it with --root")
    return found


def chosen_lessons(root: Path, names: list[str] | None) -> list[Lesson]:
    """Return the lessons of these names or numbers, or all.

    Raises:
        BadInput: no such lesson.
    """
    known = {lesson.name: lesson for lesson in find_lessons(root)}
    numbers = {name.partition("_")[0].lstrip("0"): name for name in known}
    chosen = [numbers.get(name.lstrip("0"), name) for name in names or known]
    for name in chosen:
        if name not in known:
            raise BadInput(f"no lesson is called {name!r}{near(name, known)}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(chosen)]


@dataclass(frozen=True)
class Part:
    """One cell of an exercise."""

    role: str
    """``text``, ``setup``, ``code``, ``solution``, ``check`` or ``test``."""
    name: str
    """Of the solution, or of the graded test; empty for the others."""
    source: str
    of: str = ""
    """The solution that the cell belongs to: the last before it."""
    kind: str = ""
    """Of a solution: ``warm-up``, ``core`` or ``open``."""
    points: int = 0
    """Of a test."""


@dataclass(frozen=True)
class Wrong:
    """A typical wrong answer."""

    name: str
    of: str
    """The solution that it stands for."""
    source: str
    loses: int
    """Points that it loses of the full number."""
    hint: str
    """Words that the check says to it."""


def read_exercise(lesson: Lesson) -> list[Part]:
    """Read ``exercise.py``.

    Raises:
        BadInput: the file is missing, or its cells do not make an exercise.
    """
    script = lesson.folder / "exercise.py"
    parts: list[Part] = []
    for cell in _cells(script):
        part = _part(cell, parts[-1].of if parts else "", script)
        parts.append(part)
    _check(parts, script)
    return parts


def read_wrong(lesson: Lesson) -> list[Wrong]:
    """Read ``wrong.py``.

    Raises:
        BadInput: the file is missing, or a cell in it says not whose answer it is, what it loses, and the hint.
    """
    script = lesson.folder / "wrong.py"
    found = []
    for cell in _cells(script):
        if cell.cell_type != "code" or "wrong" not in cell.metadata:
            continue
        told = cell.metadata
        missing = [key for key in ("of", "loses", "hint") if key not in told]
        if missing:
            raise BadInput(f"{script}: the wrong answer {told['wrong']!r} says no {', '.join(missing)}")
        found.append(Wrong(told["wrong"], told["of"], cell.source, int(told["loses"]), told["hint"]))
    return found


def _cells(script: Path) -> list[NotebookNode]:
    import jupytext  # noqa: PLC0415  (slow to import)

    if not script.is_file():
        raise BadInput(f"there is no {script}; a lesson's folder holds lesson.py, exercise.py and wrong.py")
    notebook: Any = jupytext.read(script, fmt="py:percent")
    return notebook.cells


def _part(cell: NotebookNode, of: str, script: Path) -> Part:
    told = cell.metadata
    if cell.cell_type != "code":
        return Part("text", "", cell.source, of)
    if "setup" in told.get("tags", []):
        return Part("setup", "", cell.source, of)
    if "solution" in told:
        kind = told.get("kind", "")
        if kind not in KINDS:
            raise BadInput(f"{script}: solution {told['solution']!r} is of kind {kind!r}; choose {', '.join(KINDS)}")
        return Part("solution", told["solution"], cell.source, told["solution"], kind)
    if "test" in told:
        if "points" not in told:
            raise BadInput(f"{script}: test {told['test']!r} says no points")
        return Part("test", told["test"], cell.source, of, points=int(told["points"]))
    return Part("check" if "check" in told else "code", told.get("check", ""), cell.source, of)


def _check(parts: list[Part], script: Path) -> None:
    names = [part.name for part in parts if part.role in {"solution", "test"}]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"{script}: {', '.join(twice)} names more than one solution or test")
    strange = [name for name in names if not re.fullmatch(r"[\w-]+", name, re.ASCII)]
    if strange:
        raise BadInput(f"{script}: {strange[0]!r} cannot name a cell; use letters, digits, - and _")
    if [part.role for part in parts].count("setup") != 1 or not any(map(SEED.search, _sources(parts, "setup"))):
        raise BadInput(f'{script} needs one cell tagged "setup", with a line `seed = 0`')
    for part in parts:
        if part.role == "solution" and "### BEGIN SOLUTION" not in part.source:
            raise BadInput(f"{script}: {part.name} has no line `### BEGIN SOLUTION`")
    tested = {part.of for part in parts if part.role == "test"}
    lacking = [part.name for part in parts if part.role == "solution" and part.name not in tested]
    if lacking:
        raise BadInput(f"{script}: {', '.join(lacking)} has no test behind it")


def _sources(parts: list[Part], role: str) -> Iterator[str]:
    return (part.source for part in parts if part.role == role)


def with_seed(source: str, seed: int) -> str:
    """Return the setup cell with the course's seed."""
    return SEED.sub(f"seed = {seed}", source, count=1)
