"""``innerview dissect`` and ``innerview masks``: the table holds what is measured, pictures what is marked."""

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from innerview.cli.dissect import write_table
from innerview.core.folders import image_paths
from innerview.core.images import read_image, write_image
from innerview.dissection import (
    JoinedConcepts,
    Pictures,
    PixelConcepts,
    dissect,
    lit,
    read_mask_folders,
    threshold_masks,
    unit_examples,
    unit_thresholds,
)
from innerview.figures import Marked, outlines, panels
from innerview.figures.sheets import rendered
from innerview.models import activations

EMBEDDED = "efficientnet_lite0"
LAYER = "blocks.2"
Command = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def run(command: Command) -> Command:
    """Run the command here: arguments -> status, standard output, what it says on the standard error."""

    def run(name: str, *arguments: object, layer: str = LAYER) -> tuple[int, str, list[str]]:
        options = ["--model", EMBEDDED, "--size", "64", "--layer", layer]
        return command(name, *arguments, *options)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(6):
        draws = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
        large = F.interpolate(draws, (64, 80), mode="bicubic").clamp(0, 1)
        write_image(tmp_path / "photos" / f"photo{seed}.png", large)
    return tmp_path / "photos"


def write_mask(path: Path, size: tuple[int, int] = (80, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros(size[::-1], np.uint8)
    mask[10:50, 20:60] = 255
    Image.fromarray(mask).save(path)


def test_the_table_holds_the_dissection(run, folder, tmp_path, embedded):
    write_mask(tmp_path / "masks" / "shape" / "middle" / "photo1.png")
    out = tmp_path / "out"
    concepts = f"pixels,masks:{tmp_path / 'masks'}"
    status, told, lines = run("dissect", folder, "--concepts", concepts, "-o", out, "--quantile", 0.05, "--units", 3)
    assert (status, lines) == (0, [])
    paths = image_paths(folder)
    sets = JoinedConcepts((PixelConcepts(), read_mask_folders(tmp_path / "masks", paths)))
    found = dissect(embedded, Pictures(paths, 64), LAYER, sets, quantile=0.05)
    with (out / "units.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["unit", "concept", "category", "iou", "threshold"]
    assert [row["concept"] for row in rows] == [found.names[number] for number in found.best]
    assert [float(row["iou"]) for row in rows] == pytest.approx(found.best_iou, abs=1e-6)
    assert [float(row["threshold"]) for row in rows] == pytest.approx(found.thresholds, rel=1e-5)
    assert f"{len(found.detectors)} of {len(rows)} units of {LAYER} detect a concept" in told
    assert sorted(path.name for path in out.iterdir()) == ["units.csv", "units.png"]


def test_the_sheet_shows_the_best_units(run, folder, tmp_path, embedded):
    out = tmp_path / "out"
    assert run("dissect", folder, "-o", out, "--quantile", 0.05, "--units", 2)[0] == 0
    pictures = Pictures(image_paths(folder), 64)
    found = dissect(embedded, pictures, LAYER, PixelConcepts(), quantile=0.05)
    marked = []
    for unit in found.ranked()[:2]:
        images, masks = unit_examples(embedded, pictures, found, unit, 4)
        titles = [f"{unit}: {found.names[found.best[unit]]}", f"IoU {found.best_iou[unit]:.3f}", "", ""]
        marked += [
            Marked(title, image[None], masks={"above the unit's threshold": mask})
            for title, image, mask in zip(titles, images, masks, strict=True)
        ]
    with Image.open(out / "units.png") as drawn:
        assert np.array_equal(np.asarray(drawn), rendered(outlines(marked, columns=4)))


def test_broden_brings_its_own_images(run, folder, tmp_path):
    root = tmp_path / "broden"
    (root / "images").mkdir(parents=True)
    for path in image_paths(folder)[:2]:
        write_image(root / "images" / path.name, read_image(path, (64, 64)))
    labels = np.zeros((32, 32, 3), np.uint8)
    labels[4:20, 8:20, 0] = 7
    Image.fromarray(labels).save(root / "images" / "labels.png")
    (root / "label.csv").write_text("number,name,category\n7,thing,object(1)\n")
    head = "image,split,ih,iw,sh,sw,object\n"
    (root / "index.csv").write_text(head + "".join(f"photo{n}.png,val,64,64,32,32,labels.png\n" for n in (0, 1)))
    out = tmp_path / "out"
    status, _, lines = run("dissect", "--concepts", f"broden:{root}", "-o", out, "--quantile", 0.2)
    assert (status, lines) == (0, [])
    assert "thing,object," in (out / "units.csv").read_text()
    status, _, lines = run("dissect", folder, "--concepts", f"broden:{root}", "-o", out)
    assert status == 2
    assert "brings its own images" in lines[0]


def test_masks_show_what_one_channel_marks(run, folder, tmp_path, embedded):
    first, second = image_paths(folder)[:2]
    out = tmp_path / "masks.png"
    status, told, lines = run("masks", first, second, "--channel", 3, "--over", folder, "-o", out, "--quantile", 0.1)
    assert (status, lines) == (0, [])
    threshold = unit_thresholds(embedded, Pictures(image_paths(folder), 64), LAYER, 0.1)[[3]]
    assert f"channel 3 of {LAYER} above {float(threshold):.4g}" in told
    shown = {}
    for path in (first, second):
        photo = read_image(path, 64)
        maps = activations(embedded, photo, LAYER)[LAYER][:, [3]]
        mask = threshold_masks(maps, threshold, (64, 80))[:, 0]
        shown[f"{path.name}: {float(mask.float().mean()):.1%}" + " " * len(shown)] = lit(photo, mask)
    with Image.open(out) as drawn:
        assert np.array_equal(np.asarray(drawn), rendered(panels(shown, columns=2)))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--concepts", "pixel"], "'pixel' cannot be read; near ones: pixels; write pixels, masks:DIR or broden:DIR"),
        (["--concepts", "masks"], "cannot be read"),
        (["--concepts", "pixels:x"], "cannot be read"),
        (["--concepts", "masks:/nowhere"], "/nowhere is no folder"),
        (["--concepts", "broden:/nowhere"], "holds Broden's tables"),
        (["--concepts", "pixels,pixels"], "two sets have a concept 'black'"),
        (["--quantile", "0"], "the quantile is a share"),
        (["--minimum-iou", "2"], "makes no detectors"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, folder, tmp_path, options, says):
    status, _, lines = run("dissect", folder, "-o", tmp_path / "out", *options)
    assert status == 2
    assert len(lines) == 1
    assert says in lines[0]
    assert not (tmp_path / "out" / "units.csv").exists()


def test_other_wrongs(run, folder, tmp_path):
    out = tmp_path / "out"
    for arguments, layer, says in [
        ([folder, "-o", out], "blocks.99", "no layer 'blocks.99'"),
        ([folder, "-o", out], "fc", "no rows and columns"),
        ([tmp_path / "none", "-o", out], LAYER, "is no folder"),
        (["-o", out], LAYER, "or a folder of images"),
    ]:
        status, _, lines = run("dissect", *arguments, layer=layer)
        assert status == 2
        assert says in lines[0]
    write_mask(tmp_path / "masks" / "middle" / "photo1.png", (64, 64))
    status, _, lines = run("dissect", folder, "-o", out, "--concepts", f"masks:{tmp_path / 'masks'}")
    assert status == 2
    assert "photo1.png is 64x64 pixels, its image 64x80" in lines[0]
    photo = image_paths(folder)[0]
    status, _, lines = run("masks", photo, "--channel", 999, "--over", folder, "-o", tmp_path / "a.png")
    assert status == 2
    assert "999 is out of range" in lines[0]
    status, _, lines = run("masks", photo, "--channel", 1, "--over", folder, "-o", tmp_path / "a.txt")
    assert status == 2
    assert "picture format" in lines[0]
    assert not list(out.glob("*.csv"))
    assert not list(tmp_path.glob("a.*"))


def test_no_name_of_a_concept_is_a_formula_of_the_table(tmp_path):
    row = {"unit": 0, "concept": "=HYPERLINK(1)", "category": "@SUM(A1)", "iou": 0.5, "threshold": -1.0}
    write_table(tmp_path / "units.csv", cast("Any", SimpleNamespace(rows=lambda: [row])))
    with (tmp_path / "units.csv").open(newline="") as file:
        assert [*csv.reader(file)][1] == ["0", "'=HYPERLINK(1)", "'@SUM(A1)", "0.500000", "-1"]
