"""Purity: equal to counting, blind to the order of images, unmoved by silent units."""

from collections import Counter

import numpy as np
import pytest
import torch

from innerview.core.errors import BadInput
from innerview.dissection import purity, random_directions

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(60, 9)).astype(np.float32)
LABELS = [f"n{index // 12}" for index in range(60)]


@pytest.mark.parametrize("count", [1, 7, 60])
def test_purity_is_the_count_of_the_commonest_label(count):
    found = purity(VALUES, LABELS, count)
    for unit in range(9):
        top = sorted(range(60), key=lambda index: -VALUES[index, unit])[:count]
        most = Counter(LABELS[index] for index in top).most_common(1)[0][1]
        assert found[unit] == pytest.approx(most / count)


def test_a_detector_of_a_class_is_pure_and_the_whole_set_is_as_mixed_as_its_classes():
    detector = np.array([[float(label == "n3")] for label in LABELS], np.float32)
    assert purity(detector, LABELS, 12).tolist() == [1.0]
    assert purity(detector, LABELS, 60).tolist() == [0.2]


def test_a_silent_unit_is_not_pure_though_the_images_are_sorted_by_class():
    silent = np.zeros((60, 200), np.float32)
    assert purity(silent, LABELS, 12).max() < 0.8
    assert purity(silent[:, :1], LABELS, 12, seed=1).tolist() != [1.0]


def test_images_without_values_are_left_out():
    holed = np.insert(VALUES, [5, 40], np.nan, axis=0)
    labels = [*LABELS[:5], "other", *LABELS[5:40], "other", *LABELS[40:]]
    assert purity(holed, labels, 10) == pytest.approx(purity(VALUES, LABELS, 10))
    with pytest.raises(BadInput, match="60 images have values; a top of 61 cannot be taken"):
        purity(holed, labels, 61)


def test_any_kind_of_label_will_do():
    numbers = np.array([index // 12 for index in range(60)])
    assert purity(VALUES, numbers, 10).tolist() == purity(VALUES, LABELS, 10).tolist()


def test_as_many_labels_as_images_are_needed():
    with pytest.raises(BadInput, match="60 images have 59 labels"):
        purity(VALUES, LABELS[:-1], 5)


def test_random_directions_are_unit_vectors_on_all_sides_and_repeat():
    directions = random_directions(4000, 6, seed=1)
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(4000))
    torch.testing.assert_close(directions.T @ directions / 4000, torch.eye(6) / 6, atol=0.015, rtol=0)
    assert directions.mean(0).abs().max() < 0.03
    assert torch.equal(directions, random_directions(4000, 6, seed=1))
    assert not torch.equal(directions, random_directions(4000, 6, seed=2))
