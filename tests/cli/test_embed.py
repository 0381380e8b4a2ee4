"""``innerview embed`` and ``innerview neighbors``: what they leave, say, and refuse."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from innerview.core.images import read_image, write_image
from innerview.embedding import features, grid_assignment, neighbor_purity, pca_map, pixel_vectors, trustworthiness

MODEL = ("--model", "efficientnet_lite0")
EACH = 4
CLASSES = {"dark": 0.1, "light": 0.9, "red": 0.5}
Command = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three folders of noise around a colour each."""
    folder, draws = tmp_path_factory.mktemp("photos"), torch.Generator().manual_seed(0)
    for name, level in CLASSES.items():
        for number in range(EACH):
            noise = torch.rand(1, 3, 40, 48, generator=draws) * 0.2 - 0.1
            color = torch.tensor([0.9, 0.1, 0.1] if name == "red" else [level] * 3)[None, :, None, None]
            write_image(folder / name / f"{number}.png", (color + noise).clamp(0, 1))
    return folder


def contents(out: Path) -> dict[str, object]:
    text = (out / "explorer" / "data" / "contents.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix('receive("contents", ').removesuffix(");\n"))


def test_all_that_is_left(command: Command, embedded: torch.nn.Module, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, told, said = command("embed", folder, "-o", out, "--map", "pca", "--grid", *MODEL)
    assert (status, said) == (0, [])
    assert told.splitlines()[-1] == str(out / "explorer" / "index.html")
    paths = sorted(folder.rglob("*.png"))
    vectors = features(embedded, paths).vectors
    points = pca_map(vectors)
    cells = grid_assignment(points)
    with safe_open(out / "features.safetensors", "pt") as file:
        assert json.loads(file.metadata()["paths"]) == list(map(str, paths))
        torch.testing.assert_close(file.get_tensor("features"), vectors)
        torch.testing.assert_close(file.get_tensor("map"), points, atol=1e-5, rtol=0)
        assert torch.equal(file.get_tensor("cells"), cells)
    numbers, labels = json.loads((out / "numbers.json").read_text()), [path.parent.name for path in paths]
    assert (numbers["model"], numbers["layer"], numbers["images"], numbers["skipped"]) == (MODEL[1], "pool", 12, 0)
    assert numbers["neighbors"] == 5
    assert numbers["purity_features"] == pytest.approx(float(neighbor_purity(vectors, labels, 5).mean()))
    pixels = pixel_vectors(paths).vectors
    assert numbers["purity_pixels"] == pytest.approx(float(neighbor_purity(pixels, labels, 5, "euclidean").mean()))
    assert numbers["trustworthiness_map"] == pytest.approx(trustworthiness(vectors, points, 5), abs=1e-5)
    assert contents(out)["labels"] == sorted(CLASSES)
    picture = np.asarray(Image.open(out / "map.png"))
    assert picture.shape == (256, 256, 3)
    for path, (row, column) in zip(paths, cells.tolist(), strict=True):
        mean = picture[row * 64 : row * 64 + 64, column * 64 : column * 64 + 64].mean((0, 1))
        wanted = read_image(path)[0, :, :, 4:44].mean((1, 2)).numpy() * 255
        assert np.abs(mean - wanted).max() < 2


def test_a_second_call_computes_nothing_and_a_bad_file_is_told_once(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for number, path in enumerate(sorted(folder.rglob("*.png"))[:7]):
        (photos / f"{number}.png").write_bytes(path.read_bytes())
    (photos / "3.png").write_bytes(b"no image")
    status, _, said = command("embed", photos, "-o", out, *MODEL)
    assert (status, len(said)) == (0, 1)
    assert "skipped 1 of 7 files" in said[0]
    numbers = json.loads((out / "numbers.json").read_text())
    assert (numbers["images"], numbers["skipped"]) == (6, 1)
    assert not any(name.startswith("purity") for name in numbers)  # no folders, no classes
    assert contents(out)["labels"] == ["photos"]
    before = {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    assert command("embed", photos, "-o", out, *MODEL)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()} == before


def test_neighbors_in_both_spaces(command: Command, embedded: torch.nn.Module, folder: Path, tmp_path: Path) -> None:
    image, others = folder / "red" / "1.png", sorted(folder.rglob("*.png"))
    others.remove(image)
    status, told, said = command("neighbors", image, folder, "-o", tmp_path / "near.png", "--count", 3, *MODEL)
    assert (status, said) == (0, [])
    query, found = features(embedded, [image]).vectors, features(embedded, others).vectors
    ranked = (1 - torch.nn.functional.cosine_similarity(query, found)).argsort()[:3].tolist()
    assert [line.split(" ", 1)[1] for line in told.splitlines()[:3]] == [str(others[place]) for place in ranked]
    assert command("neighbors", image, folder, "-o", tmp_path / "pixels.png", "--count", 3, "--space", "pixels")[0] == 0
    height, width = np.asarray(Image.open(tmp_path / "near.png")).shape[:2]
    assert width == 4 * 224 + 3 * 16
    assert 224 < height < 320
    assert sorted(path.name for path in tmp_path.iterdir()) == ["near.png", "pixels.png"]


WRONG = {
    ("--map", "tsna"): "--map 'tsna' is unknown; near ones: tsne",
    ("--perplexity", "4"): "12 images are too few for --perplexity 4; 3.3 is the largest",
    ("--map", "umap", "--neighbors", "13"): "12 images have no 13 neighbours each; lower --neighbors",
    ("--layer", "blocks.99"): "has no layer 'blocks.99'",
}


@pytest.mark.parametrize("options", WRONG)
def test_maps_that_cannot_be(command: Command, folder: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    status, told, said = command("embed", folder, "-o", tmp_path / "out", *MODEL, *options)
    assert (status, told, len(said)) == (2, "", 1)
    assert WRONG[options] in said[0]
    assert not (tmp_path / "out").exists()


def test_folders_with_too_few_images(command: Command, folder: Path, tmp_path: Path) -> None:
    few = folder / "red"
    status, _, said = command("embed", few, "-o", tmp_path / "out", *MODEL)
    assert (status, said) == (2, ["innerview: a map needs at least 5 images, not 4"])
    status, _, said = command("neighbors", few / "0.png", few, "-o", tmp_path / "near.png", "--count", 4)
    assert status == 2
    assert "holds 3 other images; 4 neighbours cannot be shown, lower --count" in said[0]
    status, _, said = command("neighbors", few / "0.png", few, "-o", tmp_path / "near.png", "--space", "feelings")
    assert "--space 'feelings' is unknown; choose features or pixels" in said[0]
    assert list(tmp_path.iterdir()) == []
