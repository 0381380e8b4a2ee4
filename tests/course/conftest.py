"""What tests of release and grading share: the toy lesson, released once."""

import warnings
from pathlib import Path

import pytest
from course.classroom import Classroom
from course.toy import toy_root

from innerview.course.lessons import Lesson, find_lessons
from innerview.course.release import release


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    """The toy lesson."""
    return find_lessons(toy_root(tmp_path_factory.mktemp("toy")))[0]


@pytest.fixture(scope="session")
def toy_released(toy: Lesson, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its student notebook, by nbgrader, whose own warnings are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return release([toy], tmp_path_factory.mktemp("released") / "notebooks")[0]


@pytest.fixture
def classroom(toy: Lesson, toy_released: Path, tmp_path: Path) -> Classroom:
    """A class that hands in the toy lesson."""
    return Classroom(toy, toy_released, tmp_path / "class")
