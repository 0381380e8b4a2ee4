"""The ledger: all results at hand, and our reference results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from innerview.core.errors import BadInput
from innerview.core.files import write_json
from innerview.replicate.claims import is_close
from innerview.replicate.paper import PRESETS, Paper
from innerview.replicate.results import read_claims, read_reference, read_run
from innerview.replicate.tables import Table

RESULTS = "results"
KEPT = ("id", "paper", "measured", "unit", "tolerance", "verdict")
"""What of a claim the reference keeps: numbers, no sentences."""


def collect_claims(root: Path, preset: str | None = None) -> list[dict[str, Any]]:
    """Return the claims of all results in ``results/PRESET/PAPER/``, each with its `replication` and `preset`.

    Args:
        root: The repository.
        preset: Only this one.

    Raises:
        BadInput: no such preset, or a file of results is damaged.
    """
    if preset is not None and preset not in PRESETS:
        raise BadInput(f"there is no preset {preset!r}; choose one of {', '.join(PRESETS)}")
    files = sorted((root / RESULTS).glob(f"{preset or '*'}/*/claims.json"))
    return [
        {"replication": file.parent.name, "preset": file.parent.parent.name, **claim}
        for file in files
        for claim in read_claims(file)
    ]


def reference_path(paper: Paper) -> Path:
    """Return where a paper's committed results lie."""
    return paper.folder / "reference.json"


def write_reference(paper: Paper, results: Path) -> Path:
    """Keep a run's numbers as the paper's reference.

    Args:
        paper: The paper.
        results: The folder of its run, with ``claims.json`` and ``run.json``.

    Returns:
        The file that was written.

    Raises:
        BadInput: the run is not complete, or was made on the embedded model.
    """
    run, claims = _results(results)
    if run["fallback"]:
        raise BadInput(f"{results} was made on the embedded model; a reference is made on the paper's model")
    told = {key: run[key] for key in ("machine", "device", "threads", "date", "preset", "seed", "seconds")}
    kept = [{key: claim[key] for key in KEPT} for claim in claims]
    write_json(reference_path(paper), told | {"claims": kept})
    return reference_path(paper)


def compare(paper: Paper, results: Path) -> list[dict[str, Any]]:
    """Compare a run with the paper's reference, claim by claim.

    A number is within if it differs from the reference by no more than the claim's tolerance; without one, and for
    what is true or false or not measured, if the verdict is the same.

    Args:
        paper: The paper.
        results: The folder of its run.

    Returns:
        Rows `{id, reference, now, difference, tolerance, unit, within}`; what only one of them has is not within.

    Raises:
        BadInput: the run is not complete, or there is no reference.
    """
    _, claims = _results(results)
    now = {claim["id"]: claim for claim in claims}
    reference = {claim["id"]: claim for claim in _reference(paper)["claims"]}
    return [_compared(name, reference.get(name), now.get(name)) for name in {**reference, **now}]


def comparison_table(paper: Paper, results: Path) -> Table:
    """Return `compare` as a table that says what was compared."""
    told, (run, _) = _reference(paper), _results(results)
    made = f"{told['preset']} preset, {told['date'][:10]}, {told['machine']['cpu']}, {told['device']}"
    title = f"{paper.name}: reference ({made}) against this run ({run['preset']} preset, {run['device']})"
    columns = {"id": "Claim", "reference": "Reference", "now": "Now", "difference": "Difference"}
    return Table(
        compare(paper, results), columns | {"tolerance": "Tolerance", "unit": "Unit", "within": "Within"}, title
    )


def expected_seconds(paper: Paper, results: Path, preset: str) -> float | None:
    """Return how long a run takes from nothing: what its last one took, or the reference; None where neither tells."""
    for read, place in ((read_run, results), (read_reference, reference_path(paper))):
        try:
            told = read(place)
        except BadInput:
            continue
        if told.get("preset") == preset:
            return told.get("seconds")
    return None


def _results(results: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return read_run(results), read_claims(results / "claims.json")


def _reference(paper: Paper) -> dict[str, Any]:
    path = reference_path(paper)
    if not path.exists():
        raise BadInput(f"{paper.name} has no reference.json to compare with")
    return read_reference(path)


def _compared(name: str, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> dict[str, Any]:
    told = now or before or {}
    old, new = (None if each is None else each["measured"] for each in (before, now))
    difference = new - old if old is not None and new is not None and _are_numbers(old, new) else None
    if before is None or now is None:
        within = False
    elif difference is not None and told["tolerance"] is not None:
        within = is_close(difference, 0.0, told["tolerance"])
    else:
        within = before["verdict"] == now["verdict"]
    return {
        "id": name, "reference": old, "now": new, "difference": difference, "tolerance": told["tolerance"],
        "unit": told["unit"], "within": within,
    }  # fmt: skip


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
