"""Maps of vectors: neighbours in a space of many dimensions, neighbours on the page; clusters; groups of neurons."""

from innerview.embedding.clusters import Clusters, cluster
from innerview.embedding.factors import Groups, neuron_groups
from innerview.embedding.maps import nearest, pca_map, tsne_map, umap_map

__all__ = ["Clusters", "Groups", "cluster", "nearest", "neuron_groups", "pca_map", "tsne_map", "umap_map"]
