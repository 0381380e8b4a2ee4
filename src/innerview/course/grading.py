"""Grading a folder of submissions: each in a process of its own, tables of points, a report for each student."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from innerview.core.errors import BadInput
from innerview.core.files import check_writable, read_json, write_json, written_whole
from innerview.core.progress import progress
from innerview.core.store import fingerprint
from innerview.course.coursefolder import STUDENT
from innerview.course.lessons import Lesson, read_exercise
from innerview.course.release import cell_name, released
from innerview.course.restore import restored
from innerview.course.sandbox import Limits, can_isolate
from innerview.course.submissions import Submission, find_submissions, read_submission, seed_of

if TYPE_CHECKING:
    from nbformat import NotebookNode
else:
    NotebookNode = Any


@dataclass(frozen=True)
class Verdict:
    """What one test, or one check of the learner's own, came to."""

    exercise: str
    """The solution that it looks at."""
    name: str
    points: float
    possible: float
    said: str
    """The error that ended it; empty if none did."""


@dataclass(frozen=True)
class Grade:
    """What one submission got."""

    submission: Submission
    points: float
    possible: float | None
    """None if it cannot be told of which lesson the submission is."""
    problem: str = ""
    """Why it was not graded; empty if it was."""
    remarks: Sequence[str] = ()
    """What was restored in it."""
    verdicts: Sequence[Verdict] = ()


@dataclass(frozen=True)
class Grading:
    """How to grade.

    Args:
        lessons: Which may be among the submissions.
        out: Folder of the graded notebooks; what is graded and unchanged there is not graded again.
        seed: The course's, as at the release.
        limits: What a submission may use.
        workers: Submissions at a time.
        isolated: Behind bubblewrap; by default where it works.
    """

    lessons: Sequence[Lesson]
    out: Path
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    workers: int = 2
    isolated: bool | None = None

    @property
    def is_isolated(self) -> bool:
        """Whether submissions run behind bubblewrap."""
        return can_isolate() if self.isolated is None else self.isolated


def grade_folder(folder: Path, grading: Grading, *, show: bool = False) -> list[Grade]:
    """Grade all submissions in a folder.

    Whatever is wrong with one of them is said in its grade, and keeps no other from being graded.

    Args:
        folder: See `innerview.course.submissions.find_submissions`.
        grading: How.
        show: A progress bar.

    Returns:
        One grade a submission, by students and lessons.

    Raises:
        BadInput: no submissions, or an exercise is damaged.
        OutputError: the results cannot be written.
        InnerviewError: nbgrader is not installed.
    """
    submissions = find_submissions(folder, [lesson.name for lesson in grading.lessons])
    check_writable(grading.out / "grades.csv")
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="innerview-")))
        asked = {one.lesson for one in submissions if one.lesson}
        keys = {lesson.name: _Key(lesson, place, grading) for lesson in grading.lessons if lesson.name in asked}
        pool = ThreadPoolExecutor(grading.workers)
        stack.callback(pool.shutdown, cancel_futures=True)
        waiting = {pool.submit(_graded, one, keys.get(one.lesson), grading): one for one in submissions}
        with progress(as_completed(waiting), "grading", show, total=len(waiting)) as bar:  # an error wipes it off, too
            done = {waiting[future]: future.result() for future in bar}
    return [done[one] for one in submissions]


class _Key:
    """A lesson as it was released, and the course folder of nbgrader that knows its tests."""

    def __init__(self, lesson: Lesson, place: Path, grading: Grading) -> None:
        import nbformat  # noqa: PLC0415

        self.lesson = lesson.name
        self.course = place / lesson.name
        self.notebook: NotebookNode = nbformat.read(released(lesson, self.course, grading.seed), 4)
        parts = read_exercise(lesson)
        self.of = {cell_name(part, i): part.of for i, part in enumerate(parts) if part.of}
        self.possible = sum(part.points for part in parts)
        limits = asdict(grading.limits)
        self.identity = fingerprint([part.source for part in parts], grading.seed, limits, grading.is_isolated)


def _graded(submission: Submission, key: _Key | None, grading: Grading) -> Grade:
    possible = None if key is None else float(key.possible)
    if key is None or submission.problem:
        return Grade(submission, 0, possible, submission.problem or "it cannot be told of which lesson it is")
    try:
        told = read_submission(submission.path)
        kept = grading.out / "graded" / submission.student / key.lesson
        told_by = fingerprint(key.identity, json.dumps(told))
        result = _kept(kept.with_suffix(".json"), told_by)
        if result is None:
            result = {"made_from": told_by, **_run(told, key, grading, kept.with_suffix(".ipynb"))}
            write_json(kept.with_suffix(".json"), result)
    except (BadInput, _NotGraded) as error:
        return Grade(submission, 0, possible, str(error))
    verdicts = [Verdict(key.of[one["name"]], **one) for one in result["verdicts"] if one["name"] in key.of]
    seed = seed_of(told)
    other = f"it was released with the course seed {seed}, and graded with {grading.seed}"
    remarks = [*result["remarks"], *([other] if seed not in {None, grading.seed} else [])]
    return Grade(submission, sum(one.points for one in verdicts), possible, "", remarks, verdicts)


def _kept(path: Path, made_from: str) -> dict[str, Any] | None:
    try:
        result = read_json(path, dict)
    except BadInput:
        return None
    return result if result.get("made_from") == made_from else None


class _NotGraded(Exception):
    """The process that grades failed; the message says how it ended."""


def _run(told: dict[str, Any], key: _Key, grading: Grading, graded: Path) -> dict[str, Any]:
    """Grade a submission in a process of its own, which sees no other, and keep the graded notebook."""
    import nbformat  # noqa: PLC0415

    notebook, remarks = restored(told, key.notebook)
    with tempfile.TemporaryDirectory(prefix="innerview-") as place:
        course = Path(place)
        shutil.copy(key.course / "gradebook.db", course)
        shutil.copytree(key.course / "source", course / "source")
        submitted = course / "submitted" / STUDENT / key.lesson / f"{key.lesson}.ipynb"
        submitted.parent.mkdir(parents=True)
        nbformat.write(notebook, submitted)
        job = {"lesson": key.lesson, "limits": asdict(grading.limits), "isolated": grading.is_isolated}
        write_json(course / "job.json", job)
        verdicts = _judged(course, grading.limits.seconds + 300)
        with written_whole(graded) as temporary:
            shutil.copy(course / "autograded" / STUDENT / key.lesson / f"{key.lesson}.ipynb", temporary)
    return {"remarks": remarks, "verdicts": verdicts}


def _judged(course: Path, seconds: float) -> list[dict[str, Any]]:
    """Let a process of its own grade the submission in a course folder.

    Raises:
        _NotGraded: it failed, or did not end.
    """
    command = [sys.executable, "-P", "-m", "innerview.course.grader", str(course / "job.json")]  # no modules from here
    try:
        done = subprocess.run(  # noqa: S603  (our own words)
            command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise _NotGraded("grading did not end in time; look at the notebook before you run it") from None
    try:
        return read_json(course / "verdicts.json")
    except BadInput:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise _NotGraded(f"grading failed: {last[:300]}") from None
