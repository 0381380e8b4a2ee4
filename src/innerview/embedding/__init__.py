"""Maps of vectors: neighbours in a space of many dimensions, neighbours on the page."""

from innerview.embedding.maps import nearest, umap_map

__all__ = ["nearest", "umap_map"]
