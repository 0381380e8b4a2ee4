import json

import pytest
from course.toy import LESSON, toy_root

from innerview.core.errors import BadInput
from innerview.course.lessons import find_lessons
from innerview.course.pages import course_sources
from innerview.course.running import LessonFailed, run_lessons
from innerview.replicate.run import MISSING

pytestmark = pytest.mark.filterwarnings("ignore")  # nbgrader's own


def printed(path) -> str:
    told = json.loads(path.read_text(encoding="utf-8"))
    return "".join(line for cell in told["cells"] for one in cell.get("outputs", []) for line in one.get("text", []))


def test_a_lesson_is_run_once_and_again_when_it_changed(tmp_path, capsys):
    root = toy_root(tmp_path)
    (notebook,) = run_lessons(root, find_lessons(root))
    assert printed(notebook) == "one efficientnet_lite0\n"
    assert "01_numbers: done in" in capsys.readouterr().err
    run_lessons(root, find_lessons(root))
    assert "01_numbers: unchanged" in capsys.readouterr().err
    toy_root(tmp_path, lesson=LESSON.replace('"one"', '"two"'))
    run_lessons(root, find_lessons(root))
    assert printed(notebook) == "two efficientnet_lite0\n"


def test_where_the_network_cannot_be_had_the_embedded_one_stands_in_and_the_page_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(MISSING, "no weights here")
    root = toy_root(tmp_path, lesson=LESSON.replace('network = "efficientnet_lite0"', 'network = "googlenet"'))
    (notebook,) = run_lessons(root, find_lessons(root))
    assert printed(notebook) == "one efficientnet_lite0\n"
    assert "no weights here, so with efficientnet_lite0" in capsys.readouterr().err
    page = json.loads(course_sources(root)["lessons/01_numbers.ipynb"])
    facts = "".join(page["cells"][1]["source"])
    assert "run with `efficientnet_lite0`" in facts
    assert "could not be had" in facts


def test_a_lesson_that_fails_says_where_and_leaves_no_result(tmp_path):
    root = toy_root(tmp_path, lesson=LESSON.replace("print(", "raise ValueError('too deep')\nprint("))
    with pytest.raises(LessonFailed, match=r"^01_numbers: ValueError: too deep \(lesson\.py, line 11\)$"):
        run_lessons(root, find_lessons(root), show=False)
    assert not list((root / "results").rglob("notebook.ipynb"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("network =", "net =", "has no parameter network"),
        ('"efficientnet_lite0"', '"googlnet"', "wants the network 'googlnet'; near ones: googlenet"),
    ],
)
def test_a_lesson_without_a_network_of_ours_is_one_clear_line(tmp_path, old, new, words):
    root = toy_root(tmp_path, lesson=LESSON.replace(old, new))
    with pytest.raises(BadInput, match=words):
        run_lessons(root, find_lessons(root), show=False)


def test_the_book_shows_lessons_that_were_not_run_and_links_student_notebooks(tmp_path):
    root = toy_root(tmp_path)
    sources = course_sources(root)
    assert b"innerview course run 01_numbers" in sources["lessons/01_numbers.md"]
    assert b"{download}`01_numbers.ipynb <../exercises/01_numbers.ipynb>`" in sources["parts/exercises.md"]
    assert b"1 warm\\-up\\, 1 core\\, 1 open" in sources["parts/exercises.md"]
    assert b"YOUR CODE HERE" in sources["exercises/01_numbers.ipynb"]
    assert b"1\\. Numbers" in sources["parts/lessons.md"]
    (root / "results/lessons/01_numbers/exercise.ipynb").write_text("kept")
    assert course_sources(root)["exercises/01_numbers.ipynb"] == b"kept"


def test_a_repository_without_lessons_adds_nothing(tmp_path):
    assert course_sources(tmp_path) == {}
