"""A course folder of nbgrader: ``source/``, ``release/``, ``submitted/``, ``autograded/`` and ``gradebook.db``."""

import contextlib
import logging
import os
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from innerview.core.errors import InnerviewError

STUDENT = "student"
"""What nbgrader calls whoever's notebook it is, so that names reach no path and no other program."""


@contextlib.contextmanager
def nbgrader(course: Path) -> Iterator[Any]:
    """Yield nbgrader's programming interface for a course folder.

    Args:
        course: An empty folder becomes a course folder.

    Raises:
        InnerviewError: nbgrader is not installed.
    """
    if find_spec("nbgrader") is None:
        raise InnerviewError("releasing and grading need nbgrader: pip install 'innerview[course]'")
    from nbgrader.apps import NbGraderAPI  # noqa: PLC0415  (slow to import)
    from traitlets.config import Config  # noqa: PLC0415

    config: Any = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    config.NbGraderAPI.log_level = logging.ERROR
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])  # it calls alembic
    try:
        yield NbGraderAPI(config=config)
    finally:
        os.environ["PATH"] = before
