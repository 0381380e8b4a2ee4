"""Methods: packages below ``replication/methods`` that are found, run and shown like papers."""

import json
import shutil

import pytest
from replicate.toy import NOTEBOOK

from innerview.core.errors import BadInput
from innerview.replicate import Job, ReplicationFailed, load_paper, paper_names, replicate
from innerview.replicate.exhibits import exhibits


@pytest.fixture
def method(root):
    """The toy paper once more, as a method called averaging, with a module of its own that it imports."""
    folder = root / "replication/methods/averaging"
    shutil.copytree(root / "replication/toy2020", folder)
    (folder.parent / "__init__.py").write_text('"""Methods."""\n')
    (folder / "notebook.py").write_text(NOTEBOOK.replace("replication.toy2020", "replication.methods.averaging"))
    return folder


def test_papers_and_methods_are_found_by_name(root, method):
    assert paper_names(root) == ["averaging", "toy2020"]
    paper = load_paper(root, "averaging")
    assert paper.folder == method.resolve()
    assert paper.shelf == load_paper(root, "toy2020").shelf == (root / "replication").resolve()


def test_a_method_runs_like_a_paper_and_stands_behind_them_in_the_book(root, method):
    (outcome,) = replicate(["averaging"], Job(preset="smoke"), root=root, progress=False)
    assert outcome.folder == root / "results/smoke/averaging"
    assert json.loads((outcome.folder / "run.json").read_text())["paper"] == "averaging"
    shown = exhibits(root, "smoke")
    assert [(one.name, one.kind, one.page, one.origin) for one in shown] == [
        ("toy2020", "replications", "replications/toy2020", "nothing"),
        ("averaging", "methods", "methods/averaging", "run"),
    ]


def test_a_part_is_computed_anew_when_the_methods_code_changes(root, method):
    replicate(["averaging"], Job(preset="smoke"), root=root, progress=False)
    parts = root / "results/smoke/averaging/parts"
    before = {path.name for path in parts.glob("*.safetensors")}
    (outcome,) = replicate(["averaging"], Job(preset="smoke"), root=root, progress=False)
    assert outcome.status == "unchanged"
    script = method / "paper.py"
    script.write_text(script.read_text() + "\n\nEXTRA = 1\n")
    replicate(["averaging"], Job(preset="smoke"), root=root, progress=False)
    assert len({path.name for path in parts.glob("*.safetensors")} - before) == len(before)


def test_what_fails_in_a_method_is_named_with_its_place(root, method):
    script = method / "notebook.py"
    script.write_text(script.read_text().replace("run.measure()", "1 / 0"))
    with pytest.raises(ReplicationFailed, match=r"ZeroDivisionError.*replication/methods/averaging/notebook.py, line"):
        replicate(["averaging"], Job(preset="smoke"), root=root, progress=False)


def test_a_name_is_no_paper_and_a_method_at_once(root, method):
    shutil.copytree(method, root / "replication/averaging")
    with pytest.raises(BadInput, match="a paper and a method are both called averaging; rename one"):
        paper_names(root)
