"""What holds for the whole tree: nothing is unpickled, no text is run, pages are ours alone, versions are pinned."""

import ast
import pickle
import re
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement
from PIL import Image

from innerview.core.errors import BadInput
from innerview.core.store import Store
from innerview.models import load_model
from innerview.models.efficientnet import read_efficientnet
from innerview.optimize.specs import parse_objective
from innerview.synthesis.generator_files import load_generator
from innerview.synthesis.style_files import load_style_network
from innerview.training import (
    Adam,
    Looks,
    TensorSamples,
    TrainingRecipe,
    cache_features,
    cross_entropy,
    load_weights,
    train,
)
from innerview.training.checkpoints import Checkpoints

ROOT = Path(__file__).parents[1]
TREES = ("src/innerview", "replication", "chapters", "book", "tools")

MODULES = {
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "runpy", "code", "codeop",
    "zipfile", "tarfile", "xml", "lxml", "yaml", "jinja2", "telnetlib", "ftplib",
}  # fmt: skip
"""Not to be imported: they unpickle, run text, unpack archives, expand entities, or fill templates unescaped."""

CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "os.execve", "os.spawnv",
    "os.startfile", "importlib.import_module", "importlib.util.spec_from_file_location", "torch.hub", "torch.jit.load",
    "torch.package", "tempfile.mktemp", "shutil.unpack_archive", "types.FunctionType",
}  # fmt: skip
METHODS = {"extractall", "read_pickle", "to_pickle", "unsafe_load", "exec_module", "get_ipython"}
NEEDED = {"torch.load": ("weights_only", True), "numpy.load": ("allow_pickle", False)}
"""Calls that are good with this argument, and only if it is written out."""
NEVER = {
    "shell": True, "allow_pickle": True, "weights_only": False, "trust_remote_code": True, "verify": False,
    "autoescape": False,
}  # fmt: skip

ALLOWED = {
    ("src/innerview/__init__.py", "importlib.import_module"): "modules of ours, from a table",
    ("src/innerview/course/__init__.py", "importlib.import_module"): "modules of ours, from a table",
    ("src/innerview/replicate/__init__.py", "importlib.import_module"): "modules of ours, from a table",
    ("src/innerview/replicate/shelf.py", "importlib.import_module"): "the papers of the repository that is worked in",
    ("src/innerview/models/torchvision_models.py", "__import__"): "torchvision itself",
    ("src/innerview/optimize/specs.py", "import zipfile"): "the error that numpy.load raises",
    ("src/innerview/course/rehearsal.py", "exec"): "the course's own answers, when its author tries them out",
    ("src/innerview/course/rehearsal.py", "compile"): "the same",
    ("src/innerview/course/limits.py", "os.execv"): "becomes the kernel of a submission, after it has limited itself",
}


