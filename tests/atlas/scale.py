"""A small explorer that other processes make, and what it leaves."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path

import torch
from atlas.small import LAYER, QUICK, SAMPLING, Small
from torch import Tensor, nn

from innerview.atlas import AtlasRecipe, IconRecipe, Reduction
from innerview.atlas.explore import ExplorerRecipe, build_explorer
from innerview.core.folders import image_paths
from innerview.core.store import Store
from innerview.core.work import Work

SECOND = "conv1"
FULL = AtlasRecipe((2, 4), minimum=2, reduction=Reduction("pca"), icons=IconRecipe(size=12, recipe=QUICK, batch=2))
RECIPE = ExplorerRecipe(
    (SECOND, LAYER),
    classes=(1,),
    pairs=((0, 2),),
    sampling=replace(SAMPLING, positions=2),
    full=FULL,
    narrow=replace(FULL, densities=(2,)),
    class_count=20,
)
STAGES = {"collecting": f"{LAYER}-activations-*", "layout": "*-layout-*", "icons": "icons-*"}


class Slow(Small):
    """Takes its time, without other numbers or another fingerprint, so that a kill falls where it should."""

    def __init__(self, pause: float = 0) -> None:
        super().__init__()
        self.pause = pause

    def forward(self, images: Tensor) -> Tensor:
        time.sleep(self.pause)
        return super().forward(images)


@dataclass(frozen=True)
class Place:
    """Where an explorer and its parts are made."""

    folder: Path
    images: Path
    recipe: ExplorerRecipe = field(default_factory=lambda: RECIPE)

    @property
    def parts(self) -> Path:
        return self.folder / "parts"

    def build(self, work: Work | None = None, model: nn.Module | None = None) -> dict[str, bytes]:
        """Build it, and return its files by name."""
        torch.set_num_threads(1)
        work = replace(work or Work(), store=Store(self.parts))
        explorer = self.folder / "explorer"
        build_explorer(model or Slow(), image_paths(self.images), explorer, self.recipe, work=work)
        return {str(path.relative_to(explorer)): path.read_bytes() for path in explorer.rglob("*") if path.is_file()}

    def build_slowly(self) -> None:
        """What a process does that a test kills."""
        self.build(model=Slow(0.004))

    def finished(self, stage: str = "*") -> dict[str, tuple[int, int]]:
        """Return the files of units that are finished: file number and time of writing."""
        stats = {path.name: path.stat() for path in self.parts.glob(stage) if not path.name.startswith(".")}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}

    def count(self, stage: str) -> int:
        return len(self.finished(STAGES[stage]))


def forking() -> ForkServerContext:
    """Processes that fork off one which has imported all: they are there in milliseconds."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["innerview.atlas.explore", "sklearn.decomposition"])
    return context


def killed(place: Place, moment: Callable[[Place], bool]) -> None:
    """Let a process build and kill it at this moment."""
    process = forking().Process(target=place.build_slowly)
    process.start()
    while not moment(place):
        assert process.is_alive(), "it ended before"
        time.sleep(0.001)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
