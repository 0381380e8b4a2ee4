"""Judging maps: the three kinds of thresholds, pixels, ranks; against slow and literal counts."""

import numpy as np
import pytest
import torch

from innerview.core.errors import BadInput, NotFinite
from innerview.core.maps import unit_range
from innerview.localization import (
    box_coverage,
    box_from_heatmap,
    gt_known,
    iou,
    judge,
    marked,
    max_box_accuracy,
    max_box_accuracy_v2,
    pixel_curve,
)
from innerview.localization.judging import inside_boxes

SIZE = 24


def bumps(count, seed=0):
    """Maps with a bump each, on a slope; and a box near each bump."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    maps, boxes = [], []
    for _ in range(count):
        x, y, width = random.uniform(6, 18), random.uniform(6, 18), random.uniform(2, 5)
        maps.append(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2)) + 0.01 * columns)
        left, top = x - random.uniform(3, 6), y - random.uniform(3, 6)
        boxes.append(torch.tensor([[left, top, x + random.uniform(3, 6), y + random.uniform(3, 6)]]).clamp(0, SIZE))
    return torch.from_numpy(np.stack(maps)).float(), [box.float() for box in boxes]


@pytest.fixture(scope="module")
def case():
    maps, truth = bumps(20)
    labels = torch.arange(20) % 3
    guesses = torch.stack([(labels + shift) % 3 for shift in (0, 1)], 1)
    guesses[::4] = guesses[::4].flip(1)  # second guess
    guesses[1::8] = 7  # never
    return maps, truth, labels, guesses


def right_at(maps, truth, threshold):
    """Box of the largest component from a threshold on, literally."""
    scaled = unit_range(maps)
    boxes = box_from_heatmap(torch.where(scaled >= threshold, 1.0, 0.0), 0.5)
    return torch.tensor([float(iou(box[None], true).max()) >= 0.5 for box, true in zip(boxes, truth, strict=True)])


@pytest.mark.parametrize("threshold", [0.2, 0.35, 0.5])
def test_the_fixed_threshold_is_the_boxes_at_it(case, threshold):
    maps, truth, labels, guesses = case
    judged = judge(maps, truth, labels, guesses, fixed=threshold, steps=100)
    wanted = right_at(maps, truth, threshold)
    assert torch.equal(judged.located("fixed"), wanted)
    assert judged.error(None, "fixed") == pytest.approx(100 * float((~wanted).double().mean()))
    boxes = box_from_heatmap(unit_range(maps), threshold - 1e-6)
    assert judged.error(None, "fixed") == gt_known(boxes, truth).error()


def test_the_best_threshold_is_max_box_accuracy(case):
    maps, truth, labels, guesses = case
    judged = judge(maps, truth, labels, guesses, steps=100)
    assert judged.error(None, "best") == pytest.approx(100 - max_box_accuracy(maps, truth, 100).accuracy)
    assert judged.box_accuracy_v2("best") == pytest.approx(max_box_accuracy_v2(maps, truth, 100).accuracy)
    assert judged.threshold("best") == max_box_accuracy(maps, truth, 100).best_thresholds[0]


def test_tuned_thresholds_come_from_the_other_half(case):
    maps, truth, labels, guesses = case
    judged = judge(maps, truth, labels, guesses, steps=50)
    right = torch.stack([right_at(maps, truth, step / 50) for step in range(51)], 1)
    halves = [torch.arange(20) % 2 == 0, torch.arange(20) % 2 == 1]
    wanted = torch.zeros(20, dtype=torch.bool)
    for half, other in (halves, halves[::-1]):
        best = max(range(51), key=lambda step: (int(right[other, step].sum()), -step))
        wanted[half] = right[half, best]
    assert torch.equal(judged.located("tuned"), wanted)


def test_tuning_cannot_beat_the_best_and_does_not_look_at_its_own_half():
    """Half of the maps want a low cut, the others a high one: each half gets the other's."""
    rows = torch.arange(SIZE).float().expand(SIZE, SIZE) / (SIZE - 1)  # rises from left to right
    low, high = torch.tensor([[12.0, 0, 24, 24]]), torch.tensor([[22.0, 0, 24, 24]])
    truth = [low if place % 2 else high for place in range(8)]
    judged = judge(rows.expand(8, SIZE, SIZE), truth, torch.zeros(8), torch.zeros(8, 1).long(), steps=100)
    assert judged.error(None, "tuned") == 100
    assert judged.error(None, "best") == 50


def test_a_right_guess_needs_a_right_box(case):
    maps, truth, labels, guesses = case
    judged = judge(maps, truth, labels, guesses, fixed=0.35, steps=100)
    located = judged.located("fixed")
    for count in (1, 2):
        named = torch.tensor([int(label) in row[:count].tolist() for label, row in zip(labels, guesses, strict=True)])
        assert torch.equal(judged.correct(count), named & located)
        assert judged.error(count) == pytest.approx(100 * float((~(named & located)).double().mean()))
        assert judged.classification_error(count) == pytest.approx(100 * float((~named).double().mean()))
    assert judged.error(1) > judged.error(2) >= judged.error(None)


