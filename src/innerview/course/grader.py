"""Grading one submission with nbgrader, in a process of its own: ``python -m innerview.course.grader JOB.json``.

The process restores the tests, runs the notebook in a kernel that is limited and, where possible, isolated, and writes
the points. The submission's code never runs in it.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbgrader.preprocessors import Execute
from traitlets import Bool, Int, Type, Unicode

from innerview.core.files import read_json, write_json
from innerview.course.coursefolder import STUDENT, nbgrader
from innerview.course.sandbox import Limits, environment_of, wrapped

if TYPE_CHECKING:
    from nbformat import NotebookNode
else:
    NotebookNode = Any

PATIENCE = 15.0
"""Seconds in which an interrupted kernel may still deliver what it had printed, before it is killed."""


class SandboxedKernel(AsyncKernelManager):
    """A kernel of this very Python that runs in the sandbox and is reached through sockets in its folder."""

    folder = Unicode(config=True)
    limits = Unicode(config=True)
    isolated = Bool(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.transport = "ipc"  # without a network there is no other
        self.connection_file = str(Path(self.folder) / "kernel.json")
        assert self.kernel_spec is not None
        self.kernel_spec.interrupt_mode = "message"  # a signal would end the sandbox

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        command = super().format_kernel_cmd(extra_arguments)
        command[0] = sys.executable
        if self.isolated:  # what watches the parent cannot see it from inside the sandbox, which ends with it anyway
            command.append("--IPKernelApp.parent_handle=0")
        return wrapped(command, Path(self.folder), _limits(self.limits), isolated=self.isolated)


def _limits(told: str) -> Limits:
    return Limits(**json.loads(told))


class SandboxedExecute(Execute):
    """Runs the cells; what a cell may not do ends that cell, what the kernel may not do ends all that follow."""

    seconds = Int(config=True)
    most_output = Int(config=True)
    kernel_manager_class = Type(SandboxedKernel, klass=AsyncKernelManager, config=True)

    def __init__(self, *args: Any, **options: Any) -> None:
        options |= {"kernel_manager_class": SandboxedKernel, "raise_on_iopub_timeout": False, "iopub_timeout": 10}
        super().__init__(*args, **options)

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        self._done: set[int] = set()
        self._printed = Counter[int]()
        self._flooded: dict[int, float] = {}
        self._why = ""
        deadline = threading.Timer(self.seconds, self._kill, [f"all cells together took more than {self.seconds} s"])
        deadline.daemon = True
        deadline.start()
        try:
            nb, resources = super().preprocess(nb, resources, km)
        except (DeadKernelError, RuntimeError) as error:
            why = self._why or f"the kernel ended ({error}); most often the memory was not enough"
        else:
            why = self._why
        finally:
            deadline.cancel()
        for index, cell in enumerate(nb.cells):
            if cell.cell_type == "code" and cell.source.strip() and index not in self._done:
                cell.outputs = [*cell.get("outputs", []), _stopped(why or "the cell was not run")]
            _spare_warnings(cell)
        return nb, resources

    def on_cell_executed(self, **told: Any) -> None:
        super().on_cell_executed(**told)
        self._done.add(told["cell_index"])

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        self._printed[cell_index] += len(str(msg["content"].get("text", "") or msg["content"].get("data", "")))
        if self._printed[cell_index] <= self.most_output or msg["msg_type"] == "error":
            return super().output(outs, msg, display_id, cell_index)
        why = f"the cell printed more than {self.most_output:,} characters"
        if cell_index not in self._flooded:
            self._flooded[cell_index] = time.monotonic()
            outs.append(_stopped(why))
            self._interrupt()
        elif time.monotonic() - self._flooded[cell_index] > PATIENCE:
            self._kill(why)
        return None

    def _interrupt(self) -> None:
        """Interrupt the kernel by a signal: a request would wait behind all that it prints."""
        with contextlib.suppress(psutil.Error):
            top = psutil.Process(self._process.pid)
            inside = [one for one in [top, *top.children(recursive=True)] if one.name() != "bwrap"]
            if inside:
                inside[0].send_signal(signal.SIGINT)

    def _kill(self, why: str) -> None:
        self._why = self._why or why
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def _process(self) -> Any:
        """Of the kernel; None if there is none yet or any more."""
        return getattr(getattr(self.km, "provisioner", None), "process", None)


def _stopped(why: str) -> NotebookNode:
    from nbformat.v4 import new_output  # noqa: PLC0415

    return new_output("error", ename="Stopped", evalue=why, traceback=[f"Stopped: {why}"])


def _spare_warnings(cell: NotebookNode) -> None:
    """Let what a test writes to the standard error count as what it prints; nbgrader would take all its points."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            output.name = "stdout"


