"""A disk that runs full under what runs notebooks: replications, lessons, releases, grades, the book."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from commanding import command
from course.classroom import Classroom
from course.toy import toy_root
from replicate.toy import make_root
from running_full import PAGE, run_full
from small_disk import Disk, small_disk

from innerview.course.lessons import find_lessons
from innerview.course.release import release

pytestmark = pytest.mark.filterwarnings("ignore")  # nbgrader's own, and those that kernels leave

TRIES = 2
"""Each starts a kernel."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk that is the folder of results of a repository."""
    with small_disk(tmp_path / "results") as disk:
        yield disk


def test_a_replication(disk: Disk) -> None:
    root = make_root(disk.folder.parent)
    run_full(disk, "replicate", lambda: command("replicate", "toy2020", "--preset", "smoke", "--root", root), TRIES)


def test_a_lesson(disk: Disk) -> None:
    root = toy_root(disk.folder.parent)
    run_full(disk, "course run", lambda: command("course", "run", "--root", root), TRIES)


@pytest.fixture
def class_of_one(tmp_path: Path) -> Classroom:
    """A class whose only student hands in the right answers."""
    lesson = find_lessons(toy_root(tmp_path))[0]
    classroom = Classroom(lesson, release([lesson], tmp_path / "released")[0], tmp_path / "class")
    classroom.hand_in("ada", classroom.right, classroom.full)
    return classroom


def test_a_release(disk: Disk) -> None:
    root = toy_root(disk.folder.parent)
    arguments = ("course", "release", "--out", disk.folder / "out", "--root", root)
    run_full(disk, "course release", lambda: command(*arguments), TRIES)


def test_grades(disk: Disk, class_of_one: Classroom) -> None:
    arguments = ("course", "grade", class_of_one.folder, "--out", disk.folder / "graded", "--root", disk.folder.parent)
    run_full(disk, "course grade", lambda: command(*arguments), tries=1)


CONFIG = "title: T\nonly_build_toc_files: true\nexecute:\n  execute_notebooks: 'off'\n"
BOOK = {
    "_config.yml": CONFIG,
    "_toc.yml": "format: jb-book\nroot: index\n",
    "index.md": "# Title\n\nText.\n",
    "data/models.json": (Path(__file__).parents[2] / "book" / "data" / "models.json").read_text(encoding="utf-8"),
}


def test_a_book(tmp_path: Path) -> None:
    """Sphinx writes pages where they stay, so only the next build makes all of them whole."""
    root = toy_root(tmp_path)
    (root / "CHANGELOG.md").write_text("# Changes\n", encoding="utf-8")
    with small_disk(root / "book") as disk:
        disk.ballast = disk.folder / "_build" / "ballast"
        for name, text in BOOK.items():
            (disk.folder / name).parent.mkdir(exist_ok=True)
            (disk.folder / name).write_text(text, encoding="utf-8")
        assert command("book", "build", "--root", root).status == 0
        wanted = disk.files()
        disk.clear(keep=BOOK)
        staged = sum(-(-len(content) // PAGE) * PAGE for name, content in wanted.items() if "_generated/" in name)
        for leave in (0, staged, 5_000_000):
            disk.fill(leave)
            status, _, lines = command("book", "build", "--root", root)
            assert (status, len(lines)) == (2, 1), leave
            assert re.search("No space left on device|build.log", lines[0]), lines
            disk.empty()
        assert command("book", "build", "--root", root).status == 0
        assert pages(disk.files()) == pages(wanted)


def pages(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return what the book shows."""
    return {name: content for name, content in files.items() if name.startswith("_build/html/")}
