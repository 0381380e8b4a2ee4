"""Zeros of layers over images, counted once more by hand."""

from pathlib import Path

import pytest
import torch
from dissection.tiny import Tiny

from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.folders import read_square
from innerview.dissection import firing
from innerview.models import evaluate


def test_zeros_are_counted_over_all_images_and_positions(tiny: Tiny, paths: list[Path]) -> None:
    assert tiny.conv.bias is not None
    tiny.conv.bias[1] = -100.0  # a channel that never fires
    found = firing(tiny, paths, ["relu", "conv", "fc", "token_first"], size=16, batch=4)
    images = torch.cat([one for path in paths if isinstance(one := read_square(path, 16), torch.Tensor)])
    maps = evaluate(tiny, images, "relu")["relu"]
    zeros = [
        sum(float(value == 0) for value in maps[:, channel].flatten()) / maps[:, 0].numel() for channel in range(5)
    ]
    torch.testing.assert_close(found["relu"].zeros, torch.tensor(zeros))
    assert found["relu"].dead.tolist() == [1]
    assert found["relu"].sparsity == pytest.approx(sum(zeros) / 5)
    assert 0.2 < found["relu"].sparsity < 1
    assert found["conv"].sparsity < 0.01
    assert found["fc"].zeros.shape == (4,)
    torch.testing.assert_close(found["token_first"].zeros, found["relu"].zeros)
    assert {one.images for one in found.values()} == {len(paths)}


def test_files_that_cannot_be_read_are_left_out(tiny: Tiny, paths: list[Path]) -> None:
    whole = firing(tiny, paths[1:], ["relu"], size=16, batch=3)
    paths[0].write_bytes(b"no image")
    with pytest.warns(UserWarning, match="skipped 1 of 11 files"):
        found = firing(tiny, paths, ["relu"], size=16, batch=4)
    assert torch.equal(found["relu"].zeros, whole["relu"].zeros)
    assert found["relu"].images == 10


def test_bad_input(tiny: Tiny, paths: list[Path]) -> None:
    for layers, files in (([], paths), (["relu"], [])):
        with pytest.raises(BadInput, match="at least one layer and image"):
            firing(tiny, files, layers)
    with pytest.raises(LayerNotFound, match="near ones: relu"):
        firing(tiny, paths, ["rely"], size=16)
    paths[0].write_bytes(b"no image")
    with pytest.warns(UserWarning, match="skipped 1"), pytest.raises(BadInput, match="none of 1 files can be read"):
        firing(tiny, paths[:1], ["relu"], size=16)
