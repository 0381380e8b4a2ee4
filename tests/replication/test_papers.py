"""What holds for every paper under ``replication/``; each one's notebook runs once, in the smoke preset."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from innerview.assets import catalog
from innerview.replicate import Job, load_paper, replicate
from innerview.replicate.shelf import paper_names

ROOT = Path(__file__).parents[2]
NAMES = paper_names(ROOT)
QUICK = "mordvintsev2015_deepdream"
LONG = {
    "adversarial_examples", "carter2019_activation_atlas", "gatys2016_style", "olah2017_feature_visualization",
    "scouter", "selvaraju2017_grad_cam", "zhang2018_acol",
}  # fmt: skip
"""Whose smoke run takes half a minute and more; continuous integration runs them all once for the book."""
VERDICTS = {"reproduced", "partly", "not reproduced", "not measured"}
KEYS = ["id", "source", "statement", "paper", "measured", "unit", "tolerance", "verdict", "note"]
DEAD = "http://127.0.0.1:9"  # a proxy that lets nothing through


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(params=NAMES)
def paper(request):
    return load_paper(ROOT, request.param)


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in NAMES]
)
def folder(request, tmp_path_factory):
    """Results of a paper in the smoke preset, on its own model where that can be had."""
    out = tmp_path_factory.mktemp("smoke")
    (outcome,) = replicate([request.param], Job(preset="smoke", out=out, device="cpu"), root=ROOT, progress=False)
    assert outcome.status == "done"
    return outcome.folder


def test_there_are_papers():
    assert "mordvintsev2015_deepdream" in NAMES


def test_a_paper_loads_with_a_citation_that_the_bibliography_holds(paper):
    assert paper.folder in {ROOT / "replication" / paper.name, ROOT / "replication/methods" / paper.name}
    assert paper.shelf == ROOT / "replication"
    assert paper.title
    bibliography = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "book").rglob("*.bib"))
    assert f"{{{paper.citation}," in bibliography


def test_every_preset_is_a_configuration_and_none_is_another(paper):
    configs = [paper.config(name) for name in paper.presets]
    assert {"smoke", "book", "paper"} <= set(paper.presets)
    assert all(dataclasses.is_dataclass(config) and isinstance(hash(config), int) for config in configs)
    assert len(set(configs)) == len(configs)


def test_every_preset_has_an_embedded_stand_in_that_needs_nothing(paper):
    for name in paper.presets:
        stand_in = paper.embedded(paper.config(name))
        assert type(stand_in) is type(paper.config(name))
        assert list(paper.needs(stand_in)) == []


def test_every_preset_but_the_stand_in_needs_assets_of_the_catalog(paper):
    for name in paper.presets:
        needed = list(paper.needs(paper.config(name)))
        assert needed
        assert set(needed) <= set(catalog())


def test_claims_have_an_id_of_their_own_a_statement_and_a_source(paper):
    assert paper.claims
    identities = [claim.id for claim in paper.claims]
    assert len(set(identities)) == len(identities)
    for claim in paper.claims:
        assert claim.id == claim.id.lower().replace(" ", "-")
        assert claim.statement.endswith(".")
        assert claim.source
        assert claim.measure is not None or claim.reason


def test_the_executed_notebook_holds_no_error_and_shows_every_figure(folder):
    notebook = read(folder / "notebook.ipynb")
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    shown = [output for output in outputs if any(kind.startswith("image/") for kind in output.get("data", {}))]
    assert len(shown) >= len(list((folder / "figures").glob("*.png"))) > 0


def test_every_figure_opens_and_shows_something(folder):
    figures = sorted((folder / "figures").iterdir())
    assert sorted(read(folder / "run.json")["figures"]) == [path.name for path in figures]
    for path in figures:
        with Image.open(path) as file:
            pixels = np.asarray(file.convert("RGB"), dtype=float)
        assert min(pixels.shape[:2]) >= 64, path.name
        assert pixels.std() > 5, f"{path.name} is all of one colour"
        assert len(np.unique(pixels @ [1, 256, 65536])) > 10, path.name  # one number for each colour


def test_every_claim_has_a_whole_row_and_a_verdict(folder):
    rows = read(folder / "claims.json")
    paper = load_paper(ROOT, folder.name)
    assert [row["id"] for row in rows] == [claim.id for claim in paper.claims]
    for row, claim in zip(rows, paper.claims, strict=True):
        assert list(row) == KEYS
        assert row["verdict"] in VERDICTS
        assert row["verdict"] == claim.verdict(row["measured"])
        assert (row["measured"] is None) is (row["verdict"] == "not measured")
        assert row["note"] or row["measured"] is not None
        assert (row["statement"], row["source"]) == (claim.statement, claim.source)


def test_the_record_says_how_the_results_came_about(folder):
    run = read(folder / "run.json")
    paper = load_paper(ROOT, folder.name)
    assert (run["paper"], run["preset"], run["device"], run["seed"]) == (folder.name, "smoke", "cpu", 0)
    config = paper.config("smoke")
    expected = paper.embedded(config) if run["fallback"] else config
    assert set(run["config"]) == {field.name for field in dataclasses.fields(config)}
    assert run["config"]["model"] == expected.model
    assert set(run["assets"]) == (set() if run["fallback"] else set(paper.needs(config)))
    assert run["models"]
    assert all(len(digest) == 16 for digest in run["models"].values())
    assert run["versions"]["torch"]
    assert run["seconds"] > 0
    assert run["seconds_per_part"]
    assert run["fingerprint"]


def test_a_second_run_does_nothing(folder):
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    job = Job(preset="smoke", out=folder.parent, device="cpu")
    (outcome,) = replicate([folder.name], job, root=ROOT, progress=False)
    assert outcome.status == "unchanged"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == written


@pytest.mark.parametrize(
    "name", [name if name == QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_a_machine_without_mirror_cache_and_network_uses_the_embedded_model_and_says_so(name, tmp_path, monkeypatch):
    monkeypatch.delenv("INNERVIEW_MIRROR", raising=False)
    monkeypatch.setenv("INNERVIEW_CACHE", str(tmp_path / "cache"))
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, DEAD)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    job = Job(preset="smoke", out=tmp_path / "results", device="cpu")
    (outcome,) = replicate([name], job, root=ROOT, progress=False)
    assert outcome.status == "done"
    run = read(outcome.folder / "run.json")
    assert run["fallback"] is True
    assert run["config"]["model"] == "efficientnet_lite0"
    assert set(run["models"]) == {"efficientnet_lite0"}
    assert run["assets"] == {}
    notebook = (outcome.folder / "notebook.ipynb").read_text(encoding="utf-8")
    assert "this run uses the embedded model EfficientNet-Lite0 and the photographs of scikit-image" in notebook
    assert not [row for row in read(outcome.folder / "claims.json") if row["paper"] is not None and row["measured"]]