def grade(course: Path, lesson: str, limits: Limits, *, isolated: bool) -> list[dict[str, Any]]:
    """Grade the one submission in a course folder of nbgrader.

    Args:
        course: With the release's ``gradebook.db``, ``source/`` and ``submitted/student/LESSON/LESSON.ipynb``.
        lesson: Its name.
        limits: What the submission may use.
        isolated: Behind bubblewrap.

    Returns:
        One verdict a code cell of the release, in its order; the graded notebook lies in ``autograded/``.
    """
    import nbformat  # noqa: PLC0415
    from nbgrader.api import Gradebook  # noqa: PLC0415

    folder = course / "kernel"
    folder.mkdir(exist_ok=True)
    os.environ.clear()
    os.environ.update(environment_of(folder))
    with nbgrader(course) as api:
        preprocessors = api.config.Autograde
        preprocessors.autograde_preprocessors = [
            SandboxedExecute, "nbgrader.preprocessors.LimitOutput", "nbgrader.preprocessors.SaveAutoGrades",
            "nbgrader.preprocessors.CheckCellMetadata",
        ]  # fmt: skip
        run = api.config.SandboxedExecute
        run.timeout, run.seconds, run.most_output = limits.cell_seconds, limits.seconds, limits.output
        kernel = api.config.SandboxedKernel
        kernel.folder, kernel.isolated, kernel.limits = str(folder), isolated, json.dumps(asdict(limits))
        outcome = api.autograde(lesson, STUDENT, create=True, force=True)
    if not outcome["success"]:
        raise RuntimeError(outcome.get("log") or outcome["error"])
    notebook = nbformat.read(course / "autograded" / STUDENT / lesson / f"{lesson}.ipynb", 4)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        grades = {one.name: one for one in book.find_submission_notebook(lesson, lesson, STUDENT).grades}
        return [
            {
                "name": name,
                "points": float(grades[name].auto_score or 0) if name in grades else 0.0,
                "possible": float(grades[name].max_score) if name in grades else 0.0,
                "said": said,
            }
            for name, said in _said(notebook, limits)
        ]


def _said(notebook: NotebookNode, limits: Limits) -> list[tuple[str, str]]:
    found = []
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.cell_type == "code" and name:
            errors = [output for output in cell.outputs if output.output_type == "error"]
            told = errors[0] if errors else None
            found.append((name, "" if told is None else _plain(told.ename, told.evalue, limits)))
    return found


def _plain(kind: str, message: str, limits: Limits) -> str:
    """Return an error in words for a report."""
    if kind in {"KeyboardInterrupt", "CellTimeoutError"}:
        return f"the cell took more than {limits.cell_seconds} s"
    if not message:
        return {"AssertionError": "a hidden test failed", "NotImplementedError": "not answered"}.get(kind, kind)
    return message if kind in {"AssertionError", "Mistake", "Stopped"} else f"{kind}: {message}"[:500]


def main() -> None:
    """Grade as the job's file says, and write the verdicts beside it."""
    path = Path(sys.argv[1])
    job = read_json(path)
    verdicts = grade(path.parent, job["lesson"], Limits(**job["limits"]), isolated=job["isolated"])
    write_json(path.parent / "verdicts.json", verdicts)


if __name__ == "__main__":
    main()
