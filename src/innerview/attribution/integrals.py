"""Gradients averaged over many images: those around an image, and those on the way to it from a baseline."""

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from innerview.attribution.targets import ClassScores, Scoring, Target, fixed, repeated, scoring
from innerview.core.errors import BadInput, NotFinite
from innerview.core.gradients import differentiable, gradient
from innerview.core.seeds import generator
from innerview.core.types import Heatmaps, Images


def smooth_grad(
    model: nn.Module,
    images: Images,
    target: Target = None,
    *,
    samples: int = 50,
    noise: float = 0.15,
    seed: int = 0,
    batch: int = 16,
) -> Heatmaps:
    r"""Average the gradient over noisy copies of each image {cite}`smilkov2017smoothgrad`.

    $$\max_c \Big| \frac{1}{n} \sum_{k=1}^n \frac{\partial S}{\partial x_c}(x + \varepsilon_k) \Big|,
    \qquad \varepsilon_k \sim \mathcal{N}(0, \sigma^2)$$ (Sec. 3.1)

    The noise depends on the seed, the sample's number and the image's size alone: all images get the same, scaled to
    their own range, so an image comes out the same whatever stands beside it. Noisy pixels may leave [0, 1].

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        images: ``(b, 3, h, w)``.
        target: See `innerview.attribution.targets`; None is the class predicted without noise.
        samples: Noisy copies of each image, $n$.
        noise: $\sigma / (x_{max} - x_{min})$, as a share of each image's own range of brightness.
        seed: Of the noise.
        batch: Images that go through the model at once. A target that is no class sees all images together, at least.

    Returns:
        ``(b, h, w)``, at least 0.

    Raises:
        BadInput: `samples` or `batch` below 1, `noise` negative or not finite; see `scoring`.
        NotFinite: a pixel is NaN or infinite.
    """
    _check_counts(samples=samples, batch=batch)
    if not 0 <= noise < math.inf:
        raise BadInput(f"noise is a share of the image's range, 0 or more, not {noise}")
    score = fixed(model, images, scoring(model, images, target))
    images = images.detach()

    def averaged(part: Images, score: Scoring) -> Heatmaps:
        sigma = noise * (part.amax((1, 2, 3), keepdim=True) - part.amin((1, 2, 3), keepdim=True))
        stream = generator("smooth_grad", seed)
        draws = (torch.randn(part.shape[1:], generator=stream).to(part) for _ in range(samples))
        copies = ((1 / samples, part + sigma * draw) for draw in draws)
        return _mean_gradient(model, copies, score, batch // len(part)).abs().amax(1)

    return torch.cat([averaged(images[part], one) for part, one in _parts(len(images), score, batch)])


def integrated_gradients(
    model: nn.Module,
    images: Images,
    target: Target = None,
    *,
    baseline: float | Tensor = 0.0,
    steps: int = 50,
    batch: int = 16,
) -> Heatmaps:
    r"""Share out among the pixels what the score gains from a baseline to the image {cite}`sundararajan2017axiomatic`.

    $$\sum_c (x_c - x'_c) \int_0^1 \frac{\partial S}{\partial x_c}\big(x' + \alpha (x - x')\big)\, d\alpha$$ (Eq. 1)

    The integral is a Gauss-Legendre quadrature; the article's Eq. 3, a sum over equal steps, is less exact. The
    heatmap's sum nears $S(x) - S(x')$ as the steps become many.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        images: ``(b, 3, h, w)``, $x$.
        target: See `innerview.attribution.targets`; None is the class predicted for the image itself.
        baseline: $x'$: a brightness in [0, 1] for all pixels, or images ``(b, 3, h, w)`` or ``(1, 3, h, w)``.
        steps: Gradients for each image.
        batch: Images that go through the model at once. A target that is no class sees all images together, at least.

    Returns:
        ``(b, h, w)``, signed, in units of the score.

    Raises:
        BadInput: `steps` or `batch` below 1, a baseline outside [0, 1] or of another shape; see `scoring`.
        NotFinite: a pixel of the images or of the baseline is NaN or infinite.
    """
    _check_counts(steps=steps, batch=batch)
    score = fixed(model, images, scoring(model, images, target))
    images = images.detach()
    starts = _starts(images, baseline)
    nodes, weights = np.polynomial.legendre.leggauss(steps)  # of an integral from -1 to 1

    def integrated(part: Images, start: Images, score: Scoring) -> Heatmaps:
        way = part - start
        copies = ((weight / 2, start + (node + 1) / 2 * way) for node, weight in zip(nodes, weights, strict=True))
        return (way * _mean_gradient(model, copies, score, batch // len(part))).sum(1)

    parts = _parts(len(images), score, batch)
    return torch.cat([integrated(images[part], starts[part], one) for part, one in parts])


def _mean_gradient(model: nn.Module, copies: Iterator[tuple[float, Images]], score: Scoring, at_once: int) -> Images:
    """Add up the gradients at copies of the same images, each by its weight, `at_once` copies in a batch."""
    total: Tensor | None = None
    with differentiable():
        while some := list(islice(copies, min(max(1, at_once), sys.maxsize))):
            source = torch.cat([copy for _, copy in some]).requires_grad_()
            found = gradient(repeated(score, len(some))(model, source), source, "the images")
            weights = found.new_tensor([weight for weight, _ in some])
            weighted = torch.einsum("k,kbchw->bchw", weights, found.unflatten(0, (len(some), -1)))
            total = weighted if total is None else total + weighted
    assert total is not None
    return total


def _parts(count: int, score: Scoring, batch: int) -> Iterator[tuple[slice, Scoring]]:
    """Cut images into parts of at most `batch`; scores that are no classes may belong to all images together."""
    if not isinstance(score, ClassScores) or score.indices is None:
        yield slice(None), score
        return
    for start in range(0, count, batch):
        part = slice(start, start + batch)
        yield part, replace(score, indices=score.indices[part])


def _starts(images: Images, baseline: float | Tensor) -> Images:
    if isinstance(baseline, Tensor):
        if baseline.shape not in (images.shape, (1, *images.shape[1:])):
            raise BadInput(f"the baseline is {tuple(baseline.shape)}, the images {tuple(images.shape)}; resize one")
        if not torch.isfinite(baseline).all():
            raise NotFinite("the baseline holds NaN or infinite pixels; check how it was made")
        return baseline.detach().to(images).expand_as(images)
    if not 0 <= baseline <= 1:
        raise BadInput(f"a baseline is a brightness in [0, 1] or images, not {baseline}")
    return torch.full_like(images, baseline)


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise BadInput(f"{name} must be at least 1, not {count}")
