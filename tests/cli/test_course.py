import csv
import shutil
from pathlib import Path

import pytest
from course.toy import WRONG, toy_root

from innerview.cli.course import _line
from innerview.course.grading import Grade
from innerview.course.submissions import Submission

pytestmark = pytest.mark.filterwarnings("ignore")  # nbgrader's own


def test_release_fill_in_and_grade(command, tmp_path):
    root = toy_root(tmp_path)
    status, told, _ = command("course", "release", "1", "--out", tmp_path / "out", "--root", root)
    assert (status, told) == (0, f"{tmp_path / 'out' / '01_numbers.ipynb'}\n")
    (tmp_path / "class").mkdir()
    shutil.copy(tmp_path / "out/01_numbers.ipynb", tmp_path / "class/ann.ipynb")
    (tmp_path / "class/bob.ipynb").write_text("no notebook")
    status, told, _ = command("course", "grade", tmp_path / "class", "--root", root)
    assert status == 0
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "ann 01_numbers 0 of 9" in lines
    assert "bob 0 of ? not graded: bob.ipynb is not a notebook: it cannot be read as JSON" in lines
    with (tmp_path / "class-graded/grades.csv").open(encoding="utf-8", newline="") as file:
        assert [row["points"] for row in csv.DictReader(file)] == ["0", "0"]


def test_check_tells_each_answers_points_and_fails_where_one_is_not_as_it_should(command, tmp_path):
    root = toy_root(tmp_path)
    status, told, _ = command("course", "check", "--root", root)
    assert status == 0
    assert "9 points,   9 expected  reference" in told
    toy_root(tmp_path, wrong=WRONG.replace("loses=1", "loses=2"))
    status, told, _ = command("course", "check", "1", "--root", root)
    assert status == 1
    assert "loses 1 points, not 2" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("release", "7", "--out", "out"), "no lesson is called '7'; there are 01_numbers"),
        (("release", "--out", "."), ". is not an empty folder; name another with --out"),
        (("grade", "nowhere"), "nowhere is not a folder; name the one that holds the submissions"),
        (("grade", ".", "--lesson", "x"), "no lesson is called 'x'"),
        (("run", "numbers"), "no lesson is called 'numbers'; near ones: 01_numbers"),
    ],
)
def test_bad_input_is_one_clear_line(command, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(toy_root(tmp_path))
    status, _, lines = command("course", *arguments)
    assert status == 2
    assert words in lines[-1]


def test_what_a_notebook_says_of_itself_steers_no_terminal():
    one = Submission("ann", "01_numbers", Path("ann.ipynb"), "of a lesson: \x1b]0;owned\x07")
    for grade in (Grade(one, 0, 9.0, one.problem), Grade(one, 0, 9.0, "", ["a kernel for \x1b[31mred"])):
        assert _line(grade).isprintable()
