"""Dissection: like the paper's sums written out, planted units are found, rotations keep the space."""

import importlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.folders import read_square
from innerview.core.maps import enlarged
from innerview.core.store import Store
from innerview.core.work import Work
from innerview.dissection import (
    COLORS,
    Dissection,
    GivenMasks,
    Pictures,
    PixelConcepts,
    color_masks,
    dissect,
    rotation,
    threshold_masks,
    unit_examples,
    unit_thresholds,
)
from innerview.models import activations

MODULE = importlib.import_module("innerview.dissection.dissect")  # the package shows the function of this name
KINDS = {"cat": "object", "sky": "scene", "dog": "object", "unicorn": "object"}


def noise(count, size=16, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def given(count, size=(16, 16), unknown=True):
    """Cats in every image, dogs in the even ones, sky in the first; objects not looked for in image 1."""
    masks = noise(3 * count, size[0], seed=5)[:, 0, :, : size[1]] > 0.6
    found = [{"cat": masks[3 * index]} for index in range(count)]
    for index in range(0, count, 2):
        found[index]["dog"] = masks[3 * index + 1]
    found[0]["sky"] = masks[2]
    aside = [["object"] if index == 1 else [] for index in range(count)] if unknown else ()
    return GivenMasks(KINDS, found, aside, size=None if size == (16, 16) else size)


def literal(model, images, layer, concepts, quantile, directions=None):
    """The paper's Sec. 2, written out image by image, unit by unit, pixel set by pixel set."""
    maps = [activations(model, image[None], layer)[layer][0] for image in images]
    if directions is not None:
        maps = [torch.stack([(row[:, None, None] * one).sum(0) for row in directions]) for one in maps]
    height, width = concepts.size or tuple(images.shape[-2:])
    iou = np.zeros((len(maps[0]), len(concepts.names)))
    for unit in range(len(maps[0])):
        ordered = sorted((float(value) for one in maps for value in one[unit].flatten()), reverse=True)
        threshold = ordered[int(quantile * len(ordered))]
        for number, (name, kind) in enumerate(concepts.kinds.items()):
            both = either = 0
            for index, one in enumerate(maps):
                if concepts.unknown and kind in concepts.unknown[index]:
                    continue
                lit = enlarged(one[unit][None], (height, width))[0] > threshold
                shown = concepts.found[index].get(name, torch.zeros(height, width, dtype=torch.bool))
                unit_set, concept_set = (set(map(tuple, mask.nonzero().tolist())) for mask in (lit, shown))
                both += len(unit_set & concept_set)
                either += len(unit_set | concept_set)
            iou[unit, number] = both / either if either else 0
    return iou


def pixels_of(paths):
    read = [read_square(path, 16) for path in paths]
    return torch.cat([one for one in read if isinstance(one, torch.Tensor)])


@pytest.mark.parametrize("size", [(16, 16), (8, 6)])
@pytest.mark.parametrize("quantile", [0.1, 0.3])
@pytest.mark.parametrize("turned", [False, True])
def test_a_dissection_is_the_papers_sums_written_out(tiny, size, quantile, turned):
    images, concepts = noise(7), given(7, size)
    directions = rotation(5, 0.7)[:3] if turned else None
    found = dissect(tiny, Pictures(images, batch=3), "conv", concepts, quantile=quantile, directions=directions)
    expected = literal(tiny, images, "conv", concepts, quantile, directions)
    assert found.iou == pytest.approx(expected, abs=0.02 if turned else 1e-12)  # sums in another order may cross T
    assert found.iou[:, 0].min() > 0
    assert found.absent == ("unicorn",)
    assert not found.iou[:, 3].any()
    assert found.pixels[0] == sum(int(one["cat"].sum()) for index, one in enumerate(concepts.found) if index != 1)


class Redness(nn.Module):
    """Channels that are planted: how red, how blue, and noise that has nothing to do with the image's colours."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, images):
        red = images[:, :1] - images[:, 1:].amax(1, keepdim=True)
        blue = images[:, 2:] - images[:, :2].amax(1, keepdim=True)
        other = torch.randn(images.shape[-2:], generator=torch.Generator().manual_seed(0)).expand(
            len(images), 1, -1, -1
        )
        return self.layer(torch.cat([red, blue, other], 1)).flatten(1)


def squares(count=20, size=32):
    """A red and a blue square on grey in each image, at random places: 4 x 4 of 32 x 32 pixels."""
    images, draws = torch.full((count, 3, size, size), 0.5), np.random.default_rng(0)
    for image in images:
        (red_row, blue_row), (red_column, blue_column) = draws.integers(0, [16, 28], (2, 2)).T
        image[:, blue_row : blue_row + 4, blue_column : blue_column + 4] = torch.tensor([0, 0, 0.9])[:, None, None]
        image[:, red_row : red_row + 4, red_column : red_column + 4] = torch.tensor([0.9, 0, 0])[:, None, None]
    return images


def test_planted_units_are_found_with_iou_near_1():
    images = squares()
    shares = [float(color_masks(images)[:, COLORS.index(name)].float().mean()) for name in ("red", "blue")]
    found = dissect(Redness(), images, "layer", PixelConcepts(4), quantile=shares[0])
    names = [found.names[number] for number in found.best]
    assert names[:2] == ["red", "blue"]
    assert found.best_iou[0] == 1
    assert found.best_iou[1] > 0.9
    assert found.best_iou[2] < 0.1
    assert found.detected()["color"][:2] == ["red", "blue"]
    assert "yellow" in found.absent


def test_a_rotated_planted_unit_is_no_longer_pure():
    images, turn = squares(), rotation(3, 1.0, seed=1)
    share = float(color_masks(images)[:, COLORS.index("red")].float().mean())
    plain, turned = (
        dissect(Redness(), images, "layer", PixelConcepts(4), quantile=share, directions=directions)
        for directions in (None, turn)
    )
    red = COLORS.index("red")
    assert plain.iou[:, red].max() == 1
    assert turned.iou[:, red].max() < 0.9
    same = dissect(Redness(), images, "layer", PixelConcepts(4), quantile=share, directions=torch.eye(3))
    assert np.array_equal(same.iou, plain.iou)


def test_the_examples_are_the_images_of_the_highest_responses(tiny):
    images = noise(23)
    found = dissect(tiny, Pictures(images, batch=2), "conv", PixelConcepts())
    maxima = activations(tiny, images, "conv", pieces=2)["conv"].amax((2, 3))
    assert found.examples.shape == (5, 10)
    assert found.examples.tolist() == maxima.argsort(0, descending=True)[:10].T.tolist()
    assert found.thresholds == pytest.approx(unit_thresholds(tiny, Pictures(images, batch=2), "conv").numpy())


def test_examples_are_shown_with_what_the_unit_marks(tiny):
    images = noise(12)
    found = dissect(tiny, images, "conv", PixelConcepts(), quantile=0.1)
    shown, masks = unit_examples(tiny, images, found, 3, 4)
    assert torch.equal(shown, images[found.examples[3, :4]])
    maps = activations(tiny, shown, "conv")["conv"]
    assert torch.equal(masks, threshold_masks(maps, torch.from_numpy(found.thresholds), (16, 16))[:, 3])
    assert masks.flatten(1).any(1).all()
    with pytest.raises(BadInput, match="units 0 to 4; 5 is out of range"):
        unit_examples(tiny, images, found, 5)
    with pytest.raises(BadInput, match="10 images are remembered for each unit; 11 cannot"):
        unit_examples(tiny, images, found, 0, 11)


def test_files_count_like_their_pixels_and_unreadable_ones_not_at_all(tiny, paths, tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "STRETCH", 1)
    (tmp_path / "images" / "broken.png").write_text("no image")
    files = [*paths[:4], tmp_path / "images" / "broken.png", *paths[4:]]
    images = pixels_of(paths)
    expected = dissect(tiny, images, "conv", given(11, unknown=False))
    concepts = given(11, unknown=False)
    shifted = GivenMasks(
        KINDS, [*concepts.found[:4], {"cat": torch.ones(16, 16, dtype=torch.bool)}, *concepts.found[4:]]
    )
    with pytest.warns(UserWarning, match="broken"):
        found = dissect(tiny, Pictures(files, 16, 4), "conv", shifted)
    assert found.iou == pytest.approx(expected.iou)
    assert sorted(set(found.examples.flatten().tolist())) == [index for index in range(12) if index != 4]


def test_an_interrupted_dissection_goes_on_where_it_stopped(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "STRETCH", 2)
    monkeypatch.setattr(MODULE, "GROUP", 3)
    images, work = Pictures(noise(20), batch=2), Work(Store(tmp_path))
    whole = dissect(tiny, images, "conv", PixelConcepts())

    class Stops(PixelConcepts):
        left = 6

        def read(self, batch):
            Stops.left -= 1
            if Stops.left < 0:
                raise KeyboardInterrupt
            return super().read(batch)

    with pytest.raises(KeyboardInterrupt):
        dissect(tiny, images, "conv", Stops(), work=work)
    assert len(list(tmp_path.iterdir())) == 1 + 3  # thresholds, three stretches of two batches
    tiny.seen, Stops.left = 0, 4
    found = dissect(tiny, images, "conv", Stops(), work=work)
    assert tiny.seen == 8
    assert np.array_equal(found.iou, whole.iou)
    assert np.array_equal(found.examples, whole.examples)
    tiny.seen = 0
    dissect(tiny, images, "conv", PixelConcepts(), work=work)
    assert tiny.seen == 0
    dissect(tiny, images, "conv", PixelConcepts(4), work=work)
    assert tiny.seen == 20  # the thresholds are the same
    dissect(tiny, images, "conv", PixelConcepts(), quantile=0.1, work=work)
    assert tiny.seen == 40
    dissect(tiny, images, "conv", PixelConcepts(), directions=torch.eye(5), work=work)
    assert tiny.seen == 60


def test_maps_are_kept_between_the_passes_as_far_as_they_fit(tiny, monkeypatch):
    images = Pictures(noise(10), batch=2)
    whole = dissect(tiny, images, "conv", PixelConcepts())
    for most, seen in ((2**28, 10), (0, 20), (3 * 2 * 5 * 64 * 4, 14)):  # all, none, three of five batches
        monkeypatch.setattr("innerview.dissection.pictures.MOST_KEPT", most)
        tiny.seen = 0
        assert np.array_equal(dissect(tiny, images, "conv", PixelConcepts()).iou, whole.iou)
        assert tiny.seen == seen


def test_an_executor_and_short_stretches_count_the_same(tiny, monkeypatch):
    images = Pictures(noise(9), batch=2)
    whole = dissect(tiny, images, "conv", given(9))
    monkeypatch.setattr(MODULE, "STRETCH", 1)
    monkeypatch.setattr(MODULE, "GROUP", 2)
    with ThreadPoolExecutor(1) as pool:
        apart = dissect(tiny, images, "conv", given(9), work=Work(executor=pool))
    assert np.array_equal(apart.iou, whole.iou)
    assert np.array_equal(apart.pixels, whole.pixels)


def test_what_does_not_fit_is_refused(tiny):
    images = noise(4)
    small = GivenMasks(KINDS, given(4, (8, 6)).found)
    with pytest.raises(BadInput, match="masks are 8x6 pixels, the images 16x16"):
        dissect(tiny, images, "conv", small)
    with pytest.raises(BadInput, match="concepts know 5 images, 4 are given"):
        dissect(tiny, images, "conv", given(5))
    with pytest.raises(BadInput, match="quantile"):
        dissect(tiny, images, "conv", given(4), quantile=1)
    with pytest.raises(BadInput, match=r"a minimum of 1.5 makes no detectors"):
        dissect(tiny, images, "conv", given(4), minimum_iou=1.5)
    with pytest.raises(BadInput, match="no rows and columns"):
        dissect(tiny, images, "fc", given(4))
    with pytest.raises(BadInput, match="no image"):
        dissect(tiny, images[:0], "conv", PixelConcepts())


def table():
    iou = np.array([[0.3, 0.1, 0.0], [0.05, 0.04, 0.0], [0.04, 0.01, 0.0], [0.0, 0.2, 0.0], [0.1, 0.0, 0.0]])
    return Dissection(
        "conv", ("cat", "red", "blue"), ("object", "color", "color"), iou, np.arange(5.0), np.array([9, 9, 0]),
        np.zeros((5, 2), int),
    )  # fmt: skip


def test_detectors_are_counted_once_for_each_concept():
    found = table()
    assert found.best.tolist() == [0, 0, 0, 1, 0]
    assert found.detectors.tolist() == [0, 1, 3, 4]  # 0.04 itself is not above 0.04
    assert found.unique_detectors() == {"object": 1, "color": 1}
    assert found.detected() == {"object": ["cat"], "color": ["red"]}
    assert found.ranked() == [0, 3, 4, 1, 2]
    assert found.ranked("color") == [3]
    assert found.absent == ("blue",)
    rows = list(found.rows())
    assert rows[3] == {"unit": 3, "concept": "red", "category": "color", "iou": 0.2, "threshold": 3.0}
    for ask in (found.ranked, found.among):
        with pytest.raises(BadInput, match="'colour'; there are object, color"):
            ask("colour")


def test_a_dissection_can_be_narrowed_to_categories():
    found = table().among("color")
    assert found.names == ("red", "blue")
    assert found.iou.tolist() == table().iou[:, 1:].tolist()
    assert found.pixels.tolist() == [9, 0]
    assert found.detectors.tolist() == [0, 3]
    assert found.unique_detectors() == {"color": 1}
    assert table().among("color", "object").iou.tolist() == table().iou.tolist()


@pytest.mark.parametrize("channels", [2, 3, 8, 31])
def test_rotations_are_orthonormal_and_go_from_the_channels_to_the_whole_turn(channels):
    whole = rotation(channels, seed=3).double()
    for alpha in (0, 0.25, 0.5, 1):
        turn = rotation(channels, alpha, seed=3).double()
        torch.testing.assert_close(turn @ turn.T, torch.eye(channels).double(), atol=1e-6, rtol=0)
        assert torch.linalg.det(turn) == pytest.approx(1)
    assert torch.equal(rotation(channels, 0, seed=3), torch.eye(channels))
    torch.testing.assert_close(rotation(channels, 1e-4, seed=3), torch.eye(channels), atol=1e-3, rtol=0)
    half, quarter = rotation(channels, 0.5, seed=3).double(), rotation(channels, 0.25, seed=3).double()
    torch.testing.assert_close(half @ half, whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(quarter @ quarter, half, atol=1e-6, rtol=0)
    assert not torch.allclose(whole, rotation(channels, seed=4).double(), atol=0.1)


def test_rotations_prefer_no_direction():
    first = torch.stack([rotation(3, seed=seed)[0] for seed in range(400)])
    assert first.mean(0).abs().max() < 0.12
    assert (first.square().mean(0) - 1 / 3).abs().max() < 0.06


def test_a_rotation_out_of_range_is_refused():
    with pytest.raises(BadInput, match=r"by a share of 1.5"):
        rotation(4, 1.5)
    with pytest.raises(BadInput, match="1 channels"):
        rotation(1)
