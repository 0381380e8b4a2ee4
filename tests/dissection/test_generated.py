"""Dissecting a generator: units planted for colours are found, and switching them removes and brings the colours."""

import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.dissection import (
    PixelConcepts,
    concept_shares,
    dissect_generator,
    effect,
    generated,
    switched,
    unit_thresholds,
)
from innerview.models.classifier import frozen

NAMES = PixelConcepts().names


class Painter(nn.Module):
    """Codes are the maps of three units, 4x4 each: the first paints red, the second blue, the third nothing."""

    def __init__(self):
        super().__init__()
        self.units = nn.Sequential(nn.Unflatten(1, (3, 4, 4)), nn.ReLU())
        self.colors = nn.Conv2d(3, 3, 1, bias=False)
        self.colors.weight.data = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 1.0, 0]])[:, :, None, None]

    def forward(self, codes):
        return nn.functional.interpolate(self.colors(self.units(codes)).clamp(0, 1), scale_factor=8)


@pytest.fixture(scope="module")
def painter():
    return frozen(Painter())


@pytest.fixture(scope="module")
def codes():
    """Half of the places are red or blue, never both; the third unit is on anywhere."""
    draws = torch.Generator().manual_seed(0)
    on = torch.randint(0, 4, (60, 16), generator=draws)
    maps = torch.stack([on == 0, on == 1, torch.rand(60, 16, generator=draws) > 0.5], 1).float()
    return maps.flatten(1)


def test_planted_units_are_found(painter, codes):
    found = dissect_generator(painter, codes, "units", PixelConcepts(), quantile=0.3)
    colors = [number for number, kind in enumerate(found.categories) if kind == "color"]
    best = found.iou[:, colors].argmax(1)
    assert [NAMES[colors[place]] for place in best[:2]] == ["red", "blue"]
    assert (found.iou[:2, colors].max(1) > 0.4).all()  # enlarged maps are wider than what was painted
    assert found.iou[2, NAMES.index("red")] < 0.3
    assert {0, 1} <= set(found.detectors.tolist())


def test_maps_are_those_of_the_codes(painter, codes):
    """The thresholds are the quantiles of the units' values, which are the codes themselves."""
    values = codes * torch.rand(codes.shape, generator=torch.Generator().manual_seed(1))
    found = dissect_generator(painter, values, "units", PixelConcepts(), quantile=0.1)
    rows = values.view(60, 3, 16).transpose(0, 1).flatten(1)
    expected = rows.sort(1, descending=True).values[:, 96]
    assert torch.allclose(torch.from_numpy(found.thresholds), expected)
    assert found.examples.shape == (3, 10)
    strongest = values.view(60, 3, 16).amax(2).argsort(0, descending=True)[:10].T
    assert found.examples.tolist() == strongest.tolist()


def test_images_are_made_in_batches_as_at_once(painter, codes):
    with torch.no_grad():
        assert torch.equal(generated(painter, codes), painter(codes))


def test_shares_count_pixels_and_only_where_they_shall(painter, codes):
    images = generated(painter, codes)
    red = codes.view(60, 3, 16)[:, 0].mean(1)
    found = concept_shares(images, PixelConcepts())
    assert torch.allclose(found[:, NAMES.index("red")], red)
    corner = torch.zeros(32, 32, dtype=torch.bool)
    corner[:8, :8] = True
    found = concept_shares(images, PixelConcepts(), corner)
    assert torch.equal(found[:, NAMES.index("blue")], codes.view(60, 3, 16)[:, 1, 0])


def share_of(name):
    return lambda images: concept_shares(images, PixelConcepts())[:, NAMES.index(name)]


def test_switching_off_removes_what_a_unit_brings_and_nothing_else(painter, codes):
    assert effect(painter, codes, "units", [0], share_of("red")).change == pytest.approx(-1.0)
    assert effect(painter, codes, "units", [0], share_of("blue")).change == pytest.approx(0.0)
    assert effect(painter, codes, "units", [2], share_of("red")).change == pytest.approx(0.0)


def test_switching_on_brings_it_there(painter, codes):
    where = torch.zeros(4, 4, dtype=torch.bool)
    where[0, :2] = True
    found = effect(painter, codes, "units", [0, 1], share_of("red"), value=torch.tensor([1.0, 0.0]), where=where)
    red = codes.view(60, 3, 16)[:, 0]
    assert torch.allclose(found.before, red.mean(1))
    assert torch.allclose(found.after, (red[:, 2:].sum(1) + 2) / 16)
    assert found.change > 0


def test_bad_input(painter, codes):
    with pytest.raises(BadInput, match="no codes"):
        dissect_generator(painter, codes[:0], "units", PixelConcepts())
    with pytest.raises(LayerNotFound):
        dissect_generator(painter, codes, "unit", PixelConcepts())
    with pytest.raises(BadInput, match="training mode"):
        generated(Painter(), codes)
    with pytest.raises(BadInput, match="quantile"):
        dissect_generator(painter, codes, "units", PixelConcepts(), quantile=1.0)
    with pytest.raises(BadInput, match="no pixel is marked"):
        concept_shares(generated(painter, codes), PixelConcepts(), torch.zeros(32, 32, dtype=torch.bool))
    with pytest.raises(BadInput, match="unit 3 is none"), switched(painter, "units", [3]):
        generated(painter, codes)


def test_a_classifier_is_no_generator(painter, codes):
    """What `dissect` does with images and a classifier, `dissect_generator` does with codes: thresholds agree."""
    images = generated(painter, codes)
    pooled = frozen(nn.Sequential(nn.AvgPool2d(8)))
    expected = unit_thresholds(pooled, images, "0", 0.1)
    found = dissect_generator(painter, codes, "units", PixelConcepts(), quantile=0.1)
    assert found.thresholds[0] == pytest.approx(float(expected[0]))
    assert found.thresholds[1] == pytest.approx(float(expected[2]))
