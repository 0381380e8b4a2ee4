"""What the book shows of the course: the lessons' pages, the student notebooks, and lists of both."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from innerview.core.errors import BadInput
from innerview.core.files import read_json, write_json, written_whole
from innerview.core.store import fingerprint
from innerview.course.lessons import CHAPTERS, KINDS, Lesson, find_lessons, read_exercise
from innerview.course.release import released
from innerview.course.running import results_of
from innerview.replicate.book import Sources, gallery, with_facts
from innerview.replicate.display import clock
from innerview.replicate.exhibits import Exhibit, title_of
from innerview.replicate.pages import admonition, escaped, prose, table

FALLBACK = (
    "The weights of the lesson's network could not be had, so it was run with EfficientNet-Lite0, whose weights come "
    "inside a package. Where the text describes a picture, it speaks of the other network."
)


def course_sources(root: Path) -> Sources:
    """Return what the course adds to the book: path below ``book/_generated`` -> content; nothing if there is none.

    A lesson that was not run is shown as such. Student notebooks are made anew only where their exercise changed.

    Args:
        root: The repository.

    Raises:
        BadInput: an exercise is damaged.
        InnerviewError: nbgrader is not installed.
    """
    if not (root / CHAPTERS).is_dir():
        return {}
    lessons = find_lessons(root)
    sources: Sources = {}
    exhibits = [_lesson(root, lesson, sources) for lesson in lessons]
    for lesson in lessons:
        sources[f"exercises/{lesson.name}.ipynb"] = _student_notebook(root, lesson)
    sources["parts/lessons.md"] = gallery(exhibits, sources).encode()
    sources["parts/exercises.md"] = _exercises([*zip(lessons, exhibits, strict=True)]).encode()
    return sources


def _lesson(root: Path, lesson: Lesson, sources: Sources) -> Exhibit:
    """Add the pages of a lesson to the sources."""
    folder = results_of(root, lesson)
    title = title_of(lesson.script.read_text(encoding="utf-8")) or lesson.name
    try:
        told = read_json(folder / "run.json")
        raw = (folder / "notebook.ipynb").read_bytes()
    except (BadInput, FileNotFoundError):
        exhibit = Exhibit(lesson.name, title, "nothing", {}, [], folder, "lessons")
        sources[f"{exhibit.page}.md"] = _not_run(exhibit).encode()
        return exhibit
    exhibit = Exhibit(lesson.name, title, "run", told, [], folder, "lessons")
    sources[f"notebooks/{lesson.name}.ipynb"] = raw
    sources[f"{exhibit.page}.ipynb"] = json.dumps(with_facts(json.loads(raw), _facts(exhibit))).encode()
    return exhibit


def _facts(exhibit: Exhibit) -> str:
    told, name = exhibit.told, exhibit.name
    downloads = (
        f"{{download}}`Download the lesson <../notebooks/{name}.ipynb>` · "
        f"{{download}}`Download the exercise <../exercises/{name}.ipynb>`"
    )
    made = f"run with `{told['network']}` in {clock(told['seconds'])}"
    fallback = admonition("warning", FALLBACK) if told["missing"] else ""
    return f":::{{div}} facts\n{downloads} · {made}\n:::\n\n{fallback}"


def _not_run(exhibit: Exhibit) -> str:
    commands = f"innerview course run {exhibit.name}\ninnerview book build"
    return (
        f"# {prose(exhibit.title)}\n\n{admonition('note', 'This lesson has not been run.')}"
        f"These commands run it and show it here:\n\n```shell\n{commands}\n```\n"
    )


def _student_notebook(root: Path, lesson: Lesson) -> bytes:
    folder = results_of(root, lesson)
    made_from = fingerprint([(part.role, part.name, part.source, part.points) for part in read_exercise(lesson)])
    path, kept = folder / "exercise.ipynb", folder / "exercise.json"
    try:
        if read_json(kept)["made_from"] == made_from:
            return path.read_bytes()
    except (BadInput, FileNotFoundError):
        pass
    with tempfile.TemporaryDirectory(prefix="innerview-") as place:
        content = released(lesson, Path(place)).read_bytes()
    with written_whole(path) as temporary:
        temporary.write_bytes(content)
    write_json(kept, {"made_from": made_from})
    return content


def _exercises(shown: Sequence[tuple[Lesson, Exhibit]]) -> str:
    """Return the table of exercises with the student notebooks."""
    rows = [_exercise(lesson, exhibit) for lesson, exhibit in shown]
    return table(["Lesson", "Student notebook", "Exercises", "Points"], rows, [34, 22, 34, 10], "exercises") + "\n"


def _exercise(lesson: Lesson, exhibit: Exhibit) -> list[str]:
    parts = read_exercise(lesson)
    solutions: list[Any] = [part for part in parts if part.role == "solution"]
    counts = {kind: sum(one.kind == kind for one in solutions) for kind in KINDS}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    link = f"{{doc}}`{_plain(exhibit.title)} </{exhibit.page}>`"
    download = f"{{download}}`{lesson.name}.ipynb <../exercises/{lesson.name}.ipynb>`"
    return [link, download, escaped(told), str(sum(part.points for part in parts))]


def _plain(title: str) -> str:
    """Return a title that can stand in a role of MyST, whose text is shown as it is."""
    return title.replace("`", "'").replace("<", "(").replace(">", ")")
