"""Deletion and insertion {cite}`petsiuk2018rise`: does the score follow the pixels that a heatmap names?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.attribution.alterations import altered_scores, background
from innerview.attribution.targets import Scoring, Target, probabilities, scoring
from innerview.core.errors import BadInput
from innerview.core.images import check_shape
from innerview.core.maps import enlarged
from innerview.core.types import Heatmaps, Images
from innerview.evaluation.pairing import OtherMaps, check_as_many, check_finite


@dataclass(frozen=True)
class Curve:
    """How scores change while pixels are replaced, the most important first.

    Args:
        shares: Of the image that is replaced, ``(s,)``, from 0 to 1.
        scores: After that, ``(b, s)``; probabilities where the target is a class.
        area: Under the curve of each image, by the trapezoidal rule, ``(b,)``.
    """

    shares: Float[Tensor, " s"]
    scores: Float[Tensor, "b s"]
    area: Float[Tensor, " b"]


def deletion(
    model: nn.Module,
    images: Images,
    heatmaps: OtherMaps,
    target: Target = None,
    *,
    steps: int = 50,
    baseline: float | Tensor = 0.5,
    batch: int | None = None,
) -> Curve:
    """Cover the pixels of each image in the order of its heatmap; a small area speaks for the heatmap.

    Pixels of equal heat follow one another row by row. The paper's code puts the mean colour where pixels are deleted.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: What was explained.
        heatmaps: One for each image, of any resolution: ``(b, rows, columns)``.
        target: A class, one for each image, None for the class that is predicted for the whole image, or any score.
        steps: So many times an equal share of the pixels is replaced.
        baseline: What replaces them: a grey value in [0, 1], or images, one for all or one each.
        batch: Images a pass; None for 4 on a processor and 32 elsewhere.

    Raises:
        BadInput: another number of heatmaps than images, `steps` not from 1 to the number of pixels.
        NotFinite: a heatmap holds NaN or infinite numbers.
    """
    score = probabilities(scoring(model, images, target))
    source = images.detach()
    return _curve(model, score, heatmaps, _Ends(source, source, background(images, baseline)), steps, batch)


def insertion(
    model: nn.Module,
    images: Images,
    heatmaps: OtherMaps,
    target: Target = None,
    *,
    steps: int = 50,
    baseline: float | Tensor | None = None,
    batch: int | None = None,
) -> Curve:
    """Bring back the pixels of each image in the order of its heatmap; a large area speaks for the heatmap.

    Args:
        model: See `deletion`.
        images: What was explained; the predicted class is theirs.
        heatmaps: See `deletion`.
        target: See `deletion`.
        steps: See `deletion`.
        baseline: What the curve begins with; None for `blurred` copies of the images, as in the paper.
        batch: See `deletion`.

    Raises:
        BadInput: see `deletion`.
        NotFinite: see `deletion`.
    """
    score = probabilities(scoring(model, images, target))
    source = images.detach()
    start = blurred(source) if baseline is None else background(source, baseline)
    return _curve(model, score, heatmaps, _Ends(source, start, source), steps, batch)


def blurred(images: Images, sigma: float = 5.0) -> Images:
    """Blur images with a Gaussian; beyond the edge, the edge's pixels go on.

    Args:
        images: ``(b, 3, h, w)``.
        sigma: Standard deviation in pixels; the Gaussian ends at three of them. (The paper's code has 5 too, but cuts
            the Gaussian to 11 pixels, which blurs less.)

    Raises:
        BadInput: `sigma` is not positive.
    """
    check_shape(images)
    if not 0 < sigma <= max(images.shape[2:]):
        raise BadInput(f"sigma must be a positive number of pixels, and no more than the image has, not {sigma}")
    radius = max(1, round(3 * sigma))
    distances = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.softmax(-(distances**2) / (2 * sigma**2), 0)
    planes = F.pad(images.detach(), (radius,) * 4, mode="replicate").flatten(0, 1)[:, None]
    across = F.conv2d(planes, kernel[None, None, None])
    return F.conv2d(across, kernel[None, None, :, None]).reshape(images.shape)


def _curve(
    model: nn.Module, score: Scoring, heatmaps: OtherMaps, ends: "_Ends", steps: int, batch: int | None
) -> Curve:
    """Replace the pixels of `ends.start` by those of `ends.end`, the hottest first, and score after each step."""
    height, width = ends.images.shape[-2:]
    pixels = height * width
    if not 1 <= steps <= pixels:
        raise BadInput(f"steps must be from 1 to the {pixels} pixels of the images, not {steps}")
    check_finite(heatmaps)
    check_as_many(heatmaps, ends.images, "images")
    places = _places(enlarged(heatmaps.detach(), (height, width))).to(ends.images.device)
    counts = torch.linspace(0, pixels, steps + 1, dtype=torch.float64).round().long()

    def replaced(which: range, part: slice) -> Tensor:
        counted = counts[which.start : which.stop].to(places)[:, None, None, None]
        return torch.where((places[part] < counted)[:, :, None], ends.end[part], ends.start[part])

    scores = altered_scores(model, ends.images, score, steps + 1, replaced, batch)
    shares = counts.to(scores) / pixels
    return Curve(shares, scores, torch.trapezoid(scores, shares))


@dataclass(frozen=True)
class _Ends:
    """The images as they came, and between which images a curve runs."""

    images: Images
    start: Images
    end: Images


def _places(maps: Heatmaps) -> Tensor:
    """Return each pixel's place in the order of falling heat, from 0; equal pixels in reading order."""
    order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1).reshape(maps.shape)
