"""MaxBoxAcc: against flood fill at every threshold."""

import pytest
import torch
from localization import literal

from innerview.core.errors import BadInput, NotFinite
from innerview.localization import BoxAccuracy, max_box_accuracy, max_box_accuracy_v2

COUNT = 14
TRUTH = literal.random_boxes(COUNT, 3, seed=1)


def best(box, true):
    return max(literal.iou(box, one) for one in true)


def of_largest(found, true):
    return best(literal.box_of(literal.largest(found)), true)


def of_all(found, true):
    return max(best(literal.box_of(one), true) for one in found)


def overlap_table(maps, truth, steps, choose):
    """The overlap of each image at each threshold, by flood fill."""
    table = []
    for heatmap, true in zip(maps, truth, strict=True):
        normalised = (heatmap - heatmap.min()) / (heatmap.max() - heatmap.min())
        table.append([choose(literal.components(normalised >= step / steps), true) for step in range(steps + 1)])
    return torch.tensor(table, dtype=torch.float64)


def max_box_acc(table, level):
    """The best over thresholds of the share of images that reach the level, in %."""
    shares = [sum(value >= level for value in column) / len(table) for column in table.T.tolist()]
    return 100 * max(shares)


@pytest.mark.parametrize(("measure", "choose"), [(max_box_accuracy, of_largest), (max_box_accuracy_v2, of_all)])
@pytest.mark.parametrize("values", [None, 11])
def test_the_overlaps_are_those_of_flood_fill(measure, choose, values):
    maps = literal.random_maps(COUNT, seed=2, values=values) * 3 - 7
    table = overlap_table(maps, TRUTH, 20 if values is None else 10, choose)
    found = measure(maps, TRUTH, steps=20 if values is None else 10)
    torch.testing.assert_close(found.overlaps, table)
    assert found.thresholds.tolist() == pytest.approx([step / (len(table[0]) - 1) for step in range(len(table[0]))])


def test_version_1_is_the_best_threshold_at_50_percent():
    maps = literal.random_maps(COUNT, seed=3)
    table = overlap_table(maps, TRUTH, 25, of_largest)
    assert max_box_accuracy(maps, TRUTH, 25).accuracy == pytest.approx(max_box_acc(table, 0.5))


def test_version_2_is_the_mean_of_three_levels_at_a_threshold_each():
    maps = literal.random_maps(COUNT, seed=3)
    table = overlap_table(maps, TRUTH, 25, of_all)
    each = [max_box_acc(table, level) for level in (0.3, 0.5, 0.7)]
    assert len(set(each)) == 3
    found = max_box_accuracy_v2(maps, TRUTH, 25)
    assert found.accuracy == pytest.approx(sum(each) / 3)
    assert found.curves.amax(1).tolist() == pytest.approx(each)


def test_the_threshold_is_one_for_the_whole_data_set():
    thresholds = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    overlaps = torch.tensor([[0.6, 0.2, 0.1], [0.1, 0.1, 0.9], [0.8, 0.4, 0.7]], dtype=torch.float64)
    found = BoxAccuracy(thresholds, overlaps, (0.5, 0.85))
    torch.testing.assert_close(found.curves * 3 / 100, torch.tensor([[2.0, 0, 2], [0, 0, 1]], dtype=torch.float64))
    assert found.best_thresholds == (0.0, 1.0)
    assert found.accuracy == pytest.approx(50)
    assert found.correct.tolist() == [[True, False], [False, True], [True, False]]


def test_the_images_that_are_right_average_to_the_accuracy():
    found = max_box_accuracy_v2(literal.random_maps(COUNT, seed=4), TRUTH)
    assert 100 * float(found.correct.double().mean()) == pytest.approx(found.accuracy)
    assert len(found.thresholds) == 1001


def test_parts_of_a_data_set_join():
    maps = literal.random_maps(COUNT, seed=5)
    whole = max_box_accuracy(maps, TRUTH)
    parts = [max_box_accuracy(maps[part], TRUTH[part]) for part in (slice(5), slice(5, None))]
    joined = BoxAccuracy(whole.thresholds, torch.cat([part.overlaps for part in parts]), whole.levels)
    assert joined.accuracy == whole.accuracy
    assert torch.equal(joined.overlaps, whole.overlaps)


def test_a_map_that_marks_the_box_is_right_at_all_thresholds_but_0():
    heatmap = torch.zeros(1, 20, 30)
    heatmap[0, 4:9, 10:22] = 0.4
    found = max_box_accuracy(heatmap, [torch.tensor([[10.0, 4, 22, 9]])])
    assert (found.overlaps[0, 1:] == 1).all()
    assert float(found.overlaps[0, 0]) == pytest.approx(60 / 600)


def test_a_map_without_any_difference_is_zero():
    maps = torch.stack([torch.zeros(4, 5), torch.full((4, 5), 3.0)])
    found = max_box_accuracy_v2(maps, [torch.tensor([[0.0, 0, 5, 2]])] * 2, 10)
    assert found.overlaps.tolist() == [[0.5] + [0.0] * 10] * 2


def test_bad_input_is_refused():
    maps = literal.random_maps(COUNT)
    with pytest.raises(BadInput, match="13 sets of true boxes for 14 images"):
        max_box_accuracy(maps, TRUTH[1:])
    with pytest.raises(BadInput, match="cut into 0 steps"):
        max_box_accuracy(maps, TRUTH, 0)
    maps[2, 3, 4] = torch.inf
    with pytest.raises(NotFinite, match="NaN or infinite"):
        max_box_accuracy(maps, TRUTH)
