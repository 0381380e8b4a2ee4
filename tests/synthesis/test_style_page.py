"""The book's page on textures and styles: its code runs from top to bottom, small, and says what is so."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import innerview as iv

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "style.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
LARGE, SMALL = "size, steps = 256, 300 ", "size, steps = 64, 4 "
NETWORK = Path("replication/gatys2016_style/networks/four_styles.safetensors")

pytestmark = pytest.mark.mirror


def picture(path, size, spots, seed):
    draws = torch.rand(1, 3, *spots, generator=torch.Generator().manual_seed(seed))
    iv.write_image(path, F.interpolate(draws, size, mode="bicubic").clamp(0, 1))


def uses_network(block):
    return NETWORK.name in block


@pytest.fixture(scope="module")
def names(available, tmp_path_factory):
    """Run every block, but that of the trained network, in a folder with generated pictures."""
    for name in ("vgg19_uint8", "vgg19_float32_early"):
        available(name)
    assert sum(block.count(LARGE) for block in BLOCKS) == 1
    names: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        picture("pebbles.jpg", (96, 96), (16, 16), 0)
        picture("photo.jpg", (80, 96), (5, 6), 1)
        picture("painting.jpg", (90, 120), (30, 40), 2)
        picture("other.jpg", (70, 64), (20, 20), 3)
        mask = Image.new("L", (96, 80))
        mask.paste(255, (0, 0, 96, 40))
        mask.save("mask.png")
        for block in BLOCKS:
            if not uses_network(block):
                exec(compile(block.replace(LARGE, SMALL), PAGE.name, "exec"), names)
        names["files"] = {path.name for path in Path().iterdir()}
        yield names


def test_the_pictures_are_written(names):
    assert {"more-pebbles.png", "styled.png"} <= names["files"]


def test_the_texture_tells_what_the_page_names(names):
    made = names["pebbles"]
    assert made.images.shape == names["sample"].shape
    assert made.history.shape == (1, 4)
    assert list(made.parts) == [f"style {layer}" for layer in ("conv1_1", "pool1", "pool2", "pool3", "pool4")]


def test_variations_are_pictures_of_the_size_of_the_content(names):
    made = [
        names[name].images for name in ("styled", "stronger", "from_noise", "blended", "kept", "matched", "divided")
    ]
    made.append(names["strokes"].images)
    assert all(images.shape == names["photo"].shape for images in made)
    distances = [float((one - other).abs().max()) for place, one in enumerate(made) for other in made[:place]]
    assert min(distances) > 1 / 255


def test_the_mask_is_white_above(names):
    sky = names["sky"]
    assert sky.shape == (1, 1, *names["photo"].shape[-2:])
    rows = sky.mean(dim=(0, 1, 3))
    assert rows[:28].min() > 0.95
    assert rows[-28:].max() < 0.05


def test_deeper_layers_are_named_and_what_they_miss_is_a_share(names):
    assert list(names["missed"]) == names["layers"]
    assert all(0 < share < 2 for share in names["missed"].values())


def test_textures_without_a_network_have_the_sizes_of_the_page(names):
    assert names["grown"].shape == (1, 3, 32, 32)
    assert names["joined"].shape == (1, 3, 64, 64)
    colours = set(map(tuple, names["small"][0].flatten(1).T.tolist()))
    assert {tuple(pixel) for pixel in names["grown"][0].flatten(1).T.tolist()} <= colours


def test_a_loss_of_ones_own_goes_down(names):
    found = names["found"]
    assert set(found.parts) == {"content relu4_2", "style relu1_1", "style relu3_1", "variation"}
    assert found.loss <= found.history[:, 0]
    assert "brightness" in names["night"].parts


def test_a_trained_network_mixes_styles(names, tmp_path, monkeypatch):
    (block,) = filter(uses_network, BLOCKS)
    (tmp_path / NETWORK).parent.mkdir(parents=True)
    shutil.copy(ROOT / NETWORK, tmp_path / NETWORK)
    picture(tmp_path / "other.jpg", (70, 64), (20, 20), 3)
    monkeypatch.chdir(tmp_path)
    own = dict(names)
    exec(compile(block, PAGE.name, "exec"), own)
    assert "starry_night" in own["names"]  # the names of the command line's example
    assert "pebbles" in own["names"]
    one, mixed = own["stars"], own["halfway"]
    assert one.shape == mixed.shape == names["photo"].shape
    assert float((one - mixed).abs().mean()) > 0.01
    assert min(own["several"].shape[-2:]) == 512