def test_marks_are_cut_from_maps_scaled_to_their_range():
    maps = torch.tensor([[[-2.0, 0.0], [2.0, 6.0]], [[1.0, 1.0], [1.0, 1.0]]])
    assert marked(maps, 0.5).tolist() == [[[False, False], [True, True]], [[False, False], [False, False]]]
    assert marked(maps, torch.tensor([0.6, 0.0])).sum((1, 2)).tolist() == [1, 4]


def test_coverage_counts_pixels_literally():
    maps, truth = bumps(4, seed=1)
    truth[2] = torch.tensor([[0.0, 0, 8, 8], [4.0, 4, 12, 12]])
    masks = marked(maps, 0.4)
    recall, precision = box_coverage(masks, truth)
    for mask, boxes, found, exact in zip(masks, truth, recall, precision, strict=True):
        inside = torch.zeros(SIZE, SIZE, dtype=torch.bool)
        for row in range(SIZE):
            for column in range(SIZE):
                inside[row, column] = any(
                    x0 <= column + 0.5 < x1 and y0 <= row + 0.5 < y1 for x0, y0, x1, y1 in boxes.tolist()
                )
        assert torch.equal(inside_boxes(boxes, (SIZE, SIZE)), inside)
        assert float(found) == pytest.approx(float((mask & inside).sum() / inside.sum()))
        assert float(exact) == pytest.approx(float((mask & inside).sum() / mask.sum()))


def test_an_empty_mask_is_not_precise():
    recall, precision = box_coverage(torch.zeros(1, 8, 8, dtype=torch.bool), [torch.tensor([[0.0, 0, 4, 4]])])
    assert (recall.item(), precision.item()) == (0, 0)


def test_the_pixel_curve_is_precision_and_recall_at_every_threshold():
    maps, truth = bumps(5, seed=2)
    curve = pixel_curve(maps, truth, steps=20)
    inside = torch.stack([inside_boxes(boxes, (SIZE, SIZE)) for boxes in truth])
    for place, step in enumerate(range(20, -1, -1)):
        mask = (unit_range(maps) * 20).long() >= step
        assert curve.recall[place] == pytest.approx(float((mask & inside).sum() / inside.sum()))
        assert curve.precision[place] == pytest.approx(float((mask & inside).sum() / mask.sum()))


def test_average_precision_is_one_for_the_boxes_themselves_and_chance_for_nothing():
    _, truth = bumps(6, seed=3)
    inside = torch.stack([inside_boxes(boxes, (SIZE, SIZE)) for boxes in truth]).float()
    assert pixel_curve(inside, truth).average_precision == pytest.approx(1)
    flat = pixel_curve(torch.ones(6, SIZE, SIZE), truth).average_precision
    assert flat == pytest.approx(float(inside.mean()), rel=1e-5)


def test_bad_input_is_one_clear_line(case):
    maps, truth, labels, guesses = case
    with pytest.raises(BadInput, match="20 maps, 19 labels, 20 guesses"):
        judge(maps, truth, labels[1:], guesses)
    with pytest.raises(BadInput, match=r"one of 200 steps from 0 to 1, not 1\.5"):
        judge(maps, truth, labels, guesses, fixed=1.5)
    with pytest.raises(BadInput, match="give at least two images"):
        judge(maps[:1], truth[:1], labels[:1], guesses[:1]).error(None, "tuned")
    with pytest.raises(BadInput, match=r"one of 7 steps from 0 to 1, not 0\.2"):
        judge(maps, truth, labels, guesses, steps=7)
    with pytest.raises(BadInput, match="no class was guessed"):
        judge(maps, truth, labels, guesses[:, :0])
    few = judge(maps, truth, labels, guesses, steps=10)
    for asked in (0, 3):
        with pytest.raises(BadInput, match=f"2 classes were guessed for each image; top-{asked} cannot"):
            few.error(asked)
        with pytest.raises(BadInput, match=f"top-{asked} cannot"):
            few.classification_error(asked)
    for measure in (lambda *given: box_coverage(marked(given[0]), given[1]), pixel_curve):
        with pytest.raises(BadInput, match="19 sets of true boxes for 20 images"):
            measure(maps, truth[1:])
    with pytest.raises(BadInput, match="cut into 0 steps"):
        pixel_curve(maps, truth, steps=0)
    with pytest.raises(NotFinite):
        pixel_curve(maps / 0, truth)
    with pytest.raises(NotFinite):
        judge(maps / 0, truth, labels, guesses)
