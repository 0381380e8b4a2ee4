"""Vectors of files: what a layer makes of each, with what cannot be read left out and nothing done twice."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.core.images import center_crop, read_image
from innerview.core.store import Store
from innerview.core.work import Work
from innerview.embedding import features, last_layer, pixel_vectors
from innerview.embedding import features as embed_features
from innerview.embedding.features import SHARD
from innerview.models import as_classifier


class Small(nn.Module):
    """Two convolutions, a block around the second, a mean over positions, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, stride=4)
        self.block = nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(6, 5)
        self.seen = 0

    def forward(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        return self.fc(self.pool(self.block(self.conv(images - 0.5))).flatten(1))


class Convolutional(nn.Module):
    """The classifier is a convolution, and the mean comes after it."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Small().block
        self.conv = nn.Conv2d(3, 4, 3)
        self.classes = nn.Conv2d(6, 5, 1)
        self.relu = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        return self.relu(self.classes(self.block(self.conv(images)))).mean((2, 3))


class Plain(nn.Module):
    """A classifier of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(192, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(images.flatten(1))


@pytest.fixture
def small() -> Small:
    return Small().requires_grad_(False).eval()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    colors = np.random.default_rng(0).integers(0, 256, (SHARD + 6, 4, 5, 3), np.uint8)
    for index, array in enumerate(colors):
        Image.fromarray(array).resize((30, 24)).save(folder / f"{index:03}.png")
    return sorted(folder.iterdir())


def test_the_last_layer_is_what_the_classifier_reads(small: Small, embedded: nn.Module) -> None:
    assert last_layer(small, 32) == "pool"
    assert last_layer(as_classifier(small, mean=0.5, std=0.5), 32) == "pool"
    assert last_layer(Convolutional(), 32) == "block"
    assert last_layer(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()), 32) == "1"  # it puts out maps: no classifier
    assert last_layer(embedded) == "pool"
    assert not any(layer._forward_hooks for layer in small.modules())
    with pytest.raises(BadInput, match="Plain has no layer before its classifier; name a layer"):
        last_layer(Plain(), 8)


def test_features_are_means_over_positions(small: Small, paths: list[Path]) -> None:
    found = features(small, paths, "block", size=24)
    for index in (0, 1, SHARD, len(paths) - 1):
        image = center_crop(read_image(paths[index], 24), 24)
        wanted = small.block(small.conv(image - 0.5)).mean((2, 3))[0]
        torch.testing.assert_close(found.vectors[index], wanted)
    assert found.kept.tolist() == list(range(len(paths)))
    torch.testing.assert_close(features(small, paths, size=24).vectors, found.vectors)
    squeezed = features(small, paths[:2], "fc", size=(20, 36))
    torch.testing.assert_close(squeezed.vectors[1], small(read_image(paths[1], (20, 36)))[0])


def test_pixels_are_the_middle_square_made_small(paths: list[Path]) -> None:
    found = pixel_vectors(paths[:3], 8)
    square = center_crop(read_image(paths[2], 64), 64)
    wanted = [float(square[0, c, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8].mean())
              for c in range(3) for y in range(8) for x in range(8)]  # fmt: skip
    assert found.vectors.shape == (3, 192)
    torch.testing.assert_close(found.vectors[2], torch.tensor(wanted))


def test_what_cannot_be_read_is_left_out_and_told_once(small: Small, paths: list[Path]) -> None:
    whole = features(small, paths, size=24)
    for lost in (2, SHARD + 1):
        paths[lost].write_bytes(b"no image")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = features(small, paths, size=24)
    assert [str(one.message).split(";")[0] for one in told] == [f"skipped 2 of {len(paths)} files"]
    kept = [index for index in range(len(paths)) if index not in (2, SHARD + 1)]
    assert found.kept.tolist() == kept
    assert (len(found), found.skipped) == (len(kept), 2)
    torch.testing.assert_close(found.vectors, whole.vectors[kept])
    with pytest.warns(UserWarning, match="skipped 2"):
        assert pixel_vectors(paths, 4).kept.tolist() == kept


def test_a_shard_of_which_nothing_can_be_read(small: Small, paths: list[Path]) -> None:
    for path in paths[:SHARD]:
        path.write_bytes(b"no image")
    with pytest.warns(UserWarning, match=f"skipped {SHARD} of"):
        assert features(small, paths, size=24).kept.tolist() == list(range(SHARD, len(paths)))
    with pytest.raises(BadInput, match=f"none of {SHARD} files can be read as an image, the first"):
        features(small, paths[:SHARD], size=24)


def test_nothing_is_computed_twice_and_a_changed_file_once_more(
    small: Small, paths: list[Path], tmp_path: Path
) -> None:
    work = Work(Store(tmp_path / "parts"))
    first = features(small, paths, "block", size=24, work=work)
    seen = small.seen
    again = features(small, paths, "block", size=24, work=work)
    assert small.seen == seen
    assert torch.equal(first.vectors, again.vectors)
    Image.new("RGB", (30, 24)).save(paths[-1])
    changed = features(small, paths, "block", size=24, work=work)
    assert small.seen == seen + 6  # its shard
    assert not torch.equal(changed.vectors[-1], first.vectors[-1])
    with torch.no_grad():
        small.conv.weight.mul_(2)
    features(small, paths, "block", size=24, work=work)
    assert small.seen == seen + 6 + len(paths)


def test_an_interrupted_call_goes_on(small: Small, paths: list[Path], tmp_path: Path) -> None:
    work = Work(Store(tmp_path / "parts"))
    lost = paths[SHARD]
    content = lost.read_bytes()
    hook = small.block.register_forward_hook(
        lambda _layer, _inputs, output: output.new_full(output.shape, torch.nan) if small.seen > SHARD else None
    )
    with pytest.raises(NotFinite, match=f"the features of {lost} are NaN"):
        features(small, paths, "block", size=24, work=work)
    hook.remove()
    seen = small.seen
    assert lost.read_bytes() == content
    found = features(small, paths, "block", size=24, work=work)
    assert small.seen == seen + 6
    torch.testing.assert_close(found.vectors, features(small, paths, "block", size=24).vectors)


def test_an_executor_makes_the_same(small: Small, paths: list[Path]) -> None:
    with ThreadPoolExecutor(2) as pool:
        apart = features(small, paths, size=24, work=Work(executor=pool))
        pixels = pixel_vectors(paths, 4, work=Work(executor=pool))
    assert torch.equal(apart.vectors, features(small, paths, size=24).vectors)
    assert torch.equal(pixels.vectors, pixel_vectors(paths, 4).vectors)


def test_bad_input(small: Small, paths: list[Path]) -> None:
    with pytest.raises(LayerNotFound, match="near ones: block"):
        embed_features(small, paths, "blok")
    with pytest.raises(BadInput, match="at least one image"):
        features(small, [], "block")
    with pytest.raises(BadInput, match="an image of 0 pixels has no vector"):
        pixel_vectors(paths, 0)
