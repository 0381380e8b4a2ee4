"""Nearest neighbours and UMAP {cite}`mcinnes2018umap`."""

import warnings

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from innerview.core.errors import BadInput

Vectors = Float[Tensor, "n d"]
"""One vector a row."""


def nearest(vectors: Vectors, count: int) -> tuple[Int[Tensor, "n count"], Float[Tensor, "n count"]]:
    """Find the nearest vectors of each one by cosine distance, exactly; the first is the vector itself.

    Args:
        vectors: ``(n, d)``.
        count: How many.

    Returns:
        Indices and distances, nearest first.

    Raises:
        BadInput: fewer vectors than neighbours.
    """
    if not 1 <= count <= len(vectors):
        raise BadInput(f"{len(vectors)} vectors have no {count} neighbours each; ask for fewer")
    unit = normalize(vectors.detach().cpu().float(), dim=1)
    parts = [(1 - part @ unit.T).clamp(min=0).topk(count, largest=False) for part in unit.split(1024)]
    return torch.cat([part.indices for part in parts]), torch.cat([part.values for part in parts])


def umap_map(vectors: Vectors, *, neighbors: int = 15, min_dist: float = 0.1, seed: int = 0) -> Float[Tensor, "n 2"]:
    """Lay vectors out on a plane so that neighbours (by cosine) stay neighbours.

    Args:
        vectors: ``(n, d)``.
        neighbors: How many neighbours of each vector count; more show the larger order.
        min_dist: How close points may come.
        seed: Of the layout.

    Returns:
        ``(n, 2)``, each axis scaled to [0, 1].

    Raises:
        BadInput: fewer vectors than neighbours.
    """
    indices, distances = nearest(vectors, neighbors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's and UMAP's own deprecations, in code that is not ours
        from umap import UMAP  # noqa: PLC0415  (takes seconds)

        # The neighbours are given: UMAP's own search compiles for more than a minute in every process.
        knn = (indices.numpy(), distances.numpy(), None)
        layout = UMAP(
            n_neighbors=neighbors, min_dist=min_dist, metric="cosine", random_state=seed, n_jobs=1, precomputed_knn=knn
        )
        points = np.asarray(layout.fit_transform(vectors.detach().cpu().numpy()))
    span = points.max(0) - points.min(0)
    return torch.from_numpy((points - points.min(0)) / np.where(span > 0, span, 1)).float()
