"""Neuron groups: a layer's activations as a sum of a few parts, each a direction and where it stands."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.seeds import narrowed


@dataclass(frozen=True)
class Groups:
    """Neuron groups, those with most energy first.

    Args:
        vectors: ``(count, c)``, of unit length and not negative: how much of each channel belongs to a group.
        maps: ``(b, count, h, w)``, not negative: how strong each group is at each position.
        error: Length of what the groups leave unexplained, relative to that of the activations, in [0, 1].
    """

    vectors: Float[Tensor, "count c"]
    maps: Float[Tensor, "b count h w"]
    error: float


def neuron_groups(activations: Float[Tensor, "b c h w"], count: int, seed: int = 0) -> Groups:
    r"""Find groups of neurons that fire together by non-negative matrix factorization {cite}`olah2018building`.

    With a row of $A$ for each position of each image, $A \approx W H$ with $W, H \ge 0$; a group is a row of $H$, its
    map a column of $W$.

    Args:
        activations: ``(b, c, h, w)``, of a layer after its ReLU.
        count: Groups.
        seed: Of the start.

    Raises:
        BadInput: an activation is negative, NaN or infinite, all are zero, or there are fewer channels or positions
            than groups.
    """
    if activations.ndim != 4 or not activations.numel() or not torch.isfinite(activations.float().square().sum()):
        raise BadInput(
            f"groups are of finite activations (b, c, h, w), not {tuple(activations.shape)}, NaN or infinite"
        )
    images, channels, height, width = activations.shape
    rows = activations.detach().cpu().permute(0, 2, 3, 1).reshape(-1, channels).numpy()
    _check(rows, count)
    from sklearn.decomposition import NMF  # noqa: PLC0415  (takes a second)
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `error` says how good the groups are
        model = NMF(count, init="nndsvda", random_state=narrowed(seed), max_iter=300)  # pyright: ignore[reportArgumentType]  (its type is read off its default)
        weights = model.fit_transform(rows)
    lengths = np.linalg.norm(model.components_, axis=1)
    vectors = model.components_ / np.maximum(lengths, 1e-30)[:, None]
    weights = weights * lengths
    order = np.argsort(-np.square(weights).sum(0), kind="stable")
    maps = torch.from_numpy(weights[:, order]).reshape(images, height, width, count).permute(0, 3, 1, 2)
    error = float(np.linalg.norm(rows - weights @ vectors) / np.linalg.norm(rows))
    return Groups(torch.from_numpy(vectors[order]), maps.contiguous(), error)


def _check(rows: np.ndarray, count: int) -> None:
    if not np.isfinite(rows).all():
        raise BadInput("activations hold NaN or infinite numbers; check the images and the layer")
    if rows.min() < 0:
        raise BadInput(
            f"groups need activations that are not negative, not {rows.min():.3g}; choose a layer after its ReLU"
        )
    if not 1 <= count <= min(rows.shape):
        raise BadInput(f"{rows.shape[0]} positions of {rows.shape[1]} channels hold no {count} groups; ask for fewer")
    if not rows.any():
        raise BadInput("all activations are zero; choose other images or another layer")
