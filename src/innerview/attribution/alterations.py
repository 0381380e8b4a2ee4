"""Scores of images that were altered in many ways: what occlusion, RISE and deletion curves are made of."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from innerview.attribution.targets import ClassScores, Scoring, fixed, repeated
from innerview.core.errors import BadInput, NotFinite
from innerview.core.types import Images

ON_PROCESSOR, ON_OTHERS = 4, 32
"""Images a pass. A processor is fastest with few: the memory of small activations is used again, that of large ones is
asked for anew in each layer (EfficientNet-Lite0 takes 21 ms an image with 4, 42 ms with 32; GoogLeNet 40 and 48)."""

AlteredScores = Float[Tensor, "b alterations"]
"""The score of each image after each alteration."""

AlteredImages = Float[Tensor, "k n 3 h w"]
"""k alterations of each of n images."""

Alter = Callable[[range, slice], AlteredImages]
"""Makes the alterations of these numbers of this part of the images."""


def altered_scores(
    model: nn.Module, images: Images, score: Scoring, count: int, alter: Alter, batch: int | None = None
) -> AlteredScores:
    """Score images after each of `count` alterations, without a graph.

    The class of each image is settled on the image as it came. Images and alterations are batched together; no more
    than `batch` altered images are there at a time, but for a score that is no class: that may ask for as many images
    as came in, so all of them stay together.

    Args:
        model: The network.
        images: ``(b, 3, h, w)`` in [0, 1], unaltered.
        score: Checked by `scoring`.
        count: How many alterations there are; they are numbered from 0.
        alter: See `Alter`.
        batch: Images a pass; None for 4 on a processor and 32 elsewhere.

    Returns:
        ``(b, count)``.

    Raises:
        BadInput: `batch` is not positive.
    """
    batch = (ON_PROCESSOR if images.device.type == "cpu" else ON_OTHERS) if batch is None else batch
    if batch < 1:
        raise BadInput(f"batch must hold at least one image, not {batch}")
    with torch.inference_mode():
        parts = [
            torch.cat([_pass(model, own, alter(which, part)) for which in ranges(count, batch // size)]).mT
            for part, size, own in _parts(model, images, score, batch)
        ]
    return torch.cat(parts)  # outside: a tensor that was made in inference mode cannot be part of a graph later


def _parts(model: nn.Module, images: Images, score: Scoring, batch: int) -> Iterator[tuple[slice, int, Scoring]]:
    """Cut the images into parts that fit a batch: where, how many, and their own score."""
    if not isinstance(score, ClassScores):
        yield slice(0, len(images)), len(images), score
        return
    for which in ranges(len(images), batch):
        part = slice(which.start, which.stop)
        own = score if score.indices is None else replace(score, indices=score.indices[part])
        yield part, len(which), fixed(model, images[part], own)


def _pass(model: nn.Module, score: Scoring, altered: AlteredImages) -> Tensor:
    """Score alterations ``(k, n, 3, h, w)`` in one pass -> ``(k, n)``."""
    times, size = altered.shape[:2]
    return repeated(score, times)(model, altered.flatten(0, 1)).reshape(times, size)


def ranges(count: int, most: int) -> Iterator[range]:
    """Cut ``range(count)`` into ranges of `most` numbers, of one at least."""
    step = max(1, most)
    return (range(start, min(start + step, count)) for start in range(0, count, step))


def background(images: Images, baseline: float | Tensor) -> Images:
    """Return what stands where an image is covered, in the shape of the images.

    Args:
        images: ``(b, 3, h, w)``.
        baseline: A grey value in [0, 1]; or images, one for all or one for each, of the same size.

    Raises:
        BadInput: a value outside [0, 1], or images of another size or number.
        NotFinite: a pixel is NaN or infinite.
    """
    if not isinstance(baseline, Tensor):
        if not 0 <= baseline <= 1:
            raise BadInput(f"baseline must be a grey value in [0, 1], not {baseline}")
        return images.new_full((), baseline).expand_as(images)
    wanted = tuple(images.shape)
    if baseline.ndim != 4 or tuple(baseline.shape) not in (wanted, (1, *wanted[1:])):
        raise BadInput(f"baseline images must be {wanted}, or one such for all, not {tuple(baseline.shape)}")
    if not torch.isfinite(baseline).all():
        raise NotFinite("the baseline images hold NaN or infinite pixels; check how they were made")
    return baseline.detach().to(images).expand_as(images)
