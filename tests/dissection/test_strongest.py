"""Patches that excite channels most, against the stages that they are made of."""

from pathlib import Path

import pytest
import torch
from dissection.tiny import Tiny

from innerview.core.errors import BadInput
from innerview.core.images import center_crop, read_image
from innerview.dissection import effective_field, strongest_patches, survey, top_patches


def test_they_are_the_top_patches_of_the_survey(tiny: Tiny, paths: list[Path], tmp_path: Path) -> None:
    found = strongest_patches(tiny, paths, "relu", [3, 0], out=tmp_path / "out", count=4, side=10)
    whole = survey(tiny, paths, "relu", out=tmp_path / "again")
    few = [center_crop(read_image(paths[one], 224), 224) for one in whole.top(3, 4).indices]
    field = effective_field(tiny, "relu", torch.cat(few))
    assert found.field == field
    assert list(found.images) == [3, 0]
    for channel, images in found.images.items():
        assert found.examples[channel].indices.tolist() == whole.top(channel, 4).indices.tolist()
        assert torch.equal(images, top_patches(whole, channel, 4, field, size=10))


def test_nine_are_cut_unless_there_are_fewer_images(tiny: Tiny, paths: list[Path], tmp_path: Path) -> None:
    assert len(strongest_patches(tiny, paths, "relu", [0], out=tmp_path, side=8).images[0]) == 9
    paths[0].write_bytes(b"no image")
    with pytest.warns(UserWarning, match="skipped 1 of 5 files"):
        few = strongest_patches(tiny, paths[:5], "relu", [0], out=tmp_path / "few", side=8)
    assert len(few.images[0]) == 4
    with pytest.raises(BadInput, match="the survey holds 4 images that could be read; 5 cannot be chosen"):
        strongest_patches(tiny, paths[:5], "relu", [0], out=tmp_path / "few", count=5)
    with pytest.raises(BadInput, match="has the channels 0 to 4; 5 is out of range"):
        strongest_patches(tiny, paths[:5], "relu", [5], out=tmp_path / "few")
    with pytest.raises(BadInput, match="at least one channel"):
        strongest_patches(tiny, paths[:5], "relu", [], out=tmp_path / "few")
