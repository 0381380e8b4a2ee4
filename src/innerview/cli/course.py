"""``innerview course``: release exercises, grade them, try them out."""

from pathlib import Path
from typing import Annotated

import typer

course_app = typer.Typer(no_args_is_help=True, help="The course: run lessons, release exercises, grade them.")

Root = Annotated[Path | None, typer.Option(help="The repository; by default found from here.")]
CourseSeed = Annotated[int, typer.Option(min=0, help="Of the data in exercises and tests.")]
Lessons = Annotated[list[str] | None, typer.Argument(help="Names or numbers of lessons; all by default.")]


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
