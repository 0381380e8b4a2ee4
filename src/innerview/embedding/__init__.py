"""Vectors of images and their maps: neighbours in a space of many dimensions, neighbours on the page; clusters."""

from innerview.embedding.cells import grid_assignment
from innerview.embedding.clusters import Clusters, cluster
from innerview.embedding.factors import Groups, neuron_groups
from innerview.embedding.features import ImageVectors, features, pixel_vectors
from innerview.embedding.last_layer import last_layer
from innerview.embedding.maps import nearest, pca_map, tsne_map, umap_map
from innerview.embedding.neighbors import nearest_to, neighbor_purity, trustworthiness

__all__ = [
    "Clusters",
    "Groups",
    "ImageVectors",
    "cluster",
    "features",
    "grid_assignment",
    "last_layer",
    "nearest",
    "nearest_to",
    "neighbor_purity",
    "neuron_groups",
    "pca_map",
    "pixel_vectors",
    "trustworthiness",
    "tsne_map",
    "umap_map",
]
