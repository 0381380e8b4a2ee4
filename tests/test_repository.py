"""What may be committed: no traces of one machine, no results, nothing large, papers that are whole."""

import re
import subprocess
from pathlib import Path

import pytest

from innerview.replicate.shelf import paper_folder, paper_names

ROOT = Path(__file__).parents[1]
LARGEST = 500_000
LARGEST_NETWORK = 4_000_000  # bytes of a network that our own code trained
PLACES = r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/"
INDEXES = (
    r"\w+://[^\s\"']*/simple\b|pypi\.org|pythonhosted\.org|registry\.npmjs\.org|--(?:extra-)?index-url|--find-links"
)
TRACES = re.compile(f"{PLACES}|{INDEXES}")


def tracked() -> list[Path]:
    """Files that are committed or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git repository")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # pictures and archives


def test_no_file_names_a_place_of_one_machine_or_a_registry():
    others = [path for path in tracked() if path != Path(__file__)]
    found = {str(path.relative_to(ROOT)): hits for path in others if (hits := TRACES.findall(text_of(path)))}
    assert found == {}


@pytest.mark.parametrize(
    ("text", "is_trace"),
    [
        ("see /work/thing", True),
        ("'/root/.cache'", True),
        ("file:///opt/index/simple", True),
        ("--find-links wheels", True),
        ("../shared/mirror and network/in/work/", False),
        ("https://github.com/x/y/blob/main/root/file", False),
    ],
)
def test_traces_are_told_from_ordinary_text(text, is_trace):
    assert bool(TRACES.search(text)) == is_trace


def test_no_file_is_large():
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in tracked()}
    limits = {name: LARGEST_NETWORK if name.endswith(".safetensors") else LARGEST for name in sizes}
    assert {name: size for name, size in sizes.items() if size > limits[name]} == {}


def test_no_notebook_and_no_result_is_committed():
    names = [path.relative_to(ROOT) for path in tracked()]
    assert [name for name in names if name.suffix == ".ipynb" or name.parts[0] == "results"] == []


@pytest.mark.parametrize("name", paper_names(ROOT))
def test_a_paper_is_whole(name):
    wanted = {"__init__.py", "paper.py", "notebook.py", "reference.json"}
    assert wanted - {path.name for path in paper_folder(ROOT, name).iterdir()} == set()


def test_constraints_hold_plain_versions_only():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line)] == []


def test_every_citation_is_in_the_bibliography():
    bibliography = (ROOT / "book/references.bib").read_text(encoding="utf-8")
    entries = set(re.findall(r"^@\w+\{([^,\s]+),", bibliography, re.MULTILINE))
    places = ("src/**/*.py", "src/**/*.toml", "replication/**/*.py", "book/**/*.md")
    told = "\n".join(
        path.read_text(encoding="utf-8")
        for place in places
        for path in ROOT.glob(place)
        if not {"_generated", "_build"} & set(path.parts)
    )
    roles = {key for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", told) for key in keys.split(",")}
    fields = set(re.findall(r"^\s*citation ?= ?\"([^\"]+)\"", told, re.MULTILINE))
    assert len(roles) > 5
    assert len(fields) > 5
    assert (roles | fields) - entries - {"key"} == set()
