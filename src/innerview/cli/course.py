"""``innerview course``: release exercises, grade them, try them out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from innerview.course.grading import Grade

course_app = typer.Typer(no_args_is_help=True, help="The course: run lessons, release exercises, grade them.")

Root = Annotated[Path | None, typer.Option(help="The repository; by default found from here.")]
CourseSeed = Annotated[int, typer.Option(min=0, help="Of the data in exercises and tests.")]
Lessons = Annotated[list[str] | None, typer.Argument(help="Names or numbers of lessons; all by default.")]


@course_app.command("run")
def course_run(
    lessons: Lessons = None,
    force: Annotated[bool, typer.Option("--force", help="Also what is complete and unchanged.")] = False,
    root: Root = None,
) -> None:
    """Run lessons, for the book: each leaves its executed notebook in results/lessons/NAME/."""
    from innerview.course.lessons import chosen_lessons
    from innerview.course.running import LessonFailed, run_lessons
    from innerview.replicate import find_root

    home = find_root(root)
    try:
        run_lessons(home, chosen_lessons(home, lessons), force=force)
    except LessonFailed as error:
        print(f"innerview: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@course_app.command("release")
def course_release(
    lessons: Lessons = None,
    *,
    out: Annotated[Path, typer.Option(help="An absent or empty folder.")],
    seed: CourseSeed = 0,
    root: Root = None,
) -> None:
    """Make the student notebooks: exercises without solutions and hidden tests."""
    from innerview.course.lessons import chosen_lessons
    from innerview.course.release import release
    from innerview.replicate import find_root

    for notebook in release(chosen_lessons(find_root(root), lessons), out, seed, show=True):
        print(notebook)


@course_app.command("grade")
def course_grade(
    folder: Annotated[Path, typer.Argument(help="Holds STUDENT/NAME.ipynb, or STUDENT.ipynb.")],
    out: Annotated[Path | None, typer.Option(help="Of tables and reports; FOLDER-graded by default.")] = None,
    lesson: Annotated[
        list[str] | None, typer.Option(help="Name or number; give it several times for several. All by default.")
    ] = None,
    seed: CourseSeed = 0,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = 60,
    total_timeout: Annotated[int, typer.Option(min=1, help="Seconds that a notebook may take.")] = 180,
    memory: Annotated[float, typer.Option(min=1, help="GB that a notebook may take.")] = 4.0,
    workers: Annotated[int, typer.Option(min=1, help="Submissions at a time.")] = 2,
    require_isolation: Annotated[
        bool, typer.Option("--require-isolation", help="Refuse to grade where bubblewrap does not work.")
    ] = False,
    root: Root = None,
) -> None:
    """Grade the submissions in FOLDER: CSV tables and a report for each student."""
    from innerview.core.errors import BadInput
    from innerview.course.grading import Grading, grade_folder
    from innerview.course.lessons import chosen_lessons
    from innerview.course.reports import write_results
    from innerview.course.sandbox import Limits, can_isolate
    from innerview.replicate import find_root

    if not can_isolate():
        alone = "bubblewrap does not work here, so a submission runs with limits, but could read your files"
        if require_isolation:
            raise BadInput(f"{alone}; install bubblewrap, or grade without --require-isolation")
        print(f"innerview: {alone}", file=sys.stderr)
    target = out or folder.resolve().with_name(f"{folder.resolve().name}-graded")
    limits = Limits(cell_seconds=timeout, seconds=total_timeout, memory=memory)
    grading = Grading(chosen_lessons(find_root(root), lesson), target, seed, limits, workers)
    grades = grade_folder(folder, grading, show=True)
    for grade in grades:
        print(_line(grade))
    for table in write_results(grades, target):
        print(table)


def _line(grade: "Grade") -> str:
    from innerview.core.errors import one_line
    from innerview.course.reports import shown

    points = f"{shown(grade.points):>4} of {'?' if grade.possible is None else shown(grade.possible)}"
    note = f"not graded: {grade.problem}" if grade.problem else "; ".join(grade.remarks)
    return f"{grade.submission.student:24} {grade.submission.lesson:28} {points:10}  {one_line(note)}".rstrip()


@course_app.command("check")
def course_check(lessons: Lessons = None, seed: CourseSeed = 0, root: Root = None) -> None:
    """Try exercises out: the reference gets all points, the blank none, each wrong answer loses its own."""
    from innerview.course.lessons import chosen_lessons
    from innerview.course.rehearsal import rehearse
    from innerview.replicate import find_root

    failed = False
    for lesson in chosen_lessons(find_root(root), lessons):
        for trial in rehearse(lesson, seed):
            print(f"{lesson.name:28} {trial.got:3} points, {trial.expected:3} expected  {trial.answer}")
            if trial.problem:
                failed = True
                print(f"    {trial.problem}")
    if failed:
        raise typer.Exit(1)
