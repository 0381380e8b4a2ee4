"""A class of thirty hands in a real lesson: right, blank, each wrong kind, each bad input; the table is exact."""

import copy
import csv
import subprocess
import sys
from pathlib import Path

import pytest
from course.classroom import Classroom, id_of

from innerview.course.lessons import find_lessons
from innerview.course.rehearsal import play

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ROOT = Path(__file__).parents[2]
LESSONS = {lesson.name: lesson for lesson in find_lessons(ROOT)}
STUDENTS = 30
WILD = {
    "loop": "while True: pass",
    "flood": "while True: print('x' * 1000)",
    "bomb": "return [bytearray(10**8) for _ in range(10**4)]",
    "package": "import a_package_that_nobody_has",
    "dies": "import os; os._exit(1)",
}


def innerview(*arguments: object) -> str:
    """Run the command, which must end well; return what it printed."""
    command = [sys.executable, "-m", "innerview.cli", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All student notebooks."""
    out = tmp_path_factory.mktemp("released") / "notebooks"
    assert len(innerview("course", "release", "--out", out).splitlines()) == len(LESSONS)
    return out


def table(graded: Path) -> list[dict[str, str]]:
    with (graded / "grades.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_right_and_blank_notebooks_of_every_lesson_get_all_points_and_none(released, tmp_path):
    for lesson in LESSONS.values():
        room = Classroom(lesson, released / f"{lesson.name}.ipynb", tmp_path / "class")
        room.hand_in(f"right_{lesson.name}.ipynb", room.right, room.full)
        room.hand_in(f"blank_{lesson.name}.ipynb", room.blank, 0)
    innerview("course", "grade", tmp_path / "class", "--out", tmp_path / "graded")
    found = {(row["student"], row["lesson"]): (row["points"], row["status"]) for row in table(tmp_path / "graded")}
    for lesson in LESSONS.values():
        full = sum(part.points for part in Classroom(lesson, released / f"{lesson.name}.ipynb", tmp_path).parts)
        assert found["right", lesson.name] == (str(full), "graded")
        assert found["blank", lesson.name] == ("0", "graded")


def class_of_thirty(room: Classroom) -> None:
    """Hand in thirty submissions."""
    core = next(part.name for part in room.parts if part.kind == "core")
    fails = play(room.parts, {core: f"def {core}(*args, **options):\n    raise RuntimeError"}).total
    before = sum(part.points for part in room.parts[: [part.name for part in room.parts].index(core)])
    room.hand_in("right", room.right, room.full)
    room.hand_in("blank", room.blank, 0)
    room.hand_in("Žofie Nováková", room.right, room.full)
    for name, body in WILD.items():
        answer = f"def {core}(*args, **options):\n    {body}"
        room.hand_in(name, room.answered({core: answer}, room.right), before if name == "dies" else fails)
    room.hand_in("deleted", room.changed(lambda cells: [cell for cell in cells if not is_test(cell)]), room.full,
                 remark="cells were missing and restored")  # fmt: skip
    room.hand_in(
        "reordered", room.changed(lambda cells: cells[::-1]), room.full, remark="in another order and put back"
    )
    room.hand_in("cheat", cheated(room, core), fails, remark="cells were changed and restored")
    kernel = copy.deepcopy(room.right)
    kernel["metadata"]["kernelspec"] = {"name": "julia-1.11", "language": "julia", "display_name": "Julia"}
    room.hand_in("kernel", kernel, room.full, remark="it was graded with Python")
    room.hand_in("essay.docx", b"PK\x03\x04", 0, status="not graded: no notebook was handed in")
    room.hand_in("damaged.ipynb", b'{"cells": [', 0, status="is not a notebook: it cannot be read as JSON")
    room.hand_in("twice", room.right, 0, status="2 notebooks of one lesson")
    (room.folder / "twice" / "again.ipynb").write_bytes(
        (room.folder / "twice" / f"{room.lesson.name}.ipynb").read_bytes()
    )
    room.hand_in_wrong(STUDENTS - len(room.expected))


def is_test(cell) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("grade"))


def cheated(room: Classroom, core: str):
    told = room.answered({core: f"def {core}(*args, **options):\n    raise RuntimeError"}, room.right)
    for cell in told["cells"]:
        cell["source"] = "pass" if is_test(cell) and id_of(cell) != core else cell["source"]
    return told


def test_a_class_of_thirty_gets_exactly_its_points(released, tmp_path):
    lesson = LESSONS["06_cam_and_grad_cam"]
    room = Classroom(lesson, released / f"{lesson.name}.ipynb", tmp_path / "class")
    class_of_thirty(room)
    assert len(room.expected) == len(list(room.folder.iterdir())) == STUDENTS
    innerview(
        "course", "grade", room.folder, "--out", tmp_path / "graded", "--lesson", 6, "--timeout", 20,
        "--total-timeout", 240,
    )  # fmt: skip
    found = sorted(room.rows(table(tmp_path / "graded")), key=lambda one: one.student)
    assert found == sorted(room.expected, key=lambda one: one.student)
