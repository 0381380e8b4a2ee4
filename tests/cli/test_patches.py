"""``innerview patches``: the library's patches on one sheet, and nothing else left."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from innerview.core.images import contact_sheet, to_array, write_image
from innerview.dissection import strongest_patches
from innerview.figures import panels
from innerview.figures.sheets import rendered

OPTIONS = ("--layer", "blocks.2", "--model", "efficientnet_lite0")
Command = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draws = torch.Generator().manual_seed(0)
    for number in range(4):
        image = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 6, generator=draws), (40, 40), mode="bilinear")
        write_image(tmp_path / "photos" / f"{number}.png", image)
    return tmp_path / "photos"


def test_a_sheet_with_the_channels_asked_for(
    command: Command, embedded: torch.nn.Module, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.png"
    status, told, said = command("patches", folder, "-o", out, *OPTIONS, "--channel", 5, "--channel", 1, "--size", 24)
    assert (status, said) == (0, [])
    found = strongest_patches(embedded, sorted(folder.iterdir()), "blocks.2", [5, 1], out=tmp_path / "survey", side=24)
    pictures = {f"blocks.2: {one}": contact_sheet(to_array(cut)) for one, cut in found.images.items()}
    assert list(pictures) == ["blocks.2: 5", "blocks.2: 1"]
    assert np.array_equal(np.asarray(Image.open(out)), rendered(panels(pictures)))
    assert f"channel 5: {found.examples[5].values[0]:.4g} in {found.survey.paths[found.examples[5].indices[0]]}" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "sheet.png", "survey"]


def test_a_file_that_is_no_image_is_told_once(command: Command, folder: Path, tmp_path: Path) -> None:
    (folder / "0.png").write_bytes(b"no image")
    status, _, said = command("patches", folder, "-o", tmp_path / "sheet.png", *OPTIONS, "--channel", 5)
    assert (status, len(said)) == (0, 1)
    assert "skipped 1 of 4 files" in said[0]


WRONG = {
    ("--channel", "24", *OPTIONS): "has the channels 0 to 23; 24 is out of range",
    ("--channel", "1", "--count", "5", *OPTIONS): "the survey holds 4 images that could be read; 5 cannot be chosen",
    ("--channel", "1", *OPTIONS[2:], "--layer", "blocks.99"): "has no layer 'blocks.99'",
    ("--channel", "1", *OPTIONS[2:], "--layer", "fc"): "layer 'fc' has no rows and columns",
}


@pytest.mark.parametrize("options", WRONG)
def test_bad_input_is_one_line(command: Command, folder: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    status, told, said = command("patches", folder, "-o", tmp_path / "sheet.png", *options)
    assert (status, told, len(said)) == (2, "", 1)
    assert WRONG[options] in said[0]
    assert not (tmp_path / "sheet.png").exists()
