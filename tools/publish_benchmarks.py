"""Put the runs of the benchmarks into the book: its page of performance shows each record.

    make bench
    python tools/publish_benchmarks.py book/data/performance/cpu.json [RUN.json ...]

Of a benchmark that ran more than once, the newest numbers count; `make clean` forgets all runs. RUN.json are
those of whole replications on the same machine, such as results/paper/*/run.json.
"""

import json
import sys
from pathlib import Path
from typing import Any

from innerview.core.errors import BadInput
from innerview.core.files import write_json

KEPT = Path(".benchmarks")
"""Where pytest-benchmark keeps each run."""

RUN_FIELDS = ("paper", "preset", "seconds", "peak_mib")


def runs_in(folder: Path) -> list[dict[str, Any]]:
    """Return the runs that were kept, the newest last."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json")]
    if not runs:
        raise BadInput(f"{folder} holds no run; `make bench` makes one")
    return sorted(runs, key=lambda run: run["datetime"])


def rounded(value: Any) -> Any:
    """Return what JSON holds with four significant digits."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def record(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the book needs of runs of the benchmarks."""
    told = {benchmark["fullname"]: benchmark["extra_info"] for run in runs for benchmark in run["benchmarks"]}.values()
    return {
        "date": runs[-1]["datetime"],
        "machine": runs[-1]["machine_info"]["innerview"],
        "comparisons": [rounded(one["comparison"]) for one in told if "comparison" in one],
        "measures": [rounded(measure) for one in told for measure in one.get("measures", [])],
        "growths": [rounded(one["growth"]) for one in told if "growth" in one],
    }


def replication(path: Path) -> dict[str, Any]:
    """Return what the book needs of a replication's ``run.json``."""
    told = json.loads(path.read_text(encoding="utf-8")) | {"paper": path.parent.name}
    return {field: told[field] for field in RUN_FIELDS}


def main(out: Path, runs: list[Path]) -> None:
    """Write the record of the runs that were kept, with these replications."""
    told = record(runs_in(KEPT))
    write_json(out, told | {"runs": [replication(path) for path in runs]})


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
