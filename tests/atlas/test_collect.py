"""Collecting: equal to a loop over images, whole after any interruption, and honest about what cannot be read."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from atlas.small import CLASSES, LAYER, SAMPLING, SIZE, Small, same, write_images
from PIL import Image
from torch import Tensor, nn

from innerview.atlas import Collection, DataSet, ImageFiles, Sampling, collect
from innerview.attribution.spatial import spatial_attribution
from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.core.images import center_crop, read_image
from innerview.core.store import Store
from innerview.core.work import Work
from innerview.models import activations

COUNT = 10


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_images(tmp_path_factory.mktemp("images"), COUNT)


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def literally(model: nn.Module, path: Path, layer: str, position: Tensor) -> tuple[Tensor, Tensor]:
    """Return one position's activations ``(c,)`` and its attribution to each class, one class after the other."""
    image = center_crop(read_image(path, SIZE), SIZE)
    row, column = position.tolist()
    maps = [spatial_attribution(model, image, target, layer)[0, row, column] for target in range(CLASSES)]
    return activations(model, image, layer)[layer][0, :, row, column], torch.stack(maps)


@pytest.mark.parametrize("layer", ["norm", "conv2"])
@pytest.mark.parametrize("positions", [1, 3])
def test_a_collection_is_a_loop_over_images(paths: list[Path], layer: str, positions: int) -> None:
    model = Small()
    found = collect(model, paths, layer, replace(SAMPLING, positions=positions, batch=2 * positions))
    assert found.images.tolist() == [index for index in range(COUNT) for _ in range(positions)]
    assert found.extent == {"norm": (8, 8), "conv2": (6, 6)}[layer]
    assert found.activations.dtype == torch.float16
    assert len(found) == COUNT * positions
    kept = found.attributed()
    assert (kept.count, kept.classes.shape) == (CLASSES, (len(found), 3))
    for index in range(0, len(found), 2):
        wanted, dense = literally(model, paths[found.images[index]], layer, found.positions[index])
        torch.testing.assert_close(found.activations[index].float(), wanted, rtol=1e-3, atol=1e-6)
        top = dense.topk(3)
        torch.testing.assert_close(kept.values[index], top.values, rtol=1e-4, atol=1e-6)
        assert kept.classes[index].tolist() == top.indices.tolist()


def test_without_attributions_the_activations_are_the_same(paths: list[Path]) -> None:
    for layer in ("norm", "conv2"):  # behind the latter a ReLU works in place
        with_them, without = (collect(Small(), paths, layer, replace(SAMPLING, keep=keep)) for keep in (3, 0))
        torch.testing.assert_close(without.activations, with_them.activations, rtol=2e-3, atol=1e-5)
        assert torch.equal(without.positions, with_them.positions)
        assert float(without.activations.float().std()) > 0.01
        with pytest.raises(BadInput, match="were collected without attributions; collect them with keep=100"):
            without.attributed()
    assert bool((without.activations < 0).any())


def test_a_network_that_is_no_classifier_serves_without_attributions(paths: list[Path]) -> None:
    torch.manual_seed(0)
    found = collect(nn.Sequential(nn.Conv2d(3, 4, 3)).eval(), paths, "0", replace(SAMPLING, keep=0))
    assert found.extent == (14, 14)
    assert found.attributions is None


def test_all_attributions_are_kept_if_more_are_asked_for_than_there_are_classes(paths: list[Path]) -> None:
    found = collect(Small(), paths[:2], LAYER, replace(SAMPLING, keep=100)).attributed()
    assert found.classes.shape == (2, CLASSES)
    assert found.classes.sort(1).values.tolist() == [[*range(CLASSES)]] * 2
    assert bool((found.values.diff(dim=1) <= 0).all())


# Positions


def places(paths: list[Path], **change: Any) -> Tensor:
    return collect(Small(), paths, LAYER, replace(SAMPLING, keep=0, **change)).positions


