"""What is explained: a class of each image, or any other score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.types import Images, Logits, Values
from innerview.models import check_evaluated, class_index, class_logits


@runtime_checkable
class Scoring(Protocol):
    """Anything that gives each image one number; `innerview.optimize`'s objectives do."""

    def __call__(self, model: nn.Module, images: Images, /) -> Values:
        """Return the score of each image, as part of the graph."""
        ...


Target = int | str | Sequence[int | str] | Tensor | Scoring | None
"""A class index or name for all images, one for each image, None for each image's predicted class, or any score."""


def _as_they_are(logits: Logits) -> Logits:
    return logits


def _softmax(logits: Logits) -> Logits:
    return logits.softmax(1)


@dataclass(frozen=True)
class ClassScores:
    """Score each image by one of its classes.

    Args:
        indices: Class of each image; None for the class that each image is predicted to be.
        score: From logits to scores of all classes.
    """

    indices: tuple[int, ...] | None
    score: Callable[[Logits], Logits] = _as_they_are

    def __call__(self, model: nn.Module, images: Images) -> Values:
        logits = class_logits(model, images)
        indices = logits.argmax(1) if self.indices is None else torch.tensor(self.indices, device=logits.device)
        if int(indices.max()) >= logits.shape[1]:
            raise BadInput(f"class index {int(indices.max())} is out of range; it runs from 0 to {logits.shape[1] - 1}")
        return self.score(logits).gather(1, indices[:, None])[:, 0]


def scoring(model: nn.Module, images: Images, target: Target) -> Scoring:
    """Check a model, its images and a target; return the target as a function that scores images.

    Raises:
        BadInput: images that are not ``(b, 3, h, w)``, a model in training mode, a class that the model lacks, or
            another number of targets than images.
        NotFinite: a pixel is NaN or infinite.
    """
    check_images(images)
    check_evaluated(model)
    if target is None:
        return ClassScores(None)
    if isinstance(target, Tensor | np.ndarray):
        target = target.tolist()
    if isinstance(target, int | str):
        return ClassScores((class_index(model, target),) * len(images))
    if isinstance(target, Sequence):
        if len(target) != len(images):
            raise BadInput(f"{len(target)} targets for {len(images)} images; give one for each, or one for all")
        return ClassScores(tuple(class_index(model, one) for one in target))
    if not callable(target):
        raise BadInput(f"a target is a class, one for each image, or a score, not a {type(target).__name__}")
    return target


def fixed(model: nn.Module, images: Images, score: Scoring) -> Scoring:
    """Settle which classes are meant before the images change: what None stands for is predicted here, in one pass."""
    if not isinstance(score, ClassScores) or score.indices is not None:
        return score
    with torch.no_grad():
        logits = class_logits(model, images)
    return replace(score, indices=tuple(logits.argmax(1).tolist()))


def probabilities(score: Scoring) -> Scoring:
    """Score by the softmax in place of the logit; scores that are no classes stay as they are."""
    return replace(score, score=_softmax) if isinstance(score, ClassScores) else score


def repeated(score: Scoring, times: int) -> Scoring:
    """Return the score of a batch that holds all images, then all of them again, so many times."""
    if isinstance(score, ClassScores):
        return score if score.indices is None else replace(score, indices=score.indices * times)

    def each(model: nn.Module, images: Images) -> Values:
        return torch.cat([score(model, part) for part in images.chunk(times)])

    return each
