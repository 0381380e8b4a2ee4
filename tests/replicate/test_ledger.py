import json

import pytest

from innerview.core.errors import BadInput
from innerview.replicate import (
    collect_claims,
    compare,
    comparison_table,
    find_root,
    load_paper,
    papers,
    write_reference,
)

RUN = {
    "machine": {"cpu": "A processor"}, "device": "cpu", "threads": 2, "date": "2026-01-02T03:04:05+00:00",
    "preset": "book", "seed": 0, "seconds": 12.5, "fallback": False,
}  # fmt: skip


def entry(name, measured, tolerance=None, verdict="reproduced", paper=None):
    return {
        "id": name, "source": "Sec. 1", "statement": "It is so.", "paper": paper, "measured": measured, "unit": "%",
        "tolerance": tolerance, "verdict": verdict, "note": "",
    }  # fmt: skip


def write(folder, claims, **run):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "claims.json").write_text(json.dumps(claims), encoding="utf-8")
    (folder / "run.json").write_text(json.dumps(RUN | run), encoding="utf-8")
    return folder


def test_all_results_at_hand_are_collected_with_paper_and_preset(root):
    assert collect_claims(root) == []
    write(root / "results/book/toy2020", [entry("a", 1.0), entry("b", True)])
    write(root / "results/smoke/toy2020", [entry("a", None, verdict="not measured")])
    found = [(claim["replication"], claim["preset"], claim["id"], claim["measured"]) for claim in collect_claims(root)]
    assert found == [("toy2020", "book", "a", 1.0), ("toy2020", "book", "b", True), ("toy2020", "smoke", "a", None)]
    assert len(collect_claims(root, "smoke")) == 1
    with pytest.raises(BadInput, match="there is no preset 'fast'"):
        collect_claims(root, "fast")


def test_damaged_results_are_named(root):
    (write(root / "results/book/toy2020", []) / "claims.json").write_text("[{", encoding="utf-8")
    with pytest.raises(BadInput, match=r"claims\.json is not JSON"):
        collect_claims(root)


def test_a_run_is_compared_with_the_reference_claim_by_claim(root):
    paper = load_paper(root, "toy2020")
    folder = root / "results/book/toy2020"
    before = [
        entry("near", 60.0, 2.0), entry("far", 60.0, 2.0), entry("edge", 0.1, 0.2), entry("free", 3.0),
        entry("true", True), entry("none", None, verdict="not measured"), entry("gone", 1.0, 1.0),
        entry("fell", 1.0, None),
    ]  # fmt: skip
    now = [
        entry("near", 61.0, 2.0), entry("far", 57.9, 2.0), entry("edge", 0.3, 0.2), entry("free", 9.0),
        entry("true", True), entry("none", None, verdict="not measured"), entry("new", 1.0, 1.0),
        entry("fell", 0.1, verdict="not reproduced"),
    ]  # fmt: skip
    path = write_reference(paper, write(folder, before))
    assert path == root / "replication/toy2020/reference.json"
    rows = {row["id"]: row for row in compare(paper, write(folder, now))}
    assert {name: row["within"] for name, row in rows.items()} == {
        "near": True, "far": False, "edge": True, "free": True, "true": True, "none": True, "gone": False,
        "fell": False, "new": False,
    }  # fmt: skip
    assert rows["near"]["difference"] == 1.0
    assert rows["true"]["difference"] is None
    table = str(comparison_table(paper, folder))
    assert "reference (book preset, 2026-01-02, A processor, cpu)" in table


def test_the_reference_keeps_numbers_only(root):
    paper = load_paper(root, "toy2020")
    told = json.loads(write_reference(paper, write(root / "results/book/toy2020", [entry("a", 1.0)])).read_text())
    assert set(told) == {"machine", "device", "threads", "date", "preset", "seed", "seconds", "claims"}
    assert set(told["claims"][0]) == {"id", "paper", "measured", "unit", "tolerance", "verdict"}


def test_no_reference_is_made_from_the_embedded_model_and_none_compared_with_nothing(root):
    paper = load_paper(root, "toy2020")
    folder = write(root / "results/book/toy2020", [], fallback=True)
    with pytest.raises(BadInput, match="made on the embedded model"):
        write_reference(paper, folder)
    with pytest.raises(BadInput, match=r"has no reference\.json"):
        compare(paper, folder)


def test_papers_are_found_from_anywhere_in_the_repository(root, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(root / "replication" / "toy2020")
    assert find_root() == root.resolve()
    assert [(paper.name, paper.citation, paper.title) for paper in papers(find_root())] == [
        ("toy2020", "toy2020", "On means")
    ]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    with pytest.raises(BadInput, match="name it with --root"):
        find_root()
    with pytest.raises(BadInput, match="holds no folder replication"):
        find_root(elsewhere)
