"""Thresholds: a share of all responses lies above, whatever the order; masks: above them, at the image's size."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.core.folders import read_square
from innerview.core.maps import enlarged
from innerview.dissection import Pictures, lit, threshold_masks, unit_thresholds
from innerview.dissection.thresholds import Largest
from innerview.models import activations


def noise(count, size=16, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("count", [1, 7, 59, 80, 200])
@pytest.mark.parametrize("parts", [1, 3, 40])
@pytest.mark.parametrize("digits", [1, 8])  # with and without equal values
def test_the_largest_are_those_of_all_values_in_any_order(count, parts, digits):
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 80)).round(digits))
    kept = Largest(count)
    for part in values[:, torch.randperm(80, generator=torch.Generator().manual_seed(0))].tensor_split(parts, 1):
        kept.add(part)
    assert kept.seen == 80
    assert torch.equal(kept.values(), values.sort(dim=1, descending=True).values[:, :count])


@pytest.mark.parametrize("quantile", [0.005, 0.1, 0.29, 0.5, 0.97])
def test_the_share_above_the_threshold_is_the_quantile(tiny, quantile):
    images = noise(25)
    found = unit_thresholds(tiny, Pictures(images, batch=4), "conv", quantile)
    responses = activations(tiny, images, "conv", pieces=4)["conv"].transpose(0, 1).flatten(1)
    count = responses.shape[1]
    assert count == 25 * 64
    above = (responses > found[:, None]).sum(1)
    assert above.tolist() == [round(quantile * count) if quantile != 0.005 else 8] * 5
    assert ((responses >= found[:, None]).sum(1) == above + 1).all()


def test_a_silent_units_threshold_is_its_only_value():
    convolution = nn.Conv2d(3, 2, 1)
    convolution.weight = nn.Parameter(torch.zeros(2, 3, 1, 1))
    convolution.bias = nn.Parameter(torch.tensor([-1.0, 2.0]))
    dead = nn.Sequential(convolution, nn.ReLU()).requires_grad_(False)
    found = unit_thresholds(dead, noise(3), "1", 0.1)
    assert found.tolist() == [0, 2]
    maps = activations(dead, noise(3), "1")["1"]
    assert not threshold_masks(maps, found, (32, 32)).any()


def test_thresholds_do_not_depend_on_order_or_batch(tiny):
    images = noise(11)
    found = unit_thresholds(tiny, Pictures(images, batch=3), "conv", 0.03)
    turned = unit_thresholds(tiny, Pictures(images.flip(0), batch=5), "conv", 0.03)
    torch.testing.assert_close(found, turned, rtol=1e-6, atol=0)


def test_files_give_what_their_pixels_give_and_unreadable_ones_are_left_out(tiny, paths, tmp_path):
    broken = tmp_path / "images" / "broken.png"
    broken.write_text("no image")
    read = [read_square(path, 16) for path in paths]
    images = torch.cat([one for one in read if isinstance(one, torch.Tensor)])
    expected = unit_thresholds(tiny, images, "conv", 0.1)
    with pytest.warns(UserWarning, match="skipped 1 of 12"):
        found = unit_thresholds(tiny, Pictures([*paths[:5], broken, *paths[5:]], 16, 4), "conv", 0.1)
    torch.testing.assert_close(found, expected)


def test_directions_have_thresholds_of_their_own(tiny):
    images, directions = noise(6), torch.tensor([[0.0, 0, 1, 0, 0], [1.0, -1, 0, 0, 2]])
    found = unit_thresholds(tiny, images, "conv", 0.1, directions=directions)
    plain = unit_thresholds(tiny, images, "conv", 0.1)
    assert found[0] == plain[2]
    mixed = torch.einsum("kc,bcij->kbij", directions, activations(tiny, images, "conv")["conv"]).flatten(1)
    assert (mixed[1] > found[1]).sum() == math.floor(0.1 * mixed.shape[1])


def test_masks_are_the_enlarged_map_above_the_threshold():
    maps = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(1))
    thresholds = torch.tensor([0.3, -0.5, 1.2, 9.0])
    masks = threshold_masks(maps, thresholds, (20, 31))
    for image in range(3):
        for unit in range(4):
            expected = enlarged(maps[image, unit][None], (20, 31))[0] > thresholds[unit]
            assert torch.equal(masks[image, unit], expected)
    assert masks[:, :3].any()
    assert not masks[:, 3].any()


def test_a_peak_marks_the_place_it_lies_at():
    maps = torch.zeros(1, 1, 4, 4)
    maps[0, 0, 1, 3] = 1
    rows, columns = threshold_masks(maps, torch.tensor([0.5]), (40, 40))[0, 0].nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 19, 30, 39)


def test_what_equals_the_threshold_is_not_above_it():
    masks = threshold_masks(torch.tensor([[[[1.0, 2.0], [0.5, 1.0]]]]), torch.tensor([1.0]), (2, 2))
    assert masks[0, 0].tolist() == [[False, True], [False, False]]


def test_lit_darkens_outside_alone():
    images, masks = noise(2), noise(2, seed=3)[:, 0] > 0.5
    found = lit(images, masks, 0.2)
    for image, mask, one in zip(images, masks, found, strict=True):
        assert torch.equal(one[:, mask], image[:, mask])
        torch.testing.assert_close(one[:, ~mask], 0.2 * image[:, ~mask])


@pytest.mark.parametrize("quantile", [0, 1, -0.1, 2, float("nan")])
def test_a_quantile_out_of_range_is_refused(tiny, quantile):
    with pytest.raises(BadInput, match=r"quantile .* above 0 and below 1"):
        unit_thresholds(tiny, noise(2), "conv", quantile)


def test_what_cannot_be_dissected_is_refused(tiny, tmp_path):
    with pytest.raises(BadInput, match="no rows and columns"):
        unit_thresholds(tiny, noise(2), "fc")
    with pytest.raises(BadInput, match="no rows and columns"):
        unit_thresholds(tiny, noise(2), "tokens")
    with pytest.raises(LayerNotFound, match="near ones: conv"):
        unit_thresholds(tiny, noise(2), "con")
    with pytest.raises(BadInput, match="no image"):
        unit_thresholds(tiny, [], "conv")
    with pytest.raises(BadInput, match="no image"):
        unit_thresholds(tiny, noise(0), "conv")
    with pytest.raises(BadInput, match="must be positive"):
        Pictures(noise(1), batch=0)
    with pytest.raises(BadInput, match="5 channels"):
        unit_thresholds(tiny, noise(2), "conv", directions=torch.eye(4))
    tiny.conv.weight *= 100
    bright = noise(3)
    bright[1] = 3e38
    with pytest.raises(NotFinite, match="'conv' becomes NaN or infinite for image 1"):
        unit_thresholds(tiny, Pictures(bright, batch=2), "conv")
    broken = tmp_path / "a.png"
    broken.write_text("no image")
    with pytest.warns(UserWarning, match="skipped 1"), pytest.raises(BadInput, match="none of 1 files"):
        unit_thresholds(tiny, [broken], "conv")


def test_masks_need_a_threshold_for_each_unit_and_a_size():
    maps = torch.zeros(1, 3, 2, 2)
    with pytest.raises(BadInput, match="3 units have 2 thresholds"):
        threshold_masks(maps, torch.zeros(2), (4, 4))
    with pytest.raises(BadInput, match="0x4 pixels"):
        threshold_masks(maps, torch.zeros(3), (0, 4))
