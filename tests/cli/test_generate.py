"""``innerview generate``, and ``visualize`` with a generator: what they write and what they refuse."""

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from innerview.cli import app
from innerview.core.errors import InnerviewError
from innerview.core.images import to_array
from innerview.synthesis import load_generator

SMALL = "efficientnet_lite0"


def said(*arguments, code=0):
    found = CliRunner().invoke(app, [str(one) for one in arguments])
    if found.exception and not isinstance(found.exception, SystemExit | InnerviewError):
        raise found.exception
    told = str(found.exception) if isinstance(found.exception, InnerviewError) else found.output
    assert (found.exit_code != 0) is (code != 0), told
    return told


@pytest.mark.parametrize("name", ["gan", "vae"])
def test_random_images_are_the_generators(tmp_path, name):
    out = tmp_path / "random.png"
    assert "8 random images" in said("generate", "--generator", name, "--count", 8, "--seed", 3, "-o", out)
    made = load_generator(name)
    with torch.no_grad():
        expected = to_array(made(made.sample(8, 3)))
    with Image.open(out) as file:
        pixels = np.asarray(file)
    assert pixels.shape[1] >= 8 * 64
    tiles = [pixels[:64, start : start + 64] for start in range(pixels.shape[1] - 63)]
    for image in expected:
        assert min(np.abs(tile.astype(int) - image).max() for tile in tiles) <= 1


def test_classes_are_sampled_and_told(tmp_path):
    out = tmp_path / "classes.png"
    told = said("generate", "church", "tench", "--model", SMALL, "--count", 2, "--steps", 3, "-o", out)
    lines = [line.strip().split(", ")[0] for line in told.splitlines() if str(out) in line]
    assert lines == [f"{out}: church", f"{out}: tench"]
    with Image.open(out) as file:
        assert file.size[0] >= 256


def test_a_unit_is_visualized_under_a_generator(tmp_path):
    out = tmp_path / "prior.png"
    told = said("visualize", SMALL, "class:church", "--parameterization", "gan", "--transforms", "none", "--steps", 2,
                "--size", 64, "-o", out)  # fmt: skip
    assert "class_logit(church)" in told
    with Image.open(out) as file:
        assert file.size == (64, 64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--generator", "gun"], "no generator is called 'gun'"),
        (["--generator", "none.safetensors"], "none.safetensors holds no generator"),
        (["nonesuch", "--model", SMALL], "nonesuch"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(tmp_path, arguments, message):
    out = tmp_path / "none.png"
    told = said("generate", *arguments, "-o", out, code=2)
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert not out.exists()


def test_a_generator_is_dissected_and_switched(tmp_path):
    out = tmp_path / "units"
    told = said("dissect-generator", "--layer", "block16", "--concept", "blue", "--count", 20, "--units", 4, "-o", out)
    rows = (out / "units.csv").read_text().splitlines()
    assert rows[0] == "unit,concept,category,iou,threshold"
    assert len(rows) == 65
    with Image.open(out / "switched.png") as file:
        assert file.size[0] > 8 * 128
    before, after = (float(part.split("%")[0]) for part in told.splitlines()[-1].removeprefix("blue: ").split(", "))
    assert after < before / 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layer", "block17"], "block16"),
        (["--layer", "block16", "--concept", "bleu"], "no concept is called 'bleu'; near ones: blue"),
        (["--layer", "block16", "--generator", "gun"], "no generator is called"),
    ],
)
def test_what_cannot_be_dissected_is_one_line(tmp_path, arguments, message):
    told = said("dissect-generator", *arguments, "--count", 10, "-o", tmp_path / "units", code=2)
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.*"))
