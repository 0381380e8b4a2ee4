"""Neighbours across two sets, and how good a neighbourhood is: of one kind, and kept by a map."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from innerview.core.errors import BadInput, NotFinite, near
from innerview.embedding.maps import Vectors

Metric = Literal["cosine", "euclidean"]
"""Cosine compares directions, as features are compared; Euclidean compares places, as pixels and points of maps are."""

FEW: Final = 16
"""Numbers of a vector up to which distances are computed without matrix products, which round them."""

Labels = Sequence[int] | Sequence[str] | np.ndarray


def nearest_to(
    queries: Float[Tensor, "q _d"], vectors: Vectors, count: int, metric: Metric = "cosine"
) -> tuple[Int[Tensor, "q count"], Float[Tensor, "q count"]]:
    """Find the vectors nearest to each query, exactly.

    Args:
        queries: ``(q, d)``.
        vectors: ``(n, d)``.
        count: How many.
        metric: How distances are measured.

    Returns:
        Indices and distances, nearest first.

    Raises:
        BadInput: fewer vectors than neighbours, vectors of another length, or an unknown metric.
        NotFinite: a vector holds NaN or infinite numbers.
    """
    if not queries.ndim == vectors.ndim == 2:
        raise BadInput(f"vectors are rows (n, d), not {tuple(queries.shape)} and {tuple(vectors.shape)}")
    if not 1 <= count <= len(vectors):
        raise BadInput(f"{len(vectors)} vectors have no {count} neighbours; ask for fewer")
    if queries.shape[1] != vectors.shape[1]:
        raise BadInput(f"queries of {queries.shape[1]} numbers have no neighbours among vectors of {vectors.shape[1]}")
    rows, others = _placed(queries, metric), _placed(vectors, metric)
    parts = [torch.cdist(part, others).topk(count, largest=False) for part in rows.split(512)]
    distances = torch.cat([part.values for part in parts])
    # Between unit vectors, half the squared distance is 1 minus the cosine.
    return torch.cat([part.indices for part in parts]), distances.square() / 2 if metric == "cosine" else distances


def neighbor_purity(
    vectors: Vectors, labels: Labels, count: int = 10, metric: Metric = "cosine"
) -> Float[Tensor, " n"]:
    """Return, for each vector, the share of its nearest others that have its own label.

    Of others at equal distance, as the cells of a grid are, each counts in part, so that their order does not matter.

    Args:
        vectors: ``(n, d)``: features, pixels, or the points of a map.
        labels: Of each.
        count: Neighbours of each, without itself.
        metric: How distances are measured.

    Returns:
        In [0, 1].

    Raises:
        BadInput: not one label for each vector, or no more vectors than neighbours.
        NotFinite: a vector holds NaN or infinite numbers.
    """
    if len(labels) != len(vectors):
        raise BadInput(f"{len(vectors)} vectors have {len(labels)} labels; give one for each")
    if not 1 <= count < len(vectors):
        raise BadInput(f"{len(vectors)} vectors have no {count} neighbours beside themselves; ask for fewer")
    _, classes = np.unique(np.asarray(labels), return_inverse=True)
    own, placed = torch.from_numpy(classes), _placed(vectors, metric)
    parts = range(0, len(placed), 512)
    return torch.cat([_shares(_distances(placed, start), own[start : start + 512], own, count) for start in parts])


def _distances(placed: Vectors, start: int) -> Float[Tensor, "b n"]:
    """Return the distances of some vectors to all, infinite to themselves."""
    exact = placed.shape[1] <= FEW  # rounding must not tell equal distances apart
    mode = "donot_use_mm_for_euclid_dist" if exact else "use_mm_for_euclid_dist_if_necessary"
    distances = torch.cdist(placed[start : start + 512], placed, compute_mode=mode)
    distances.diagonal(start).fill_(torch.inf)
    return distances


def _shares(
    distances: Float[Tensor, "b n"], own: Int[Tensor, " b"], labels: Int[Tensor, " n"], count: int
) -> Float[Tensor, " b"]:
    """Return the share of the nearest that have one's own label; those at the last distance share what is left."""
    last = distances.topk(count, largest=False).values[:, -1:]
    same, nearer, level = labels == own[:, None], distances < last, distances == last
    left = count - nearer.sum(1)
    among = (same & level).sum(1) / level.sum(1)
    return ((same & nearer).sum(1) + left * among) / count


def trustworthiness(
    vectors: Vectors, points: Float[Tensor, "_n axes"], count: int = 10, metric: Metric = "cosine"
) -> float:
    """Return how far neighbours on a map are neighbours in the space that it shows {cite}`venna2001trustworthiness`.

    Args:
        vectors: ``(n, d)``.
        points: ``(n, axes)``, where each lies on the map.
        count: Neighbours of each that are looked at, fewer than half of all.
        metric: Of the vectors; points are compared by Euclidean distance.

    Returns:
        In [0, 1]; 1 if no stranger is among the neighbours on the map, about 0.5 for a map by chance.

    Raises:
        BadInput: not one point for each vector, or too few of them for so many neighbours.
        NotFinite: a vector or point holds NaN or infinite numbers.
    """
    if len(points) != len(vectors):
        raise BadInput(f"{len(vectors)} vectors have {len(points)} points; give one for each")
    if not 1 <= count < len(vectors) / 2:
        raise BadInput(f"trust in {count} neighbours needs more than {2 * count} vectors, not {len(vectors)}")
    from sklearn.manifold import trustworthiness as measured  # noqa: PLC0415  (takes a second)

    placed, shown = _placed(vectors, metric), _placed(points, "euclidean")
    return float(measured(placed.numpy(), shown.numpy(), n_neighbors=count))


def _placed(vectors: Tensor, metric: str) -> Tensor:
    """Return vectors so that Euclidean distances between them rank as the metric does."""
    if metric not in get_args(Metric):
        known = get_args(Metric)
        raise BadInput(f"distances are not measured by {metric!r}{near(metric, known)}; choose {' or '.join(known)}")
    rows = vectors.detach().cpu().double()
    if not torch.isfinite(rows).all():
        raise NotFinite("the vectors hold NaN or infinite numbers; check what they were computed from")
    return normalize(rows, dim=1) if metric == "cosine" else rows
