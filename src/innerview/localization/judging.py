"""How well maps localise, by all measures at once, with thresholds that are fixed, tuned, or the best there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.maps import unit_range
from innerview.core.types import Heatmaps, Masks, Values
from innerview.localization.boxes import BoxSets, check_finite
from innerview.localization.max_box_accuracy import BoxAccuracy, max_box_accuracies
from innerview.localization.metrics import check_truth

Threshold = Literal["fixed", "tuned", "best"]

FIXED: Final = 0.2
"""Of the map's range: what CAM cuts at {cite}`zhou2016cam`, Sec. 3.1."""

LEVEL: Final = 0.5
"""The least intersection over union at which a box counts as right."""


@dataclass(frozen=True)
class Judged:
    """The maps of the true classes, judged.

    Thresholds cut maps that are scaled to [0, 1], each by its own range. Where a number depends on the threshold, it is
    one of three: `fixed`; ``tuned``: for each half of the images the one that is best on the other half; ``best``: the
    one that is best on these very images, which flatters (MaxBoxAcc).

    Args:
        ranks: ``(b,)``, the place of the true class among the guesses, 0 for the first; their number if it is
            not there.
        guessed: How many classes were guessed for each image.
        first: Boxes around the largest component, see `max_box_accuracy`.
        second: Boxes around any component, see `max_box_accuracy_v2`.
        fixed: The fixed threshold.
    """

    ranks: Int[Tensor, " b"]
    guessed: int
    first: BoxAccuracy
    second: BoxAccuracy
    fixed: float = FIXED

    def threshold(self, how: Threshold) -> float:
        """Return the threshold; of the tuned ones, the mean of both halves."""
        return float(self._thresholds(self.first, LEVEL, how).mean())

    def located(self, how: Threshold = "fixed") -> Bool[Tensor, " b"]:
        """Return whether each image's box is right, the class being told: ``(b,)``."""
        return self._right(self.first, LEVEL, how)

    def correct(self, guesses: int = 1, how: Threshold = "fixed") -> Bool[Tensor, " b"]:
        """Return whether one of the first guesses is the true class and its box is right: ``(b,)``.

        Raises:
            BadInput: that many guesses were not made.
        """
        return self._named(guesses) & self.located(how)

    def error(self, guesses: int | None = 1, how: Threshold = "fixed") -> float:
        """Return the localization error in % of the images; of told classes (GT-known) where `guesses` is None."""
        right = self.located(how) if guesses is None else self.correct(guesses, how)
        return 100 * float((~right).double().mean())

    def classification_error(self, guesses: int = 1) -> float:
        """Return in how many % of the images the true class is not among the first guesses."""
        return 100 * float((~self._named(guesses)).double().mean())

    def box_accuracy_v2(self, how: Threshold = "best") -> float:
        """Return the mean share of right boxes at 30, 50 and 70 % overlap, in %: MaxBoxAccV2 for ``best``."""
        shares = [self._right(self.second, level, how).double().mean() for level in self.second.levels]
        return 100 * float(torch.stack(shares).mean())

    def _named(self, guesses: int) -> Bool[Tensor, " b"]:
        if not 1 <= guesses <= self.guessed:
            raise BadInput(f"{self.guessed} classes were guessed for each image; top-{guesses} cannot be measured")
        return self.ranks < guesses

    @cached_property
    def _half(self) -> Bool[Tensor, " b"]:
        """Every second image, so that both halves hold all classes where images lie in the order of their classes."""
        return torch.arange(len(self.ranks)) % 2 == 0

    def _thresholds(self, boxes: BoxAccuracy, level: float, how: Threshold) -> Float[Tensor, " b"]:
        """Return the threshold that each image's map is cut at."""
        right = (boxes.overlaps >= level).double()
        if how == "fixed":
            return torch.full((len(right),), self.fixed, dtype=torch.float64)
        if how == "best":
            return boxes.thresholds[right.mean(0).argmax()].expand(len(right))
        if how != "tuned":
            raise BadInput(f"a threshold is one of {', '.join(get_args(Threshold))}, not {how!r}")
        if len(right) < 2:
            raise BadInput("thresholds are tuned on one half of the images for the other; give at least two images")
        on_even, on_odd = (boxes.thresholds[right[half].mean(0).argmax()] for half in (self._half, ~self._half))
        return torch.where(self._half, on_odd, on_even)

    def _right(self, boxes: BoxAccuracy, level: float, how: Threshold) -> Bool[Tensor, " b"]:
        places = torch.searchsorted(boxes.thresholds, self._thresholds(boxes, level, how) - 1e-9)
        return boxes.overlaps.gather(1, places[:, None])[:, 0] >= level


