"""Grading for real: nbgrader, kernels, the sandbox."""

import csv
import shutil
import socket

import pytest
from course.classroom import id_of

from innerview.core.errors import BadInput
from innerview.course.grading import Grading, grade_folder
from innerview.course.reports import write_results
from innerview.course.sandbox import Limits, can_isolate

LIMITS = Limits(cell_seconds=6, seconds=25, memory=1.5, output=20_000)
LOOP = "def norm(numbers):\n    while True:\n        pass\n"
STUBBORN = """def norm(numbers):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
FLOOD = "def norm(numbers):\n    while True:\n        print('x' * 1000)\n"
BOMB = (
    "def norm(numbers):\n    return sum(len(bytearray(10**8)) for kept in [[bytearray(10**8) for _ in range(10**4)]])\n"
)
DIES = "def norm(numbers):\n    import os\n    os._exit(0)\n"
MISSING = "import a_package_that_nobody_has\n\ndef norm(numbers):\n    return 5\n"
SPIES = """def norm(numbers):
    import os, socket
    seen = [place for place in (FOLDER, os.path.expanduser('~/class')) if os.path.exists(place)]
    secrets = [name for name in os.environ if 'SECRET' in name]
    try:
        socket.create_connection(('127.0.0.1', PORT), timeout=2)
        seen.append('network')
    except OSError:
        pass
    assert not seen and not secrets, f'saw {seen} {secrets}'
    return sum(number * number for number in numbers) ** 0.5
