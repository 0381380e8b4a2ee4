"""``innerview attack`` and ``fool``: the sheet and the files hold what the library makes; what is wrong is said."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from innerview.adversarial import Attack, AwayFrom, Towards, attack_named, deepfool, distances, fooling_images
from innerview.core.images import read_image, to_array, write_image
from innerview.figures.changes import amplified
from innerview.models import class_labels

MODEL = "efficientnet_lite0"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(invoked: Command) -> Command:
    """Run a command here: what to work on, file and options -> status, standard output, standard error."""

    def run(command: str, given: Sequence[object], out: Path, *options: object) -> tuple[int, str, str]:
        small = ["--size", "64"] if command == "attack" or "--size" not in options else []
        model = [] if "--model" in options else ["--model", MODEL]
        return invoked(command, *given, "-o", out, *small, *model, *options)

    return run


def photograph(path: Path, height: int, width: int, seed: int) -> Path:
    draws = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    write_image(path, F.interpolate(draws, (height, width), mode="bicubic").clamp(0, 1))
    return path


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    (tmp_path / "photos").mkdir()
    return [
        photograph(tmp_path / "photos" / "garden.png", 72, 96, 0),
        photograph(tmp_path / "photos" / "a.png", 64, 64, 1),
    ]


def holds(sheet: Path, picture: np.ndarray) -> bool:
    """Tell whether a picture lies somewhere on a sheet, pixel for pixel."""
    whole = np.asarray(Image.open(sheet).convert("RGB"))
    height, width = picture.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(whole, (height, width, 3))[:, :, 0]
    corners = np.argwhere((windows[:, :, 0, 0] == picture[0, 0]).all(-1))
    return any((windows[row, column] == picture).all() for row, column in corners)


def test_the_sheet_holds_image_change_and_result(run: Command, photos: list[Path], tmp_path: Path, embedded: nn.Module):
    status, told, err = run("attack", photos, tmp_path / "out.png", "--epsilon", "6/255", "--steps", 3, "--seed", 2)
    assert (status, err) == (0, "")
    lines = told.splitlines()
    assert len(lines) == 2
    for path, line in zip(photos, lines, strict=True):
        image = read_image(path, 64)
        changed = attack_named("pgd", steps=3, seed=2)(embedded, image, AwayFrom(), 6 / 255)
        assert holds(tmp_path / "out.png", to_array(image)[0])
        assert holds(tmp_path / "out.png", to_array(changed.images)[0])
        assert holds(tmp_path / "out.png", amplified(image, changed.images)[0])
        assert line.startswith(f"{path}: {MODEL}, pgd within 0.0235 (linf): ")
        names = [class_labels(embedded)[int(index)].split(",")[0] for index in (changed.before, changed.after)]
        assert all(name in line for name in names)
        assert "at most 6 of 255 levels" in line


def test_a_target_is_led_to_and_l2_is_another_ball(run: Command, photos: list[Path], tmp_path: Path, embedded):
    out, options = tmp_path / "out.png", ("--norm", "l2", "--epsilon", 2, "--steps", 4, "--target", "goldfish")
    status, told, _ = run("attack", photos[:1], out, *options, "--method", "iterative")
    assert status == 0
    image = read_image(photos[0], 64)
    found = attack_named("iterative", "l2", 4)(embedded, image, Towards("goldfish"), 2.0)
    assert holds(out, to_array(found.images)[0])
    assert f"l2 {float(distances(image, found.images, 'l2')):.3g}" in told
    assert ("-> goldfish" in told) == bool(found.success)
    assert ("not what was wanted" in told) != bool(found.success)


def test_saved_files_hold_levels_in_the_ball_and_it_is_told_what_is_seen_in_them(
    run: Command, photos: list[Path], tmp_path: Path, embedded: nn.Module
):
    status, told, _ = run("attack", photos, tmp_path / "out.png", "--method", "fgsm", "--save", tmp_path / "new" / "er")
    assert status == 0
    for path, line in zip(photos, told.splitlines()[2:], strict=True):
        file = tmp_path / "new" / "er" / f"{path.stem}-fgsm.png"
        image, saved = read_image(path, 64), read_image(file)
        assert float(distances(image, saved)) == pytest.approx(8 / 255, abs=1e-7)
        seen = class_labels(embedded)[int(embedded(saved).argmax())].split(",")[0]
        assert line.startswith(f"{file}: rounded to 8 bits, ")
        assert seen in line
    assert sorted(file.name for file in (tmp_path / "new" / "er").iterdir()) == ["a-fgsm.png", "garden-fgsm.png"]


def test_rounding_may_undo_deepfool_and_then_says_so(run: Command, photos: list[Path], tmp_path: Path, embedded):
    status, told, _ = run("attack", photos[:1], tmp_path / "out.png", "--method", "deepfool", "--save", tmp_path)
    assert status == 0
    image = read_image(photos[0], 64)
    found = deepfool(embedded, image)
    assert holds(tmp_path / "out.png", to_array(found.images)[0])
    saved = read_image(tmp_path / "garden-deepfool.png")
    undone = int(embedded(saved).argmax()) != int(found.after)
    assert ("rounding changed what is seen" in told) == undone
    assert float(distances(found.images, saved)) <= 0.5 / 255 + 1e-6


def test_fool_makes_images_of_each_class(run: Command, tmp_path: Path, embedded: nn.Module):
    out = tmp_path / "out.png"
    status, told, err = run("fool", ["goldfish", "407"], out, "--steps", 4, "--epsilon", "0.1", "--start", "grey")
    assert (status, err) == (0, "")
    attack = Attack(0.1, 4, 1 / 255, None)
    found = fooling_images(embedded, ["goldfish", 407], start="grey", size=64, attack=attack)
    for image in found.images.split(1):
        assert holds(out, to_array(image)[0])
    assert [line.split(", ")[1].split()[0] for line in told.splitlines()] == ["goldfish", "407"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--epsilon", "8"], "epsilon must lie in [0, 1], the range of the images' values, not 8.0"),
        (["--epsilon", "-0.1"], "epsilon must lie in [0, 1]"),
        (["--epsilon", "nan"], "epsilon 'nan' is no number; write such as 8/255 or 0.03"),
        (["--epsilon", "1/0"], "epsilon '1/0' is no number"),
        (["--epsilon", "1e9", "--norm", "l2"], "under l2 epsilon must lie in [0, "),
        (["--norm", "l1"], "no norm is called 'l1'; choose one of linf, l2"),
        (["--method", "deepfol"], "no method is called 'deepfol'; near ones: deepfool; choose one of fgsm"),
        (["--method", "deepfool", "--epsilon", "0.1"], "leave --epsilon out"),
        (["--method", "deepfool", "--norm", "linf"], "leave --norm out"),
        (["--method", "deepfool", "--target", "cat"], "leave --target out"),
        (["--method", "fgsm", "--steps", "3"], "fgsm takes one step, not 3"),
        (["--target", "no such thing"], "no class is called 'no such thing'"),
        (["--target", "2000"], "class index 2000 is out of range"),
        (["--steps", "0"], "Invalid value for '--steps'"),
        (["--model", "nothing"], "nothing"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left(
    run: Command, photos: list[Path], tmp_path: Path, options: list[str], said: str
):
    status, _, err = run("attack", photos[:1], tmp_path / "out.png", *options, "--save", tmp_path / "saved")
    assert status == 2
    assert said in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "out.png").exists()
    assert not list(tmp_path.glob("saved/*"))


def test_the_class_that_is_seen_already_is_no_target(run: Command, photos: list[Path], tmp_path: Path, embedded):
    seen = int(embedded(read_image(photos[1], 64)).argmax())
    status, _, err = run("attack", photos, tmp_path / "out.png", "--target", seen)
    assert status == 2
    assert f"{photos[1]} is seen as " in err
    assert "already; choose another --target" in err
    assert not (tmp_path / "out.png").exists()


def test_files_that_would_be_one_are_refused(run: Command, photos: list[Path], tmp_path: Path):
    other = photograph(tmp_path / "a.png", 64, 64, 3)
    status, _, err = run("attack", [photos[1], other], tmp_path / "out.png", "--save", tmp_path / "saved")
    assert status == 2
    assert "two images have the same name" in err


def test_fool_refuses_what_is_wrong(run: Command, tmp_path: Path):
    for given, options, said in (
        (["horse!"], (), "no class is called 'horse!'"),
        ([1], ("--start", "gray"), "no start is called 'gray'; near ones: grey"),
        ([1], ("--epsilon", "2"), "epsilon must lie in [0, 1]"),
    ):
        status, _, err = run("fool", given, tmp_path / "out.png", *options)
        assert status == 2
        assert said in err
        assert not (tmp_path / "out.png").exists()
