"""From a run of the benchmarks to the book's page."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from innerview.replicate.performance import performance_charts, performance_part

REPOSITORY = Path(__file__).parents[2]
BENCHMARKS = REPOSITORY / "tests/benchmarks"
TOOL = REPOSITORY / "tools/publish_benchmarks.py"

SMALL = """
import time
from functools import partial
import pytest
from alternating import compare, grow, record_measure

@pytest.mark.benchmark(group="Toys")
def test_all_three(benchmark):
    half, whole = partial(time.sleep, 0.002), partial(time.sleep, 0.004)
    compare(benchmark, "Half", half, "the <whole>", whole, rounds=4, goal=9.0)

def test_grows(benchmark):
    record_measure(benchmark, "Weight", 41.53, "MiB", at_most=40)
    grow(benchmark, "Sleep", "naps", {naps: partial(time.sleep, 0.002 * naps) for naps in (1, 2, 4)}, rounds=2)
"""

MACHINE = {"cpu": "A_b processor", "cores": 2, "versions": {"python": "3.11"}}
COMPARISON = {"what": "Half", "rival": "whole", "speed": 2.0, "low": 1.9, "high": 2.2, "ours": 1.0, "goal": None}
MEASURE = {"what": "Weight", "value": 41.5, "unit": "MiB", "at_most": None}
GROWTH = {"what": "Sleep", "variable": "naps", "values": [1, 2, 4], "seconds": [0.1, 0.2, 0.4]}


def record(comparisons=(COMPARISON,), measures=(MEASURE,), **more):
    told = {"date": "2026-01-02T03:04:05", "machine": MACHINE, "comparisons": comparisons, "measures": measures}
    return {"cpu": told | {"growths": [GROWTH]} | more}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the tool writes of a real run of two small benchmarks and of a replication."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "bench_small.py").write_text(SMALL)
    shutil.copy(BENCHMARKS / "conftest.py", folder)
    paths = os.pathsep.join(map(str, [BENCHMARKS, REPOSITORY / "src"]))
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}  # no part of this run
    options = {"cwd": folder, "env": env | {"PYTHONPATH": paths}, "capture_output": True, "text": True}
    command = ["-m", "pytest", "bench_small.py", "--rootdir", ".", "--benchmark-autosave"]
    done = subprocess.run([sys.executable, *command], **options, check=False)
    assert done.returncode == 0, done.stdout
    assert "Toys: Half, beside the <whole>: " in done.stdout
    run = folder / "results/paper/toy2020/run.json"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"preset": "paper", "seconds": 61.0, "peak_mib": {"memory": 7}, "seed": 0}))
    subprocess.run([sys.executable, str(TOOL), "told.json", str(run)], **options, check=True)
    return json.loads((folder / "told.json").read_text())


def test_a_run_is_published_as_it_was_measured(published):
    (comparison,) = published["comparisons"]
    assert comparison["rounds"] == 4
    assert comparison["low"] <= comparison["speed"] <= comparison["high"]
    assert comparison["ours"] >= 0.002
    assert comparison["theirs"] >= 0.004
    assert published["measures"] == [{"what": "Weight", "value": 41.53, "unit": "MiB", "at_most": 40}]
    (growth,) = published["growths"]
    assert growth["values"] == [1, 2, 4]
    assert all(seconds >= 0.002 * naps for naps, seconds in zip(growth["values"], growth["seconds"], strict=True))
    assert published["runs"] == [{"paper": "toy2020", "preset": "paper", "seconds": 61.0, "peak_mib": {"memory": 7}}]
    assert {"cpu", "cores", "versions"} <= set(published["machine"])


def test_the_page_shows_what_was_published(published):
    part = performance_part({"cpu": published})
    assert "the \\<whole\\>" in part
    assert "`toy2020`\n  - `paper`\n  - 1 min 1 s\n  - 7 MiB" in part
    assert "41\\.53 MiB\n  - at most 40: 4 \\% over" in part


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        (None, "\\-"),
        (2.0, "2\\.00 {bdg-success}`reached`"),
        (2.1, "2\\.10 {bdg-warning}`within the spread`"),
        (2.5, "2\\.50: 20 \\% short"),
    ],
)
def test_a_goal_is_reached_or_missed_by_so_much(goal, told):
    assert f"\n  - {told}\n" in performance_part(record([COMPARISON | {"goal": goal}]))


@pytest.mark.parametrize(
    ("at_most", "told"),
    [(None, "\\-"), (41.5, "at most 41\\.5 {bdg-success}`reached`"), (40, "at most 40: 4 \\% over")],
)
def test_a_limit_is_kept_or_passed_by_so_much(at_most, told):
    assert f"\n  - {told}\n" in performance_part(record(measures=[MEASURE | {"at_most": at_most}]))


def test_without_a_gpu_the_page_says_so_and_how_to_measure():
    assert "Not yet measured" in performance_part(record())
    assert "make bench DEVICE=cuda" in performance_part({})
    assert "Not yet measured" not in performance_part(record(machine=MACHINE | {"gpu": "A card"}))
    assert "## A card\\, 2 cores" in performance_part(record(machine=MACHINE | {"gpu": "A card"}))


def test_without_growths_there_is_no_chart():
    (told,) = record().values()
    assert performance_charts({"cpu": told | {"growths": []}}) == {}
    assert "Growth" not in performance_part({"cpu": told | {"growths": []}})


def test_each_machine_has_its_chart():
    charts = performance_charts(record())
    part = performance_part(record())
    assert list(charts) == ["performance/cpu.png"]
    assert "```{figure} /performance/cpu.png\n" in part
    assert "Sleep\\: 0\\.1 s at 1 naps\\, 0\\.4 s at 4\\, exponent 1\\.00" in part
    with Image.open(io.BytesIO(charts["performance/cpu.png"])) as picture:
        assert picture.format == "PNG"
