"""``innerview scouter``: what it trains can be asked, and what is wrong is said in one line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from innerview import cli
from innerview.attribution import load_scouter, scouter_attention
from innerview.core.images import read_image, write_image
from innerview.figures import Explained, heatmaps
from innerview.figures.sheets import rendered

Command = Callable[..., tuple[int, str, str]]
SMALL = ("--model", "efficientnet_lite0", "--layer", "blocks.5", "--size", "64", "--epochs", "8")


@pytest.fixture
def run(invoked: Command) -> Command:
    """Run ``innerview scouter`` here: arguments -> status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        return invoked("scouter", *arguments)

    return run


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes that lie or stand: two classes that any network tells apart."""
    folder, draws = tmp_path_factory.mktemp("stripes"), torch.Generator().manual_seed(0)
    for number in range(14):
        waves = (torch.arange(64) / 3 + 6 * torch.rand((), generator=draws)).sin() / 2 + 0.5
        lying = waves[:, None].expand(64, 64)
        tint = torch.rand(3, 1, 1, generator=draws)
        for name, pattern in (("lying", lying), ("standing", lying.T)):
            write_image(folder / name / f"{number:02}.png", (pattern * tint)[None])
    return folder


@pytest.fixture(scope="module")
def heads(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of trained heads."""
    out = tmp_path_factory.mktemp("trained") / "heads"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["innerview", "scouter", "train", str(photographs), "-o", str(out), *SMALL])
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert not end.value.code
    return out


def test_training_leaves_two_heads_that_tell_the_classes(heads):
    told = json.loads((heads / "scouter.json").read_text())
    assert told["plan"]["labels"] == ["lying", "standing"]
    assert told["plan"]["area_weight"] == 2
    assert told["held_out"] == 2
    assert told["accuracy"] == {"positive": 1.0, "negative": 1.0}
    for kind in ("positive", "negative"):
        assert len((heads / kind / "epochs.csv").read_text().splitlines()) == 1 + 8


def test_the_same_call_again_trains_nothing_and_another_is_refused(heads, photographs, run):
    steps = {path: path.read_text() for path in heads.glob("*/log.jsonl")}
    status, told, _ = run("train", photographs, "-o", heads, *SMALL)
    assert status == 0
    assert "2 classes" in told
    assert "positive 100%, negative 100%" in told
    assert len(steps) == 2
    assert {path: path.read_text() for path in steps} == steps  # with the seconds of the first call
    status, _, err = run("train", photographs, "-o", heads, *SMALL, "--area", "0.4")
    assert status == 2
    assert "another training" in err


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_the_sheet_shows_the_maps_of_the_trained_head(kind, heads, photographs, run, tmp_path):
    out, paths = tmp_path / "why.png", [photographs / "lying" / "03.png", photographs / "standing" / "05.png"]
    options = ["--negative"] if kind == "negative" else []
    status, told, _ = run("explain", heads, *paths, "-o", out, "--target", "all", "--size", "64", *options)
    assert status == 0
    model, panels = load_scouter(heads, kind), []
    for path, own in zip(paths, (0, 1), strict=True):
        photo = read_image(path, 64)
        likely = model(photo).softmax(1)[0].detach()
        assert int(likely.argmax()) == own
        maps = scouter_attention(model, photo.expand(2, -1, -1, -1), [0, 1])
        areas = maps.mean((1, 2)).tolist()
        lines = [line for line in told.splitlines() if line.startswith(str(path))]
        assert [float(line.rpartition(" ")[2]) for line in lines] == pytest.approx(areas, abs=6e-4)
        titles = [line.removeprefix(f"{path}: ") for line in lines]
        panels += [Explained(path.name, photo), *map(Explained, titles, [photo] * 2, maps)]
    expected = rendered(heatmaps(panels, unit="Attention", columns=3))
    with Image.open(out) as picture:
        assert np.array_equal(np.asarray(picture), expected)


def test_the_predicted_class_is_explained_by_default(heads, photographs, run, tmp_path):
    path = photographs / "standing" / "05.png"
    status, told, _ = run("explain", heads, path, "-o", tmp_path / "why.png", "--size", "64")
    assert status == 0
    assert [line.split()[1] for line in told.splitlines() if line.startswith(str(path))] == ["standing"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("train", "{none}", "-o", "{out}", *SMALL), "none"),
        (("train", "{few}", "-o", "{out}", *SMALL), "too few"),
        (("train", "{photographs}", "-o", "{out}", *SMALL[:2], "--layer", "block.5"), "blocks.5"),
        (("explain", "{out}", "{photo}", "-o", "{png}"), "holds no finished training"),
        (("explain", "{heads}", "{photo}", "-o", "{png}", "--target", "leaning"), "no class is called 'leaning'"),
        (("explain", "{heads}", "{photo}", "-o", "{png}", "--target", "2"), "out of range"),
        (("explain", "{heads}", "{none}.png", "-o", "{png}"), "none.png"),
        (("explain", "{heads}", "{photo}", "-o", "{out}.txt"), "txt"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, told, heads, photographs, run, tmp_path):
    for name in ("a", "b"):
        write_image(tmp_path / "few" / name / "0.png", torch.rand(1, 3, 40, 40))
    names = {
        "none": tmp_path / "none", "few": tmp_path / "few", "out": tmp_path / "out", "png": tmp_path / "why.png",
        "photographs": photographs, "photo": photographs / "lying" / "03.png", "heads": heads,
    }  # fmt: skip
    status, _, err = run(*(argument.format(**names) for argument in arguments))
    lines = [line for line in err.splitlines() if line.startswith("innerview:")]
    assert status == 2
    assert len(lines) == 1
    assert told in lines[0]
    assert not (tmp_path / "why.png").exists()
    assert not list(tmp_path.glob("out*"))


def test_a_damaged_folder_is_said(heads, photographs, run, tmp_path):
    (tmp_path / "scouter.json").write_text('{"plan": {"model": "efficientnet_lite0"}}')
    status, _, err = run("explain", tmp_path, photographs / "lying" / "03.png", "-o", tmp_path / "why.png")
    assert status == 2
    assert "does not say what was trained" in err
    (tmp_path / "scouter.json").write_bytes((heads / "scouter.json").read_bytes())
    (tmp_path / "positive").mkdir()
    (tmp_path / "positive" / "state.safetensors").write_bytes(b"cut off")
    status, _, err = run("explain", tmp_path, photographs / "lying" / "03.png", "-o", tmp_path / "why.png")
    assert status == 2
    assert "state.safetensors" in err
