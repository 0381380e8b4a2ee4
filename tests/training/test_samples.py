"""Samples: every one once an epoch, windows and mirrors of the pictures, nothing but the generator's randomness."""

import pytest
import torch

from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.training import Flip, RandomCrop, Samples, TensorSamples
from innerview.training.samples import order


def places(height, width, count=200):
    """Pictures whose first channel holds the row, second the column, third the picture's number."""
    row = torch.arange(height)[:, None].expand(height, width)
    column = torch.arange(width)[None, :].expand(height, width)
    return torch.stack([torch.stack([row, column, torch.full_like(row, number)]) for number in range(count)])


@pytest.mark.parametrize("count", [1, 7, 64])
def test_an_epoch_holds_every_sample_once_in_an_order_of_its_own(count):
    orders = [order(count, 0, epoch) for epoch in range(4)]
    for one in orders:
        assert sorted(one.tolist()) == list(range(count))
    assert torch.equal(order(count, 0, 2), orders[2])
    if count > 7:
        assert len({tuple(one.tolist()) for one in [*orders, order(count, 1, 0)]}) == 5


def test_a_crop_is_a_window_and_every_window_comes():
    crops = RandomCrop(4)(places(6, 7), generator("crop"))
    assert crops.shape == (200, 3, 4, 4)
    corners = crops[:, :2, 0, 0]
    literal = torch.stack(
        [places(6, 7)[i, :, top : top + 4, left : left + 4] for i, (top, left) in enumerate(corners.tolist())]
    )
    assert torch.equal(crops, literal)
    assert {tuple(corner) for corner in corners.tolist()} == {(top, left) for top in range(3) for left in range(4)}


def test_a_flip_mirrors_about_as_many_pictures_as_its_chance_says():
    pictures = places(3, 5)
    flipped = Flip(0.25)(pictures, generator("flip"))
    mirrored = (flipped == pictures.flip(-1)).flatten(1).all(1)
    same = (flipped == pictures).flatten(1).all(1)
    assert torch.equal(mirrored, ~same)
    assert 30 < int(mirrored.sum()) < 70  # 50 expected, standard deviation 6
    assert torch.equal(Flip(0.0)(pictures, generator("flip")), pictures)
    assert torch.equal(Flip(1.0)(pictures, generator("flip")), pictures.flip(-1))


@pytest.mark.parametrize("change", [Flip(), RandomCrop(4)], ids=["flip", "crop"])
def test_changes_depend_on_the_generator_alone(change):
    pictures = places(6, 6)
    first = change(pictures, generator("a"))
    torch.manual_seed(1)
    assert torch.equal(first, change(pictures, generator("a")))
    assert not torch.equal(first, change(pictures, generator("b")))


def test_a_batch_holds_the_rows_asked_for_and_bytes_become_floats():
    pictures, labels = places(4, 4, 9).to(torch.uint8), torch.arange(9)
    samples = TensorSamples((pictures, labels))
    assert isinstance(samples, Samples)
    assert len(samples) == 9
    images, numbers = samples.batch(torch.tensor([5, 0, 5]), generator("none"))
    assert numbers.tolist() == [5, 0, 5]
    torch.testing.assert_close(images[:, 2, 0, 0], torch.tensor([5, 0, 5]) / 255)
    assert images.dtype == torch.float32


def test_augmentations_change_the_first_tensor_alone():
    pictures = places(4, 6, 9).float()
    flipped, others = TensorSamples((pictures, pictures), (Flip(1.0),)).batch(torch.arange(9), generator("none"))
    assert torch.equal(flipped, pictures.flip(-1))
    assert torch.equal(others, pictures)


def test_what_makes_no_samples_is_said():
    with pytest.raises(BadInput, match=r"tensors of \[3, 2\] rows make no samples"):
        TensorSamples((torch.zeros(3), torch.zeros(2)))
    with pytest.raises(BadInput, match="cannot crop 5 pixels from pictures of 4x6"):
        RandomCrop(5)(places(4, 6, 1), generator("crop"))
