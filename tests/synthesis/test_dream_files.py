"""A dream from file to file, with the embedded model."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from innerview.core.errors import BadInput, InnerviewError
from innerview.core.images import read_image
from innerview.optimize import layer
from innerview.synthesis import DreamRecipe, deepdream
from innerview.synthesis.dream_files import DreamFiles, dream_file

EMBEDDED = "efficientnet_lite0"
QUICK = DreamRecipe(octaves=2, steps=2)


@pytest.fixture
def photograph(tmp_path):
    rows, columns = np.mgrid[:80, :96]
    waves = [np.sin(rows / 9 + phase) * np.cos(columns / 7 - phase) for phase in (0, 1, 2)]
    file = tmp_path / "photograph.png"
    Image.fromarray((np.stack(waves, axis=-1) * 100 + 128).astype(np.uint8)).save(file)
    return file


def test_a_photograph_becomes_a_dream_and_nothing_else_is_left(photograph, tmp_path, embedded):
    out = tmp_path / "dreams" / "dream.png"
    dream_file(DreamFiles(photograph, out), EMBEDDED, recipe=QUICK, device="cpu")
    wanted = deepdream(embedded, read_image(photograph), layer("blocks.10"), recipe=QUICK)
    found = read_image(out)
    assert float((found - wanted).abs().max()) < 2 / 255
    assert float((found - read_image(photograph)).abs().mean()) > 0.003
    assert [path.name for path in out.parent.iterdir()] == ["dream.png"]


def test_size_and_objective_are_obeyed(photograph, tmp_path, embedded):
    out = tmp_path / "dream.png"
    dream_file(DreamFiles(photograph, out), EMBEDDED, "channel:blocks.3:5", QUICK, size=64, device="cpu")
    assert read_image(out).shape == (1, 3, 64, 77)
    wanted = deepdream(embedded, read_image(photograph, 64), "channel:blocks.3:5", recipe=QUICK)
    assert float((read_image(out) - wanted).abs().max()) < 2 / 255


def test_a_guide_leads(photograph, tmp_path):
    guide = tmp_path / "guide.png"
    Image.fromarray(np.indices((64, 64)).sum(0).astype(np.uint8) % 16 * 15).convert("RGB").save(guide)
    outs = [tmp_path / "free.png", tmp_path / "led.png"]
    dream_file(DreamFiles(photograph, outs[0]), EMBEDDED, recipe=QUICK, device="cpu")
    dream_file(DreamFiles(photograph, outs[1], guide), EMBEDDED, recipe=QUICK, device="cpu")
    free, led = map(read_image, outs)
    assert float((free - led).abs().mean()) > 0.003
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_several_frames_make_an_animation(photograph, tmp_path, suffix):
    out = tmp_path / f"zoom{suffix}"
    dream_file(DreamFiles(photograph, out), EMBEDDED, recipe=DreamRecipe(octaves=1, steps=1), frames=3, device="cpu")
    with Image.open(out) as animation:
        assert getattr(animation, "n_frames", 1) == 3
        assert animation.size == (96, 80)
        first = np.asarray(animation.convert("RGB"), dtype=float)
        animation.seek(2)
        assert np.abs(np.asarray(animation.convert("RGB"), dtype=float) - first).mean() > 2
    assert not list(tmp_path.glob(".*"))


RUNNER = """
import sys
from pathlib import Path
import torch
from innerview.synthesis import DreamRecipe
from innerview.synthesis.dream_files import DreamFiles, dream_file
torch.set_num_threads(1)
recipe = DreamRecipe(octaves=3, steps=int(sys.argv[3]))
dream_file(DreamFiles(Path(sys.argv[1]), Path(sys.argv[2])), "efficientnet_lite0", recipe=recipe, device="cpu")
"""
STEPS = 40  # a second and more an octave


def test_a_dream_that_was_killed_continues_after_its_last_octave(photograph, tmp_path):
    out = tmp_path / "dream.png"
    folder = tmp_path / ".dream.png.unfinished"
    start = [sys.executable, "-c", RUNNER, str(photograph), str(out), str(STEPS)]
    with subprocess.Popen(start, stderr=subprocess.DEVNULL) as process:
        begin = time.monotonic()
        while not list(folder.glob("octave0-*")):
            assert process.poll() is None
            assert time.monotonic() - begin < 100
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not out.exists()
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("octave*")}
    assert len(kept) < 3, "the dream was over before it was killed"
    seen = {}
    with subprocess.Popen(start, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for path in folder.glob("octave*"):
                try:
                    seen.setdefault(path.name, set()).add(path.stat().st_mtime_ns)
                except FileNotFoundError:  # the dream is over and the folder on its way out
                    break
            time.sleep(0.005)
    assert process.returncode == 0
    assert all(seen[name] == {modified} for name, modified in kept.items())
    assert out.exists()
    assert not folder.exists()
    whole = tmp_path / "whole.png"
    subprocess.run([*start[:4], str(whole), str(STEPS)], check=True, stderr=subprocess.DEVNULL, timeout=100)
    assert torch.equal(read_image(out), read_image(whole))


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({"image": "absent.png"}, {}, "no image at .*absent.png"),
        ({"guide": "absent.png"}, {}, "no image at .*absent.png"),
        ({"guide": "absent.png"}, {"objective": "layer:blocks.3"}, "a guide is an objective of its own"),
        ({"out": "dream.jpg"}, {"frames": 2}, "cannot write an animation to .*dream.jpg.*end it in .webp, .gif, .png"),
        ({}, {"recipe": DreamRecipe(octaves=5)}, "5 octaves of scale 1.4 shrink this image below 32 pixels"),
        ({}, {"objective": "chanel:blocks.3:1"}, "near ones: channel"),
        ({}, {"objective": "layer:blocks.33"}, "no layer 'blocks.33'"),
        ({}, {"model": "efficientnet"}, "near ones: efficientnet_lite0"),
        ({}, {"device": "gpu"}, "unknown device 'gpu'"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(photograph, tmp_path, files, options, message):
    asked = {"image": photograph.name, "out": "dream.png"} | files
    with pytest.raises(InnerviewError, match=message) as caught:
        dream_file(
            DreamFiles(**{key: tmp_path / name for key, name in asked.items()}),
            **{"model": EMBEDDED, "recipe": QUICK, "device": "cpu"} | options,
        )
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [photograph.name]


def test_a_model_without_a_usual_layer_asks_for_one(photograph, tmp_path, monkeypatch, embedded):
    monkeypatch.setattr("innerview.synthesis.dream_files.load_model", lambda _name: embedded)
    with pytest.raises(BadInput, match="say what torchvision/resnet18 is to dream of: --objective layer:LAYER"):
        dream_file(DreamFiles(photograph, tmp_path / "dream.png"), "torchvision/resnet18", device="cpu")
