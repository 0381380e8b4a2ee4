"""A small world for fuzzed commands: sound inputs, spoiled ones, and a look at what a command leaves behind."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from course.toy import toy_root
from PIL import Image
from replicate.toy import make_root

EMBEDDED = "efficientnet_lite0"
LAYER = "blocks.4"


@dataclass(frozen=True)
class World:
    """A folder with all that commands read; they run in ``here``."""

    folder: Path

    @property
    def here(self) -> Path:
        return self.folder / "here"

    @property
    def photo(self) -> Path:
        return self.folder / "photo.png"

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def files(self) -> set[Path]:
        """All files, and folders too."""
        return {path for path in self.folder.rglob("*") if "__pycache__" not in path.parts}

    def restore(self, before: set[Path]) -> list[str]:
        """Remove what was not there before, and return its names."""
        new = sorted(self.files() - before)
        for path in new:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return [str(path.relative_to(self.folder)) for path in new]


def make_world(folder: Path) -> World:
    """Fill an empty folder."""
    world = World(folder)
    for name in ("here", "empty", "pictures/cats", "pictures/dogs", "graded"):
        (folder / name).mkdir(parents=True)
    photograph(world.photo, 0, (48, 64))
    for number in range(8):
        photograph(world.pictures / ("cats" if number % 2 else "dogs") / f"{number}.png", number, (40, 40))
    (folder / "text.txt").write_text("no image, no table, no notebook\n", encoding="utf-8")
    (folder / "text.jpg").write_text("no image, whatever it is called\n", encoding="utf-8")
    (folder / "text.safetensors").write_text("no tensors\n", encoding="utf-8")
    (folder / "nothing.png").write_bytes(b"")
    (folder / "cut.png").write_bytes(world.photo.read_bytes()[:200])
    np.save(folder / "short.npy", np.ones(3, dtype=np.float32))
    (folder / "students").mkdir()
    (folder / "students" / "ada.ipynb").write_text("{", encoding="utf-8")
    toy_root(make_root(world.root))
    return world


def photograph(path: Path, seed: int, shape: tuple[int, int]) -> None:
    """Write a smooth picture of its own."""
    draws = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    height, width = shape
    Image.fromarray(draws).resize((width, height), Image.Resampling.BICUBIC).save(path)


Sound = Callable[[World], str]
SOUND: dict[str, Sound] = {
    "model": lambda _: EMBEDDED,
    "subject": lambda _: f"channel:{LAYER}:0",
    "objective": lambda _: f"layer:{LAYER}",
    "to": lambda _: f"channel:{LAYER}:1",
    "layer": lambda _: LAYER,
    "layers": lambda _: LAYER,
    "image": lambda world: str(world.photo),
    "images": lambda world: str(world.photo),
    "content": lambda world: str(world.photo),
    "styles": lambda world: str(world.photo),
    "guide": lambda world: str(world.photo),
    "mask": lambda world: str(world.photo),
    "folder": lambda world: str(world.pictures),
    "over": lambda world: str(world.pictures),
    "imagenet": lambda world: str(world.pictures),
    "network": lambda world: str(world.folder / "text.safetensors"),
    "save": lambda world: str(world.here / "saved"),
    "root": lambda world: str(world.root),
    "out": lambda world: str(world.here / "out.png"),
    "channel": lambda _: "3",
    "channels": lambda _: "1,2",
    "classes": lambda _: "207",
    "class_name": lambda _: "207",
    "target": lambda _: "207",
    "pair": lambda _: "207/281",
    "concept": lambda _: "red",
    "names": lambda _: "texture_pebbles",
    "papers": lambda _: "toy2020",
    "lessons": lambda _: "01_numbers",
    "lesson": lambda _: "1",
    "preset": lambda _: "smoke",
    "settings": lambda _: "count=10",
    "port": lambda _: "8000",
    "device": lambda _: "cpu",
    "seed": lambda _: "0",
    "steps": lambda _: "1",
    "size": lambda _: "32",
    "octaves": lambda _: "1",
    "tile": lambda _: "64",
    "frames": lambda _: "1",
    "jitter": lambda _: "4",
    "sample_size": lambda _: "16",
    "count": lambda _: "2",
    "stages": lambda _: "1",
    "blend": lambda _: "1",
    "content_layers": lambda _: LAYER,
    "style_layers": lambda _: "blocks.1",
    "epochs": lambda _: "1",
    "limit": lambda _: "4",
    "density": lambda _: "2",
    "minimum": lambda _: "1",
    "workers": lambda _: "1",
}
"""Parameter -> a value that is right and soon done."""

OF_COMMAND: dict[tuple[str, str], Sound] = {
    ("atlas build", "images"): lambda world: str(world.pictures),
    ("atlas build", "out"): lambda world: str(world.here / "atlas"),
    ("atlas estimate", "images"): lambda _: "9",
    ("dissect", "out"): lambda world: str(world.here / "units"),
    ("dissect-generator", "out"): lambda world: str(world.here / "units"),
    ("dissect-generator", "layer"): lambda _: "block8",
    ("dissect-generator", "count"): lambda _: "10",
    ("embed", "out"): lambda world: str(world.here / "map"),
    ("replicate", "out"): lambda world: str(world.here / "results"),
    ("scouter train", "out"): lambda world: str(world.here / "scouter"),
    ("scouter explain", "folder"): lambda world: str(world.folder / "empty"),
    ("course release", "out"): lambda world: str(world.here / "released"),
    ("course grade", "out"): lambda world: str(world.folder / "graded"),
    ("course grade", "folder"): lambda world: str(world.folder / "students"),
    ("feature-maps", "count"): lambda _: "2",
    ("generate", "classes"): lambda _: "207",
}
"""Where a parameter of one command is something else."""

ALWAYS = {
    "model",
    "steps",
    "size",
    "octaves",
    "tile",
    "sample_size",
    "count",
    "device",
    "root",
    "epochs",
    "density",
    "content_layers",
    "style_layers",
}
"""Given also where they could be left out: their defaults take too long, or read this repository."""

SLOW = {"atlas build", "atlas estimate", "scouter train", "replicate", "book build", "book serve", "atlas explore",
        "course run", "course check", "course grade", "course release"}  # fmt: skip
"""Take seconds, serve for ever, or open a browser when all is right: at least one of their arguments is surely bad."""


def sound(world: World, command: str, parameter: str) -> str:
    """Return a right value of a parameter."""
    make = OF_COMMAND.get((command, parameter)) or SOUND.get(parameter)
    if make is None:
        raise LookupError(f"`{command}` takes {parameter}; say in tests/drills/world.py what is right for it")
    return make(world)
