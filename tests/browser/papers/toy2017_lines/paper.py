"""A paper that nobody has run here; its reference tells of a run elsewhere."""

from dataclasses import dataclass

from innerview.replicate import Paper, Run


@dataclass(frozen=True)
class Config:
    """Settings of the toy."""

    count: int = 1


PAPER = Paper(
    citation="toy2017",
    title="Lines",
    presets={"smoke": Config(), "book": Config(), "paper": Config()},
    embedded=lambda config: config,
    needs=lambda _config: [],
)


@PAPER.claim("long", source="Table 2", paper=10, unit="cm", tolerance=0.5)
def long(run: Run) -> int:
    """Lines are long."""
    return run.config.count
