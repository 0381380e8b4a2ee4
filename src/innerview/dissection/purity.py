"""Purity: whether what excites a unit most is all of one kind, for channels and for random directions."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch.nn.functional import normalize

from innerview.core.errors import BadInput
from innerview.core.seeds import generator, narrowed
from innerview.dissection.survey import Directions


def random_directions(count: int, channels: int, seed: int = 0) -> Directions:
    """Return `count` directions of unit length, uniform over the sphere of `channels` dimensions, as rows."""
    return normalize(torch.randn(count, channels, generator=generator("directions", seed)), dim=1)


def purity(
    values: Float[np.ndarray, "images units"],
    labels: Sequence[int] | Sequence[str] | np.ndarray,
    count: int,
    seed: int = 0,
) -> Float[np.ndarray, " units"]:
    """Return, for each unit, the share of its `count` top images that belong to their most common class.

    Images of equal value are ranked at random, or a unit that is silent for all would look pure: data sets are sorted
    by class.

    Args:
        values: Of each image, such as a survey's `maxima`; rows of NaN are left out.
        labels: The class of each image.
        count: How many images at the top.
        seed: Of the order among equal values.

    Returns:
        In ``[1 / classes, 1]``.

    Raises:
        BadInput: not one label for each image, or fewer images than `count`.
    """
    if len(labels) != len(values):
        raise BadInput(f"{len(values)} images have {len(labels)} labels; give one for each")
    readable = np.flatnonzero(~np.isnan(values).any(1))
    if not 1 <= count <= len(readable):
        raise BadInput(f"{len(readable)} images have values; a top of {count} cannot be taken")
    _, classes = np.unique(np.asarray(labels), return_inverse=True)
    shuffled = np.random.default_rng(narrowed(seed)).permutation(readable)
    shares = []
    for unit in range(values.shape[1]):
        top = shuffled[np.argsort(-values[shuffled, unit], kind="stable")[:count]]
        shares.append(np.bincount(classes[top]).max() / count)
    return np.array(shares)
