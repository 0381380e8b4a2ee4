"""What grading leaves: tables of points as CSV, and one page a student."""

import csv
import html
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from innerview.core.files import as_text, written_whole
from innerview.course.grading import Grade, Verdict

GRADES = ("student", "lesson", "points", "possible", "status", "remarks")
TESTS = ("student", "lesson", "exercise", "test", "points", "possible", "said")

SPELLED = "backslashreplace"
"""How to write what students wrote where it is no proper text."""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; white-space: nowrap; }
.problem { background: #fdecea; padding: .5rem 1rem; } .remark { color: #555; }
"""


def write_results(grades: Sequence[Grade], out: Path) -> list[Path]:
    """Write the tables and the students' reports.

    - ``grades.csv``: one row a submission;
    - ``gradebook.csv``: one row a student, one column a lesson;
    - ``tests.csv``: one row a test;
    - ``reports/STUDENT.html``: for the student.

    Args:
        grades: Of all submissions.
        out: A folder; it is made if it is absent.

    Returns:
        The three tables.

    Raises:
        OutputError: something cannot be written.
    """
    tables = {
        "grades.csv": [GRADES, *map(_grade_row, grades)],
        "gradebook.csv": _gradebook(grades),
        "tests.csv": [TESTS, *(row for grade in grades for row in _test_rows(grade))],
    }
    for name, rows in tables.items():
        with (
            written_whole(out / name) as temporary,
            temporary.open("w", newline="", encoding="utf-8", errors=SPELLED) as file,
        ):
            csv.writer(file).writerows([[_safe(cell) for cell in row] for row in rows])
    by_student: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        by_student[grade.submission.student].append(grade)
    for student, own in by_student.items():
        with written_whole(out / "reports" / f"{student}.html") as temporary:
            temporary.write_text(report(student, own), encoding="utf-8", errors=SPELLED)
    return [out / name for name in tables]


def _safe(cell: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return shown(cell) if isinstance(cell, float) else "" if cell is None else as_text(str(cell))


def shown(points: float) -> str:
    """Return points without needless digits."""
    return f"{points:g}"


def _grade_row(grade: Grade) -> list[Any]:
    one = grade.submission
    status = f"not graded: {grade.problem}" if grade.problem else "graded"
    return [one.student, one.lesson, grade.points, grade.possible, status, "; ".join(grade.remarks)]


def _gradebook(grades: Sequence[Grade]) -> list[list[Any]]:
    lessons = sorted({grade.submission.lesson for grade in grades} - {""})
    points: dict[str, dict[str, float]] = defaultdict(dict)
    for grade in grades:
        points[grade.submission.student][grade.submission.lesson] = grade.points
    rows = [[who, *(own.get(lesson) for lesson in lessons), sum(own.values())] for who, own in sorted(points.items())]
    return [["student", *lessons, "total"], *rows]


def _test_rows(grade: Grade) -> Iterable[list[Any]]:
    one = grade.submission
    for verdict in grade.verdicts:
        if verdict.possible:
            yield [
                one.student,
                one.lesson,
                verdict.exercise,
                verdict.name,
                verdict.points,
                verdict.possible,
                verdict.said,
            ]


def report(student: str, grades: Sequence[Grade]) -> str:
    """Return the page for a student: points, and what the tests and their own checks said."""
    title = f"Report for {html.escape(student)}"
    sections = "".join(map(_section, grades))
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><h1>{title}</h1>\n{sections}</body></html>\n'


def _section(grade: Grade) -> str:
    one = grade.submission
    heading = f"<h2>{html.escape(one.lesson or one.path.name)}"
    if grade.problem:
        points = f": 0 of {shown(grade.possible)} points" if grade.possible else ""
        return f'{heading}{points}</h2>\n<p class="problem">Not graded: {html.escape(grade.problem)}.</p>\n'
    remarks = "".join(f'<p class="remark">{html.escape(remark.capitalize())}.</p>\n' for remark in grade.remarks)
    head = '<tr><th>Exercise</th><th>Test</th><th class="number">Points</th><th>What was said</th></tr>'
    rows = "".join(_row(verdict) for verdict in grade.verdicts if verdict.possible or verdict.said)
    total = f"{shown(grade.points)} of {shown(grade.possible or 0)} points"
    return f"{heading}: {total}</h2>\n{remarks}<table>{head}{rows}</table>\n"


def _row(verdict: Verdict) -> str:
    points = f"{shown(verdict.points)} of {shown(verdict.possible)}" if verdict.possible else ""
    name = verdict.name if verdict.possible else "your answer" if verdict.name == verdict.exercise else "your check"
    cells = [html.escape(verdict.exercise), html.escape(name), points, html.escape(verdict.said)]
    kinds = ["", "", ' class="number"', ""]
    return f"<tr>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(kinds, cells, strict=True))}</tr>"
