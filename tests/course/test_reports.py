"""What students wrote, in tables and pages: text, whatever it is."""

import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest

from innerview.course.grading import Grade, Verdict
from innerview.course.reports import report, write_results
from innerview.course.submissions import Submission

HOSTILE = [
    "<script>alert(1)</script>", "</title><script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)', "' onclick='alert(1)", "<!-- ", "]]>", "&lt;b&gt;", "{% raw %}", "\ud800", "\x1b[31m",
]  # fmt: skip


class Read(HTMLParser):
    """A page as a browser takes it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def graded(text: str, problem: str = "") -> Grade:
    verdict = Verdict(text, text, 1.0, 2.0, text)
    return Grade(Submission(text, text, Path("a.ipynb"), problem), 1.0, 2.0, problem, (text,), (verdict,))


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_student_wrote_is_text_on_the_page(text):
    read = Read(report(text, [graded(text), graded(text, problem=text)]))
    harmless = Read(report("ann", [graded("ann"), graded("ann", problem="ann")]))
    assert read.tags == harmless.tags
    assert read.attributes == harmless.attributes <= {"lang", "charset", "class"}
    assert read.text.count(text.strip()) >= 7


@pytest.mark.parametrize("text", [*HOSTILE, "=HYPERLINK(1)", "@SUM(A1)", "+1", "-1", "\t=1"])
def test_tables_hold_it_and_no_formula(text, tmp_path):
    grade = graded(text)
    named = Grade(Submission("ann", text, Path("a.ipynb")), 1.0, 2.0, "", (text,), grade.verdicts)
    for path in write_results([named], tmp_path):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        spelled = text.encode(errors="backslashreplace").decode()
        assert any(spelled in cell for cell in cells)
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