"""


def graded(classroom, tmp_path, limits=LIMITS, **options):
    """Grade the class and return the rows of its table, as they are expected."""
    grades = grade_folder(classroom.folder, Grading([classroom.lesson], tmp_path / "graded", limits=limits, **options))
    write_results(grades, tmp_path / "graded")
    with (tmp_path / "graded" / "grades.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def by_student(expected):
    return sorted(expected, key=lambda one: one.student)


def test_each_answer_gets_exactly_its_points_whatever_the_others_do(classroom, tmp_path, monkeypatch):
    wild = {"loop": LOOP, "bomb": BOMB, "import": MISSING}
    classroom.hand_in("right", classroom.right, 9)
    classroom.hand_in("wrong", classroom.answered({"norm": classroom.wrong[1].source}, classroom.right), 4)
    classroom.hand_in("=essay.docx", b"PK", 0, status="not graded: no notebook")
    classroom.hand_in("cheat", cheated(classroom), 4, remark="changed and restored: norm-values")
    for name, answer in wild.items():
        classroom.hand_in(name, classroom.answered({"norm": answer}, classroom.right), 3)
    for name in ("psutil.py", "jupyter_client.py", "nbgrader_config.py"):  # run by whoever would import it from here
        trap = f"open({str(tmp_path / 'sprung')!r}, 'a')".encode()
        classroom.hand_in(name, trap, 0, status="not graded: no notebook")
    monkeypatch.chdir(classroom.folder)
    rows = graded(classroom, tmp_path)
    assert not (tmp_path / "sprung").exists()
    for row in rows:
        row["student"] = row["student"].removeprefix("'")  # what keeps a spreadsheet from taking it for a formula
    assert by_student(classroom.rows(rows)) == by_student(classroom.expected)
    assert "the cell took more than 6 s" in report_of("loop", tmp_path)
    assert "MemoryError" in report_of("bomb", tmp_path)
    assert 'your answer</td><td class="number"></td><td>ModuleNotFoundError: No module' in report_of("import", tmp_path)
    assert 'your check</td><td class="number"></td><td>the square root is missing' in report_of("wrong", tmp_path)


def report_of(student, tmp_path):
    return (tmp_path / "graded" / "reports" / f"{student}.html").read_text(encoding="utf-8")


def cheated(classroom):
    """A notebook whose wrong answer passes its own, changed tests."""
    told = classroom.answered({"norm": classroom.wrong[1].source}, classroom.right)
    for cell in told["cells"]:
        if id_of(cell) == "norm-values":
            cell["source"] = "pass"
    return told


@pytest.mark.slow
def test_more_answers_that_run_wild_end_and_earlier_points_stay(classroom, tmp_path):
    for name, answer in {"dies": DIES, "stubborn": STUBBORN}.items():
        classroom.hand_in(name, classroom.answered({"norm": answer}, classroom.right), 3)
    flood = {"double": FLOOD.replace("norm", "double"), "answer": "answer = norm([2 * seed, 2])"}
    classroom.hand_in("flood", classroom.answered(flood, classroom.right), 6)
    rows = graded(classroom, tmp_path, Limits(cell_seconds=6, seconds=12, memory=1.5, output=20_000))
    assert by_student(classroom.rows(rows)) == by_student(classroom.expected)
    assert "the cell printed more than 20,000 characters" in report_of("flood", tmp_path)
    assert "the kernel ended" in report_of("dies", tmp_path)


@pytest.mark.slow
def test_every_wrong_answer_gets_its_points_and_names_of_all_languages_are_kept(classroom, tmp_path):
    classroom.hand_in_wrong()
    classroom.hand_in("blank", classroom.blank, 0)
    classroom.hand_in("Zoë 王", classroom.right, 9)
    assert by_student(classroom.rows(graded(classroom, tmp_path))) == by_student(classroom.expected)


def test_a_submission_sees_no_other_no_secret_and_no_network(classroom, tmp_path, monkeypatch):
    if not can_isolate():
        pytest.skip("bubblewrap is not installed or not allowed here: apt-get install bubblewrap")
    monkeypatch.setenv("INNERVIEW_SECRET", "hunter2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = SPIES.replace("FOLDER", repr(str(classroom.folder))).replace("PORT", str(server.getsockname()[1]))
        classroom.hand_in("spy", classroom.answered({"norm": answer}, classroom.right), 9)
        (row,) = graded(classroom, tmp_path)
    assert float(row["points"]) == 9, (tmp_path / "graded" / "tests.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_without_isolation_the_limits_hold_alone(classroom, tmp_path):
    classroom.hand_in("bomb", classroom.answered({"norm": BOMB}, classroom.right), 3)
    classroom.hand_in("right", classroom.right, 9)
    rows = graded(classroom, tmp_path, isolated=False)
    assert [float(row["points"]) for row in rows] == [3, 9]


def test_what_is_graded_and_unchanged_is_not_graded_again(classroom, tmp_path, monkeypatch):
    classroom.hand_in("right", classroom.right, 9)
    first = graded(classroom, tmp_path)
    kept = tmp_path / "graded" / "graded" / "right" / "01_numbers.json"
    kept.write_text(kept.read_text(encoding="utf-8").replace('"points": 3.0', '"points": 2.5'))
    again = graded(classroom, tmp_path)
    assert [float(first[0]["points"]), float(again[0]["points"])] == [9, 8.5]
    classroom.hand_in("right", classroom.answered({"answer": "answer = 17"}, classroom.right), 7)
    assert float(graded(classroom, tmp_path)[0]["points"]) == 7


@pytest.mark.slow
def test_another_seed_is_graded_with_the_courses_and_said(classroom, tmp_path):
    classroom.hand_in("right", classroom.right, 9)
    rows = graded(classroom, tmp_path, seed=5)
    assert float(rows[0]["points"]) == 9
    assert "it was released with the course seed 0, and graded with 5" in rows[0]["remarks"]


def test_a_damaged_exercise_is_one_clear_line(classroom, tmp_path):
    classroom.hand_in("right", classroom.right, 9)
    home = tmp_path / "chapters" / "01_numbers"
    shutil.copytree(classroom.lesson.folder, home)
    (home / "exercise.py").write_text("# %% [markdown]\n# nothing\n")
    lesson = classroom.lesson.__class__(home)
    with pytest.raises(BadInput, match='needs one cell tagged "setup"'):
        grade_folder(classroom.folder, Grading([lesson], tmp_path / "graded"))
