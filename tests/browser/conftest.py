"""A browser, and a book to open in it."""

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from course.toy import toy_root
from playwright.sync_api import Browser, sync_playwright

from innerview.course.lessons import find_lessons
from innerview.course.pages import course_sources
from innerview.course.running import run_lessons
from innerview.replicate.book import build_book

REPOSITORY = Path(__file__).parents[2]
PAPERS = Path(__file__).parent / "papers"
BUILT = "INNERVIEW_BOOK_HTML"
"""Environment variable: a book that is built already, to be tested instead of the small one."""

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


def chromium() -> str | None:
    """Where an installed Chromium lies."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the real book's sources, one paper that was run and one that was not, and a lesson."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(REPOSITORY / "book", root / "book", ignore=shutil.ignore_patterns("_build", "_generated"))
    shutil.copy(REPOSITORY / "CHANGELOG.md", root)
    shutil.copytree(PAPERS, root / "replication")
    run_lessons(toy_root(root), find_lessons(root), show=False)
    (root / "replication" / "__init__.py").touch()
    command = [sys.executable, "-m", "innerview.cli", "replicate", "toy2016_dots", "--preset", "smoke"]
    subprocess.run(command, cwd=root, check=True)
    return root


@pytest.fixture(scope="session")
def is_small() -> bool:
    """Whether the book is the small one."""
    return not os.environ.get(BUILT)


@pytest.fixture(scope="session")
def html(request: pytest.FixtureRequest, browser: Browser) -> Path:
    """The folder of a built book; without a browser nothing is built."""
    built = os.environ.get(BUILT)
    if built:
        return Path(built).resolve()
    root = request.getfixturevalue("repository")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own
        added = course_sources(root)
    return build_book(root, "smoke", added)
