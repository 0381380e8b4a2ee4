"""A repository with one small paper, and what watches the processes of its runs."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent

NOTEBOOK = """\
# %% [markdown]
# # On means
#
# What is the mean?

# %% tags=["parameters"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %%
from innerview.core.progress import progress
from replication.toy2020.paper import PAPER, Run, figure, mean

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% mystnb={"figure": {"caption": "Numbers: \\"even\\""}, "image": {"alt": "A flat histogram."}}
run.show(figure(run), "histogram")

# %%
[step for step in progress(range(3), "steps")]
print(f"the mean is {mean(run):.2f}")

# %%
run.measure()
"""

RUNNER = """\
import sys
from pathlib import Path
from innerview.replicate import Job, replicate
settings = dict(pair.split("=") for pair in sys.argv[2:])
try:
    replicate(["toy2020"], Job(preset="smoke", settings=settings), root=sys.argv[1])
except KeyboardInterrupt:
    sys.exit(130)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def make_root(folder: Path) -> Path:
    """A repository with one small paper."""
    paper = folder / "replication" / "toy2020"
    paper.mkdir(parents=True)
    for package in (paper.parent, paper):
        (package / "__init__.py").write_text('"""Replications."""\n', encoding="utf-8")
    shutil.copy(HERE / "toy2020" / "paper.py", paper)
    (paper / "notebook.py").write_text(NOTEBOOK, encoding="utf-8")
    return folder


def end(pid: int) -> None:
    if is_alive(pid):
        os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return []
    return [each for child in map(int, children) for each in (child, *descendants(child))]


def wait_for(condition: Callable[[], bool], seconds: float) -> float:
    """Wait until something holds; return how long that took."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - begin
