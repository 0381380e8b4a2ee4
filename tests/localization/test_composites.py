"""Generated images: what is known of them is exact, and each depends on the seed and its own number alone."""

import pytest
import torch

from innerview.core.errors import BadInput, NotFinite
from innerview.localization import composites
from innerview.localization.composites import EDGE, GROUND, INK


def test_masks_and_boxes_hold_what_differs_from_the_ground():
    """The same object on another ground: what stays is the object."""
    dark = composites(6, parts=(1.0, 0.5), backgrounds=torch.zeros(1, 3, 64, 64))
    for image, mask, box in zip(dark.images, dark.masks, dark.boxes, strict=True):
        lit = image.amax(0) > 0
        assert torch.equal(lit, mask)
        rows, columns = lit.any(1).nonzero()[:, 0], lit.any(0).nonzero()[:, 0]
        wanted = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert box.tolist() == [float(side) for side in wanted]
    assert [len(boxes) for boxes in dark.truth] == [1] * 6


def test_ink_is_brighter_than_any_ground():
    made = composites(8)
    for image, mask in zip(made.images, made.masks, strict=True):
        assert image[:, ~mask].max() <= GROUND
        assert image[:, mask].min() >= 0
        assert image[:, mask].amax(1).min() >= EDGE * INK


def test_an_image_depends_on_seed_and_number_alone():
    few, many, other = composites(3, seed=5), composites(7, seed=5), composites(3, seed=6)
    assert torch.equal(few.images, many.images[:3])
    assert torch.equal(few.labels, many.labels[:3])
    assert not torch.equal(few.images, other.images)
    assert len({tuple(box) for box in many.boxes.tolist()}) == 7


@pytest.mark.parametrize("classes", [2, 10])
def test_every_class_comes(classes):
    assert set(composites(80, size=32, classes=classes).labels.tolist()) == set(range(classes))


def test_further_parts_are_fainter_and_stand_to_the_right():
    dark = torch.zeros(1, 3, 96, 96)
    whole = composites(10, size=96, parts=(1.0, 0.3), backgrounds=dark)
    for image, box in zip(whole.images, whole.boxes.int().tolist(), strict=True):
        middle = (box[0] + box[2]) // 2
        left, right = image[:, :, box[0] : middle].max(), image[:, :, middle + 2 : box[2]].max()
        assert right < 0.6 * left


def test_halves_share_no_digit():
    def shapes(half):
        made = composites(60, size=32, digits=half, backgrounds=torch.zeros(1, 3, 32, 32))
        return {tuple((image.amax(0) > 0).flatten().tolist()) for image in made.images}

    assert not shapes("training") & shapes("test")


def test_grounds_are_cut_from_the_pictures_given():
    grounds = torch.stack([torch.full((3, 70, 90), 0.4), torch.full((3, 70, 90), 0.8)])
    made = composites(12, backgrounds=grounds)
    levels = {round(float(image[:, ~mask].mean()), 3) for image, mask in zip(made.images, made.masks, strict=True)}
    assert levels == {0.2, 0.4}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 0}, "0 images of 10 classes"),
        ({"classes": 11}, "of 11 classes"),
        ({"parts": ()}, r"a contrast in \(0, 1\]"),
        ({"parts": (1.0, 0.0)}, r"a contrast in \(0, 1\]"),
        ({"size": 8, "parts": (1.0, 1.0)}, "do not fit into an image of 8"),
        ({"backgrounds": torch.zeros(1, 3, 32, 32)}, "backgrounds of 32x32 pixels are smaller"),
    ],
)
def test_what_cannot_be_made_is_said(wrong, message):
    with pytest.raises(BadInput, match=message):
        composites(**({"count": 2} | wrong))


def test_grounds_are_numbers():
    with pytest.raises(NotFinite):
        composites(1, backgrounds=torch.full((1, 3, 64, 64), float("nan")))
