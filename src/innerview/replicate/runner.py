"""Running papers: each one's script becomes an executed notebook with figures, claims and the record of the run."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from innerview.core.devices import choose_device
from innerview.core.errors import BadInput, InnerviewError
from innerview.core.files import check_writable, write_json
from innerview.core.store import fingerprint
from innerview.replicate.display import Display, Pace, clock
from innerview.replicate.ledger import RESULTS, expected_seconds
from innerview.replicate.notebook import (
    CellFailed,
    changed_parameters,
    check_tools,
    count_cells,
    environment,
    execute,
    read_script,
    search_path,
    write_notebook,
)
from innerview.replicate.paper import Paper
from innerview.replicate.results import read_run
from innerview.replicate.run import EMBEDDED, MISSING, asset_hashes, obtain
from innerview.replicate.shelf import PACKAGE, ReplicationFailed, find_root, load_paper
from innerview.replicate.sources import NO_RESULT, source_digest


@dataclass(frozen=True)
class Job:
    """What to run of each paper.

    Args:
        preset: ``smoke``, ``book``, ``paper``, ``released``.
        out: Folder in which each paper's folder of results is made; by default ``results/PRESET`` of the repository.
        settings: Field of the configuration -> another value.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``.
        seed: Of everything random.
        force: Run again, from nothing, what is complete and unchanged.
    """

    preset: str = "book"
    out: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    seed: int = 0
    force: bool = False


@dataclass(frozen=True)
class Outcome:
    """How the run of one paper ended."""

    paper: str
    folder: Path
    """Where its results lie."""
    status: Literal["done", "unchanged", "failed"]
    seconds: float
    message: str


def replicate(
    names: Sequence[str], job: Job | None = None, *, root: str | Path | None = None, progress: bool = True
) -> list[Outcome]:
    """Run papers one after the other; each leaves its results in its own folder.

    What is complete and unchanged is not run again. A paper that fails does not keep the others from running.

    Args:
        names: Folders under ``replication/``.
        job: What to run of each.
        root: The repository; by default found from the working directory.
        progress: Show on the standard error how far it is and how long it will take.

    Raises:
        BadInput: an unknown paper, preset, setting or device.
        OutputError: the results cannot be written.
        InnerviewError: a notebook met something that a person has to change; the message is its.
        ReplicationFailed: a notebook failed; the others have run.
        KeyboardInterrupt: after Ctrl-C; finished parts are kept.
    """
    if not names:
        raise BadInput("name at least one paper; `innerview papers` lists them")
    check_tools()
    job = job or Job()
    home = find_root(root)
    tasks = [_Task(home, load_paper(home, name), job) for name in dict.fromkeys(names)]
    pace = Pace({task.name: task.expected for task in tasks}, {task.name: task.cells for task in tasks})
    with Display(pace, show=progress) as display:
        outcomes = [task.run(display) for task in tasks]
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        listed = ", ".join(outcome.paper for outcome in failed)
        several = f"{len(failed)} of {len(outcomes)} papers failed: {listed}; the lines above say where"
        raise ReplicationFailed(several if len(outcomes) > 1 else failed[0].message)
    return outcomes


class _Task:
    """One paper to run; all that can be wrong with what was asked for is found when it is made."""

    def __init__(self, root: Path, paper: Paper, job: Job) -> None:
        self.root = root
        self.paper = paper
        self.job = job
        self.name = paper.name
        self.config = paper.config(job.preset, job.settings)
        self.device = choose_device(job.device)
        out = (job.out or root / RESULTS / job.preset).absolute()
        self.folder = out / self.name
        self.script = paper.folder / "notebook.py"
        self.cells = count_cells(self.script)
        self.parameters = {
            "preset": job.preset, "out": self._relative(out), "settings": dict(job.settings), "device": job.device,
            "seed": job.seed,
        }  # fmt: skip
        self.expected = expected_seconds(paper, self.folder, job.preset)
        check_writable(self.folder / "run.json")

    def _relative(self, path: Path) -> str:
        """Return a path as the kernel sees it, which works in the repository, so that the book names no other place."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def run(self, display: Display) -> Outcome:
        """Run the paper, unless its results are complete and unchanged."""
        display.begin(self.name)
        start = time.monotonic()
        try:
            status, message = self._results(display)
        finally:
            display.end()
        if status != "failed" or len(display.pace.expected) > 1:  # the only paper's failure is raised
            display.say(message)
        return Outcome(self.name, self.folder, status, time.monotonic() - start, message)

    def _results(self, display: Display) -> tuple[Literal["done", "unchanged", "failed"], str]:
        shown = self._relative(self.folder)
        if not self.job.force and self._is_complete(self._fingerprint(fallback=False)):
            return "unchanged", f"{self.name}: unchanged, the results are in {shown}"
        notebook = read_script(self.script)
        changed = changed_parameters(notebook, self.parameters, self.script)
        missing = obtain(self.paper, self.config, show=True)
        made_from = self._fingerprint(fallback=bool(missing))
        if missing and not self.job.force and self._is_complete(made_from):
            return "unchanged", f"{self.name}: unchanged; {missing}; {EMBEDDED}: the results are in {shown}"
        self._clear()
        display.announce()
        start = time.monotonic()
        try:
            with environment(PYTHONPATH=search_path(self.root), **{MISSING: missing or ""}):
                done = execute(notebook, changed, self.root, display)
        except CellFailed as failure:
            return "failed", self._report(failure)
        write_notebook(self.folder / "notebook.ipynb", done)
        if not (self.folder / "run.json").exists() or not (self.folder / "claims.json").exists():
            return "failed", f"{self.name}: the notebook ended without run.measure(), so it left no claims"
        seconds = time.monotonic() - start  # with the start of the kernel and what the notebook imports
        run = read_run(self.folder)
        told = {"seconds": round(seconds + run["seconds_resumed"], 1), "fingerprint": made_from}
        write_json(self.folder / "run.json", run | told)
        return "done", f"{self.name}: done in {clock(seconds)}, the results are in {shown}"

    def _report(self, failure: CellFailed) -> str:
        """Keep the notebook as far as it came and return the line that says what failed and where.

        Raises:
            InnerviewError: the notebook raised one: something that a person has to change.
        """
        write_notebook(self.folder / "notebook.ipynb", failure.notebook)
        said = " ".join(failure.message.split())
        if failure.kind in _names(InnerviewError):
            raise InnerviewError(said)
        place = (self.paper.folder / failure.place(self.script)).relative_to(self.root).as_posix()
        kept = self._relative(self.folder / "notebook.ipynb")
        return f"{self.name}: {failure.kind}: {said[:300]} ({place}; the notebook as far as it came is {kept})"

    def _fingerprint(self, *, fallback: bool) -> str:
        """Return a hash of all that the results depend on."""
        job, replication = self.job, self.root / PACKAGE
        code = source_digest([self.script, *self.paper.folder.rglob("*.py")], replication, NO_RESULT)
        text = self.script.read_text(encoding="utf-8")  # its remarks are the notebook's text
        assets = {} if fallback else asset_hashes(self.paper.needs(self.config))
        told = (self.config, job.preset, self.device.type, job.seed, fallback, str(torch.__version__))
        return fingerprint(code, text, assets, *told)

    def _is_complete(self, made_from: str) -> bool:
        try:
            run = read_run(self.folder)
        except BadInput:
            return False
        figures = (self.folder / "figures" / name for name in run.get("figures", []))
        pages = (self.folder / name / "index.html" for name in run.get("pages", []))
        files = (self.folder / "claims.json", self.folder / "notebook.ipynb", *figures, *pages)
        return run.get("fingerprint") == made_from and all(file.exists() for file in files)

    def _clear(self) -> None:
        """Remove an earlier run's results, so that a run that does not end leaves nothing that looks like its own."""
        try:
            figures = [f"figures/{name}" for name in read_run(self.folder).get("figures", [])]
        except BadInput:
            figures = []
        parts = [path.relative_to(self.folder) for path in (self.folder / "parts").glob("*")] if self.job.force else []
        for name in ("run.json", "claims.json", "notebook.ipynb", *figures, *parts):
            (self.folder / name).unlink(missing_ok=True)


def _names(kind: type[Exception]) -> set[str]:
    return {kind.__name__}.union(*(_names(below) for below in kind.__subclasses__()))
