"""Maps of vectors: neighbours in a space of many dimensions, neighbours on the page; groups of neurons."""

from innerview.embedding.factors import Groups, neuron_groups
from innerview.embedding.maps import nearest, umap_map

__all__ = ["Groups", "nearest", "neuron_groups", "umap_map"]
