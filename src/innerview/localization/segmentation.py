"""Weak segmentation: masks of objects from heatmaps and the colours of the image."""

from collections.abc import Callable
from types import ModuleType
from typing import Final

import numpy as np
import torch

from innerview.core.errors import BadInput
from innerview.core.images import to_array
from innerview.core.types import Heatmaps, Images, Masks, Values
from innerview.localization.boxes import above, check_finite, largest_component

SURE: Final = 0.95
BACKGROUND: Final = 0.3
LEARNING: Final = 5
"""Rounds in which the Gaussians are fitted to the sure pixels."""


def seeds(heatmaps: Heatmaps, threshold: float = 0.2) -> Masks:
    """Mark what lies above 20 % of each heatmap's maximum: seeds for segmentation {cite}`kolesnikov2016seed`.

    {cite}`selvaraju2017gradcam`, Sec. 4.2, takes them from Grad-CAM in place of CAM.

    Args:
        heatmaps: ``(b, h, w)``, as large as the images.
        threshold: Share of the maximum, in [0, 1).

    Returns:
        ``(b, h, w)``; none for a heatmap that is positive nowhere.

    Raises:
        BadInput: the threshold is out of range.
        NotFinite: a heatmap holds NaN or infinite values.
    """
    return above(heatmaps, threshold)


def mask_iou(masks: Masks, others: Masks) -> Values:
    """Return how well masks agree: pixels in both over pixels in either, in [0, 1]; 1 where both are empty."""
    both = (masks & others).sum((1, 2))
    either = (masks | others).sum((1, 2))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


def grabcut(
    images: Images,
    heatmaps: Heatmaps,
    *,
    sure: float = SURE,
    background: float = BACKGROUND,
    iterations: int = 1,
    seed: int = 0,
) -> Masks:
    """Cut out the object that a heatmap marks, by its colours {cite}`simonyan2014deep`, Sec. 3.2.

    The colours of the object (five Gaussians) are learnt from the pixels of highest values, those of the background
    from the pixels of lowest, and from no others. Then every pixel goes to one side by graph cut, where neighbours of
    like colour go together, and the largest component of the object's pixels is kept.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1].
        heatmaps: ``(b, h, w)``, such as the saliency of a class.
        sure: Quantile of a heatmap's values from which on pixels show the object, in (0, 1).
        background: Quantile up to which pixels show the background, below `sure`.
        iterations: Cuts. 1 is the paper's; before each further one the colours are learnt again from the last cut
            {cite}`rother2004grabcut`.
        seed: Of the clustering that the Gaussians start from, the same for each image.

    Returns:
        ``(b, h, w)``; empty where the heatmap is the same everywhere, or the cut leaves nothing to the object.

    Raises:
        BadInput: OpenCV is missing, quantiles out of order, no iterations, or another number of heatmaps than images.
        NotFinite: a pixel or a heatmap is NaN or infinite.
    """
    if not 0 < background < sure < 1:
        raise BadInput(f"quantiles must lie in order, 0 < background < sure < 1, not {background} and {sure}")
    check_finite(heatmaps)
    values = heatmaps.detach().cpu().numpy()
    high, low = (np.quantile(values, share, axis=(1, 2), keepdims=True) for share in (sure, background))
    shown = (values >= high) & (values > low)  # most of a map may be zero, and both quantiles with it
    found = _cut_out(images, (shown, values <= low), _of_sure_colours, iterations, seed)
    return found.to(heatmaps.device)


def grabcut_from_seeds(images: Images, marked: Masks, *, iterations: int = 5, seed: int = 0) -> Masks:
    """Let GrabCut {cite}`rother2004grabcut` narrow seeds down to an object by the colours of the image.

    What is not marked is background, as outside the rectangle that GrabCut was made for; what is marked may be either.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1].
        marked: ``(b, h, w)``, see `seeds`.
        iterations: Cuts; the colours are learnt again before each further one.
        seed: See `grabcut`.

    Returns:
        ``(b, h, w)``, the largest component; empty where nothing is marked or nothing is left; all where all is marked.

    Raises:
        BadInput: OpenCV is missing, no iterations, or another number of masks than images.
        NotFinite: a pixel is NaN or infinite.
    """
    given = marked.cpu().numpy()
    return _cut_out(images, (given, ~given), _of_seeds, iterations, seed).to(marked.device)


Colours = tuple[np.ndarray, np.ndarray]
"""OpenCV's mixtures of Gaussians: the background's and the object's."""

Sides = tuple[np.ndarray, np.ndarray]
"""What is taken for the object, and what for the background, before the first cut."""


def _cut_out(images: Images, sides: Sides, first_cut: Callable[..., np.ndarray], iterations: int, seed: int) -> Masks:
    cv2 = _opencv()
    if iterations < 1:
        raise BadInput(f"{iterations} iterations cut nothing; give at least one")
    pictures = to_array(images)
    if sides[0].shape != pictures.shape[:-1]:
        raise BadInput(
            f"images {pictures.shape[:-1]} and maps {sides[0].shape} differ (b, h, w); enlarge the maps with "
            "innerview.core.maps.enlarged"
        )
    masks = np.zeros(sides[0].shape, dtype=bool)
    for picture, marked, unmarked, place in zip(pictures, *sides, masks, strict=True):
        if not (marked.any() and unmarked.any()):
            place[:] = marked
            continue
        cv2.setRNGSeed(seed)
        colours = np.zeros((1, 65)), np.zeros((1, 65))
        labels = first_cut(cv2, picture, marked, unmarked, colours)
        if iterations > 1:
            cv2.grabCut(picture, labels, None, *colours, iterations - 1, cv2.GC_EVAL)
        place[:] = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return largest_component(torch.from_numpy(masks))


def _of_sure_colours(
    cv2: ModuleType, picture: np.ndarray, marked: np.ndarray, unmarked: np.ndarray, colours: Colours
) -> np.ndarray:
    """Cut by the colours of the marked and the unmarked pixels alone."""
    sure = np.concatenate([picture[marked], picture[unmarked]])[None]
    sides = np.repeat([cv2.GC_FGD, cv2.GC_BGD], [marked.sum(), unmarked.sum()]).astype(np.uint8)[None]
    cv2.grabCut(sure, sides, None, *colours, LEARNING, cv2.GC_INIT_WITH_MASK)
    labels = np.where(marked, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    cv2.grabCut(picture, labels, None, *colours, 1, cv2.GC_EVAL_FREEZE_MODEL)
    return labels


def _of_seeds(
    cv2: ModuleType, picture: np.ndarray, marked: np.ndarray, _unmarked: np.ndarray, colours: Colours
) -> np.ndarray:
    labels = np.where(marked, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    cv2.grabCut(picture, labels, None, *colours, 1, cv2.GC_INIT_WITH_MASK)
    return labels


def _opencv() -> ModuleType:
    try:
        import cv2  # noqa: PLC0415  (only this room needs it)
    except ImportError as error:
        raise BadInput(
            f"GrabCut needs OpenCV, which cannot be imported ({error}); pip install opencv-python-headless"
        ) from error
    return cv2
