"""Localization errors of ILSVRC {cite}`russakovsky2015imagenet`: is the class right, and the box on an object?"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.localization.boxes import BoxSets, iou

OVERLAP = 0.5
"""The least intersection over union at which a box counts as right."""


@dataclass(frozen=True)
class Localization:
    """Which guesses of each image are right; guess 0 is the likeliest class.

    Args:
        classified: ``(b, k)``, whether the guessed class is the true one.
        located: ``(b, k)``, whether the guess's box overlaps one of the true boxes enough.
    """

    classified: Bool[Tensor, "b k"]
    located: Bool[Tensor, "b k"]

    def correct(self, guesses: int = 1) -> Bool[Tensor, " b"]:
        """Return whether one of the first guesses names the class and finds it: ``(b,)``.

        Raises:
            BadInput: that many guesses were not made.
        """
        return self._first(self.classified & self.located, guesses)

    def error(self, guesses: int = 1) -> float:
        """Return the localization error in % of the images: top-1 with one guess, top-5 with five."""
        return _error(self.correct(guesses))

    def classification_error(self, guesses: int = 1) -> float:
        """Return in how many % of the images none of the first guesses names the class."""
        return _error(self._first(self.classified, guesses))

    @staticmethod
    def _first(right: Bool[Tensor, "b k"], guesses: int) -> Bool[Tensor, " b"]:
        if not 1 <= guesses <= right.shape[1]:
            raise BadInput(f"{right.shape[1]} classes were guessed for each image; top-{guesses} cannot be measured")
        return right[:, :guesses].any(1)


def localization(
    classes: Int[Tensor, "b k"],
    boxes: Float[Tensor, "b k 4"],
    labels: Sequence[int],
    truth: BoxSets,
    overlap: float = OVERLAP,
) -> Localization:
    r"""Judge guesses of a class with a box each.

    $$e = \min_i \max\{d(c_i, C),\ \min_m f(b_i, B_m)\}$$ ({cite}`russakovsky2015imagenet`, Sec. 4.2)

    Here d is 0 for the same class and f is 0 for an intersection over union of at least 50 %, else both are 1.

    Args:
        classes: ``(b, k)``, the guessed classes of each image, likeliest first.
        boxes: ``(b, k, 4)``, the box of each guess.
        labels: The true class of each image.
        truth: The true boxes of each image, ``(n, 4)`` each, in pixels of the same image as `boxes`.
        overlap: The least intersection over union, in (0, 1].

    Raises:
        BadInput: no images, not as many labels or sets of true boxes as images, an image without a true box, or
            `overlap` out of range.
    """
    if len(labels) != len(classes):
        raise BadInput(f"{len(labels)} labels for {len(classes)} images; give the true class of each")
    check_truth(truth, len(classes))
    if not 0 < overlap <= 1:
        raise BadInput(f"overlap must lie in (0, 1], not {overlap}")
    classified = classes.cpu() == torch.tensor(labels)[:, None]
    best = [best_overlaps(guessed, true) for guessed, true in zip(boxes, truth, strict=True)]
    return Localization(classified, torch.stack(best) >= overlap)


def gt_known(boxes: Float[Tensor, "b 4"], truth: BoxSets, overlap: float = OVERLAP) -> Localization:
    """Judge boxes of classes that were told: ``gt_known(…).error()`` is the GT-known error.

    Args:
        boxes: ``(b, 4)``, from the heatmap of each image's true class.
        truth: See `localization`.
        overlap: See `localization`.

    Raises:
        BadInput: as for `localization`.
    """
    told = torch.zeros(len(boxes), 1, dtype=torch.long)
    return localization(told, boxes[:, None], [0] * len(boxes), truth, overlap)


def best_overlaps(boxes: Float[Tensor, "n 4"], true: Float[Tensor, "m 4"]) -> Float[Tensor, " n"]:
    """Return the intersection over union of each box with the true box that it fits best, in [0, 1]."""
    return iou(boxes.cpu().double(), true.cpu().double()).amax(1)


def check_truth(truth: BoxSets, images: int) -> None:
    """Raise `BadInput` unless each of so many images has true boxes."""
    if not images:
        raise BadInput("there are no images to judge; give at least one")
    if len(truth) != images:
        raise BadInput(f"{len(truth)} sets of true boxes for {images} images; give the boxes of each")
    bare = [index for index, true in enumerate(truth) if not len(true)]
    if bare:
        raise BadInput(f"image {bare[0]} has no true box; leave it out")


def _error(correct: Bool[Tensor, " b"]) -> float:
    return 100 * float((~correct).double().mean())
