"""Images in files: the same as images in memory, whatever reads them; files that are none are left out and told."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from training.small import ENDING, RECIPE, Judge, same

from innerview.core.errors import BadInput
from innerview.core.images import center_crop, read_image
from innerview.core.seeds import generator
from innerview.training import Flip, ImageSamples, RandomCrop, Samples, TensorSamples, cross_entropy, train

COUNT = 22
LABELS = torch.arange(COUNT) % 3


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    colors = np.random.default_rng(0).integers(0, 256, (COUNT, 14, 17, 3), np.uint8)
    folder = tmp_path / "images"
    folder.mkdir()
    paths = [folder / f"{index:02}.png" for index in range(COUNT)]
    for index, path in enumerate(paths):
        Image.fromarray(colors[index, : 11 + index % 4]).save(path)
    return paths


def cropped(paths, labels=LABELS):
    return ImageSamples(paths, labels, 8, (RandomCrop(8), Flip()), resize=10)


def in_memory(paths, labels=LABELS):
    images = torch.cat([center_crop(read_image(path, 10), 10) for path in paths])
    return TensorSamples((images, labels), (RandomCrop(8), Flip()))


def test_a_batch_holds_the_middle_squares_and_labels_asked_for(paths):
    samples = ImageSamples(paths, LABELS, 9)
    assert isinstance(samples, Samples)
    assert len(samples) == COUNT
    images, labels = samples.batch(torch.tensor([5, 0, 5]), generator("none"))
    literal = torch.cat([center_crop(read_image(paths[place], 9), 9) for place in (5, 0, 5)])
    assert torch.equal(images, literal)
    assert labels.tolist() == [2, 0, 2]
    assert samples.skipped == set()


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_training_from_files_is_that_from_memory(paths, network, workers):
    memory = train(network, in_memory(paths), cross_entropy, RECIPE, workers=0)
    files = train(network, cropped(paths), cross_entropy, RECIPE, workers=workers)
    assert same(memory.model, files.model)
    assert torch.equal(memory.history, files.history)
    assert files.skipped == memory.skipped == 0


@pytest.mark.parametrize("workers", [0, 2, 9])  # nine batches are more than two epochs
def test_readers_change_no_bit_and_leave_no_thread(network, samples, workers):
    before = threading.active_count()
    plain = train(network, samples, cross_entropy, ENDING, validate=Judge(network))
    ahead = train(network, samples, cross_entropy, ENDING, validate=Judge(network), workers=workers)
    assert same(plain.model, ahead.model)
    assert torch.equal(plain.history, ahead.history)
    assert threading.active_count() == before


# Files that cannot be read


def damage(paths, *places):
    for place in places:
        paths[place].write_bytes(b"no image")


def test_unreadable_files_are_left_out_of_the_batch_and_remembered(paths):
    damage(paths, 3, 7)
    paths[4].unlink()
    samples = cropped(paths)
    images, labels = samples.batch(torch.tensor([3, 5, 4, 9]), generator("a"))
    literal, numbers = in_memory([paths[5], paths[9]], LABELS[[5, 9]]).batch(torch.tensor([0, 1]), generator("a"))
    assert torch.equal(images, literal)
    assert labels.tolist() == numbers.tolist()
    assert samples.skipped == {paths[3], paths[4]}


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_training_goes_on_without_them_and_tells_it_once(tmp_path, paths, network, workers):
    class Rest(TensorSamples):
        """The readable images of a batch, from memory."""

        def batch(self, indices, generator):
            return super().batch(indices[(indices != 3) & (indices != 7)], generator)

    memory = Rest(*vars(in_memory(paths)).values())
    literal = train(network, memory, cross_entropy, RECIPE)
    damage(paths, 3, 7)
    with pytest.warns(UserWarning, match=r"skipped 2 of 22 files that cannot be read; the first: .*03\.png") as told:
        result = train(network, cropped(paths), cross_entropy, RECIPE, folder=tmp_path / "training", workers=workers)
    assert len(told) == 1
    assert result.skipped == 2
    assert torch.equal(result.history, literal.history)  # the loss is the mean of the rest
    assert same(result.model, literal.model)


def test_a_batch_of_which_nothing_can_be_read_ends_it(tmp_path, paths, network):
    samples = cropped(paths)
    damage(paths, *range(COUNT))
    with pytest.raises(BadInput, match=r"none of a batch's 2 files can be read; the first: .*04\.png is not an image"):
        samples.batch(torch.tensor([4, 1]), generator("none"))
    with pytest.raises(BadInput, match="none of a batch's 5 files can be read"):
        train(network, samples, cross_entropy, RECIPE, folder=tmp_path / "training")


# Which samples they are


def test_files_may_be_moved_and_others_are_another_training(tmp_path, paths, network):
    def trained(samples):
        return train(network, samples, cross_entropy, RECIPE, folder=tmp_path / "training")

    first = trained(cropped(paths))
    paths[0].parent.rename(tmp_path / "moved")
    moved = [tmp_path / "moved" / path.name for path in paths]
    assert same(first.model, trained(cropped(moved)).model)
    others = {
        "labels": cropped(moved, LABELS.flip(0)),
        "order": cropped(moved[::-1]),
        "augmentations": ImageSamples(moved, LABELS, 8, (RandomCrop(8),), resize=10),
        "larger": ImageSamples(moved, LABELS, 8, (RandomCrop(8), Flip()), resize=11),
    }
    for samples in others.values():
        with pytest.raises(BadInput, match="holds another training"):
            trained(samples)
    damage(moved, 21)  # among the last, which no fingerprint of the first few would see
    with pytest.raises(BadInput, match="holds another training"):
        trained(cropped(moved))


# What is said


def test_what_makes_no_samples_is_said(paths):
    with pytest.raises(BadInput, match="21 labels for 22 images; give one for each"):
        ImageSamples(paths, LABELS[1:], 8)
    with pytest.raises(BadInput, match="images of 8 pixels make no squares of 10; read them larger"):
        ImageSamples(paths, LABELS, 10, resize=8)
    with pytest.raises(BadInput, match="make no squares of 0"):
        ImageSamples(paths, LABELS, 0)


def test_augmentations_that_leave_another_size_are_told_before_the_first_step(paths):
    samples = ImageSamples(paths, LABELS, 8, (Flip(),), resize=10)
    message = r"the augmentations make images of 10x10 pixels, not 8x8; add RandomCrop\(8\)"
    with pytest.raises(BadInput, match=message):
        samples.batch(torch.arange(3), generator("none"))
    with pytest.raises(BadInput, match=message):
        train(nn.Linear(2, 2), samples, cross_entropy, RECIPE)


def test_readers_cannot_be_fewer_than_none(network, samples):
    with pytest.raises(BadInput, match="-1 workers cannot read ahead; give 0 or more"):
        train(network, samples, cross_entropy, RECIPE, workers=-1)