def judge(
    heatmaps: Heatmaps,
    truth: BoxSets,
    labels: Sequence[int] | Tensor,
    guesses: Int[Tensor, "b k"],
    *,
    fixed: float = FIXED,
    steps: int = 200,
) -> Judged:
    """Judge the maps of each image's true class, and the classes that were guessed.

    A guess of another class than the true one cannot be right, whatever its box; so the true class's map is enough.

    Args:
        heatmaps: ``(b, h, w)``, as large as the images.
        truth: The true boxes of each image, ``(n, 4)`` each; the one that fits best counts.
        labels: ``(b,)``, the true classes.
        guesses: ``(b, k)``, the likeliest classes, likeliest first.
        fixed: The fixed threshold, in [0, 1].
        steps: Into how many steps the thresholds from 0 to 1 are cut.

    Raises:
        BadInput: a threshold out of range, other numbers of labels or guesses than of maps, or as `max_box_accuracy`.
        NotFinite: a heatmap holds NaN or infinite values.
    """
    if not 0 <= fixed <= 1 or abs(fixed * steps - round(fixed * steps)) > 1e-6:
        raise BadInput(f"the fixed threshold must be one of {steps} steps from 0 to 1, not {fixed}")
    true = torch.as_tensor(labels).cpu()
    if not guesses.shape[1]:
        raise BadInput("no class was guessed; give at least the likeliest of each image")
    if not len(true) == len(guesses) == len(heatmaps):
        raise BadInput(f"{len(heatmaps)} maps, {len(true)} labels, {len(guesses)} guesses; give each image one of each")
    hits = guesses.cpu() == true[:, None]
    ranks = torch.where(hits.any(1), hits.int().argmax(1), guesses.shape[1])
    first, second = max_box_accuracies(heatmaps, truth, steps)
    return Judged(ranks, guesses.shape[1], first, second, fixed)


def marked(heatmaps: Heatmaps, threshold: float | Values = FIXED) -> Masks:
    """Mark what lies at or above a threshold, the same or one for each map, once the maps are scaled to [0, 1]."""
    cut = torch.as_tensor(threshold, dtype=heatmaps.dtype, device=heatmaps.device).reshape(-1, 1, 1)
    return unit_range(heatmaps) >= cut


def box_coverage(masks: Masks, truth: BoxSets) -> tuple[Values, Values]:
    """Return how much of the true boxes each mask covers, and how much of the mask lies inside them.

    Args:
        masks: ``(b, h, w)``.
        truth: The true boxes of each image, ``(n, 4)`` each, all of them together.

    Returns:
        Recall and precision ``(b,)``, in [0, 1]; precision is 0 for an empty mask.

    Raises:
        BadInput: no images, or not a set of boxes for each.
    """
    check_truth(truth, len(masks))
    inside = torch.stack([inside_boxes(boxes, (masks.shape[1], masks.shape[2])) for boxes in truth]).to(masks.device)
    both = (masks & inside).sum((1, 2)).float()
    return both / inside.sum((1, 2)).clamp(min=1), both / masks.sum((1, 2)).clamp(min=1)


@dataclass(frozen=True)
class PixelCurve:
    """How well maps tell the pixels inside the boxes from the others, over the thresholds, the highest first.

    Args:
        recall: ``(t,)``, share of the pixels inside that are marked, over all images together.
        precision: ``(t,)``, share of the marked pixels that lie inside.
    """

    recall: Float[Tensor, " t"]
    precision: Float[Tensor, " t"]

    @property
    def average_precision(self) -> float:
        r"""The area under the curve, in [0, 1]; maps that know nothing reach the share of the pixels that lie inside.

        $$\mathrm{PxAP} = \sum_l \mathrm{PxPrec}(\tau_l) (\mathrm{PxRec}(\tau_l) - \mathrm{PxRec}(\tau_{l-1}))$$
        ({cite}`choe2020evaluating`, Sec. 4.1)
        """
        return float((self.precision * torch.diff(self.recall, prepend=self.recall.new_zeros(1))).sum())


def pixel_curve(heatmaps: Heatmaps, truth: BoxSets, steps: int = 1000) -> PixelCurve:
    """Cut maps at all thresholds and count pixels {cite}`choe2020evaluating`; here boxes stand for masks.

    Args:
        heatmaps: ``(b, h, w)``; each is scaled to [0, 1].
        truth: The true boxes of each image.
        steps: Into how many steps the thresholds from 0 to 1 are cut.

    Raises:
        BadInput: no images, not a set of boxes for each, or no steps.
        NotFinite: a heatmap holds NaN or infinite values.
    """
    check_truth(truth, len(heatmaps))
    check_finite(heatmaps)
    if steps < 1:
        raise BadInput(f"thresholds from 0 to 1 cannot be cut into {steps} steps; give at least one")
    counts = torch.zeros(2, steps + 1, dtype=torch.float64)
    for heatmap, boxes in zip(heatmaps, truth, strict=True):
        level = (unit_range(heatmap[None])[0].cpu() * steps).long().flatten()
        inside = inside_boxes(boxes, (heatmap.shape[0], heatmap.shape[1])).flatten()
        counts[0] += torch.bincount(level, minlength=steps + 1)
        counts[1] += torch.bincount(level[inside], minlength=steps + 1)
    found, hit = counts.flip(1).cumsum(1)  # from the highest threshold down
    return PixelCurve(hit / hit[-1].clamp(min=1), hit / found.clamp(min=1))


def inside_boxes(boxes: Float[Tensor, "n 4"], size: tuple[int, int]) -> Bool[Tensor, "h w"]:
    """Mark the pixels whose middle lies in one of the boxes."""
    rows, columns = (torch.arange(side, dtype=boxes.dtype) + 0.5 for side in size)
    x0, y0, x1, y1 = boxes.cpu().T[..., None]
    across = (columns >= x0) & (columns < x1)
    down = (rows >= y0) & (rows < y1)
    return (down[:, :, None] & across[:, None, :]).any(0)
