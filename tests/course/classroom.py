"""A class of students: submissions made from a lesson's released notebook and its typical wrong answers."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from innerview.core.folders import spread
from innerview.course.lessons import Lesson, read_exercise, read_wrong
from innerview.course.rehearsal import play

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Expected:
    """What one student is to get."""

    student: str
    points: float
    status: str = "graded"
    """How the status begins, or what it holds."""
    remark: str = ""
    """What the remarks hold."""


class Classroom:
    """Makes the files of a class in a folder, and remembers what each student is to get.

    Args:
        lesson: Whose exercise.
        released: The student notebook.
        folder: Where the submissions go.
    """

    def __init__(self, lesson: Lesson, released: Path, folder: Path) -> None:
        self.lesson, self.folder = lesson, folder
        self.parts = read_exercise(lesson)
        self.wrong = read_wrong(lesson)
        self.full = sum(part.points for part in self.parts)
        self.blank: Notebook = json.loads(released.read_text(encoding="utf-8"))
        self.expected: list[Expected] = []

    @property
    def right(self) -> Notebook:
        """The released notebook with the reference's answers."""
        return self.answered({part.name: part.source for part in self.parts if part.role == "solution"})

    def answered(self, answers: dict[str, str], notebook: Notebook | None = None) -> Notebook:
        """Return a notebook with these answers: name of the solution -> source."""
        told = copy.deepcopy(notebook or self.blank)
        for cell in told["cells"]:
            name = id_of(cell)
            if name in answers:
                cell["source"] = answers[name]
        return told

    def changed(self, change: Callable[[list[Any]], Any]) -> Notebook:
        """Return the right notebook after a change of its cells."""
        told = self.right
        told["cells"] = change(told["cells"]) or told["cells"]
        return told

    def hand_in(self, student: str, content: Notebook | bytes, points: float, **told: str) -> None:
        """Write a student's file; a name with a suffix is a file, any other a folder with one notebook."""
        path = self.folder / student
        path = path if path.suffix else path / f"{self.lesson.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        who = student if path.name != student else path.stem
        self.expected = [one for one in self.expected if one.student != who]
        self.expected.append(Expected(who, points, **told))

    def hand_in_wrong(self, most: int | None = None) -> None:
        """Hand in one notebook for each typical wrong answer, spread over all of them if there are more than `most`.

        A wrong answer loses what it says in its own exercise, and more where later answers are computed with it.
        """
        for number, one in enumerate(spread(self.wrong, most or len(self.wrong))):
            notebook = self.answered({one.of: one.source}, self.right)
            points = play(self.parts, {one.of: one.source}).total
            assert points <= self.full - one.loses
            self.hand_in(f"wrong-{number:02}", notebook, points)

    def rows(self, table: list[dict[str, str]]) -> list[Expected]:
        """Return what the table ``grades.csv`` says, as far as it is expected so."""
        found = []
        expected = {one.student: one for one in self.expected}
        for row in table:
            one = expected.get(row["student"], Expected(row["student"], -1, "?"))
            status = one.status if one.status in row["status"] else row["status"]
            remark = one.remark if one.remark in row["remarks"] else row["remarks"]
            found.append(Expected(row["student"], float(row["points"]), status, remark))
        return found


def id_of(cell: Any) -> str:
    """Return the name that nbgrader knows a cell by."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")
