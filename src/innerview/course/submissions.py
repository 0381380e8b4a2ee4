"""What students handed in: which notebook is whose, and of which lesson."""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from innerview.core.errors import BadInput, one_line
from innerview.core.files import SHOWN
from innerview.core.store import fingerprint

MOST_BYTES = 20_000_000
"""Of a notebook: a larger one holds outputs of no use for grading, or was made to fill the memory."""

LONGEST = 200
"""Bytes of a student's name."""


@dataclass(frozen=True)
class Submission:
    """One student's notebook of one lesson."""

    student: str
    lesson: str
    """Empty if it cannot be told."""
    path: Path
    problem: str = ""
    """Why it cannot be graded; empty if it can."""


def find_submissions(folder: Path, lessons: Sequence[str]) -> list[Submission]:
    """Return what a folder holds: ``STUDENT/ANY NAME.ipynb``, or ``STUDENT.ipynb``, or ``STUDENT_LESSON.ipynb``.

    The lesson is the one that the notebook names in its metadata; else the one that its file's name holds.

    Args:
        folder: Of all students.
        lessons: Names that there are; the only one is that of a notebook that names none.

    Raises:
        BadInput: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder; name the one that holds the submissions")
    found: dict[tuple[str, str], list[Submission]] = defaultdict(list)
    for student, path in _files(folder):
        one = _submission(student, path, lessons)
        found[one.student, one.lesson].append(one)
    if not found:
        raise BadInput(f"{folder} holds no submission: no folder of a student, no file STUDENT.ipynb")
    return [_only(several) for _, several in sorted(found.items())]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield student and file; a student's folder without a notebook stands for itself."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir() and not entry.is_symlink():
            within = sorted(path for path in entry.rglob("*") if path.is_file() and _counts(path.relative_to(entry)))
            notebooks = [path for path in within if path.suffix == ".ipynb"]
            yield from ((entry.name, path) for path in notebooks or within[:1] or [entry])
        else:
            yield entry.stem, entry


def _counts(path: Path) -> bool:
    return not any(part.startswith((".", "__")) or part == ".ipynb_checkpoints" for part in path.parts)


def _only(several: list[Submission]) -> Submission:
    if len(several) == 1 or not several[0].lesson:
        return several[0]
    names = " and ".join(one.path.name for one in several)
    return replace(several[0], problem=f"{len(several)} notebooks of one lesson: {names}; keep one and grade again")


def _submission(student: str, path: Path, lessons: Sequence[str]) -> Submission:
    named = next((lesson for lesson in lessons if lesson in path.stem), "")
    who = _person(student.replace(named, "") if student == path.stem else student) or student
    one = Submission(_shortened(one_line(unicodedata.normalize("NFC", who))), named, path)
    if path.is_symlink():
        return replace(one, problem=f"{path.name} is a link to another file; hand in the notebook itself")
    if not path.is_file() or path.suffix != ".ipynb":
        what = "an empty folder" if path.is_dir() else path.name
        return replace(one, problem=f"no notebook was handed in, only {what}")
    try:
        lesson = lesson_of(read_submission(path)) or named
    except BadInput as error:
        return replace(one, problem=str(error))
    if not lesson and len(lessons) == 1:
        lesson = lessons[0]
    if not lesson:
        return replace(one, problem=f"{path.name} says not of which lesson it is; name it STUDENT_LESSON.ipynb")
    unknown = "" if lesson in lessons else f"{path.name} is of a lesson that is not graded here: {lesson[:60]}"
    return replace(one, lesson=lesson if not unknown else "", problem=unknown)


def _person(name: str) -> str:
    """Return a name without what learning platforms add; the number that they know a student by stays."""
    name = re.sub(r"_assignsubmission_file_?$", "", name).strip(" _-.")
    canvas = re.match(r"^(?P<who>[^_]+)(?:_LATE)?_(?P<user>\d+)_\d+(?:_?-\d+)?$", name)
    return f"{canvas['who']}_{canvas['user']}" if canvas else re.sub(r"_-\d+$", "", name)


def _shortened(name: str) -> str:
    """Return a name that leaves room for an ending in that of a file."""
    return name if len(name.encode()) <= LONGEST else f"{name[:SHOWN]}-{fingerprint(name)}"


def read_submission(path: Path) -> dict[str, Any]:
    """Read a notebook, with cells that have a type, a source and metadata; outputs are of no interest.

    Raises:
        BadInput: it is not a notebook, or too large.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise BadInput(f"{path.name} has {size / 1e6:.0f} MB; clear its outputs and hand it in again")
        told = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path.name} is not a notebook: it cannot be read as JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get("cells"), list):
        raise BadInput(f"{path.name} is not a notebook: it has no cells (notebooks of version 4 have)")
    cells = [_cell(cell) for cell in told["cells"] if isinstance(cell, dict)]
    metadata = told.get("metadata")
    return {"cells": cells, "metadata": metadata if isinstance(metadata, dict) else {}}


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id", "") if isinstance(nbgrader, dict) else ""
    kind = "code" if cell.get("cell_type") == "code" else "markdown"
    text = "".join(map(str, lines)).encode(errors="backslashreplace").decode()  # half a pair cannot be written
    return {"type": kind, "source": text, "id": str(grade_id)}


def lesson_of(notebook: dict[str, Any]) -> str:
    """Return the lesson that a notebook says it is of; empty if it says none."""
    told = notebook["metadata"].get("innerview")
    return str(told.get("lesson", "")) if isinstance(told, dict) else ""


def seed_of(notebook: dict[str, Any]) -> int | None:
    """Return the course's seed that a notebook was released with; None if it does not say."""
    told = notebook["metadata"].get("innerview")
    seed = told.get("seed") if isinstance(told, dict) else None
    return seed if isinstance(seed, int) else None
