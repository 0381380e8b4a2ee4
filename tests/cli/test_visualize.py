"""``innerview visualize``: each kind of subject and each option draws what the library does; what is wrong is said."""

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from innerview.core.images import contact_sheet, read_image, to_array, write_image
from innerview.core.store import Store
from innerview.core.types import Images
from innerview.embedding import neuron_groups
from innerview.models import evaluate
from innerview.optimize import (
    ARTICLE,
    CPPN,
    L2,
    MACO,
    RELEASED,
    Decorrelated,
    Fourier,
    Laplacian,
    LInf,
    Maco,
    Metric,
    Parameterization,
    Pixels,
    RawPixels,
    Recipe,
    Shared,
    Smoothed,
    Transparent,
    activation_grid,
    channel,
    direction,
    icons,
    interpolation,
    opacity,
    spritemap,
    visualize,
)

EMBEDDED = "efficientnet_lite0"
UNIT = "channel:blocks.3:1"
QUICK = Recipe(steps=2)
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(invoked: Command) -> Command:
    """Run ``innerview visualize`` here: subject, file and options -> status, standard output, standard error."""

    def run(subject: str, out: Path, *options: object) -> tuple[int, str, str]:
        small = [] if "--steps" in options else ["--steps", "2"]
        small += [] if "--size" in options else ["--size", "24"]
        return invoked("visualize", EMBEDDED, subject, "-o", out, *small, *options)

    return run


