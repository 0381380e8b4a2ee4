"""Each lesson has what a lesson needs, in the order in which a student reads it."""

import ast
import re
from pathlib import Path
from typing import Any

import jupytext
import pytest

from innerview.course.lessons import find_lessons

ROOT = Path(__file__).parents[2]
LESSONS = {lesson.name: lesson for lesson in find_lessons(ROOT)}
SECTIONS = [
    "Learning goals", "Before you start", "Change the figure", "Common misreadings", "Limits", "Quiz", "Exercises",
    "Further reading",
]  # fmt: skip


@pytest.fixture(params=LESSONS)
def cells(request: pytest.FixtureRequest) -> list[Any]:
    notebook: Any = jupytext.read(LESSONS[request.param].script, fmt="py:percent")
    return notebook.cells


def text_of(cells) -> str:
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_the_ten_lessons_stand_in_their_order(request):
    assert [name[:2] for name in LESSONS] == [f"{number:02}" for number in range(1, 11)]
    for number, lesson in enumerate(LESSONS.values(), 1):
        assert f"# # {number}. " in lesson.script.read_text(encoding="utf-8")
        assert f"# # Exercise {number}: " in (lesson.folder / "exercise.py").read_text(encoding="utf-8")


def test_the_sections_are_there_in_their_order(cells):
    headings = re.findall(r"^## (.+)$", text_of(cells), re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == SECTIONS
    assert len(headings) >= len(SECTIONS) + 2


def test_the_quiz_has_questions_with_folded_answers(cells):
    quiz = text_of(cells).partition("\n## Quiz")[2].partition("\n## ")[0]
    questions = re.findall(r"^\*\*\d+\. .+?\*\*", quiz, re.MULTILINE | re.DOTALL)
    answers = re.findall(r"<details><summary>Answer</summary>\n\n.+?\n\n</details>", quiz, re.DOTALL)
    assert len(questions) == len(answers) == quiz.count("<details>") >= 5


def test_further_reading_cites_papers(cells):
    assert len(re.findall(r"\{cite\}`", text_of(cells).partition("\n## Further reading")[2])) >= 2


def test_the_parameters_name_the_network_and_stand_first(cells):
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert code[0].metadata.get("tags") == ["parameters"]
    assert re.search(r'^network = "\w+"', code[0].source, re.MULTILINE)
    assert code[0].source.count("#") >= 2


def test_figures_have_a_caption_and_an_alternative_text(cells):
    described = [cell.metadata["mystnb"] for cell in cells if "mystnb" in cell.metadata]
    figures = [words for words in described if "figure" in words or "image" in words]
    assert len(figures) >= 4
    for words in figures:
        assert len(words["figure"]["caption"]) > 40
        assert len(words["image"]["alt"]) > 20


def test_a_lesson_runs_wherever_innerview_is_installed(cells):
    """Students download it alone: nothing of the repository but the package may be imported."""
    for cell in cells:
        if cell.cell_type == "code":
            plain = "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!")))
            for node in ast.walk(ast.parse(plain)):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not {name.partition(".")[0] for name in names} & {"replication", "chapters", "tests"}
                assert not isinstance(node, ast.ClassDef)