def faults(source: str) -> Iterator[str]:
    """Tell each way of a program to unpickle something, to run text, or to trust what it should not."""
    nodes = list(ast.walk(ast.parse(source)))
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for one in node.names:
                whole, first = one.name, one.name.partition(".")[0]
                names[one.asname or first] = whole if one.asname else first
            yield from (f"import {one.name}" for one in node.names if one.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
            if node.module.partition(".")[0] in MODULES:
                yield f"import {node.module}"
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = _dotted(node, names)
            last = node.attr if isinstance(node, ast.Attribute) else ""
            if name in CALLS or last in METHODS:
                yield name or f".{last}"
        if isinstance(node, ast.Call):
            yield from _faults_of_call(node, _dotted(node.func, names))


def _faults_of_call(node: ast.Call, name: str) -> Iterator[str]:
    given = {one.arg: one.value.value for one in node.keywords if one.arg and isinstance(one.value, ast.Constant)}
    yield from (f"{key}={value}" for key, value in NEVER.items() if given.get(key) is value)
    if name in NEEDED and given.get(NEEDED[name][0]) is not NEEDED[name][1]:
        yield name


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    match node:
        case ast.Name():
            return names.get(node.id, node.id)
        case ast.Attribute():
            start = _dotted(node.value, names)
            return f"{start}.{node.attr}" if start else ""
        case _:
            return ""


def test_nothing_is_unpickled_and_no_text_is_run():
    scripts = [
        path for tree in TREES for path in (ROOT / tree).rglob("*.py") if not {"_generated", "_build"} & {*path.parts}
    ]
    assert len(scripts) > 300
    found = {
        (path.relative_to(ROOT).as_posix(), fault)
        for path in scripts
        for fault in faults(path.read_text(encoding="utf-8"))
    }
    assert found - ALLOWED.keys() == set()
    assert ALLOWED.keys() - found == set(), "no longer there"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import pickle", "import pickle"),
        ("from joblib import load", "import joblib"),
        ("import xml.etree.ElementTree as ET", "import xml.etree.ElementTree"),
        ("import torch as t\nt.load(x)", "torch.load"),
        ("from torch import load\nload(x, weights_only=kind)", "torch.load"),
        ("import torch\ntorch.load(x, weights_only=False)", "weights_only=False"),
        ("import torch\ntorch.hub.load(x, y)", "torch.hub"),
        ("import numpy as np\nnp.load(x)", "numpy.load"),
        ("import numpy as np\nnp.load(x, allow_pickle=True)", "allow_pickle=True"),
        ("frame.read_pickle(x)", "frame.read_pickle"),
        ("open(x).extractall(y)", ".extractall"),
        ("eval(x)", "eval"),
        ("run = exec", "exec"),
        ("import os\nos.system(x)", "os.system"),
        ("from os import popen\npopen(x)", "os.popen"),
        ("import subprocess\nsubprocess.run(x, shell=True)", "shell=True"),
        ("import requests\nrequests.get(x, verify=False)", "verify=False"),
        ("from importlib import import_module\nimport_module(x)", "importlib.import_module"),
        ("from tempfile import mktemp\nmktemp()", "tempfile.mktemp"),
    ],
)
def test_each_fault_is_seen(source, fault):
    assert fault in list(faults(source))


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()", "import re\nre.compile(x)", "import torch\ntorch.load(x, weights_only=True)",
        "import numpy as np\nnp.load(x, allow_pickle=False)", "import subprocess\nsubprocess.run([x], check=False)",
        "import json\njson.load(x)",
    ],
)  # fmt: skip
def test_what_is_harmless_is_not(source):
    assert list(faults(source)) == []


ASKED: list[Any] = []
"""Classes that pickle was asked for."""


@pytest.fixture(scope="module")
def asked() -> list[Any]:
    """Have it noted when pickle is asked for a class; Python lets nobody take such a hook away again."""
    sys.addaudithook(lambda event, told: ASKED.append(told) if event == "pickle.find_class" else None)
    pickle.loads(pickle.dumps(Path))
    assert ASKED
    return ASKED


def test_reading_weights_checkpoints_features_and_parts_never_asks_pickle_for_a_class(asked, tmp_path):
    np.save(tmp_path / "direction.npy", np.ones(8))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2))
    samples = TensorSamples((torch.rand(4, 3, 8, 8), torch.zeros(4, dtype=torch.int64)))
    recipe = TrainingRecipe(epochs=1, batch=2, optimizer=Adam(1e-3))
    asked.clear()
    load_model("efficientnet_lite0")
    load_generator("gan")
    load_generator("vae")
    for _ in range(2):  # written, then read
        Store(tmp_path / "store").keep("part", lambda: {"a": torch.arange(4.0)}, 1)
        parse_objective(f"direction:layer:{tmp_path / 'direction.npy'}")
        cache_features(network.eval(), [tmp_path / "a.png"], tmp_path / "features", Looks(8))
        train(network, samples, cross_entropy, recipe, folder=tmp_path / "training")
    load_weights(network, tmp_path / "training" / "state.safetensors")
    assert asked == []


