"""Concepts of pixels: known answers for flat colours and for gratings, one name a pixel, batches like single images."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from innerview.core.errors import BadInput
from innerview.core.folders import Batch
from innerview.dissection import COLORS, PixelConcepts, color_masks, frequency_masks, orientation_masks
from innerview.dissection.color_names import oklch
from innerview.dissection.pixel_concepts import BANDS, PEAK, _brightness, _contrast, orientation_names

NAMED = {
    "black": ["black", "#1c1c1c", "#0a0005"],
    "white": ["white", "whitesmoke", "ivory"],
    "grey": ["grey", "silver", "dimgrey", "slategrey"],
    "red": ["red", "darkred", "crimson", "firebrick", "tomato"],
    "orange": ["orange", "darkorange", "sandybrown"],
    "yellow": ["yellow", "gold", "khaki"],
    "green": ["green", "lime", "darkgreen", "olive", "seagreen", "lightgreen"],
    "blue": ["blue", "navy", "skyblue", "royalblue", "teal", "steelblue"],
    "purple": ["purple", "indigo", "violet", "blueviolet"],
    "pink": ["pink", "hotpink", "lightpink", "deeppink", "salmon"],
    "brown": ["saddlebrown", "sienna", "chocolate", "peru", "tan"],
}


def flat(color, size=8):
    return torch.tensor(to_rgb(color)).float()[None, :, None, None].expand(1, 3, size, size)


def grating(angle, period, contrast=0.3, size=64):
    """Stripes whose lines run at so many degrees, anticlockwise from horizontal."""
    rows, columns = np.mgrid[:size, :size]
    turned = np.deg2rad(angle)
    across = columns * np.sin(turned) + rows * np.cos(turned)  # rows count downwards
    grey = 0.5 + contrast * np.sin(2 * np.pi * across / period)
    return torch.from_numpy(grey).float().expand(1, 3, size, size)


def inner(masks, edge=12):
    return masks[..., edge:-edge, edge:-edge].float().mean((0, 2, 3))


@pytest.mark.parametrize(("name", "shade"), [(name, shade) for name, shades in NAMED.items() for shade in shades])
def test_colors_have_their_names(name, shade):
    found = color_masks(flat(shade))[0, :, 0, 0]
    assert [COLORS[place] for place in found.nonzero()[:, 0]] == [name]


def test_oklab_of_white_black_and_red_is_the_published_one():
    assert oklch(flat("white", 1)).flatten()[:2].tolist() == pytest.approx([1, 0], abs=1e-4)
    assert oklch(flat("black", 1)).flatten()[:2].tolist() == pytest.approx([0, 0], abs=1e-4)
    lightness, chroma, hue = oklch(flat("red", 1)).flatten().tolist()
    # Ottosson's table for sRGB's red: L .628, a .225, b .126
    assert (lightness, chroma * np.cos(np.deg2rad(hue)), chroma * np.sin(np.deg2rad(hue))) == pytest.approx(
        (0.628, 0.225, 0.126), abs=1e-3
    )


def test_a_red_square_on_grey_is_found_exactly():
    images = flat("grey", 32).clone()
    images[0, :, 4:20, 10:31] = flat("red", 1)[0]
    masks = color_masks(images)[0]
    expected = torch.zeros(32, 32, dtype=torch.bool)
    expected[4:20, 10:31] = True
    assert torch.equal(masks[COLORS.index("red")], expected)
    assert torch.equal(masks[COLORS.index("grey")], ~expected)


def test_every_pixel_has_one_color_and_at_most_one_orientation_and_band():
    images = torch.rand(3, 3, 40, 30, generator=torch.Generator().manual_seed(0))
    assert (color_masks(images).sum(1) == 1).all()
    assert orientation_masks(images).sum(1).max() == 1
    assert frequency_masks(images).sum(1).max() == 1


@pytest.mark.parametrize("bins", [4, 8])
@pytest.mark.parametrize("period", [6, 12])
def test_gratings_have_the_orientation_of_their_lines(bins, period):
    for number in range(bins):
        for off in (-0.3, 0, 0.3):
            angle = (number + off) * 180 / bins
            shares = inner(orientation_masks(grating(angle, period), bins))
            assert shares.argmax() == number
            assert shares[number] > 0.95


def test_orientations_are_told_apart_at_the_middle_between_two():
    assert orientation_names(4) == ("lines at 0°", "lines at 45°", "lines at 90°", "lines at 135°")
    below, above = (inner(orientation_masks(grating(angle, 8), 4)) for angle in (21, 24))
    assert below.argmax() == 0
    assert above.argmax() == 1


def test_flat_faint_and_crossed_patterns_have_no_orientation():
    crossed = (grating(0, 8) + grating(90, 8)) / 2
    for images in (flat("grey", 64), grating(45, 8, contrast=0.01), crossed):
        assert inner(orientation_masks(images)).sum() < 0.05


@pytest.mark.parametrize(("period", "band"), [(4, "high frequency"), (11, "middle frequency"), (34, "low frequency")])
@pytest.mark.parametrize("angle", [0, 30, 90])
def test_gratings_lie_in_the_band_of_their_period(period, band, angle):
    shares = inner(frequency_masks(grating(angle, period, size=128)), 30)
    assert shares[list(BANDS).index(band)] > 0.99


def test_a_band_keeps_the_contrast_of_the_grating_it_passes_best():
    for sigma in BANDS.values():
        best = 2 * np.pi * sigma / np.sqrt(2 * np.log(1.6**2) / (1.6**2 - 1))  # where the response is largest
        found = _contrast(_brightness(grating(0, best, 0.2, 200)), sigma)[0, 80:120, 80:120]
        assert found == pytest.approx(0.2 / np.sqrt(2), rel=0.03)
    assert pytest.approx(0.3336, abs=1e-4) == PEAK


def test_orientations_are_told_by_absolute_steepness():
    assert inner(orientation_masks(grating(0, 8, 0.04))).sum() == 0
    assert inner(orientation_masks(grating(0, 8, 0.08)))[0] > 0.99


def test_frequencies_are_told_by_absolute_contrast():
    assert not frequency_masks(flat("grey", 64)).any()
    assert inner(frequency_masks(grating(0, 11, 0.03))).sum() == 0
    assert inner(frequency_masks(grating(0, 11, 0.06)))[1] > 0.99


def test_a_batch_is_its_images_one_by_one():
    images = torch.cat([grating(20, 7), grating(70, 20), torch.rand(1, 3, 64, 64)])
    for masks in (orientation_masks, frequency_masks, color_masks):
        assert torch.equal(masks(images), torch.cat([masks(one) for one in images.split(1)]))


def test_the_set_holds_all_under_their_names():
    images = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    concepts = PixelConcepts(4)
    masks, known = concepts.read(Batch((7, 9), images))
    assert len(concepts.names) == len(concepts.categories) == masks.shape[1] == 11 + 4 + 3
    assert known.all()
    assert concepts.count is None
    of = dict(zip(concepts.names, concepts.categories, strict=True))
    assert (of["red"], of["lines at 45°"], of["low frequency"]) == ("color", "orientation", "frequency")
    assert torch.equal(masks[:, concepts.names.index("blue")], color_masks(images)[:, COLORS.index("blue")])
    smaller, _ = PixelConcepts(4, size=(12, 16)).read(Batch((7, 9), images))
    assert torch.equal(smaller, masks[..., 1::2, 1::2])


def test_one_orientation_is_refused():
    with pytest.raises(BadInput, match="1 orientations"):
        orientation_masks(flat("grey"), 1)
