"""The long runs: what other processes do, what counts as finished, and what it comes to."""

import json
import os
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from atlas.scale import Place
from killing import Found, LongRun
from torch import Tensor, nn
from training.small import RECIPE, Judge, small_network, small_samples

from innerview.assets import Asset, fetch
from innerview.cli import main
from innerview.core.store import Store
from innerview.models import load_model
from innerview.models.activations import activations
from innerview.synthesis.fast_style import FastStyleLoss, FastStyleRecipe, StyledSamples
from innerview.synthesis.generator_training import Adversaries, Discriminator, adversarial_loss
from innerview.synthesis.generators import Generator, GeneratorArchitecture
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork
from innerview.training import (
    Adam,
    EarlyStop,
    Flip,
    Looks,
    RandomCrop,
    TensorSamples,
    TrainingRecipe,
    cache_features,
    cross_entropy,
    train,
)

EMBEDDED = "efficientnet_lite0"
MODEL = ("--model", EMBEDDED)
TELLS_TIME = ("seconds", "seconds_resumed", "seconds_per_part", "peak_mib", "date", "fingerprint")
"""Of a run's record: what differs from run to run, or is added when all else is there."""


def parts(pattern: str) -> Callable[[Path], Found]:
    """Units that a store keeps: none is damaged, and none is written twice."""

    def found(folder: Path) -> Found:
        paths = [path for path in folder.glob(pattern) if not path.name.startswith(".")]
        damaged = [path for path in paths if Store(path.parent).load(path) is None]
        assert not damaged, damaged
        return {str(path.relative_to(folder)): written(path) for path in paths}

    return found