def drawn(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def sheet(images: Images, columns: int | None = None) -> np.ndarray:
    return contact_sheet(to_array(images), columns)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photograph of 40 x 32 pixels, in a folder of its own."""
    smooth = F.interpolate(torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0)), (32, 40), mode="bicubic")
    write_image(tmp_path / "photos" / "photo.png", smooth.clamp(0, 1))
    return tmp_path / "photos" / "photo.png"


# Objectives


def test_one_objective(run: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    out = tmp_path / "new" / "one.png"
    status, told, _ = run(UNIT, out, "--seed", 5)
    found = visualize(embedded, UNIT, size=24, steps=2, seed=5)
    assert status == 0
    assert told == f"{out}: channel(blocks.3, 1) = {float(found.values):.4g}\n"
    np.testing.assert_array_equal(drawn(out), to_array(found.images)[0])
    assert [path.name for path in out.parent.iterdir()] == ["one.png"]


def test_without_steps_and_size_they_are_the_librarys(run: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    run(UNIT, tmp_path / "a.png", "--size", 128)
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), to_array(visualize(embedded, UNIT, steps=2).images)[0])


def test_an_objective_of_several_terms(run: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    text = "class:tabby - 0.5*layer:blocks.0 + 2*l1"
    _, told, _ = run(text, tmp_path / "a.png")
    found = visualize(embedded, text, size=24, steps=2)
    assert found.objective in told
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), to_array(found.images)[0])


def test_several_images_of_one_objective_are_a_sheet(run: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    _, told, _ = run(UNIT, tmp_path / "a.png", "--count", 3)
    found = visualize(embedded, replace(channel("blocks.3", 1), count=3), size=24, steps=2)
    assert told.count(",") == 3  # one in the objective's name, and two between three values
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), sheet(found.images))


def test_the_way_to_another_objective(run: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    for options, count in (((), 6), (("--count", 3), 3)):
        run(UNIT, tmp_path / "a.png", "--to", "channel:blocks.4:2", *options)
        way = interpolation(channel("blocks.3", 1), channel("blocks.4", 2), count)
        np.testing.assert_array_equal(
            drawn(tmp_path / "a.png"), sheet(visualize(embedded, way, size=24, steps=2).images)
        )


def test_stages_are_rows(run: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    run("channel:blocks.3:1,2", tmp_path / "a.png", "--stages", "0, 3,1", "--steps", 3)
    stages = [visualize(embedded, channel("blocks.3", [1, 2]), size=24, steps=steps).images for steps in (0, 1, 3)]
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), sheet(torch.cat(stages), columns=2))


SPACES: dict[str, tuple[Parameterization, float]] = {
    "fourier": (Fourier(), 0.05), "pixels": (Pixels(), 0.05), "raw": (RawPixels(), 0.05), "cppn": (CPPN(), 0.003),
    "laplacian": (Laplacian(), 0.05), "shared": (Shared(), 0.05), "maco": (Maco(), 0.2),
}  # fmt: skip


@pytest.mark.parametrize("name", SPACES)
def test_parameterizations(run: Command, embedded: torch.nn.Module, tmp_path: Path, name: str) -> None:
    space, rate = SPACES[name]
    run(UNIT, tmp_path / "a.png", "--parameterization", name)
    found = visualize(embedded, UNIT, size=24, recipe=Recipe(2, rate, space))
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), to_array(found.images)[0])


def test_parameterizations_draw_differently(run: Command, tmp_path: Path) -> None:
    for name in SPACES:
        run(UNIT, tmp_path / f"{name}.png", "--parameterization", name, "--steps", 1)
    for one, other in itertools.combinations(SPACES, 2):
        assert not np.array_equal(drawn(tmp_path / f"{one}.png"), drawn(tmp_path / f"{other}.png")), (one, other)


@pytest.mark.parametrize(
    ("name", "transforms"), [("released", RELEASED), ("article", ARTICLE), ("maco", MACO), ("none", ())]
)
def test_transforms(run: Command, embedded: torch.nn.Module, tmp_path: Path, name: str, transforms: Any) -> None:
    run(UNIT, tmp_path / "a.png", "--transforms", name, "--size", 32)
    images = {
        label: to_array(visualize(embedded, UNIT, size=32, recipe=Recipe(2, transforms=chosen)).images)[0]
        for label, chosen in {"this": transforms, "other": () if transforms else RELEASED}.items()
    }
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), images["this"])
    assert not np.array_equal(images["this"], images["other"])


@pytest.mark.parametrize(
    ("name", "metric"), [("l2", L2()), ("linf", LInf()), ("decorrelated", Decorrelated()), ("smoothed", Smoothed())]
)
def test_metrics(run: Command, embedded: torch.nn.Module, tmp_path: Path, name: str, metric: Metric) -> None:
    run(UNIT, tmp_path / "a.png", "--metric", name, "--parameterization", "raw", "--learning-rate", 0.4)
    found = visualize(embedded, UNIT, size=24, recipe=Recipe(2, 0.4, RawPixels(), metric=metric))
    np.testing.assert_array_equal(drawn(tmp_path / "a.png"), to_array(found.images)[0])
    adam = visualize(embedded, UNIT, size=24, recipe=Recipe(2, 0.4, RawPixels()))
    assert not np.array_equal(drawn(tmp_path / "a.png"), to_array(adam.images)[0])


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_transparent_images(run: Command, embedded: torch.nn.Module, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"a{suffix}"
    run(f"{UNIT} - 3*opacity", out, "--parameterization", "transparent", "--learning-rate", 0.2)
    recipe = Recipe(2, 0.2, Transparent())
    found = visualize(embedded, channel("blocks.3", 1) - 3 * opacity(), size=24, recipe=recipe)
    assert found.alpha is not None
    if suffix == ".png":
        wanted = torch.cat([found.images, found.alpha], 1)[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        np.testing.assert_array_equal(drawn(out), wanted)
        assert np.ptp(drawn(out)[..., 3]) > 0
    else:
        white = found.images * found.alpha + 1 - found.alpha
        assert drawn(out).shape == (24, 24, 3)
        assert np.abs(drawn(out) / 255 - to_array(white)[0] / 255).mean() < 0.03


def test_dead_units_beside_others_are_told(run: Command, tmp_path: Path) -> None:
    status, told, _ = run(UNIT, tmp_path / "a.png", "--to", f"0*{UNIT}", "--count", 3)
    assert status == 0
    assert told.splitlines()[1:] == ["images 2 stayed at 0: dead units"]


# Pictures of many


def test_sprites(run: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    status, told, _ = run("sprites:blocks.0", out, "--size", 16, "--seed", 3)
    found = spritemap(embedded, "blocks.0", size=16, seed=3, recipe=QUICK)
    assert status == 0
    assert told.startswith(f"{out}: 16 channels of blocks.0, 0 of them dead")
    np.testing.assert_array_equal(drawn(out), found.sheet())
    assert json.loads((tmp_path / "sheet.json").read_text()) == found.index()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet.json", "sheet.png"]


def test_a_grid(run: Command, embedded: torch.nn.Module, tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "grid.png"
    status, told, _ = run(f"grid:blocks.15:{photo}", out, "--size", 16, "--steps", 1, "--transforms", "none")
    recipe = Recipe(1, transforms=())
    found = activation_grid(embedded, read_image(photo, 224), "blocks.15", size=16, recipe=recipe)
    assert status == 0
    assert told == f"{out}: blocks.15 at 7x9 places of {photo}\n"
    np.testing.assert_array_equal(drawn(out), found.sheet(scaled=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.png", "photos"]


def test_groups(run: Command, embedded: torch.nn.Module, tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "groups.png"
    status, told, _ = run(f"groups:relu1:{photo}", out, "--count", 2, "--seed", 4)
    image = read_image(photo, 224)
    found = neuron_groups(evaluate(embedded, image, ["relu1"])["relu1"], 2)
    made = icons(
        embedded, partial(direction, "relu1", cosine_power=1.0), found.vectors, size=24, seed=4, recipe=QUICK
    ).images
    small = F.interpolate(image, (24, 24), mode="bilinear", antialias=True)
    lit = [small * F.interpolate((one / one.max())[None, None], (24, 24), mode="bilinear") for one in found.maps[0]]
    assert status == 0
    assert told.startswith(f"{out}: 2 groups of relu1")
    np.testing.assert_array_equal(drawn(out), sheet(torch.cat([made, *lit]), columns=2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["groups.png", "photos"]


COLORS = {"red": (1.0, 0.1, 0.1), "green": (0.1, 0.8, 0.1), "blue": (0.1, 0.1, 0.9), "grey": (0.5, 0.5, 0.5)}


def test_examples(run: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    """Photographs of one colour each: a patch shows which photograph it is from."""
    colors = {name: torch.tensor(color)[None, :, None, None].expand(1, 3, 224, 224) for name, color in COLORS.items()}
    for name, image in colors.items():
        write_image(tmp_path / "photos" / f"{name}.png", image)
    read = evaluate(embedded, torch.cat([*colors.values()]), ["blocks.3"])["blocks.3"]
    out, order = tmp_path / "examples.png", read[:, 5].amax((1, 2)).argsort(descending=True).tolist()
    for options, count in ((("--count", 2), 2), ((), 4)):
        status, told, _ = run(f"examples:blocks.3:5:{tmp_path / 'photos'}", out, *options)
        assert status == 0
        assert told == f"{out}: what excites channel 5 of blocks.3 most among 4 images\n"
        wanted = torch.cat([[*colors.values()][place][..., :24, :24] for place in order[:count]])
        np.testing.assert_allclose(drawn(out).astype(int), sheet(wanted).astype(int), atol=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["examples.png", "photos"]


# What goes wrong


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--parameterization", "furier"), "--parameterization 'furier' is unknown; near ones: fourier; choose one of"),
        (("--transforms", "relesed"), "--transforms 'relesed' is unknown; near ones: released"),
        (("--metric", "l_inf"), "--metric 'l_inf' is unknown; near ones: linf"),
        (("--metric", "adm"), "near ones: adam"),
        (("--metric", "l2"), "a metric moves pixels; use it with the parameterization Pixels or RawPixels"),
        (("--stages", "1,two"), "'1,two' are no numbers of steps"),
        (("--stages", "0,3"), "no snapshot can be taken after 3 steps; the ascent has 2"),
        (("--stages", "-1"), "no snapshot can be taken after -1 steps"),
        (("--learning-rate", "-1"), "a learning rate is a positive number, not -1.0"),
        (("--learning-rate", "nan"), "a learning rate is a positive number, not nan"),
        (("--to", "chanel:blocks.3:2"), "'chanel:blocks.3:2' is not an objective; near ones: channel"),
        (("--to", "grid:blocks.3:a.png"), "grid: makes a picture of many"),
        (("--to", "channel:blocks.3:2", "--count", 1), "an interpolation needs at least 2 images, not 1"),
        (("--size", 1, "--transforms", "article"), "cropping 4 pixels leaves nothing of images of 8x8"),
        (("--device", "tpu"), "unknown device"),
    ],
)
def test_options_that_cannot_be(run: Command, tmp_path: Path, options: tuple[object, ...], says: str) -> None:
    refused(run, UNIT, tmp_path, options, says)


@pytest.mark.parametrize(
    ("subject", "options", "says"),
    [
        ("channel:blocks.3:1,2", ("--count", 3), "channel(blocks.3, 1, 2) asks for 2 images, not 3; leave --count out"),
        ("sprite:blocks.3", (), "'sprite:blocks.3' is not an objective"),
        ("sprite:blocks.3", (), "near ones: sprites"),
        ("sprites:blocks.3", ("--count", 3), "sprites: takes no --count"),
        ("sprites:blocks.3", ("--to", UNIT), "sprites: takes no --to"),
        ("grid:blocks.3:photos/photo.png", ("--stages", "1"), "grid: takes no --stages"),
        ("sprites:", (), "'' is incomplete; write sprites:LAYER"),
        ("sprites:blocks.99", (), "has no layer 'blocks.99'; near ones: blocks.9"),
        ("grid:blocks.3", (), "'blocks.3' is incomplete; write grid:LAYER:IMAGE"),
        ("grid:blocks.3:", (), "'blocks.3:' is incomplete; write grid:LAYER:IMAGE"),
        ("grid:blocks.3:nowhere.png", (), "no image at nowhere.png; check the path"),
        ("grid:blocks.3:no:where.png", (), "no image at no:where.png; check the path"),
        ("grid:fc:photos/photo.png", (), "layer 'fc' has no rows and columns, so there is no grid"),
        ("groups::photos/photo.png", (), "is incomplete; write groups:LAYER:IMAGE"),
        ("groups:relu1:photos", (), "photos is a folder; give one image file"),
        ("groups:blocks.3:photos/photo.png", (), "groups need activations that are not negative"),
        ("groups:fc:photos/photo.png", (), "layer 'fc' has no rows and columns, so there are no groups"),
        ("groups:relu1:photos/photo.png", ("--count", 500), "hold no 500 groups; ask for fewer"),
        ("examples:blocks.3:photos", (), "'blocks.3:photos' is incomplete; write examples:LAYER:INDEX:FOLDER"),
        ("examples:blocks.3:one:photos", (), "'one' is no channel; write examples:LAYER:INDEX:FOLDER"),
        ("examples:blocks.3:-1:photos", (), "'-1' is no channel"),
        ("examples:blocks.3:1:nowhere", (), "nowhere is no folder; give one that holds images"),
        ("examples:blocks.3:1:empty", (), "no image below empty"),
        ("examples:blocks.99:1:photos", (), "has no layer 'blocks.99'"),
    ],
)
def test_subjects_that_cannot_be(
    run: Command, photo: Path, monkeypatch: pytest.MonkeyPatch, subject: str, options: tuple[object, ...], says: str
) -> None:
    folder = photo.parents[1]
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    refused(run, subject, folder, options, says)


def refused(run: Command, subject: str, folder: Path, options: tuple[object, ...], says: str) -> None:
    """Assert that the command ends with one line that says so, and leaves nothing behind."""
    before = sorted(folder.rglob("*"))
    status, told, err = run(subject, folder / "out" / "a.png", *options)
    lines = err.replace("\r", "\n").strip().splitlines()
    assert status == 2
    assert told == ""
    assert says in lines[-1]
    assert [line for line in lines if line.startswith("innerview: ")] == lines[-1:]
    assert sorted(folder.rglob("*")) == before


def test_a_channel_that_the_photographs_were_not_asked_for(run: Command, photo: Path) -> None:
    """The survey of all channels is done by then; it stays for the right one."""
    out = photo.parents[1] / "a.png"
    status, _, err = run(f"examples:blocks.3:40:{photo.parent}", out)
    assert status == 2
    assert "the survey of 'blocks.3' has the channels 0 to 39; 40 is out of range" in err
    assert not out.exists()
    (survey,) = out.parent.glob(".a.png.parts/*.rows")
    written = survey.stat().st_mtime_ns
    hold = out.parent / "hold.rows"
    hold.hardlink_to(survey)
    assert run(f"examples:blocks.3:39:{photo.parent}", out)[0] == 0
    assert hold.stat().st_mtime_ns == written
    assert not out.with_name(".a.png.parts").exists()


def test_a_dead_unit_is_one_line(run: Command, tmp_path: Path) -> None:
    refused(run, f"0*{UNIT}", tmp_path, (), "stayed 0 at all 2 steps: a dead unit, which no image here raises")


def test_an_index_that_cannot_be_written_is_said_before_the_work(run: Command, tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    status, _, err = run("sprites:blocks.0", tmp_path / "a.png")
    assert status == 2
    assert f"cannot write {tmp_path / 'a.json'}: it is a folder" in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("subject", [UNIT, "sprites:blocks.0"])
def test_a_place_that_cannot_be_written_is_said_before_the_work(run: Command, tmp_path: Path, subject: str) -> None:
    (tmp_path / "taken").write_text("a file")
    status, _, err = run(subject, tmp_path / "taken" / "a.png")
    assert status == 2
    assert "is a file, not a folder" in err
    assert "%" not in err  # no bar was shown
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


# Stops


def test_ctrl_c_keeps_the_icons_that_are_done_and_a_second_start_continues(run: Command, tmp_path: Path) -> None:
    out, options = tmp_path / "sheet.png", ("--size", "32", "--steps", "12")
    command = [sys.executable, "-m", "innerview.cli", "visualize", EMBEDDED, "sprites:blocks.5", "-o", str(out)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    parts = out.with_name(".sheet.png.parts")
    end = time.monotonic() + 90
    while not list(parts.glob("icons-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == [parts.name]
    kept = sorted(parts.glob("icons-*"))
    assert 1 <= len(kept) < 5
    assert not list(parts.glob(".*"))  # nothing half-written
    doctored = Store(parts).load(kept[0])
    assert doctored is not None
    doctored["images"][:] = 0  # what was kept is taken as it is
    Store(parts).save(kept[0], doctored)
    assert run("sprites:blocks.5", out, *options)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet.json", "sheet.png"]
    icons_drawn = drawn(out).reshape(9, 32, 9, 32, 3).swapaxes(1, 2).reshape(81, 32, 32, 3)[:80]
    assert sum(not icon.any() for icon in icons_drawn) == 16