@pytest.mark.parametrize(("edge", "low", "high"), [(0, 0, 7), (1, 1, 6), (2, 2, 5), (3, 3, 4), (9, 3, 4)])
def test_positions_lie_inside_the_edges_and_reach_them(paths: list[Path], edge: int, low: int, high: int) -> None:
    found = places(paths * 4, positions=(high - low + 1) ** 2 // 2, edge=edge)
    assert found.amin(0).tolist() == [low, low]
    assert found.amax(0).tolist() == [high, high]


def test_positions_of_an_image_differ_from_one_another_and_all_can_be_had(paths: list[Path]) -> None:
    inside = {(row, column) for row in range(1, 7) for column in range(1, 7)}
    found = places(paths[:3], positions=36).reshape(3, 36, 2)
    for each in found.tolist():
        assert {(row, column) for row, column in each} == inside
    with pytest.raises(BadInput, match="a layer of 8x8 without its edges has 36 positions, fewer than the 37"):
        places(paths[:3], positions=37)


def test_each_position_is_as_likely() -> None:
    source = DataSet([torch.full((3, SIZE, SIZE), 0.5)] * 2000, "grey")
    sampling = replace(SAMPLING, keep=0, shard=2000, batch=1000, edge=2)
    found = collect(Small(), source, LAYER, sampling).positions
    counts = Counter((row, column) for row, column in found.tolist())
    assert len(counts) == 16
    assert max(abs(count - 125) for count in counts.values()) < 5 * 125**0.5


@pytest.mark.parametrize("change", [{"shard": 1}, {"shard": 64}, {"batch": 1}, {"batch": 7, "shard": 5}])
def test_positions_depend_on_seed_and_image_alone(paths: list[Path], change: dict[str, int]) -> None:
    whole = places(paths, positions=2)
    assert torch.equal(places(paths, positions=2, **change), whole)
    assert torch.equal(places(paths[:3], positions=2), whole[:6])
    assert not torch.equal(places(paths, positions=2, seed=1), whole)


def test_the_same_image_twice_is_looked_at_in_two_places(paths: list[Path]) -> None:
    found = collect(Small(), [paths[0]] * 6, LAYER, SAMPLING)
    assert len(found) == 6
    assert len({tuple(one) for one in found.positions.tolist()}) > 1
    for index in range(6):
        wanted, _ = literally(Small(), paths[0], LAYER, found.positions[index])
        torch.testing.assert_close(found.activations[index].float(), wanted, rtol=1e-3, atol=1e-6)


# Images that cannot be read


def test_unreadable_images_are_left_out_and_told(paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    mixed = [*paths[:2], tmp_path / "text.png", *paths[2:4], tmp_path / "missing.png"]
    with pytest.warns(UserWarning, match=r"skipped 2 of 6 images; the first: .*text\.png"):
        found = collect(Small(), mixed, LAYER, SAMPLING)
    assert found.skipped == (2, 5)
    assert found.images.tolist() == [0, 1, 3, 4]
    for index, number in enumerate([0, 1, 3, 4]):
        wanted, _ = literally(Small(), mixed[number], LAYER, found.positions[index])
        torch.testing.assert_close(found.activations[index].float(), wanted, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("keep", [0, 3, 100])
def test_a_whole_shard_may_be_unreadable(paths: list[Path], tmp_path: Path, keep: int) -> None:
    missing = [tmp_path / f"missing {index}.png" for index in range(4)]
    with pytest.warns(UserWarning, match="skipped 4 of 8 images"):
        found = collect(Small(), [*missing, *paths[:4]], LAYER, replace(SAMPLING, keep=keep))
    assert found.images.tolist() == [4, 5, 6, 7]
    assert found.skipped == (0, 1, 2, 3)
    assert (found.attributions is None) == (keep == 0)


def test_if_none_can_be_read_that_is_an_error(tmp_path: Path) -> None:
    missing = [tmp_path / f"missing {index}.png" for index in range(5)]
    with pytest.raises(BadInput, match=r"none of 5 images can be read, the first: no image at .*missing 0\.png"):
        collect(Small(), missing, LAYER, SAMPLING)


# Stores and executors


class BreaksOff(Small):
    """Breaks off at one of its runs; counts them, and the images."""

    def __init__(self, breaks_at: int = -1) -> None:
        super().__init__()
        self.runs, self.images, self.breaks_at = 0, 0, breaks_at

    def forward(self, images: Tensor) -> Tensor:
        self.runs, self.images = self.runs + 1, self.images + len(images)
        if self.runs == self.breaks_at:
            raise KeyboardInterrupt
        return super().forward(images)


@pytest.mark.parametrize(("keep", "positions"), [(3, 1), (3, 3), (0, 1)])
def test_an_interrupted_collection_goes_on_with_nothing_done_twice(
    paths: list[Path], tmp_path: Path, keep: int, positions: int
) -> None:
    sampling = replace(SAMPLING, keep=keep, positions=positions, batch=4)
    broken, whole = BreaksOff(breaks_at=7 if positions == 3 else 3), BreaksOff()
    with pytest.raises(KeyboardInterrupt):
        collect(broken, paths, LAYER, sampling, work=Work(Store(tmp_path)))
    assert len(files(tmp_path)) == 1
    before = files(tmp_path)
    found = collect(whole, paths, LAYER, sampling, work=Work(Store(tmp_path)))
    assert same(found, collect(Small(), paths, LAYER, sampling))
    assert whole.images == 1 + COUNT - 4  # one to look at the layer; the first shard of four is there
    assert len(files(tmp_path)) == 3
    assert before.items() <= files(tmp_path).items()
    again = BreaksOff()
    assert same(found, collect(again, paths, LAYER, sampling, work=Work(Store(tmp_path))))
    assert again.images == 1


@pytest.mark.parametrize("change", [{"seed": 1}, {"keep": 2}, {"positions": 2}, {"edge": 0}, {"size": 18}])
def test_another_sampling_is_collected_anew_and_the_old_one_kept(
    paths: list[Path], tmp_path: Path, change: dict[str, int]
) -> None:
    work, other = Work(Store(tmp_path)), replace(SAMPLING, **change)
    first = collect(Small(), paths, LAYER, SAMPLING, work=work)
    before = files(tmp_path)
    assert same(collect(Small(), paths, LAYER, other, work=work), collect(Small(), paths, LAYER, other))
    after = files(tmp_path)
    assert len(after) == 2 * len(before) == 6
    assert before.items() <= after.items()
    assert same(collect(Small(), paths, LAYER, SAMPLING, work=work), first)
    assert files(tmp_path) == after


def test_another_network_or_layer_is_collected_anew(paths: list[Path], tmp_path: Path) -> None:
    work = Work(Store(tmp_path))
    for model, layer in ((Small(), "norm"), (Small(1), "norm"), (Small(), "pool")):
        assert same(collect(model, paths, layer, SAMPLING, work=work), collect(model, paths, layer, SAMPLING))
    assert len(files(tmp_path)) == 9


def test_of_changed_files_only_their_shard_is_collected_anew(tmp_path: Path) -> None:
    paths, work = write_images(tmp_path / "images", COUNT), Work(Store(tmp_path / "store"))
    first = collect(BreaksOff(), paths, LAYER, SAMPLING, work=work)
    before, model = files(tmp_path / "store"), BreaksOff()
    Image.fromarray(np.full((SIZE, SIZE, 3), 200, np.uint8)).save(paths[5])
    os.utime(paths[5], ns=(1, 1))
    found = collect(model, paths, LAYER, SAMPLING, work=work)
    assert model.images == 1 + 4
    assert before.items() <= files(tmp_path / "store").items()
    assert len(files(tmp_path / "store")) == len(before) + 1
    assert same(found, collect(Small(), paths, LAYER, SAMPLING))
    changed = (found.activations != first.activations).any(1)
    assert changed.nonzero()[:, 0].tolist() == [5]


@pytest.mark.parametrize("keep", [3, 0])
def test_threads_give_the_same_bits(paths: list[Path], tmp_path: Path, keep: int) -> None:
    sampling, model = replace(SAMPLING, keep=keep, shard=1), Small()
    serial = collect(Small(), paths, LAYER, sampling)
    with ThreadPoolExecutor(4) as executor:
        assert same(collect(model, paths, LAYER, sampling, work=Work(Store(tmp_path), executor)), serial)
    assert len(files(tmp_path)) == COUNT
    assert "forward" not in vars(model)
    assert not any(module._forward_hooks for module in model.modules())
    assert same(collect(model, paths, LAYER, sampling, work=Work(Store(tmp_path))), serial)


# Data sets


def test_a_data_set_is_collected_like_its_files(paths: list[Path], tmp_path: Path) -> None:
    square = [np.random.default_rng(index).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8) for index in range(5)]
    for index, array in enumerate(square):
        Image.fromarray(array).save(tmp_path / f"{index}.png")
    wanted = collect(Small(), [tmp_path / f"{index}.png" for index in range(5)], LAYER, SAMPLING)
    pictures = DataSet([(Image.fromarray(array), 7) for array in square], "pictures")
    arrays = DataSet(square, "arrays")
    for source in (pictures, arrays):
        assert same(collect(Small(), source, LAYER, SAMPLING), wanted)
    assert same(
        collect(Small(), ImageFiles(tuple(tmp_path / f"{index}.png" for index in range(5))), LAYER, SAMPLING), wanted
    )


def test_a_data_set_is_found_again_under_its_name(tmp_path: Path) -> None:
    items = [torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(index)) for index in range(5)]
    work = Work(Store(tmp_path))
    first = collect(Small(), DataSet(items, "one"), LAYER, SAMPLING, work=work)
    before = files(tmp_path)
    assert same(collect(Small(), DataSet(items[::-1], "one"), LAYER, SAMPLING, work=work), first)
    assert files(tmp_path) == before
    assert not same(collect(Small(), DataSet(items[::-1], "other"), LAYER, SAMPLING, work=work), first)


# What cannot be collected


class Grows(Small):
    """Puts a number into its activations where an image is nearly white, and into the weights above."""

    def __init__(self, at_layer: float | None = None, above: float | None = None) -> None:
        super().__init__()
        self.at_layer = at_layer
        if above is not None:
            self.fc.weight.fill_(above)

    def forward(self, images: Tensor) -> Tensor:
        if self.at_layer is not None and bool((images > 0.99).all()):
            images = torch.full_like(images, self.at_layer)
        return super().forward(images)


@pytest.mark.parametrize("keep", [0, 3])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_activations_that_half_precision_cannot_hold_are_refused(keep: int, value: float) -> None:
    items = [torch.full((3, SIZE, SIZE), 0.5 if index < 6 else 1.0) for index in range(8)]
    with pytest.raises(NotFinite, match=r"layer 'conv1' becomes NaN, .* in images 6 to 6; leave them out"):
        collect(Grows(value), DataSet(items, "grows"), "conv1", replace(SAMPLING, keep=keep, batch=1))


def test_attributions_that_are_no_numbers_are_refused(paths: list[Path]) -> None:
    with pytest.raises(NotFinite, match=r"attributions of layer 'norm' become NaN or infinite in images 0 to 2"):
        collect(Grows(above=float("nan")), paths, "norm", SAMPLING)
    assert len(collect(Grows(above=float("nan")), paths, "norm", replace(SAMPLING, keep=0))) == COUNT


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        ("fc", BadInput, r"layer 'fc' puts out \(5,\), no rows and columns; choose a convolution's"),
        ("nome", LayerNotFound, "no layer 'nome'; near ones: norm"),
    ],
)
@pytest.mark.parametrize("keep", [0, 3])
def test_layers_that_cannot_be(paths: list[Path], layer: str, error: type[Exception], message: str, keep: int) -> None:
    with pytest.raises(error, match=message):
        collect(Small(), paths, layer, replace(SAMPLING, keep=keep))


def test_no_images_are_refused() -> None:
    with pytest.raises(BadInput, match="an atlas needs images; give at least one path"):
        collect(Small(), [], LAYER, SAMPLING)


@pytest.mark.parametrize("wrong", ["positions", "size", "batch", "shard", "edge", "keep"])
def test_samplings_that_cannot_be_are_said(wrong: str) -> None:
    number = -1 if wrong in ("edge", "keep") else 0
    with pytest.raises(BadInput, match=rf"^{wrong} \({number}\) is too small to collect anything"):
        Sampling(**{wrong: number})


def test_some_of_a_collection(paths: list[Path]) -> None:
    whole = collect(Small(), paths, LAYER, SAMPLING)
    chosen = torch.tensor([7, 2])
    some: Collection = whole[chosen]
    assert some.images.tolist() == [7, 2]
    assert torch.equal(some.activations, whole.activations[chosen])
    assert torch.equal(some.attributed().values, whole.attributed().values[chosen])
    assert torch.equal(some.attributed().classes, whole.attributed().classes[chosen])
    assert torch.equal(some.positions, whole.positions[chosen])
