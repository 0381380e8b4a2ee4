"""``innerview filters`` and ``innerview feature-maps``: pictures that are what the library draws."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from innerview.core.images import read_image, write_image
from innerview.dissection import first_filters, traits
from innerview.figures import LayerMaps, feature_maps, filter_sheet
from innerview.figures.sheets import rendered
from innerview.models import evaluate

EMBEDDED = "efficientnet_lite0"
Command = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_image(tmp_path / "photo.png", torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(0)))
    return tmp_path / "photo.png"


def drawn(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_filters_as_they_are_stored_and_by_hue(command: Command, embedded: torch.nn.Module, tmp_path: Path) -> None:
    weights = first_filters(embedded).weights
    status, told, said = command("filters", EMBEDDED, "-o", tmp_path / "stored.png")
    assert (status, said) == (0, [])
    assert "32 filters of 3x3 pixels, conv_stem of efficientnet_lite0, a position every 2x2" in told
    assert np.array_equal(drawn(tmp_path / "stored.png"), filter_sheet(weights))
    options = ("--order", "hue", "--columns", 5, "--scale", 4)
    assert command("filters", EMBEDDED, "-o", tmp_path / "hue.png", *options)[0] == 0
    sorted_ones = weights[traits(weights).order("hue")]
    assert np.array_equal(drawn(tmp_path / "hue.png"), filter_sheet(sorted_ones, columns=5, scale=4))


def test_feature_maps_of_several_layers(
    command: Command, embedded: torch.nn.Module, photo: Path, tmp_path: Path
) -> None:
    out, layers = tmp_path / "maps.png", ("relu0", "blocks.5")
    named = [part for layer in layers for part in ("--layer", layer)]
    status, told, said = command(
        "feature-maps", photo, "-o", out, *named, "--count", 3, "--size", 64, "--model", EMBEDDED
    )
    assert (status, said) == (0, [])
    assert "relu0, 32 channels of 32x40" in told
    read = evaluate(embedded, read_image(photo, 64), layers)
    assert np.array_equal(drawn(out), rendered(feature_maps({one: LayerMaps(read[one][0]) for one in layers}, count=3)))


def test_feature_maps_of_named_channels(
    command: Command, embedded: torch.nn.Module, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "maps.png"
    options = ("--layer", "relu0", "--channels", "7, 3", "--model", EMBEDDED, "--size", 64)
    assert command("feature-maps", photo, "-o", out, *options)[0] == 0
    maps = evaluate(embedded, read_image(photo, 64), "relu0")["relu0"][0]
    assert np.array_equal(drawn(out), rendered(feature_maps({"relu0": LayerMaps(maps, [7, 3])})))


WRONG = {
    ("--layer", "relu9"): "has no layer 'relu9'; near ones: relu1, relu0",
    ("--layer", "fc"): "layer 'fc' puts out 1000 numbers, no maps",
    ("--layer", "relu0", "--channels", "1,x"): "--channels '1,x' are no indices; write such as 3,17",
    ("--layer", "relu0", "--channels", "32"): "relu0 has the channels 0 to 31; 32 is out of range",
    ("--layer", "relu0", "--layer", "relu1", "--channels", "1"): "--channels are of one layer",
}


@pytest.mark.parametrize("options", WRONG)
def test_bad_input_is_one_line_and_leaves_nothing(
    command: Command, photo: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    status, told, said = command("feature-maps", photo, "-o", tmp_path / "maps.png", "--model", EMBEDDED, *options)
    assert (status, told, len(said)) == (2, "", 1)
    assert WRONG[options] in said[0]
    assert not (tmp_path / "maps.png").exists()


def test_an_order_that_is_none(command: Command, tmp_path: Path) -> None:
    status, _, said = command("filters", EMBEDDED, "-o", tmp_path / "f.png", "--order", "colour")
    assert (status, len(said)) == (2, 1)
    assert "filters have no 'colour'; near ones: color" in said[0]
    assert list(tmp_path.iterdir()) == []
