"""A paper: its configurations and its claims."""

import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from innerview.core.errors import BadInput, near
from innerview.replicate.claims import Claim, Measurement, Verdict
from innerview.replicate.settings import varied

__all__ = ["PRESETS", "Claim", "Measurement", "Paper", "Verdict"]

PRESETS = ("smoke", "book", "paper", "released")
REQUIRED = ("smoke", "book", "paper")

Measure = TypeVar("Measure", bound=Callable[[Any], Any])


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A figure whose panels differ in one setting; see `Paper.sweep`."""

    variants: Callable[[Any], Mapping[str, Any]]
    make: Callable[[Any, Any], Mapping[str, Any]]


class Paper:
    """One paper that is replicated.

    Args:
        citation: Key in the bibliography.
        title: The paper's title.
        presets: Configuration (a frozen dataclass) for ``smoke``, ``book``, ``paper`` and, if it differs, ``released``.
        embedded: From a configuration to the one for the embedded model and scikit-image's photographs.
        needs: From a configuration to the names of the assets that it requires.

    Raises:
        BadInput: a preset is unknown, missing, or not a frozen dataclass of the common type.
    """

    def __init__(
        self,
        citation: str,
        title: str,
        presets: Mapping[str, Any],
        embedded: Callable[[Any], Any],
        needs: Callable[[Any], Sequence[str]],
    ) -> None:
        self.citation = citation
        self.title = title
        self.presets: Mapping[str, Any] = MappingProxyType(dict(presets))
        self.embedded = embedded
        self.needs = needs
        self._claims: dict[str, Claim] = {}
        self._sweeps: dict[str, Sweep] = {}
        self._check_presets()

    def _check_presets(self) -> None:
        unknown = sorted(set(self.presets) - set(PRESETS))
        missing = [name for name in REQUIRED if name not in self.presets]
        if unknown or missing:
            wrong = f"unknown presets {', '.join(unknown)}" if unknown else f"no preset {', '.join(missing)}"
            raise BadInput(f"paper {self.citation!r}: {wrong}; the presets are {', '.join(PRESETS)}")
        kinds = {type(config) for config in self.presets.values()}
        for kind in kinds:
            if not dataclasses.is_dataclass(kind) or not kind.__dataclass_params__.frozen:  # pyright: ignore[reportAttributeAccessIssue]
                raise BadInput(f"paper {self.citation!r}: a preset is a frozen dataclass, not a {kind.__name__}")
        if len(kinds) != 1:
            raise BadInput(f"paper {self.citation!r}: all presets are of one class, not of {len(kinds)}")

    @property
    def sweeps(self) -> Mapping[str, "Sweep"]:
        """All sweeps by name; see `sweep`."""
        return MappingProxyType(self._sweeps)

    @property
    def folder(self) -> Path:
        """The folder under ``replication/`` in which the paper's configuration is defined."""
        module = sys.modules[type(self.presets["book"]).__module__]
        return Path(inspect.getfile(module)).resolve().parent

    @property
    def shelf(self) -> Path:
        """The folder ``replication/`` in which it lies: directly, or among the methods."""
        return next((folder for folder in self.folder.parents if folder.name == "replication"), self.folder.parent)

    @property
    def name(self) -> str:
        """The folder's name, by which a person asks for the paper."""
        return self.folder.name

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All claims, measured or not, in the order of their registration."""
        return tuple(self._claims.values())

    def config(self, preset: str, settings: Mapping[str, Any] | None = None) -> Any:
        """Return a preset's configuration, varied by `settings` (``--set field=value``).

        Raises:
            BadInput: no such preset or field, or a value of another type.
        """
        if preset not in self.presets:
            known = ", ".join(self.presets)
            raise BadInput(f"{self.name} has no preset {preset!r}{near(preset, self.presets)}; choose one of {known}")
        return varied(self.presets[preset], settings or {})

    def claim(
        self,
        id: str,  # noqa: A002
        *,
        source: str,
        paper: float | None = None,
        unit: str = "",
        tolerance: float | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> Callable[[Measure], Measure]:
        """Register the function below, from a run to a number, a boolean, a `Measurement` or None, as a claim.

        The first paragraph of its docstring is the statement.

        Args:
            id: Short name, unique in the paper.
            source: Where in the paper the claim stands.
            paper: The paper's number; `tolerance` says, in its unit, how close is reproduced (twice it: partly).
            unit: Of the number.
            tolerance: See `paper`; with a threshold, by how much it may be missed to count as partly.
            at_least: Our own threshold, where the paper gives no number.
            at_most: The same, from above.

        Raises:
            BadInput: the id is taken, or what decides the verdict is missing or contradictory.
        """

        def register(measure: Measure) -> Measure:
            statement = _first_paragraph(measure.__doc__)
            self._add(Claim(id, source, statement, measure, paper, unit, tolerance, at_least, at_most))
            return measure

        return register

    def sweep(
        self, name: str, variants: Callable[[Any], Mapping[str, Any]], make: Callable[[Any, Any], Mapping[str, Any]]
    ) -> None:
        """Register a figure whose panels differ in one setting.

        A test asserts that they differ in their configuration and in what came out.

        Args:
            name: Short name, unique in the paper.
            variants: From a configuration of the paper to panel title -> what this panel is made with.
            make: From a run and these variants to panel title -> images.

        Raises:
            BadInput: the name is taken.
        """
        if name in self._sweeps:
            raise BadInput(f"paper {self.citation!r} has two sweeps {name!r}; give one another name")
        self._sweeps[name] = Sweep(variants, make)

    def unmeasured(
        self,
        id: str,  # noqa: A002
        *,
        source: str,
        statement: str,
        reason: str,
        paper: float | None = None,
        unit: str = "",
    ) -> None:
        """List a claim that cannot be measured here, with the reason."""
        self._add(Claim(id, source, _first_paragraph(statement), None, paper, unit, reason=reason))

    def _add(self, claim: Claim) -> None:
        if claim.id in self._claims:
            raise BadInput(f"paper {self.citation!r} has two claims {claim.id!r}; give one another id")
        self._claims[claim.id] = claim


def _first_paragraph(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
