"""Nearest neighbours, and maps of vectors: UMAP {cite}`mcinnes2018umap`, t-SNE, principal axes."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from innerview.core.errors import BadInput, NotFinite
from innerview.core.seeds import narrowed

Vectors = Float[Tensor, "n d"]
"""One vector a row."""

Plane = Float[Tensor, "n dimensions"]
"""Where each vector lies, on a plane or a line."""

LARGEST: Final = 1e15
"""Of numbers in a vector: the square of what is larger, summed, is no float32."""


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
    unit = normalize(vectors.detach().float(), dim=1)  # on the vectors' own device: on a GPU a million are no matter
    parts = [_nearest(unit, start, count) for start in range(0, len(unit), 1024)]
    indices, distances = (torch.cat(found) for found in zip(*parts, strict=True))
    return indices, distances.clamp(min=0)


def _nearest(unit: Vectors, start: int, count: int) -> tuple[Tensor, Tensor]:
    distances = (1 - unit[start : start + 1024] @ unit.T).clamp(min=0)
    distances.diagonal(start).fill_(-1)  # each before its duplicates
    values, indices = distances.topk(count, largest=False)
    return indices.cpu(), values.cpu()


def umap_map(
    vectors: Vectors, *, neighbors: int = 15, min_dist: float = 0.1, dimensions: int = 2, seed: int = 0
) -> Plane:
    """Lay vectors out on a plane so that neighbours (by cosine) stay neighbours.

    Args:
        vectors: ``(n, d)``.
        neighbors: How many neighbours of each vector count; more show the larger order.
        min_dist: How close points may come.
        dimensions: Of the layout; 1 for a line.
        seed: Of the layout.

    Returns:
        ``(n, dimensions)``, each axis scaled to [0, 1].

    Raises:
        BadInput: fewer vectors than neighbours, or hardly more than dimensions.
        NotFinite: a vector holds NaN or infinite numbers.
    """
    rows = _rows(vectors)
    if len(rows) < dimensions + 2:
        raise BadInput(f"{len(rows)} vectors are too few for a map of {dimensions} dimensions; collect more")
    indices, distances = nearest(vectors, neighbors)
    with _threads_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's and UMAP's own deprecations, in code that is not ours
        from umap import UMAP  # noqa: PLC0415  (takes seconds)

        # The neighbours are given: UMAP's own search compiles for more than a minute in every process.
        knn = (indices.numpy(), distances.numpy(), None)
        layout = UMAP(
            n_neighbors=neighbors, min_dist=min_dist, n_components=dimensions, metric="cosine",
            random_state=narrowed(seed),
            n_jobs=1, precomputed_knn=knn,
        )  # fmt: skip
        return _in_unit_range(np.asarray(layout.fit_transform(rows)))


@contextmanager
def _threads_kept() -> Iterator[None]:
    """Give torch its number of threads back: numba, on which UMAP runs, sets that of all who share OpenMP."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def tsne_map(vectors: Vectors, *, perplexity: float = 30.0, dimensions: int = 2, seed: int = 0) -> Plane:
    """Lay vectors out by t-SNE {cite}`vandermaaten2008tsne`: close neighbours (by cosine) stay together.

    Args:
        vectors: ``(n, d)``.
        perplexity: About how many neighbours of each vector count; three times as many are looked at.
        dimensions: Of the layout; 1 for a line.
        seed: Of the layout.

    Returns:
        ``(n, dimensions)``, each axis scaled to [0, 1].

    Raises:
        BadInput: fewer than three vectors more than three times the perplexity.
        NotFinite: a vector holds NaN or infinite numbers.
    """
    rows = _rows(vectors)
    if not 1 <= perplexity <= (len(rows) - 2) / 3:
        raise BadInput(f"{len(rows)} vectors are too few for a perplexity of {perplexity}; collect more, or lower it")
    from scipy.sparse import csr_matrix  # noqa: PLC0415
    from sklearn.manifold import TSNE  # noqa: PLC0415  (takes a second)

    count = int(3 * perplexity) + 2
    indices, distances = nearest(vectors, count)
    starts = np.arange(0, indices.numel() + 1, count)
    known = csr_matrix((distances.double().numpy().ravel(), indices.numpy().ravel(), starts), shape=(len(rows),) * 2)
    begin = _axes(rows, dimensions)
    layout = TSNE(
        dimensions,
        perplexity=perplexity,
        metric="precomputed",
        init=begin / max(begin.std(0)[0], 1e-12) * 1e-4,  # scikit-learn's own scale of a start from principal axes
        random_state=narrowed(seed),
    )
    return _in_unit_range(layout.fit_transform(known))


def pca_map(vectors: Vectors, *, dimensions: int = 2) -> Plane:
    """Project vectors onto their first principal axes: no neighbours are sought, distances along the axes are kept.

    Returns:
        ``(n, dimensions)``, each axis scaled to [0, 1].

    Raises:
        BadInput: fewer vectors, or fewer numbers in each, than axes.
        NotFinite: a vector holds NaN or infinite numbers.
    """
    rows = _rows(vectors)
    return _in_unit_range(_axes(rows, dimensions))


def _rows(vectors: Vectors) -> np.ndarray:
    if not isinstance(vectors, Tensor) or vectors.ndim != 2 or vectors.is_complex():
        raise BadInput(f"vectors are the rows of one tensor (n, d) of numbers, not {type(vectors).__name__}")
    rows = vectors.detach().cpu().float().numpy()
    if not np.isfinite(rows).all():
        raise NotFinite("the vectors hold NaN or infinite numbers; check what they were computed from")
    if np.abs(rows).max(initial=0) > LARGEST:
        raise BadInput(f"the vectors hold numbers above {LARGEST:g}; scale them down")
    return rows


def _axes(rows: np.ndarray, dimensions: int) -> np.ndarray:
    if len(rows) < 2 or not 1 <= dimensions <= min(rows.shape):
        raise BadInput(f"{rows.shape[0]} vectors of {rows.shape[1]} numbers have no {dimensions} principal axes")
    from sklearn.decomposition import PCA  # noqa: PLC0415  (takes a second)

    with np.errstate(invalid="ignore"):  # shares of a variance that is zero, of which nothing is used
        return PCA(dimensions, svd_solver="full").fit_transform(rows)


def _in_unit_range(points: np.ndarray) -> Plane:
    span = points.max(0) - points.min(0)
    return torch.from_numpy((points - points.min(0)) / np.where(span > 0, span, 1)).float()
