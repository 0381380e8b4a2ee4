"""Localization errors of ILSVRC: against the definition, image by image."""

import pytest
import torch
from localization import literal

from innerview.core.errors import BadInput
from innerview.core.intervals import bootstrap
from innerview.localization import gt_known, localization

COUNT = 60
RANDOM = torch.Generator().manual_seed(5)
CLASSES = torch.stack([torch.randperm(6, generator=RANDOM)[:5] for _ in range(COUNT)])
LABELS = torch.randint(3, (COUNT,), generator=RANDOM).tolist()
TRUTH = literal.random_boxes(COUNT, 3, seed=6)
BOXES = torch.stack([torch.cat(literal.random_boxes(5, 1, seed=100 + image)) for image in range(COUNT)])
for image, true in enumerate(TRUTH):  # a guess in two is near a true box
    near = torch.rand(5, generator=RANDOM) < 0.5
    BOXES[image, near] = (true[-1] + torch.tensor([0, 0, image % 3, image % 2])).expand(int(near.sum()), 4)


def error(classes, boxes, labels, truth, guesses):
    """min over guesses of max(class wrong, min over true boxes of overlap too small), the mean over images in %."""
    errors = []
    for guessed, drawn, label, true in zip(classes, boxes, labels, truth, strict=True):
        each = [
            max(int(c) != label, min(literal.iou(b, other) < 0.5 for other in true))
            for c, b in list(zip(guessed, drawn, strict=True))[:guesses]
        ]
        errors.append(min(each))
    return 100 * sum(errors) / len(errors)


@pytest.mark.parametrize("guesses", [1, 2, 5])
def test_the_error_is_that_of_the_definition(guesses):
    found = localization(CLASSES, BOXES, LABELS, TRUTH)
    wanted = error(CLASSES, BOXES, LABELS, TRUTH, guesses)
    assert 0 < wanted < 100
    assert found.error(guesses) == pytest.approx(wanted)
    everywhere = [[torch.tensor([0, 0, 9, 9])] * 5] * COUNT
    anywhere = [[torch.tensor([0, 0, 9, 9])]] * COUNT
    assert found.classification_error(guesses) == pytest.approx(error(CLASSES, everywhere, LABELS, anywhere, guesses))


def test_gt_known_asks_for_the_box_alone():
    wanted = error(torch.tensor(LABELS)[:, None], BOXES[:, :1], LABELS, TRUTH, 1)
    assert gt_known(BOXES[:, 0], TRUTH).error() == pytest.approx(wanted)
    assert gt_known(BOXES[:, 0], TRUTH).classification_error() == 0


def test_a_right_box_of_one_guess_does_not_help_the_right_class_of_another():
    truth = [torch.tensor([[0.0, 0, 4, 4]])]
    boxes = torch.tensor([[[0.0, 0, 4, 4], [10, 10, 14, 14]]])
    found = localization(torch.tensor([[3, 7]]), boxes, [7], truth)
    assert (found.error(1), found.error(2), found.classification_error(2)) == (100, 100, 0)
    assert (found.classified.tolist(), found.located.tolist()) == ([[False, True]], [[True, False]])


def test_half_is_enough_and_one_of_several_true_boxes():
    truth = [torch.tensor([[20.0, 20, 30, 30], [0, 0, 4, 4]])]
    assert gt_known(torch.tensor([[0.0, 0, 4, 2]]), truth).error() == 0
    assert gt_known(torch.tensor([[0.0, 0, 4, 1.99]]), truth).error() == 100
    assert gt_known(torch.tensor([[0.0, 0, 4, 2]]), truth, overlap=0.51).error() == 100


def test_images_can_be_bootstrapped():
    found = localization(CLASSES, BOXES, LABELS, TRUTH)
    interval = bootstrap(100 * (~found.correct(5)).float())
    assert interval.middle == pytest.approx(found.error(5))
    assert interval.low < found.error(5) < interval.high


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="59 labels for 60 images"):
        localization(CLASSES, BOXES, LABELS[:-1], TRUTH)
    with pytest.raises(BadInput, match="59 sets of true boxes for 60 images"):
        localization(CLASSES, BOXES, LABELS, TRUTH[:-1])
    with pytest.raises(BadInput, match="image 1 has no true box"):
        gt_known(BOXES[:2, 0], [TRUTH[0], TRUTH[1][:0]])
    with pytest.raises(BadInput, match=r"overlap must lie in \(0, 1\], not 0"):
        gt_known(BOXES[:, 0], TRUTH, overlap=0.0)
    with pytest.raises(BadInput, match="there are no images"):
        gt_known(BOXES[:0, 0], [])
    with pytest.raises(BadInput, match="5 classes were guessed for each image; top-6"):
        localization(CLASSES, BOXES, LABELS, TRUTH).error(6)
