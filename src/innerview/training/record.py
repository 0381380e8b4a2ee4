"""What a training has brought so far: the loss of each step, and what a validation said after each epoch."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from innerview.core.errors import BadInput, NotFinite

RESERVED = ("epoch", "loss")
"""Columns of ``epochs.csv`` beside the measures."""


@dataclass
class Record:
    """Losses and measures.

    Args:
        losses: Of each step's batch, before the step.
        measures: From each name, sorted, to the values after each epoch.
    """

    losses: list[float] = field(default_factory=list)
    measures: dict[str, list[float]] = field(default_factory=dict)

    @property
    def judged(self) -> int:
        """How many epochs have measures."""
        return len(next(iter(self.measures.values()), []))

    def judge(self, found: Mapping[str, float], epoch: int) -> None:
        """Add the measures of an epoch, counted from 1.

        Raises:
            BadInput: other measures than those of the epochs before.
            NotFinite: a measure is NaN or infinite; none is added.
        """
        if self.measures and sorted(found) != list(self.measures):
            raise BadInput(
                f"the validation after epoch {epoch} returned {', '.join(sorted(found)) or 'nothing'}, "
                f"those before {', '.join(self.measures)}; let it always return the same measures"
            )
        for name, value in found.items():
            if not math.isfinite(value):
                raise NotFinite(f"the measure {name} became {value} after epoch {epoch}; check the validation")
        for name in sorted(found):
            self.measures.setdefault(name, []).append(found[name])

    def rows(self, per_epoch: int) -> Iterator[list[float]]:
        """Yield number, mean loss and measures of each epoch that is done."""
        for epoch in range(len(self.losses) // per_epoch):
            losses = self.losses[epoch * per_epoch : (epoch + 1) * per_epoch]
            values = [values[epoch] for values in self.measures.values()]
            yield [epoch + 1, math.fsum(losses) / per_epoch, *values]


def as_measures(found: Any) -> dict[str, float]:
    """Return what a validation returned as numbers by name.

    Raises:
        BadInput: it is no mapping, or a name is taken by another column of ``epochs.csv``.
    """
    if not isinstance(found, Mapping):
        raise BadInput(f"a validation returned a {type(found).__name__}; let it return numbers by name, as a dict")
    for name in RESERVED:
        if name in found:
            raise BadInput(f"a measure cannot be called {name!r}, which is a column of its own; rename it")
    return {str(name): float(value) for name, value in found.items()}
