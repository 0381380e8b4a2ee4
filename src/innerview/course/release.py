"""Releasing: student notebooks without solutions and hidden tests, made by nbgrader."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from innerview.core.errors import BadInput, InnerviewError, OutputError
from innerview.core.files import check_writable, written_whole
from innerview.core.progress import progress
from innerview.course.coursefolder import nbgrader
from innerview.course.lessons import Lesson, Part, read_exercise, with_seed
from innerview.replicate.notebook import KERNEL

if TYPE_CHECKING:
    from nbformat import NotebookNode
else:
    NotebookNode = Any


def release(lessons: Sequence[Lesson], out: Path, seed: int = 0, *, show: bool = False) -> list[Path]:
    """Write one student notebook a lesson: ``OUT/LESSON.ipynb``.

    Args:
        lessons: Whose exercises.
        out: Absent or an empty folder.
        seed: The course's: data of exercises and tests follow from it.
        show: A progress bar.

    Returns:
        The notebooks.

    Raises:
        BadInput: the folder holds something, or an exercise is damaged.
        OutputError: it cannot be written.
        InnerviewError: nbgrader is not installed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is not an empty folder; name another with --out")
    check_writable(out / "notebook.ipynb")
    notebooks = {}
    with tempfile.TemporaryDirectory(prefix="innerview-") as folder:
        course = Path(folder)
        for lesson in progress(lessons, "releasing", show):
            notebooks[lesson.name] = released(lesson, course, seed).read_bytes()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror}; name another folder with --out") from error
    for name, content in notebooks.items():
        with written_whole(out / f"{name}.ipynb") as temporary:
            temporary.write_bytes(content)
    return [out / f"{name}.ipynb" for name in notebooks]


def released(lesson: Lesson, course: Path, seed: int = 0) -> Path:
    """Let nbgrader make the student notebook of a lesson in a course folder, and return its path.

    The folder's ``gradebook.db`` then knows the lesson's tests.

    Args:
        lesson: Whose exercise.
        course: A folder of nbgrader; one that is empty becomes one.
        seed: The course's.
    """
    import nbformat  # noqa: PLC0415

    source = course / "source" / lesson.name / f"{lesson.name}.ipynb"
    source.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(as_notebook(read_exercise(lesson), lesson.name, seed), source)
    with nbgrader(course) as api:
        outcome = api.generate_assignment(lesson.name, force=True)
    if not outcome["success"]:
        raise InnerviewError(f"nbgrader could not release {lesson.name}: {outcome.get('log')}")
    return course / "release" / lesson.name / f"{lesson.name}.ipynb"


def as_notebook(parts: Sequence[Part], lesson: str, seed: int = 0) -> NotebookNode:
    """Return an exercise with its solutions as a notebook that nbgrader understands.

    Args:
        parts: Of the exercise.
        lesson: Its name, kept in the notebook.
        seed: The course's.
    """
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook  # noqa: PLC0415

    notebook: Any = new_notebook(metadata={"kernelspec": KERNEL, "innerview": {"lesson": lesson, "seed": seed}})
    for number, part in enumerate(parts):
        source = with_seed(part.source, seed) if part.role == "setup" else part.source
        if part.role == "test":
            source = f"# Points: {part.points}. Grading adds the tests here.\n{source}"
        make = new_markdown_cell if part.role == "text" else new_code_cell
        cell: Any = make(source, id=f"cell-{number}")
        cell.metadata["nbgrader"] = _metadata(part, number)
        notebook.cells.append(cell)
    return notebook


def cell_name(part: Part, number: int) -> str:
    """Return what nbgrader calls the cell with this number of an exercise."""
    return part.name if part.role in {"solution", "test"} else f"{part.role}-{number}"


def _metadata(part: Part, number: int) -> dict[str, Any]:
    """Return what nbgrader has to know of a cell: all but the solutions are locked."""
    graded = part.role == "test"
    told: dict[str, Any] = {
        "grade_id": cell_name(part, number),
        "grade": graded, "solution": part.role == "solution", "locked": part.role != "solution", "task": False,
        "schema_version": 3,
    }  # fmt: skip
    return told | ({"points": part.points} if graded else {})
