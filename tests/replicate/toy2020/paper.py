"""A paper small enough to run in a test: the mean of some random numbers."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from innerview.core.seeds import generator
from innerview.replicate import Measurement, Paper, Run


@dataclass(frozen=True)
class Config:
    """Settings of the toy."""

    model: str = "none"
    count: int = 10_000  # Sec. 1
    layers: tuple[str, ...] = ("low", "high")
    needs: tuple[str, ...] = ()
    pause: float = 0.0
    journal: str = ""


PAPER = Paper(
    citation="toy2020",
    title="On means",
    presets={"smoke": Config(count=1000), "book": Config(), "paper": Config(count=1_000_000)},
    embedded=lambda config: dataclasses.replace(config, model="efficientnet_lite0"),
    needs=lambda config: config.needs,
)


def draws(run: Run) -> Tensor:
    """The first part."""

    def compute() -> dict[str, Tensor]:
        note(run.config, "draws")
        return {"draws": torch.rand(run.config.count, generator=generator("draws", run.seed))}

    return run.part("draws", compute, run.config.count)["draws"]


def mean(run: Run) -> float:
    """The second part, which can be made slow."""

    def compute() -> dict[str, Tensor]:
        note(run.config, "mean begins")
        time.sleep(run.config.pause)
        note(run.config, "mean")
        return {"mean": draws(run).mean()[None]}

    return run.part("mean", compute, run.config.count)["mean"].item()


def note(config: Config, line: str) -> None:
    """Write down that something was computed."""
    if config.journal:
        with Path(config.journal).open("a", encoding="utf-8") as journal:
            journal.write(f"{line}\n")


def figure(run: Run) -> Figure:
    """A histogram."""
    drawn = Figure(figsize=(4, 2))
    drawn.subplots().hist(draws(run).numpy())
    return drawn


@PAPER.claim("mean", source="Eq. 1", paper=0.5, unit="1", tolerance=0.1)
def mean_claim(run: Run) -> float:
    """The mean of uniform numbers
    is one half.

    This paragraph is not part of the statement.
    """
    return mean(run)


@PAPER.claim("in-range", source="Sec. 1")
def in_range(run: Run) -> bool:
    """All numbers lie in [0, 1)."""
    return bool((draws(run) < 1).all())


@PAPER.claim("spread", source="Sec. 2", at_least=0.25, at_most=0.3, unit="1")
def spread(run: Run) -> Measurement:
    """The standard deviation is near 0.29."""
    return Measurement(draws(run).std(), note="of one draw <only>")


@PAPER.claim("nothing", source="Sec. 3", at_least=1)
def nothing(run: Run) -> float:
    """A quotient of nothing."""
    return float("nan")


PAPER.unmeasured("people", source="Sec. 4", statement="People like means.", reason="needs people", paper=80, unit="%")
