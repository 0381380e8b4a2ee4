"""``innerview atlas``: what it leaves, what it does a second time, and what is wrong, said before the work begins."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

MODEL = ("--model", "efficientnet_lite0")
FAST = (*MODEL, "--layer", "blocks.10", "--method", "pca", "--size", 32, "--steps", 2)
TINY = (*FAST, "--positions", 4, "--density", 2, "--density", 4, "--minimum", 1, "--class-density", 1)
IMAGES = 8
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(invoked: Command) -> Command:
    """Run the command here: arguments -> status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status, told, err = invoked("atlas", *arguments)
        return status, told, err.replace("\r", "\n")

    return run


def said(err: str) -> list[str]:
    """Return what the command says on the standard error beside its progress."""
    return [line for line in err.splitlines() if line.startswith("innerview: ")]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for seed in range(IMAGES):
        noise = gaussian_filter(np.random.default_rng(seed).normal(size=(90, 110, 3)), (1 + seed, 1 + seed, 0))
        pixels = (128 + 60 * noise / noise.std()).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.jpg")
    return folder


def contents(out: Path) -> dict[str, Any]:
    """Return what the explorer says of itself."""
    text = (out / "explorer" / "data" / "contents.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix('receive("contents", ').removesuffix(");\n"))


def written(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("parts/*")}


