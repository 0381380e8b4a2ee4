"""MaxBoxAcc: how well heatmaps localise at the best threshold {cite}`choe2020evaluating`.

All thresholds are tried at once: the components of all of them form a tree, a component of a higher threshold lying
inside one of a lower threshold, and scikit-image's max-tree finds it in one pass over the pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from skimage.morphology import max_tree
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.types import Heatmaps
from innerview.localization.boxes import BoxSets, Heatmap, check_finite
from innerview.localization.metrics import best_overlaps, check_truth

STEPS: Final = 1000
"""Thresholds run from 0 to 1 in steps of 0.001."""


@dataclass(frozen=True)
class BoxAccuracy:
    """How many boxes are right over all thresholds of the heatmaps.

    Results of parts of a data set are joined by joining their `overlaps`.

    Args:
        thresholds: ``(t,)``, where the normalised heatmaps were cut.
        overlaps: ``(b, t)``, intersection over union of each image's box with the true box that it fits best.
        levels: The least intersections over union at which a box counts as right, one or several.
    """

    thresholds: Float[Tensor, " t"]
    overlaps: Float[Tensor, "b t"]
    levels: tuple[float, ...]

    @property
    def curves(self) -> Float[Tensor, "levels t"]:
        """BoxAcc for each level and threshold, in % of the images."""
        return torch.stack([100 * (self.overlaps >= level).double().mean(0) for level in self.levels])

    @property
    def best_thresholds(self) -> tuple[float, ...]:
        """The threshold of each level at which most boxes are right; one for the whole data set."""
        return tuple(self.thresholds[self.curves.argmax(1)].tolist())

    @property
    def accuracy(self) -> float:
        """MaxBoxAcc in %: the best of each level's curve, their mean over the levels."""
        return float(self.curves.amax(1).mean())

    @property
    def correct(self) -> Bool[Tensor, "b levels"]:
        """Whether each image's box is right at each level's best threshold; the mean of all is the accuracy."""
        best = self.curves.argmax(1).tolist()
        pairs = zip(self.levels, best, strict=True)
        return torch.stack([self.overlaps[:, threshold] >= level for level, threshold in pairs], dim=1)


def max_box_accuracy(heatmaps: Heatmaps, truth: BoxSets, steps: int = STEPS) -> BoxAccuracy:
    r"""Measure MaxBoxAcc: the box of the largest component, right from 50 % on.

    $$\mathrm{BoxAcc}(\tau, \delta) = \frac{1}{N} \sum_n 1_{\mathrm{IoU}(\mathrm{box}(s(X^{(n)}), \tau),\,
    B^{(n)}) \geq \delta}$$ ({cite}`choe2020evaluating`, Sec. 4.1)

    MaxBoxAcc is its maximum over $\tau$. The box is drawn around the largest component of the pixels from $\tau$ on, in
    a heatmap scaled to [0, 1] by its own minimum and maximum. The released code rounds heatmaps to bytes first; this
    does not. A heatmap without any difference counts as zero.

    Args:
        heatmaps: ``(b, h, w)``, of each image's true class, as large as the images.
        truth: The true boxes of each image, ``(n, 4)`` each; the one that fits best counts.
        steps: Into how many steps the thresholds from 0 to 1 are cut.

    Raises:
        BadInput: no images, an image without a true box, another number of sets of boxes than images, or no steps.
        NotFinite: a heatmap holds NaN or infinite values.
    """
    return _measured(heatmaps, truth, steps, FIRST)[0]


def max_box_accuracy_v2(heatmaps: Heatmaps, truth: BoxSets, steps: int = STEPS) -> BoxAccuracy:
    """Measure MaxBoxAccV2: the best box of all components, at each of 30, 50 and 70 %, the mean of the three.

    It came with the code of {cite}`choe2020evaluating` after the article. Each level takes its own best threshold.

    Args:
        heatmaps: See `max_box_accuracy`.
        truth: See `max_box_accuracy`.
        steps: See `max_box_accuracy`.

    Raises:
        BadInput, NotFinite: as for `max_box_accuracy`.
    """
    return _measured(heatmaps, truth, steps, SECOND)[0]


def max_box_accuracies(heatmaps: Heatmaps, truth: BoxSets, steps: int = STEPS) -> tuple[BoxAccuracy, BoxAccuracy]:
    """Measure MaxBoxAcc and MaxBoxAccV2 together, in the time of one: the components are found once.

    Args:
        heatmaps: See `max_box_accuracy`.
        truth: See `max_box_accuracy`.
        steps: See `max_box_accuracy`.

    Raises:
        BadInput, NotFinite: as for `max_box_accuracy`.
    """
    first, second = _measured(heatmaps, truth, steps, FIRST, SECOND)
    return first, second


