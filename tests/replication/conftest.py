"""What tests of papers and methods share: a module says `NAME`, and `SETTINGS` for runs smaller than smoke's."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from innerview.replicate import Paper, Run, load_paper

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Small dreams gain nothing from threads, and lose much where something else runs beside them; in kernels too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture
def paper(request: pytest.FixtureRequest) -> Paper:
    """The paper that the module's `NAME` says."""
    return load_paper(ROOT, request.module.NAME)


@pytest.fixture
def module(paper: Paper) -> Callable[[str], Any]:
    """A module of the paper; looked up late, because other tests replace the package `replication`."""
    return lambda name: importlib.import_module(f"{type(paper.presets['book']).__module__.rpartition('.')[0]}.{name}")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def run(request: pytest.FixtureRequest, paper: Paper, results: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A smoke run on the embedded model; what one test of a module computed, the next finds."""
    monkeypatch.setenv("INNERVIEW_MISSING", "the weights were not looked for")
    settings = getattr(request.module, "SETTINGS", {})
    begun = Run.start(paper, preset="smoke", out=results, settings=settings, device="cpu")
    assert begun.fallback
    return begun
