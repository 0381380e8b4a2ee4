"""Clusters of vectors, such as the kinds of photographs that one class has {cite}`nguyen2016multifaceted`."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.core.seeds import narrowed
from innerview.embedding.maps import Vectors


@dataclass(frozen=True)
class Clusters:
    """Groups of vectors, the largest first.

    Args:
        labels: ``(n,)``, the cluster of each vector.
        centroids: ``(count, d)``, the mean of each cluster's vectors, in their own space.
        distances: ``(n, count)``, Euclidean distances of the vectors to the centroids where the clusters were found: on
            the principal axes.
    """

    labels: Int[Tensor, " n"]
    centroids: Float[Tensor, "count d"]
    distances: Float[Tensor, "n count"]

    def nearest(self, count: int) -> Int[Tensor, "clusters count"]:
        """Return the indices of the `count` vectors of each cluster that are nearest to its centroid, nearest first.

        Raises:
            BadInput: a cluster has fewer vectors.
        """
        sizes = self.labels.bincount(minlength=len(self.centroids))
        if not 1 <= count <= int(sizes.min()):
            raise BadInput(f"the smallest cluster has {int(sizes.min())} vectors, not {count}; ask for fewer")
        clusters = torch.arange(len(self.centroids))
        own = self.distances.masked_fill(self.labels[:, None] != clusters, torch.inf)
        return own.argsort(dim=0, stable=True)[:count].T.contiguous()


def cluster(features: Vectors, count: int, *, seed: int, dimensions: int = 50) -> Clusters:
    """Group vectors by k-means on their first principal axes.

    {cite}`nguyen2016multifaceted` put t-SNE between the two and group on the plane; {cite}`wei2015intraclass` group the
    features themselves. Principal axes keep distances, so centroids found there are centroids of the features.

    Args:
        features: ``(n, d)``, such as what a network's last layer but one puts out for photographs of one class.
        count: Clusters.
        seed: Of the starts of k-means, of which the best of ten is taken.
        dimensions: Principal axes that are kept; at most as many as there are.

    Raises:
        BadInput: fewer different vectors than clusters, or no cluster or axis.
        NotFinite: a feature is NaN or infinite.
    """
    rows = features.detach().cpu().double().numpy()
    _check(rows, count, dimensions)
    from sklearn.cluster import KMeans  # noqa: PLC0415  (takes a second)
    from sklearn.decomposition import PCA  # noqa: PLC0415

    axes = min(dimensions, *rows.shape)
    points = PCA(axes, svd_solver="full").fit_transform(rows)
    found = KMeans(count, n_init=10, random_state=narrowed(seed)).fit(points)  # pyright: ignore[reportArgumentType]  (its type is read off its default)
    members = np.asarray(found.labels_)
    order = np.argsort(-np.bincount(members, minlength=count), kind="stable")
    labels = torch.from_numpy(np.argsort(order)[members]).long()
    centroids = torch.stack([torch.from_numpy(rows)[labels == one].mean(0) for one in range(count)])
    distances = torch.from_numpy(found.transform(points)[:, order])
    return Clusters(labels, centroids.to(features.dtype), distances.to(features.dtype))


def _check(rows: np.ndarray, count: int, dimensions: int) -> None:
    if not np.isfinite(rows).all():
        raise NotFinite("the features hold NaN or infinite numbers; check the images and the layer")
    if dimensions < 1:
        raise BadInput(f"clusters need at least one principal axis, not {dimensions}")
    different = len(np.unique(rows, axis=0))
    if not 1 <= count <= different:
        raise BadInput(f"{different} different vectors make no {count} clusters; ask for fewer")
