"""From a percent script to an executed notebook."""

import ast
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from innerview.core.errors import BadInput, InnerviewError
from innerview.core.files import written_whole

if TYPE_CHECKING:
    from nbformat import NotebookNode
else:
    NotebookNode = Any

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
TRACES = ("papermill", "execution", "lines_to_next_cell")
"""Metadata that differs from run to run or belongs to a tool."""


class Watcher(Protocol):
    """What wants to know how an execution goes on."""

    def cell_done(self) -> None:
        """One more cell has ended."""

    def say(self, line: str) -> None:
        """The notebook printed a line."""

    def note(self, line: str) -> None:
        """The notebook's own progress bar moved."""


class CellFailed(Exception):
    """A cell raised an exception, or the kernel died.

    Args:
        notebook: As far as it was executed.
        kind: Name of the exception's class.
        message: Of the exception.
        source: Of the cell, as far as it is known.
        line: Line in the cell, counted from 1.
    """

    def __init__(self, notebook: NotebookNode, kind: str, message: str, source: str = "", line: int = 1) -> None:
        super().__init__(notebook, kind, message, source, line)
        self.notebook = notebook
        self.kind = kind
        self.message = message
        self.source = source
        self.line = line

    def place(self, script: Path) -> str:
        """Return the line of the script that failed, such as ``notebook.py, line 12``."""
        at = script.read_text(encoding="utf-8").find(self.source) if self.source else -1
        before = script.read_text(encoding="utf-8")[: max(at, 0)].count("\n")
        return f"{script.name}, line {before + self.line}" if at >= 0 else script.name


def check_tools() -> None:
    """Fail now if what runs notebooks is not installed.

    Raises:
        InnerviewError: it is not.
    """
    missing = [name for name in ("ipykernel", "jupytext", "papermill") if find_spec(name) is None]
    if missing:
        raise InnerviewError(f"running a notebook needs {', '.join(missing)}: pip install 'innerview[book]'")


def count_cells(script: Path) -> int:
    """Return the number of code cells, without loading what reads scripts.

    Raises:
        BadInput: there is no such file.
    """
    if not script.is_file():
        raise BadInput(f"there is no {script}; a paper's folder holds a notebook.py")
    return len(
        re.findall(r"^# %%(?!.*\[(?:markdown|md|raw)\])", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    )


def read_script(path: Path) -> NotebookNode:
    """Read a percent script as a notebook for the kernel ``python3``."""
    import jupytext  # noqa: PLC0415

    notebook: Any = jupytext.read(path, fmt="py:percent")
    notebook.metadata.clear()
    notebook.metadata["kernelspec"] = KERNEL
    return notebook


def changed_parameters(notebook: NotebookNode, parameters: Mapping[str, Any], script: Path) -> dict[str, Any]:
    """Return the parameters whose values differ from the notebook's own.

    Raises:
        BadInput: the notebook has no cell tagged ``parameters``, or not these parameters.
    """
    import papermill  # noqa: PLC0415

    known: dict[str, Any] = papermill.inspect_notebook(notebook)  # pyright: ignore[reportArgumentType]
    missing = [name for name in parameters if name not in known]
    if missing:
        there = f"only {', '.join(known)}" if known else 'no cell with tags=["parameters"]'
        raise BadInput(f"{script} has no parameter {', '.join(missing)}; it has {there}")
    return {name: value for name, value in parameters.items() if _literal(known[name]["default"]) != value}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None


def execute(notebook: NotebookNode, parameters: Mapping[str, Any], folder: Path, watcher: Watcher) -> NotebookNode:
    """Execute a notebook with papermill, in a kernel of this very Python that ends with this process.

    Args:
        notebook: Not executed yet.
        parameters: To put behind its cell of parameters.
        folder: Where the kernel works.
        watcher: Is told how it goes.

    Raises:
        CellFailed: a cell raised an exception, or the kernel died.
    """
    import papermill  # noqa: PLC0415
    from nbclient.exceptions import DeadKernelError  # noqa: PLC0415
    from papermill.exceptions import PapermillExecutionError  # noqa: PLC0415

    running: list[NotebookNode] = [notebook]
    options: dict[str, Any] = _engine_options(watcher)
    options["on_notebook_start"] = lambda notebook: running.append(notebook)  # noqa: PLW0108  (called by keyword)
    try:
        done = papermill.execute_notebook(
            notebook, None, dict(parameters), progress_bar=False, start_timeout=300, cwd=folder, **options
        )  # fmt: skip
    except PapermillExecutionError as error:
        lines = re.findall(r"Cell In\[\d+\], line (\d+)", re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback)))
        line = int(lines[0]) if lines else 1
        raise CellFailed(tidy(running[-1]), error.ename, error.evalue, error.source, line) from None
    except DeadKernelError:
        said = "the kernel died; most often the memory was not enough (dmesg tells)"
        raise CellFailed(tidy(running[-1]), "DeadKernelError", said) from None
    return tidy(done)


def _engine_options(watcher: Watcher) -> dict[str, Any]:
    from traitlets.config import Config  # noqa: PLC0415

    return {
        "config": Config({"KernelSpecManager": {"kernel_dirs": []}}),  # else a kernel of another Python may be taken
        "extra_arguments": ["--log-level=ERROR"],
        "shutdown_kernel": "immediate",  # a busy kernel would keep Ctrl-C waiting
        "coalesce_streams": True,
        "iopub_timeout": 60,
        "on_cell_executed": lambda **_: watcher.cell_done(),
        "stdout_file": Lines(watcher.say),
        "stderr_file": Lines(watcher.note),
    }


class Lines:
    """A file that hands each line to a function; of blank ones, only that nothing else came (a bar was wiped off)."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def write(self, text: str) -> None:
        """Take the lines of `text`."""
        for line in [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()] or [""]:
            self._take(line)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Remove from an executed notebook what differs from run to run, and the remains of progress bars."""
    notebook.metadata.pop("papermill", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        for trace in TRACES:
            cell.metadata.pop(trace, None)
        tags = list(cell.metadata.pop("tags", []))
        if "injected-parameters" in tags:
            tags.append("remove-cell")  # the book shows the notebook as it was written
        if tags:
            cell.metadata["tags"] = tags
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell.outputs if not _blank(output)]
    return notebook


def _blank(output: Any) -> bool:
    return output.output_type == "stream" and not output.text.strip()


def write_notebook(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook, whole or not at all."""
    import nbformat  # noqa: PLC0415

    with written_whole(path) as temporary:
        temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set variables for the processes that the block starts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def search_path(folder: Path) -> str:
    """Return a ``PYTHONPATH`` with `folder` first."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
