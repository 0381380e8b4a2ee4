"""Running lessons: each one's script becomes an executed notebook in ``results/lessons/NAME/``."""

import ast
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from innerview.assets import AssetUnavailable, fetch
from innerview.core.errors import BadInput, near
from innerview.core.files import read_json, write_json
from innerview.core.store import fingerprint
from innerview.course.lessons import Lesson
from innerview.models import MODELS
from innerview.models.registry import EMBEDDED
from innerview.replicate.display import Display, Pace, clock
from innerview.replicate.ledger import RESULTS
from innerview.replicate.machine import machine
from innerview.replicate.notebook import (
    CellFailed,
    check_tools,
    count_cells,
    environment,
    execute,
    read_script,
    search_path,
    write_notebook,
)
from innerview.replicate.run import MISSING
from innerview.replicate.shelf import PACKAGE
from innerview.replicate.sources import NO_RESULT, source_digest

NETWORK = "network"
"""Parameter of each lesson: the network that it looks into."""


class LessonFailed(Exception):
    """A lesson's own code failed; the message is one line that says where."""


def results_of(root: Path, lesson: Lesson) -> Path:
    """Return the folder of a lesson's results, there or not."""
    return root / RESULTS / "lessons" / lesson.name


def run_lessons(root: Path, lessons: Sequence[Lesson], *, force: bool = False, show: bool = True) -> list[Path]:
    """Run lessons one after the other. What is complete and unchanged is not run again.

    Where the weights of a lesson's network cannot be had, it runs with the embedded model and says so.

    Args:
        root: The repository.
        lessons: Which.
        force: Also what is unchanged.
        show: How far it is, on the standard error.

    Returns:
        The executed notebooks.

    Raises:
        BadInput: a lesson has no parameter `network`, or names no model of ours.
        LessonFailed: lessons failed; the others have run.
    """
    check_tools()
    before = {lesson.name: _told(results_of(root, lesson)) for lesson in lessons}
    expected = {name: told.get("seconds") for name, told in before.items()}
    failed, done = [], []
    with Display(
        Pace(expected, {lesson.name: count_cells(lesson.script) for lesson in lessons}), show=show, what="lesson"
    ) as display:
        for lesson in lessons:
            display.begin(lesson.name)
            try:
                display.say(_run(root, lesson, before[lesson.name], display, force=force))
                done.append(results_of(root, lesson) / "notebook.ipynb")
            except CellFailed as failure:
                said = " ".join(failure.message.split())[:300]
                failed.append(f"{lesson.name}: {failure.kind}: {said} ({failure.place(lesson.script)})")
                display.say(failed[-1])
            finally:
                display.end()
    if failed:
        raise LessonFailed("; ".join(failed))
    return done


def _told(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / "run.json", dict)
    except BadInput:
        return {}


def _run(root: Path, lesson: Lesson, before: dict[str, Any], display: Display, *, force: bool) -> str:
    folder = results_of(root, lesson)
    notebook = read_script(lesson.script)
    network, missing = _network(notebook, lesson.script)
    text = lesson.script.read_text(encoding="utf-8")
    code = source_digest([lesson.script], root / PACKAGE, NO_RESULT)
    made_from = fingerprint(text, code, network, str(torch.__version__))
    whole = (folder / "notebook.ipynb").is_file() and before.get("fingerprint") == made_from
    if whole and not force:
        return f"{lesson.name}: unchanged"
    (folder / "run.json").unlink(missing_ok=True)
    display.announce()
    start = time.monotonic()
    with environment(PYTHONPATH=search_path(root)):
        executed = execute(notebook, {NETWORK: network} if missing else {}, root, display)
    seconds = round(time.monotonic() - start, 1)
    write_notebook(folder / "notebook.ipynb", executed)
    told = {"network": network, "missing": missing, "seconds": seconds, "machine": machine(torch.device("cpu"))}
    write_json(folder / "run.json", told | {"fingerprint": made_from})
    return f"{lesson.name}: done in {clock(seconds)}" + (f"; {missing}, so with {network}" if missing else "")


def _network(notebook: Any, script: Path) -> tuple[str, str]:
    """Return the network to run with, and why it is not the lesson's own; empty if it is."""
    import papermill  # noqa: PLC0415

    known: dict[str, Any] = papermill.inspect_notebook(notebook)
    if NETWORK not in known:
        raise BadInput(f'{script} has no parameter {NETWORK} in a cell with tags=["parameters"]')
    network = ast.literal_eval(known[NETWORK]["default"])
    if network not in MODELS:
        raise BadInput(f"{script} wants the network {network!r}{near(network, MODELS)}; `innerview models` lists them")
    if os.environ.get(MISSING):
        return EMBEDDED, os.environ[MISSING]
    try:
        for asset in MODELS[network].assets:
            fetch(asset)
    except AssetUnavailable as error:
        return EMBEDDED, str(error)
    return network, ""
