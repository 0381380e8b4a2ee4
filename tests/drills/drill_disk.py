"""A disk that runs full under every command and call that writes: one line, nothing half-written, nothing lost."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from commanding import command
from running_full import run_full
from small_disk import MARK, UNPRIVILEGED, Disk, may_mount, may_unshare, small_disk
from torch.nn import functional as F

from innerview.core.images import write_image

SMALL = "efficientnet_lite0"
MODEL = ("--model", SMALL)
Arguments = tuple[object, ...]


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of small photographs, on a disk with room."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(12):
        draws = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
        image = F.interpolate(draws, (72, 64), mode="bicubic").clamp(0, 1)
        write_image(folder / "ab"[seed % 2] / f"{seed}.png", image)
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.mark.skipif(may_mount() or not may_unshare(), reason="the others run here, or no namespace can be had")
def test_all_in_a_namespace_of_its_own() -> None:
    """For who is not root: the others are skipped here and run there."""
    options = ["-o", "python_files=drill_*.py", "-p", "no:cacheprovider", __file__]
    command = [*UNPRIVILEGED, "env", f"{MARK}=1", sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


def one_image(name: str, *arguments: object) -> Callable[[Path, Path], Arguments]:
    """Return a command that writes one picture of the first photograph."""
    return lambda photos, out: (name, photos / "a" / "0.png", *arguments, "-o", out / "out.png", *MODEL)


def folder(name: str, *arguments: object, out: str = "out.png") -> Callable[[Path, Path], Arguments]:
    """Return a command about all photographs."""
    return lambda photos, place: (*name.split(), photos, *arguments, "-o", place / out, *MODEL)


def visualize(subject: str, *more: object) -> Callable[[Path, Path], Arguments]:
    return lambda photos, out: (
        "visualize", SMALL, subject.format(photos=photos), "-o", out / "out.png", "--steps", 2, *more
    )  # fmt: skip


LAYERS = ("--content-layers", "blocks.4", "--style-layers", "blocks.1")
COMMANDS: dict[str, Callable[[Path, Path], Arguments]] = {
    "visualize": visualize("channel:blocks.4:3", "--size", 64),
    "visualize sprites": visualize("sprites:blocks.0", "--size", 32),
    "visualize examples": visualize("examples:blocks.4:3:{photos}", "--size", 64),
    "explain": one_image("explain", "--size", 64, "--method", "grad_cam,saliency"),
    "dream": one_image("dream", "--octaves", 3, "--steps", 1),
    "dream zoom": lambda photos, out: (
        "dream", photos / "a" / "0.png", "-o", out / "out.webp", "--octaves", 2, "--steps", 1, "--frames", 3, *MODEL
    ),
    "style": lambda photos, out: (
        "style", photos / "a" / "0.png", photos / "b" / "1.png", "-o", out / "out.png", "--steps", 2, "--size", 64,
        *LAYERS, *MODEL,
    ),
    "texture": one_image("texture", "--layers", "blocks.1,blocks.2", "--steps", 2, "--size", 64, "--sample-size", 64),
    "invert": one_image("invert", "--layer", "blocks.2", "--steps", 2, "--size", 64),
    "attack": lambda photos, out: (
        "attack", photos / "a" / "0.png", photos / "b" / "1.png", "-o", out / "out.png", "--save", out / "saved",
        "--size", 64, "--steps", 2, *MODEL,
    ),
    "fool": lambda _, out: ("fool", "church", "-o", out / "out.png", "--size", 64, "--steps", 2, *MODEL),
    "feature-maps": one_image("feature-maps", "--layer", "blocks.2", "--size", 64),
    "filters": lambda _, out: ("filters", SMALL, "-o", out / "out.png"),
    "patches": folder("patches", "--layer", "blocks.4", "--channel", 3, "--size", 64),
    "neighbors": lambda photos, out: (
        "neighbors", photos / "a" / "0.png", photos, "-o", out / "out.png", "--count", 3, *MODEL
    ),
    "masks": lambda photos, out: (
        "masks", photos / "a" / "0.png", "-o", out / "out.png", "--layer", "blocks.2", "--channel", 3, "--over", photos,
        "--size", 64, *MODEL,
    ),
    "dissect": folder("dissect", "--layer", "blocks.2", "--size", 64, "--batch", 4, out="units"),
    "embed": folder("embed", "--map", "pca", out="map"),
    "atlas": folder(
        "atlas build", "--layer", "blocks.4", "--positions", 4, "--density", 3, "--minimum", 1, "--method", "pca",
        "--size", 32, "--steps", 2, out="atlas",
    ),
    "scouter": folder("scouter train", "--epochs", 2, "--size", 64, out="heads"),
    "generate": lambda _, out: ("generate", "-o", out / "out.png", "--count", 4),
    "dissect-generator": lambda _, out: ("dissect-generator", "--layer", "block16", "-o", out / "units", "--count", 10),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of libraries that the commands use; they are told to the person, not raised
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_on_a_disk_that_runs_full(disk: Disk, photos: Path, name: str) -> None:
    run_full(disk, name, lambda: command(*COMMANDS[name](photos, disk.folder)))