@dataclass(frozen=True)
class _Components:
    """The components of one heatmap at all thresholds: one for each node of the tree."""

    corners: np.ndarray
    """``(n, 4)``: x0, y0, x1, y1."""
    area: np.ndarray
    start: np.ndarray
    """First pixel in reading order."""
    first: np.ndarray
    """It is a component from threshold number `first` …"""
    last: np.ndarray
    """… up to, not including, number `last`."""


Order = Callable[[_Components, np.ndarray], np.ndarray]
"""Orders components with these overlaps so that what counts at a threshold comes last."""


def _largest_last(found: _Components, _overlaps: np.ndarray) -> np.ndarray:
    return np.lexsort((-found.start, found.area))


def _best_last(_found: _Components, overlaps: np.ndarray) -> np.ndarray:
    return np.argsort(overlaps)


@dataclass(frozen=True)
class _Kind:
    """What counts as right, and which component counts."""

    levels: tuple[float, ...]
    order: Order


FIRST: Final = _Kind((0.5,), _largest_last)
SECOND: Final = _Kind((0.3, 0.5, 0.7), _best_last)


def _measured(heatmaps: Heatmaps, truth: BoxSets, steps: int, *kinds: _Kind) -> list[BoxAccuracy]:
    check_truth(truth, len(heatmaps))
    if steps < 1:
        raise BadInput(f"thresholds from 0 to 1 cannot be cut into {steps} steps; give at least one")
    check_finite(heatmaps)
    thresholds = np.arange(steps + 1) / steps
    overlaps = np.zeros((len(kinds), len(heatmaps), len(thresholds)))
    for image, (heatmap, true) in enumerate(zip(heatmaps, truth, strict=True)):
        found = _components(heatmap, thresholds)
        each = best_overlaps(torch.from_numpy(found.corners).double(), true).numpy()
        for kind, rows in zip(kinds, overlaps, strict=True):
            for node in kind.order(found, each):
                rows[image, found.first[node] : found.last[node]] = each[node]
    known = torch.from_numpy(thresholds)
    return [BoxAccuracy(known, torch.from_numpy(rows), kind.levels) for kind, rows in zip(kinds, overlaps, strict=True)]


def _components(heatmap: Heatmap, thresholds: np.ndarray) -> _Components:
    """Find all components of ``heatmap >= threshold`` for all thresholds, the heatmap scaled to [0, 1]."""
    values = heatmap.detach().cpu().double().numpy()
    span = values.max() - values.min()
    normalised = (values - values.min()) / (span or 1.0)
    passed = np.searchsorted(thresholds, normalised, side="right")  # how many thresholds each pixel reaches
    parents, _ = max_tree(passed, connectivity=2)
    return _summed(passed, parents.ravel())


def _summed(passed: np.ndarray, parents: np.ndarray) -> _Components:
    """Sum pixels up to nodes, and nodes from the highest level down to those that they lie in."""
    height, width = passed.shape
    pixels, level = np.arange(passed.size), passed.ravel()
    is_node = (level[parents] < level) | (parents == pixels)
    nodes = np.flatnonzero(is_node)
    number = np.zeros(passed.size, dtype=np.intp)
    number[nodes] = np.arange(len(nodes))
    owner = number[np.where(is_node, pixels, parents)]
    parent = number[parents[nodes]]
    area = np.bincount(owner, minlength=len(nodes))
    rows, columns = np.divmod(pixels, width)
    reach = [columns, rows, width - 1 - columns, height - 1 - rows, pixels]  # all to be made small
    least = [_least(one, owner, len(nodes)) for one in reach]
    for group in _by_level(level[nodes], parent):
        np.add.at(area, parent[group], area[group])
        for one in least:
            np.minimum.at(one, parent[group], one[group])
    left, top, right, bottom, start = least
    corners = np.stack([left, top, width - right, height - bottom], axis=1)
    roots = parent == np.arange(len(nodes))
    return _Components(corners, area, start, np.where(roots, 0, level[nodes][parent]), level[nodes])


def _least(values: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    least = np.full(count, values.max(initial=0))
    np.minimum.at(least, owner, values)
    return least


def _by_level(level: np.ndarray, parent: np.ndarray) -> list[np.ndarray]:
    """Group the nodes that have a parent by level, the highest first."""
    inner = np.flatnonzero(parent != np.arange(len(level)))
    inner = inner[np.argsort(-level[inner], kind="stable")]
    return np.split(inner, np.flatnonzero(np.diff(level[inner])) + 1)
