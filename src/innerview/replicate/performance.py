"""The book's page of performance: tables and charts of what the benchmarks measured, machine by machine."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.figure import Figure

from innerview.figures.growth import Growth, growths
from innerview.figures.style import DPI
from innerview.replicate.display import clock
from innerview.replicate.pages import BADGES, NONE, escaped, place_of, prose, table
from innerview.replicate.tables import shown

Record = Mapping[str, Any]
"""What ``tools/publish_benchmarks.py`` wrote of one machine."""

GPU_COMMANDS = """\
make bench DEVICE=cuda
innerview replicate mordvintsev2015_deepdream --preset paper --device cuda
innerview replicate olah2017_feature_visualization --preset paper --device cuda
innerview replicate selvaraju2017_grad_cam --preset paper --device cuda
python tools/publish_benchmarks.py book/data/performance/gpu.json \\
    results/paper/*/run.json"""


def performance_part(records: Mapping[str, Record]) -> str:
    """Return the page's generated part.

    Args:
        records: Name of a record -> what was measured on its machine.
    """
    parts = [_machine(name, record) for name, record in records.items()]
    if not any("gpu" in record["machine"] for record in records.values()):
        commands = f"```shell\n{GPU_COMMANDS}\n```"
        parts.append(
            f"## On a GPU\n\nNot yet measured. These commands measure it and put it on this page:\n\n{commands}"
        )
    return "\n\n".join(parts) + "\n"


def performance_charts(records: Mapping[str, Record]) -> dict[str, bytes]:
    """Return the charts that the part refers to: path below the book's sources -> PNG."""
    return {_chart_path(name): _png(growths(_curves(told))) for name, told in records.items() if told["growths"]}


def _machine(name: str, record: Record) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in record["machine"]["versions"].items())
    heading = f"## {place_of(record['machine'])}\n\nMeasured on {record['date'][:10]}, {escaped(versions)}."
    comparisons = table(
        ["What", "Beside", "Times as fast", "Ours, s", "Goal"],
        map(_comparison, record["comparisons"]), [32, 25, 17, 9, 17], "claims",
    )  # fmt: skip
    measures = table(["What", "Measured", "Goal"], map(_measure, record["measures"]), [60, 20, 20], "claims")
    parts = [heading, "### Beside others", comparisons, "### Seconds and memory", measures]
    if record["growths"]:
        parts += ["### Growth", _growth(name, record)]
    return "\n\n".join(parts + _runs(record.get("runs", [])))


def _comparison(one: Mapping[str, Any]) -> list[str]:
    speed = f"**{_times(one['speed'])}** ({_times(one['low'])} to {_times(one['high'])})"
    return [prose(one["what"]), prose(one["rival"]), speed, escaped(f"{one['ours']:.2g}"), _goal(one)]


def _times(ratio: float) -> str:
    return escaped(f"{ratio:.2f}" if ratio < 100 else f"{ratio:,.0f}")  # more digits are noise


def _goal(one: Mapping[str, Any]) -> str:
    """Say whether the goal is reached, and else by how much not, unless it lies below the upper quartile."""
    if one["goal"] is None:
        return NONE
    goal = _times(one["goal"])
    if one["speed"] >= one["goal"]:
        return f"{goal} {_badge('reproduced', 'reached')}"
    missing = escaped(f"{100 * (1 - one['speed'] / one['goal']):.0f} % short")
    tie = one["goal"] <= one["high"]
    return f"{goal} {_badge('partly', 'within the spread')}" if tie else f"{goal}: {missing}"


def _measure(one: Mapping[str, Any]) -> list[str]:
    value = escaped(f"{shown(one['value'])} {one['unit']}")
    if one["at_most"] is None:
        return [prose(one["what"]), value, NONE]
    goal = escaped(f"at most {shown(one['at_most'])}")
    over = one["value"] / one["at_most"] - 1
    told = f": {escaped(f'{100 * over:.0f} % over')}" if over > 0 else f" {_badge('reproduced', 'reached')}"
    return [prose(one["what"]), value, goal + told]


def _badge(kind: str, text: str) -> str:
    return f"{{bdg-{BADGES[kind]}}}`{text}`"


def _chart_path(name: str) -> str:
    return f"performance/{name}.png"


def _curves(record: Record) -> list[Growth]:
    return [Growth(one["what"], one["variable"], one["values"], one["seconds"]) for one in record["growths"]]


def _growth(name: str, record: Record) -> str:
    told = "; ".join(
        f"{one.what}: {shown(one.seconds[0])} s at {one.values[0]:g} {one.variable}, {shown(one.seconds[-1])} s at "
        f"{one.values[-1]:g}, exponent {one.exponent():.2f}"
        for one in _curves(record)
    )
    caption = "Dots are medians; the dashed line is the power that fits them best."
    return f"```{{figure}} /{_chart_path(name)}\n:width: 800px\n:alt: {escaped(told)}\n\n{caption}\n```"


def _png(drawn: Figure) -> bytes:
    encoded = io.BytesIO()
    drawn.savefig(encoded, dpi=DPI, format="png", facecolor="white")
    return encoded.getvalue()


def _runs(runs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the table of whole replications."""
    rows = [
        [f"`{one['paper']}`", f"`{one['preset']}`", escaped(clock(one["seconds"])), escaped(_memory(one["peak_mib"]))]
        for one in runs
    ]
    head = ["Replication", "Preset", "Time", "Peak memory"]
    return ["### Whole replications", table(head, rows, [40, 15, 20, 25], "claims")] if rows else []


def _memory(peak: Mapping[str, int]) -> str:
    names = {"memory": "", "gpu_memory": " on the GPU"}
    return ", ".join(f"{value} MiB{names[kind]}" for kind, value in peak.items())