def test_an_explorer_with_classes_and_pairs_and_again(run: Command, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "atlas"
    views = ("--class", 645, "--class", "container ship", "--pair", "maypole/wool")
    status, told, err = run("build", images, "-o", out, *TINY, *views)
    assert (status, said(err)) == (0, [])
    assert told.strip() == str(out.resolve() / "explorer" / "index.html")
    sheets = contents(out)["sheets"]
    assert [(one["title"], one["group"], one["densities"]) for one in sheets] == [
        ("blocks.10", "Layers", [2, 4]),
        ("Maypole", "Classes", [1]),
        ("Container ship", "Classes", [1]),
        ("Wool (left) and maypole (right)", "Two classes", [1]),
    ]
    assert "Activation atlas of efficientnet_lite0, 8 images" in Path(told.strip()).read_text(encoding="utf-8")
    before = written(out)
    assert len(before) > 5
    assert run("build", images, "-o", out, *TINY, *views)[0] == 0
    assert written(out) == before
    more = ("--seed", 1)
    assert run("build", images, "-o", out, *TINY, *more)[0] == 0
    assert before.items() <= written(out).items()
    assert len(contents(out)["sheets"]) == 1


def test_only_some_images(run: Command, images: Path, tmp_path: Path) -> None:
    assert run("build", images, "-o", tmp_path, *TINY, "--limit", 4, "--positions", 5)[0] == 0
    assert "4 images" in (tmp_path / "explorer" / "index.html").read_text(encoding="utf-8")


def test_workers_make_the_same_explorer(run: Command, images: Path, tmp_path: Path) -> None:
    made = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert run("build", images, "-o", out, *TINY, "--workers", workers)[0] == 0
        made.append({str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert made[0] == made[1]


def test_an_image_that_cannot_be_read_is_told_once(run: Command, images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for path in images.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "3.jpg").write_bytes(b"no image")
    status, _, err = run("build", folder, "-o", tmp_path / "out", *TINY)
    assert status == 0
    assert len(said(err)) == 1
    assert "skipped 1 of 8 images; the first:" in said(err)[0]


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A browser that notes what it is asked to open."""
    script, seen = tmp_path / "browser.sh", tmp_path / "seen"
    script.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{seen}"\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    return seen


@pytest.mark.parametrize("inside", ["explorer", ""])
def test_explore_opens_the_page(run: Command, browser: Path, tmp_path: Path, inside: str) -> None:
    """Of what `build` wrote, and of an explorer itself."""
    import webbrowser  # noqa: PLC0415  (it reads the environment when it is first used)

    webbrowser._tryorder = None  # pyright: ignore[reportAttributeAccessIssue]
    page = tmp_path / "an atlas" / inside / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("<html></html>")
    status, told, err = run("explore", tmp_path / "an atlas")
    assert (status, err) == (0, "")
    assert told.strip() == str(page)
    assert browser.read_text() == page.as_uri()


def test_nothing_to_explore(run: Command, tmp_path: Path) -> None:
    status, _, err = run("explore", tmp_path)
    assert status == 2
    assert said(err) == err.splitlines()
    assert f"{tmp_path} holds no explorer; `innerview atlas build IMAGES -o {tmp_path}` makes one" in err


def test_estimate_prints_a_table(run: Command, images: Path) -> None:
    status, told, err = run("estimate", images, *FAST, "--images", 1_000_000, "--density", 20, "--density", 40)
    assert (status, said(err)) == (0, [])
    first, heads, *rows = told.splitlines()
    assert first == "efficientnet_lite0, blocks.10: 1,000,000 images, measured with one thread on cpu"
    assert heads.split() == ["1", "worker", "8", "workers"]
    names = [row[:32].strip() for row in rows]
    assert names == [
        "collecting",
        "layout",
        "icons of 20x20, 360 cells",
        "icons of 40x40, 1,440 cells",
        "in all",
        "on disk",
        "memory of the layout",
    ]
    hours = {
        name: [_hours(one) for one in re.findall(r"[\d.]+ (?:h|min)", row)]
        for name, row in zip(names, rows, strict=True)
    }
    assert hours["collecting"][0] == pytest.approx(8 * hours["collecting"][1], rel=0.1)
    assert hours["layout"][0] == hours["layout"][1]
    assert hours["in all"][0] > hours["in all"][1] > 0
    assert re.search(r"[\d.]+ GiB$", rows[-1])


def _hours(span: str) -> float:
    number, unit = span.split()
    return float(number) / (60 if unit == "min" else 1)


def test_estimate_for_one_worker_and_the_images_at_hand(run: Command, images: Path) -> None:
    status, told, _ = run("estimate", images, *FAST, "--workers", 1, "--minimum", 1)
    assert status == 0
    assert "8 images" in told
    assert "worker" in told
    assert "workers" not in told


WRONG: dict[str, tuple[tuple[object, ...], str]] = {
    "layer": (("--layer", "blocks.99"), "has no layer 'blocks.99'"),
    "layer without rows": (("--layer", "fc"), "no rows and columns"),
    "one layer of two": (("--layer", "blocks.1", "--layer", "blocks.99"), "has no layer 'blocks.99'"),
    "one layer twice": (("--layer", "blocks.10"), "layer 'blocks.10' is named twice"),
    "class": (("--class", "unicorn pony"), "no class is called 'unicorn pony'"),
    "class out of range": (("--class", 1000), "class index 1000 is out of range; it runs from 0 to 999"),
    "one class twice": (("--class", 3, "--class", "3"), "class 3 is named twice"),
    "ambiguous class": (("--class", "terrier"), "class name 'terrier' is ambiguous: "),
    "pair without slash": (("--pair", "snorkel"), "a pair is FIRST/SECOND, such as snorkel/scuba, not 'snorkel'"),
    "pair of one": (("--pair", "3/3"), "two classes are compared, not class 3 with itself"),
    "densities": (
        ("--density", 2, "--density", 3),
        "zooms by doubling; give densities that do, such as 10, 20, 40, not (2, 3)",
    ),
    "method": (("--method", "som"), "there is no layout 'som'; choose umap, tsne, pca"),
    "too few activations": (("--density", 6), "8 images: too few activations (32) for the 36 cells of 6x6"),
    "too many positions": (("--positions", 500), "fewer than the 500 to collect from each image"),
    "device": (("--device", "abacus"), "unknown device 'abacus'"),
    "model": (("--model", "googlenot"), "googlenot"),
}
BASE = (*MODEL, "--method", "pca", "--size", 32, "--steps", 2, "--positions", 4, "--minimum", 1)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_line_before_anything_is_collected(
    run: Command, images: Path, tmp_path: Path, name: str
) -> None:
    wrong, says = WRONG[name]
    layer = () if "--layer" in wrong and "twice" not in name else ("--layer", "blocks.10")
    density = () if "--density" in wrong else ("--density", 2)
    status, told, err = run("build", images, "-o", tmp_path / "out", *BASE, *layer, *density, *wrong)
    assert (status, told) == (2, "")
    assert said(err) == err.strip().splitlines()
    assert len(said(err)) == 1
    assert says in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--workers", 0), ("--tries", 0), ("--density", 0), ("--size", 8), ("--limit", 0)]
)
def test_numbers_out_of_range(run: Command, images: Path, tmp_path: Path, option: str, value: int) -> None:
    status, _, err = run("build", images, "-o", tmp_path / "out", *MODEL, option, value)
    assert status == 2
    assert f"Invalid value for '{option}'" in err.strip().splitlines()[-1]


@pytest.mark.parametrize("command", ["build", "estimate"])
@pytest.mark.parametrize(("made", "says"), [(False, "is no folder; give one"), (True, "no image below")])
def test_folders_without_images(run: Command, tmp_path: Path, command: str, made: bool, says: str) -> None:
    folder = tmp_path / "images"
    if made:
        folder.mkdir()
        (folder / "notes.txt").write_text("nothing")
    out = ("-o", tmp_path / "out") if command == "build" else ()
    status, told, err = run(command, folder, *out, *MODEL)
    assert (status, told) == (2, "")
    assert len(said(err)) == 1
    assert str(folder) in err
    assert says in err


def test_a_place_that_cannot_be_written(run: Command, images: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    status, _, err = run("build", images, "-o", tmp_path / "file", *TINY)
    assert status == 2
    assert said(err) == err.strip().splitlines()
    assert "is a file, not a folder" in err


def test_classes_with_too_few_activations_are_said_before_the_icons(run: Command, images: Path, tmp_path: Path) -> None:
    status, _, err = run("build", images, "-o", tmp_path, *FAST, "--density", 2, "--minimum", 1, "--class", 645)
    assert status == 2
    assert "Maypole: " in said(err)[-1]
    assert "for the 64 cells of 8x8; collect more, or lower the density" in said(err)[-1]
    assert not list(tmp_path.glob("parts/icons-*"))
