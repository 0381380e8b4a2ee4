"""Maps of the photographs, and how good neighbourhoods are: in the spaces, on the maps, in the grids."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from innerview.embedding import (
    grid_assignment,
    nearest_to,
    neighbor_purity,
    pca_map,
    trustworthiness,
    tsne_map,
    umap_map,
)
from innerview.embedding.neighbors import Metric
from innerview.replicate import Run
from replication.methods.embedding import vectors

KINDS: Final[Mapping[str, str]] = MappingProxyType({"pca": "Principal axes", "tsne": "t-SNE", "umap": "UMAP"})

METRICS: Final[Mapping[str, Metric]] = MappingProxyType({"features": "cosine", "pixels": "euclidean"})


def maps(run: Run) -> dict[str, Tensor]:
    """Return where each photograph lies on each map, ``(n, 2)``."""
    config, found = run.config, vectors.spaces(run)["features"]
    made: dict[str, Callable[[], Tensor]] = {
        "pca": lambda: pca_map(found),
        "tsne": lambda: tsne_map(found, perplexity=min(config.perplexity, (len(found) - 2) / 3), seed=run.seed),
        "umap": lambda: umap_map(found, neighbors=min(config.close, len(found)), seed=run.seed),
    }
    settings = (found, config.maps, config.perplexity, config.close)
    kept = run.part("maps", lambda: {name: made[name]() for name in config.maps}, *settings)
    return {name: kept[name] for name in config.maps}


def grids(run: Run) -> dict[str, Tensor]:
    """Return the cell of each photograph for each map, ``(n, 2)``: row and column."""
    points = maps(run)
    found = run.part("grids", lambda: {name: grid_assignment(one) for name, one in points.items()}, points)
    return {name: found[name] for name in points}


def purities(run: Run) -> dict[str, float]:
    """Return the mean purity: in both spaces, on each map, in each grid (``tsne grid``)."""
    labels, count = vectors.labels(run), run.config.neighbors
    spaces = vectors.spaces(run)
    found = {"features": float(neighbor_purity(spaces["features"], labels, count).mean())}
    flat = (
        {"pixels": spaces["pixels"]} | maps(run) | {f"{name} grid": cells.float() for name, cells in grids(run).items()}
    )
    return found | {name: float(neighbor_purity(one, labels, count, "euclidean").mean()) for name, one in flat.items()}


def trust(run: Run) -> dict[str, float]:
    """Return the trustworthiness of each map, and of each grid (``tsne grid``)."""
    space, count = vectors.spaces(run)["features"], run.config.neighbors
    flat = maps(run) | {f"{name} grid": cells.float() for name, cells in grids(run).items()}

    def compute() -> dict[str, Tensor]:
        return {name: torch.tensor(trustworthiness(space, one, count)) for name, one in flat.items()}

    return {name: float(one) for name, one in run.part("trust", compute, space, flat, count).items()}


def depth(run: Run) -> dict[str, float]:
    """Return the purity in each layer, from the image up."""
    labels, found = vectors.through_layers(run)
    count = run.config.neighbors
    return {name: float(neighbor_purity(one, labels, count).mean()) for name, one in found.items()}


def pixel_rank(run: Run) -> float:
    """Return the median rank, by pixels, of the photograph that is nearest by features, as a share of all others."""
    spaces = vectors.spaces(run)
    own = torch.arange(len(spaces["pixels"]))
    nearest = nearest_to(spaces["features"], spaces["features"], 2)[0]
    others = torch.where(nearest[:, 0] == own, nearest[:, 1], nearest[:, 0])
    distances = torch.cdist(spaces["pixels"].double(), spaces["pixels"].double())
    distances.fill_diagonal_(torch.inf)
    nearer = distances < distances.gather(1, others[:, None])
    return float(nearer.float().mean(1).median())


def queries(run: Run) -> dict[int, dict[str, list[int]]]:
    """Return some photographs with the six nearest others of each, by features and by pixels."""
    spaces, names = vectors.spaces(run), vectors.labels(run)
    firsts = [names.index(name) for name in dict.fromkeys(names)]
    chosen = [firsts[place * len(firsts) // run.config.queries] for place in range(run.config.queries)]
    found: dict[int, dict[str, list[int]]] = {}
    for one in chosen:
        rows = {}
        for name, metric in METRICS.items():
            indices = nearest_to(spaces[name][[one]], spaces[name], 7, metric)[0][0].tolist()
            rows[name] = [other for other in indices if other != one][:6]
        found[one] = rows
    return found
