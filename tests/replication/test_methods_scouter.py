"""The measures of the page on SCOUTER, on maps whose numbers are counted by hand."""

import pytest
import torch

from innerview.core.errors import BadInput
from replication.methods.scouter.config import Config
from replication.methods.scouter.measures import accuracy, areas, areas_by_rank, precision
from replication.methods.scouter.trained import Outcome, Pooled


def outcome():
    """Two photographs, three classes, maps of 2 x 2; the first is of class 2, the second of class 0."""
    maps = torch.zeros(2, 3, 2, 2)
    maps[0, 2] = torch.tensor([[0.8, 0.0], [0.0, 0.0]])
    maps[0, 0] = 0.1
    maps[1, 0] = torch.tensor([[0.0, 0.0], [0.2, 0.2]])
    maps[1, 1] = torch.tensor([[0.0, 0.4], [0.0, 0.0]])
    return Outcome(torch.tensor([[0.0, 1.0, 2.0], [0.0, 3.0, 1.0]]), maps, {})


LABELS = torch.tensor([2, 0])


def test_accuracy_and_areas():
    assert accuracy(outcome(), LABELS) == 50
    own, others = areas(outcome(), LABELS)
    assert own == pytest.approx(100 * (0.2 + 0.1) / 2)
    assert others == pytest.approx(100 * ((0.1 + 0) / 2 + (0.1 + 0) / 2) / 2)


def test_precision_is_the_share_inside_the_boxes():
    boxes = torch.zeros(2, 2, 2, dtype=torch.bool)
    boxes[0, 0] = True  # the upper half
    boxes[1, :, 1] = True  # the right half
    assert precision(outcome(), LABELS, boxes).tolist() == pytest.approx([100, 50])
    assert precision(outcome(), LABELS, boxes, "others").tolist() == pytest.approx([50, 100])


def test_a_map_that_is_negative_somewhere_counts_as_nothing_there():
    found = outcome()
    found.maps[0, 2, 1, 1] = -5
    boxes = torch.ones(2, 2, 2, dtype=torch.bool)
    assert precision(found, LABELS, boxes).tolist() == pytest.approx([100, 100])


def test_areas_by_rank_begin_with_the_own_class_and_go_on_from_the_likest():
    likeness = torch.tensor([[0.5, 0.9, -3.0], [0.0, -1.0, 2.0]])  # then 1, 0; then 2, 1
    ranked = areas_by_rank(outcome(), LABELS, likeness)
    expected = [(0.2 + 0.1) / 2, (0.0 + 0.0) / 2, (0.1 + 0.1) / 2]
    assert ranked.tolist() == pytest.approx([100 * one for one in expected])
    assert float(likeness[0, 2]) == -3


def test_the_plain_head_is_a_linear_layer_on_the_mean_of_the_features():
    head, features = Pooled(5, 3, seed=0), torch.rand(4, 5, 3, 2, generator=torch.Generator().manual_seed(0))
    weight, bias = head.maps.weight[:, :, 0, 0], head.maps.bias
    assert bias is not None
    torch.testing.assert_close(head(features), features.mean((2, 3)) @ weight.T + bias)


def test_weights_of_the_area_come_in_order():
    with pytest.raises(BadInput, match="from the least"):
        Config(area_weights=(10.0, 1.0))