def written(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written anew: its number, and when."""
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns


def rows(folder: Path) -> Found:
    """Rows of features that count."""
    told = {}
    for state in folder.rglob("features-*.json"):
        known = json.loads(state.read_text(encoding="utf-8"))
        content, length = state.with_suffix(".rows").read_bytes(), known["bytes"]
        assert len(content) >= known["done"] * length, "rows count that are not there"
        told |= {f"{state} {row}": content[row * length : (row + 1) * length] for row in range(known["done"])}
    return told


def steps(folder: Path) -> Found:
    """Steps, measures and snapshots of trainings, as their states tell."""
    told = {}
    for path in folder.rglob("state.safetensors"):
        state = Store(path.parent).load(path)
        assert state is not None, f"{path} is damaged"
        for name, values in state.items():
            if name == "losses" or name.startswith("measures."):
                told |= {f"{path} {name} {index}": value for index, value in enumerate(values.tolist())}
    return told | {str(path): path.read_bytes() for path in folder.rglob("epoch-*.safetensors")}


def files(*patterns: str) -> Callable[[Path], Found]:
    """Results that lie in files."""
    return lambda folder: {
        str(path.relative_to(folder)): path.read_bytes()
        for pattern in patterns
        for path in folder.glob(pattern)
        if path.is_file() and not path.name.startswith(".")
    }


def trained(folder: Path) -> Found:
    """Return the files of trainings; the seconds of a log do not count."""
    logs = {
        str(path.relative_to(folder)): [
            json.loads(line) | {"seconds": 0} for line in path.read_text(encoding="utf-8").splitlines()
        ]
        for path in folder.rglob("log.jsonl")
    }
    return files("**/*.safetensors", "**/*.csv", "**/*.json", "**/*.rows")(folder) | logs


def replicated(folder: Path) -> Found:
    """Return what a run of a paper leaves: its record and notebook without what tells time."""
    found = files("*/figures/*", "*/claims.json", "*/photographs/*")(folder)
    for path in folder.glob("*/run.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        found["run.json"] = {name: value for name, value in record.items() if name not in TELLS_TIME}
    for path in folder.glob("*/notebook.ipynb"):
        found["notebook.ipynb"] = path.read_text(encoding="utf-8").replace(str(folder), "")  # a parameter of it
    return found


def graded(folder: Path) -> Found:
    """Grades that are kept: each with its notebook, and made once."""
    told = {}
    for path in folder.glob("graded/graded/*/*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["verdicts"], path
        assert json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"], path
        told[str(path.relative_to(folder))] = written(path)
    return told


@dataclass(frozen=True)
class Command:
    """The command ``innerview``, in the folder of the run."""

    arguments: tuple[object, ...]

    def __call__(self, _folder: Path) -> None:
        sys.argv = ["innerview", *map(str, self.arguments)]
        main()


def with_icons(*subject: object) -> LongRun:
    arguments = ("visualize", EMBEDDED, *subject, "-o", "out.png", "--size", 16, "--steps", 2)
    finished = parts(".out.png.parts/*.safetensors")
    return LongRun(Command(arguments), finished, files("*"), opening=0.1, clears=True)


def atlas(inputs: Path) -> LongRun:
    arguments = (
        "atlas", "build", inputs / "photos", "-o", "atlas", "--layer", "blocks.2", "--layer", "blocks.4", *MODEL,
        "--positions", 8, "--density", 3, "--density", 6, "--minimum", 1, "--method", "pca", "--size", 16, "--steps", 2,
    )  # fmt: skip
    return LongRun(Command(arguments), parts("atlas/parts/*.safetensors"), files("atlas/explorer/**/*"))


def atlas_of_many_units(inputs: Path) -> LongRun:
    return LongRun(
        partial(build_atlas, inputs / "noise"), parts("parts/*.safetensors"), files("explorer/**/*"), opening=0.05
    )


def build_atlas(images: Path, folder: Path) -> None:
    Place(folder, images).build_slowly()


def dissect(inputs: Path) -> LongRun:
    arguments = (
        "dissect", inputs / "photos", "--layer", "blocks.2", "-o", "units", "--size", 96, "--batch", 2, "--units", 4,
        *MODEL,
    )  # fmt: skip
    finished = parts("units/.parts/*.safetensors")
    return LongRun(Command(arguments), finished, files("units/*"), opening=0.05, clears=True)


def dream(inputs: Path) -> LongRun:
    arguments = ("dream", inputs / "photo.png", "-o", "out.png", "--octaves", 4, "--steps", 8, *MODEL)
    finished = parts(".out.png.unfinished/*.safetensors")
    return LongRun(Command(arguments), finished, files("*"), opening=0.1, clears=True)


def zoom(inputs: Path) -> LongRun:
    arguments = (
        "dream", inputs / "photo.png", "-o", "out.webp", "--octaves", 2, "--steps", 4, "--frames", 8, "--size", 96,
        *MODEL,
    )  # fmt: skip
    finished = parts(".out.webp.unfinished/*.safetensors")
    return LongRun(Command(arguments), finished, files("*"), opening=0.2, clears=True)


def embed(inputs: Path) -> LongRun:
    arguments = ("embed", inputs / "photos", "-o", "map", "--map", "pca", *MODEL)
    results = files("map/explorer/**/*", "map/*")
    return LongRun(Command(arguments), parts("map/parts/*.safetensors"), results)


def scouter(inputs: Path) -> LongRun:
    arguments = ("scouter", "train", inputs / "photos", "-o", "heads", "--epochs", 8, "--size", 64, *MODEL)
    return LongRun(Command(arguments), lambda folder: rows(folder) | steps(folder), trained, grows=True)


def replicate(_inputs: Path) -> LongRun:
    """A paper, on the embedded model wherever the drill runs: the kernel is told that nothing else can be had."""
    arguments = (
        "replicate", "simonyan2014_class_images", "--preset", "smoke", "--out", "out", "--root",
        Path(__file__).parents[2],
    )  # fmt: skip
    return LongRun(
        partial(without_assets, Command(arguments)),
        parts("out/*/parts/*.safetensors"),
        lambda folder: replicated(folder / "out"),
        opening=0.3,
    )


def without_assets(do: Callable[[Path], None], folder: Path) -> None:
    os.environ["INNERVIEW_MISSING"] = "the drill asks for nothing"
    do(folder)


def grade(inputs: Path) -> LongRun:
    arguments = ("course", "grade", inputs / "class", "--out", "graded", "--root", inputs / "course")
    results = files("graded/*.csv", "graded/reports/*", "graded/graded/*/*.json")
    return LongRun(Command(arguments), graded, results, opening=0.3)


WAITS = """def double(number):
    import pathlib, time
    (pathlib.Path.home() / "begun").touch()
    time.sleep(300)
"""


def grade_without_isolation(inputs: Path, folder: Path) -> None:
    """Grade `WAITS` as where bubblewrap is not installed."""
    os.environ["PATH"] = sysconfig.get_path("scripts")
    tempfile.tempdir = str(folder)
    Command(("course", "grade", inputs / "waiting", "--out", "graded", "--root", inputs / "course"))(folder)


def fetching(asset: Asset) -> LongRun:
    """A download; what a kill leaves half-written has a name of pooch's own and goes after an hour."""
    place = "cache/127.0.0.1/pub/*.bin"
    return LongRun(
        partial(fetch_here, asset),
        lambda folder: {path.name: (written(path), path.read_bytes()) for path in folder.glob(place)},
        files(place),
    )


def fetch_here(asset: Asset, folder: Path) -> None:
    os.environ |= {"INNERVIEW_CACHE": str(folder / "cache"), "NO_PROXY": "127.0.0.1"}
    os.environ.pop("INNERVIEW_MIRROR", None)
    fetch(asset)


def training(_inputs: Path) -> LongRun:
    return LongRun(train_small, steps, trained, grows=True)


SMALL = replace(
    RECIPE, epochs=16, optimizer=Adam(1e-3, weight_decay=0.1), early_stop=EarlyStop("closeness", patience=16),
    snapshots=(0, 0.5, 5, 10),
)  # fmt: skip


def train_small(folder: Path) -> None:
    """Batch statistics, dropout, crops, a validation that draws, the best weights, snapshots; saved all the time."""
    train(
        small_network(), small_samples(), slow_loss, SMALL, validate=Judge(small_network()), folder=folder / "trained",
        checkpoint_seconds=0.01,
    )  # fmt: skip


def slow_loss(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    time.sleep(0.005)
    return cross_entropy(model, images, labels)


def pictures(count: int, size: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(size))


def style_training(_inputs: Path) -> LongRun:
    return LongRun(train_style, steps, trained, opening=0.1, grows=True)


def train_style(folder: Path) -> None:
    """The training of a network of two styles; as `train_style_network` does it, but saved more often."""
    recipe = FastStyleRecipe(
        StyleArchitecture(4, 1, "conditional", ("red", "blue")), content_layers=("blocks.1",),
        style_layers=("blocks.0", "blocks.1"), size=48, batch=2, steps=40,
    )  # fmt: skip
    styles = {"red": pictures(1, 40), "blue": pictures(1, 56).flip(1)}
    loss = FastStyleLoss(load_model(EMBEDDED), styles, recipe)
    torch.manual_seed(0)
    samples = StyledSamples(TensorSamples((pictures(60, 48),), (Flip(),)), loss)
    plan = TrainingRecipe(epochs=1, batch=2, optimizer=Adam(1e-3), seed=0)
    train(StyleNetwork(recipe.architecture), samples, loss, plan, folder=folder / "trained", checkpoint_seconds=0.1)


def generator_training(_inputs: Path) -> LongRun:
    return LongRun(train_generator, steps, trained, opening=0.1, grows=True)


def train_generator(folder: Path) -> None:
    """Two sides with an optimiser of both, a running mean of weights, and judges with spectral norms."""
    torch.manual_seed(0)
    sides = Adversaries(
        Discriminator(load_model(EMBEDDED), ("blocks.1", "blocks.2"), width=8),
        Generator(GeneratorArchitecture(8, (16, 16, 8, 8, 8))),
    )
    plan = TrainingRecipe(epochs=3, batch=4, optimizer=Adam(1e-3, betas=(0.0, 0.99)), seed=1)
    samples = TensorSamples((pictures(32, 64),), (Flip(),))
    train(sides, samples, adversarial_loss, plan, folder=folder / "trained", checkpoint_seconds=0.3)


def features(inputs: Path) -> LongRun:
    return LongRun(partial(cache, inputs / "photos"), rows, files("cached/*"), grows=True)


class Beginning(nn.Module):
    """The network up to a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.network = load_model(EMBEDDED).eval()

    def forward(self, images: Tensor) -> Tensor:
        return activations(self.network, images, ["blocks.4"])["blocks.4"]


def cache(photos: Path, folder: Path) -> None:
    looks = Looks(64, views=8, augmentations=(RandomCrop(56), Flip()))
    cache_features(Beginning().eval(), sorted(photos.rglob("*.png")), folder / "cached", looks, batch=2)
