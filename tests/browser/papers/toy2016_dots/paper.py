"""A paper small enough to run in a test, with text that would break pages that do not escape it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure

from innerview.atlas import Atlas, Grid, Level
from innerview.atlas.export import Sheet, export_explorer
from innerview.optimize import Icons
from innerview.replicate import Measurement, Paper, Run


@dataclass(frozen=True)
class Config:
    """Settings of the toy."""

    count: int = 10


PAPER = Paper(
    citation="toy2016",
    title="Dots & <b>lines</b>",
    presets={"smoke": Config(count=3), "book": Config(), "paper": Config()},
    embedded=lambda config: config,
    needs=lambda _config: [],
)


def dots(run: Run) -> Figure:
    """Draw some dots."""
    drawn = Figure(figsize=(4, 2))
    drawn.subplots().plot(range(run.config.count), "o")
    return drawn


def level(density: int) -> Level:
    """Make an atlas of plain icons: red grows to the right, as does what ants have; bees have more further down."""
    rows, columns = (place.flatten() for place in torch.meshgrid(*[torch.arange(density)] * 2, indexing="ij"))
    shares = torch.stack([columns, rows, torch.zeros_like(rows)], 1) / (density - 1)
    images = shares[:, :, None, None].expand(-1, -1, 128, 128).contiguous()
    count = len(rows)
    grid = Grid(density, rows, columns, torch.full((count,), 7), torch.arange(count).repeat_interleave(7))
    return Level(grid, shares, shares, Icons(images, torch.ones(count), torch.zeros(count, dtype=torch.bool)))


def explorer(folder: Path) -> Path:
    """Write an explorer of two densities."""
    sheet = Sheet(Atlas("toy", torch.zeros(1, 2), (level(4), level(8))), "Toy")
    return export_explorer(folder, [sheet], ["ant", "bee", "cat"], title="Toy & atlas")


@PAPER.claim("few", source="Table <1> | *x*", paper=3, unit="<i>dots</i>", tolerance=1)
def few(run: Run) -> Measurement:
    """There are $n < 4$ dots in `dots.png`; {doc}`nowhere`, <script>alert(1)</script> and 2_3_4 | 5 stay as
    they are.
    """
    return Measurement(run.config.count, note="counted, not <img src=x onerror=alert(2)>")


@PAPER.claim("round", source="Fig. 1")
def are_round(run: Run) -> bool:
    """Dots are round."""
    return run.config.count > 0


PAPER.unmeasured("liked", source="Sec. 4", statement="People like dots.", reason="needs people", paper=80, unit="%")
