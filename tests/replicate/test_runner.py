import base64
import json
import signal
import time
from pathlib import Path

import pytest
from replicate.toy import descendants, is_alive, make_root, wait_for

from innerview.core.errors import BadInput, InnerviewError, OutputError
from innerview.replicate import Job, ReplicationFailed, collect_claims, replicate


def run_toy(root: Path, **settings):
    return replicate(["toy2020"], Job(preset="smoke", settings=settings), root=root, progress=False)[0]


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A repository whose paper has been run."""
    root = make_root(tmp_path_factory.mktemp("done"))
    outcome = run_toy(root, journal=str(root / "journal"))
    assert outcome.status == "done"
    return root


def journal(root: Path) -> list[str]:
    return (root / "journal").read_text(encoding="utf-8").split("\n")[:-1]


def test_a_run_leaves_notebook_figures_claims_and_record(done):
    folder = done / "results" / "smoke" / "toy2020"
    assert sorted(path.name for path in folder.iterdir()) == [
        "claims.json",
        "figures",
        "notebook.ipynb",
        "parts",
        "run.json",
    ]
    claims = {claim["id"]: claim for claim in read(folder / "claims.json")}
    assert {name: claim["verdict"] for name, claim in claims.items()} == {
        "mean": "reproduced", "in-range": "reproduced", "spread": "reproduced", "nothing": "not measured",
        "people": "not measured",
    }  # fmt: skip
    keys = ["id", "source", "statement", "paper", "measured", "unit", "tolerance", "verdict", "note"]
    assert all(list(claim) == keys for claim in claims.values())
    assert claims["mean"]["statement"] == "The mean of uniform numbers is one half."
    assert abs(claims["mean"]["measured"] - 0.5) < 0.05
    assert "nan" in claims["nothing"]["note"]
    assert claims["people"]["note"] == "needs people"


def test_the_record_says_how_the_results_came_about(done):
    run = read(done / "results" / "smoke" / "toy2020" / "run.json")
    assert (run["paper"], run["preset"], run["seed"], run["fallback"]) == ("toy2020", "smoke", 0, False)
    assert run["config"]["count"] == 1000
    assert set(run["seconds_per_part"]) == {"draws", "mean"}
    assert run["versions"]["torch"]
    assert run["machine"]["cores"] >= 1
    assert 50 < run["peak_mib"]["memory"] < 4096
    assert run["figures"] == ["histogram.png"]


def test_the_executed_notebook_keeps_its_metadata_and_shows_the_figure_file(done):
    folder = done / "results" / "smoke" / "toy2020"
    notebook = read(folder / "notebook.ipynb")
    cells = notebook["cells"]
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    shown = next(cell for cell in cells if "mystnb" in cell["metadata"])
    assert shown["metadata"]["mystnb"] == {
        "figure": {"caption": 'Numbers: "even"'}, "image": {"alt": "A flat histogram."}
    }  # fmt: skip
    (output,) = shown["outputs"]
    assert base64.b64decode(output["data"]["image/png"]) == (folder / "figures" / "histogram.png").read_bytes()
    assert output["metadata"]["image/png"] == {"width": 400}
    injected = next(cell for cell in cells if "injected-parameters" in cell["metadata"].get("tags", []))
    assert 'out = "results/smoke"' in "".join(injected["source"])
    assert "remove-cell" in injected["metadata"]["tags"]
    printed = next(cell for cell in cells if "the mean is" in "".join(cell["source"]))
    assert [output["name"] for output in printed["outputs"]] == ["stdout"], "no remains of the progress bar"
    assert "&lt;only&gt;" in "".join(cells[-1]["outputs"][0]["data"]["text/html"])


def test_what_is_unchanged_is_not_run_again_and_a_changed_notebook_reuses_its_parts(done):
    settings = {"journal": str(done / "journal")}
    script, paper = (done / "replication" / "toy2020" / name for name in ("notebook.py", "paper.py"))
    folder = done / "results" / "smoke" / "toy2020"
    paper.write_text(f"# a remark\n{paper.read_text(encoding='utf-8')}", encoding="utf-8")
    begin = time.monotonic()
    assert run_toy(done, **settings).status == "unchanged"
    assert time.monotonic() - begin < 2
    script.write_text(script.read_text(encoding="utf-8").replace("What is", "Where is"), encoding="utf-8")
    assert run_toy(done, **settings).status == "done"
    assert journal(done) == ["draws", "mean begins", "mean"]
    assert "Where is" in (folder / "notebook.ipynb").read_text(encoding="utf-8")
    assert run_toy(done, **settings).status == "unchanged"
    assert {claim["replication"] for claim in collect_claims(done)} == {"toy2020"}


def test_a_run_without_the_papers_assets_is_complete_on_the_embedded_model(root, no_network):
    assert run_toy(root, needs="bvlc_googlenet").status == "done"
    folder = root / "results/smoke/toy2020"
    assert read(folder / "run.json")["fallback"] is True
    assert "this run uses the embedded model" in (folder / "notebook.ipynb").read_text(encoding="utf-8")
    again = run_toy(root, needs="bvlc_googlenet")
    assert again.status == "unchanged"
    assert "embedded model" in again.message


def with_cell(root: Path, cell: str) -> None:
    """Give the paper a notebook with nothing but its parameters and one cell."""
    script = root / "replication" / "toy2020" / "notebook.py"
    text = script.read_text(encoding="utf-8")
    script.write_text(f"{text[: text.index('# %%', text.index('seed ='))]}# %%\n{cell}\n", encoding="utf-8")


def test_a_failing_cell_is_one_line_with_its_place_and_keeps_the_notebook(root):
    with_cell(root, 'print("so far")\nbelow = 0\n1 / below')
    with pytest.raises(ReplicationFailed) as failure:
        run_toy(root)
    lines = (root / "replication/toy2020/notebook.py").read_text(encoding="utf-8").split("\n")
    place = f"replication/toy2020/notebook.py, line {lines.index('1 / below') + 1};"
    assert str(failure.value).startswith(f"toy2020: ZeroDivisionError: division by zero ({place}")
    assert "\n" not in str(failure.value)
    folder = root / "results" / "smoke" / "toy2020"
    assert "so far" in (folder / "notebook.ipynb").read_text(encoding="utf-8")


def test_bad_input_inside_the_notebook_is_its_own_line(root):
    with_cell(root, 'from innerview.core.errors import OutputError\nraise OutputError("no space;\\n free some")')
    with pytest.raises(InnerviewError) as failure:
        run_toy(root)
    assert str(failure.value) == "no space; free some"


def test_a_kernel_that_dies_is_one_line(root):
    with_cell(root, "import os\nos._exit(3)")
    with pytest.raises(ReplicationFailed, match="the kernel died"):
        run_toy(root)
    assert (root / "results/smoke/toy2020/notebook.ipynb").exists()


def test_a_notebook_that_measures_nothing_is_a_failure(root):
    with_cell(root, "1")
    with pytest.raises(ReplicationFailed, match=r"ended without run\.measure\(\)"):
        run_toy(root)


def test_interrupted_and_killed_runs_leave_no_kernel_and_go_on_where_they_were(root, start):
    folder = root / "results/smoke/toy2020"
    settings = (f"journal={root / 'journal'}", "pause=60")

    interrupted = start(*settings)
    wait_for(lambda: (root / "journal").exists() and len(journal(root)) == 2, 60)
    kernels = descendants(interrupted.pid)
    assert kernels
    interrupted.send_signal(signal.SIGINT)
    assert wait_for(lambda: interrupted.poll() is not None, 10) < 2
    assert not any(map(is_alive, kernels))
    assert "Traceback" not in interrupted.communicate()[1]
    assert not (folder / "claims.json").exists()

    killed = start(*settings)
    wait_for(lambda: len(journal(root)) == 3, 60)
    kernels = descendants(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    wait_for(lambda: not any(map(is_alive, kernels)), 5)
    assert journal(root) == ["draws", "mean begins", "mean begins"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ["toy2021"]}, "no paper is called 'toy2021'; near ones: toy2020"),
        ({"preset": "boook"}, "has no preset 'boook'; near ones: book"),
        ({"settings": {"cuont": "3"}}, "no setting is called 'cuont'; near ones: count"),
        ({"settings": {"count": "many"}}, "'count' must be a whole number, not 'many'"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"names": []}, "name at least one paper"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_said_before_anything_is_written(root, change, message):
    names = change.pop("names", ["toy2020"])
    with pytest.raises(BadInput, match=message):
        replicate(names, Job(**{"preset": "smoke"} | change), root=root, progress=False)
    assert not (root / "results").exists()


def test_a_place_that_cannot_be_written_to_is_said_first(root):
    (root / "results").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        run_toy(root)


def test_a_notebook_without_the_parameters_is_refused(root):
    script = root / "replication/toy2020/notebook.py"
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace("seed = 0\n", "", 1), encoding="utf-8")
    with pytest.raises(BadInput, match="has no parameter seed"):
        run_toy(root)
    script.write_text(text.replace(' tags=["parameters"]', ""), encoding="utf-8")
    with pytest.raises(BadInput, match="no cell with tags"):
        run_toy(root)


def test_a_paper_that_cannot_be_imported_is_one_line(root):
    (root / "replication/toy2020/paper.py").write_text("import nowhere_to_be_found\n", encoding="utf-8")
    with pytest.raises(ReplicationFailed, match=r"cannot import replication/toy2020/paper\.py: ModuleNotFoundError"):
        run_toy(root)