class Trap:
    """Unpickled, it leaves a file."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.place,)


def as_state(trap: Trap, path: Path) -> None:
    torch.save({"model.weight": trap}, path)


def as_pickle(trap: Trap, path: Path) -> None:
    path.write_bytes(pickle.dumps(trap, protocol=2))  # the newest that PyTorch reads


def as_array(trap: Trap, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([trap], dtype=object), allow_pickle=True)


def as_arrays(trap: Trap, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, weight=np.array([trap], dtype=object))


def resumed(path: Path) -> None:
    network, folder = torch.nn.Linear(2, 2), path.parent
    checkpoints = Checkpoints(folder, "made from", TrainingRecipe(epochs=1, batch=1, optimizer=Adam(1e-3)))
    path.rename(folder / "state.safetensors")
    assert checkpoints.resume(network, torch.optim.Adam(network.parameters())).losses == []
    raise BadInput("a damaged state is none")


def stored(path: Path) -> None:
    assert Store(path.parent).load(path) is None
    raise BadInput("a damaged part is none")


def torch_weights(path: Path) -> None:
    renamed = path.rename(path.with_suffix(".pth"))  # by which PyTorch tells what it is
    try:
        read_efficientnet(renamed)
    except (pickle.UnpicklingError, RuntimeError) as error:  # nobody but a package gives this file
        raise BadInput("no weights") from error


READERS: dict[str, Callable[[Path], Any]] = {
    "weights": lambda path: load_weights(torch.nn.Linear(2, 2), path),
    "style network": load_style_network,
    "generator": load_generator,
    "direction": lambda path: parse_objective(f"direction:layer:{path}"),
    "part": stored,
    "state of a training": resumed,
    "weights of PyTorch": torch_weights,
}


@pytest.mark.parametrize("write", [as_state, as_pickle, as_array, as_arrays])
@pytest.mark.parametrize("reader", READERS)
def test_a_trap_in_a_file_is_refused_and_never_sprung(reader, write, tmp_path, asked):
    path, left = tmp_path / "given.safetensors", tmp_path / "left"
    write(Trap(left), path)
    asked.clear()
    with pytest.raises(BadInput) as refused:
        READERS[reader](path)
    assert not left.exists()
    assert asked == []
    assert "\n" not in str(refused.value)


def test_the_trap_is_one(tmp_path):
    path, left = tmp_path / "given.pth", tmp_path / "left"
    as_state(Trap(left), path)
    torch.load(path, weights_only=False)
    assert left.exists()


EXPLORER = ROOT / "src/innerview/atlas/explorer"
OWN = [path for path in EXPLORER.glob("*.js") if path.name != "openseadragon.min.js"]


@pytest.mark.parametrize("path", [*OWN, ROOT / "book/static/innerview.js"], ids=lambda path: path.name)
def test_our_scripts_make_no_page_from_text(path):
    wrong = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:|https?://"
    assert re.findall(wrong, path.read_text(encoding="utf-8")) == []


class Tags(HTMLParser):
    """Collects what a page consists of: tags with their attributes, and what stands between."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_explorer_may_run_its_own_scripts_only_and_asks_nobody():
    tags = Tags((EXPLORER / "index.html").read_text(encoding="utf-8")).tags
    (policy,) = [told["content"] for tag, told in tags if told.get("http-equiv") == "Content-Security-Policy"]
    parts = [part.strip().partition(" ") for part in str(policy).split(";")]
    allowed = {name: sources for name, _, sources in parts}
    assert allowed["default-src"] == "'none'"
    assert allowed["script-src"] == "'self' file:"
    assert "connect-src" not in allowed
    places = [told[name] for _, told in tags for name in ("src", "href") if name in told]
    assert len(places) > 10
    assert [place for place in places if not re.fullmatch(r"[\w.]+(/[\w.]+)*|data:,", str(place))] == []
    assert not [name for _, told in tags for name in told if name.startswith("on")]
    assert [told for tag, told in tags if tag == "script" and "src" not in told] == []


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {plain(name): version for name, _, version in (line.partition("==") for line in lines if line[:1] != "#")}


def plain(name: str) -> str:
    """Return the name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(names: Iterable[str]) -> dict[str, str]:
    """Return name and installed version of these distributions and all that they need here."""
    places = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]  # setuptools adds another to sys.path
    at_hand = {plain(one.metadata["Name"]): one for one in distributions(path=places)}
    found, waiting = {}, [Requirement(name) for name in names]
    while waiting:
        asked = waiting.pop()
        key = plain(asked.name), *sorted(asked.extras)
        if key in found or plain(asked.name) not in at_hand:
            continue
        one = at_hand[plain(asked.name)]
        found[key] = one.version.partition("+")[0]  # without the kind of PyTorch's build
        for extra in ("", *asked.extras):
            wanted = [Requirement(text) for text in one.requires or ()]
            waiting += [other for other in wanted if other.marker is None or other.marker.evaluate({"extra": extra})]
    return {key[0]: version for key, version in found.items()}


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="`make setup` did not make this environment")
def test_every_dependency_and_all_that_it_needs_is_pinned_to_the_version_that_is_installed():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = [*told["dependencies"], *(name for extra in told["optional-dependencies"].values() for name in extra)]
    assert {plain(Requirement(name).name) for name in direct} - pins().keys() == set()
    installed = needed(direct)
    assert len(installed) > 100
    wrong = {name: version for name, version in installed.items() if pins().get(name) != version}
    assert wrong.keys() - NOT_PINNED == set()


NOT_PINNED = {"pip", "setuptools", "wheel"}
"""They come with the environment, and `uv pip freeze` leaves them out."""
