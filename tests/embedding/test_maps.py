"""Nearest neighbours and the map made from them."""

import pytest
import torch

from innerview.core.errors import BadInput
from innerview.embedding import nearest, umap_map


@pytest.fixture(scope="module")
def clusters() -> torch.Tensor:
    """Three groups of thirty vectors around three directions."""
    centres = torch.eye(12)[:3].repeat_interleave(30, dim=0)
    return centres + 0.05 * torch.randn(centres.shape, generator=torch.Generator().manual_seed(0))


def test_nearest_equals_a_loop(clusters: torch.Tensor) -> None:
    indices, distances = nearest(clusters, 4)
    for row in (0, 31, 89):
        literal = [1 - torch.cosine_similarity(clusters[row], other, dim=0) for other in clusters]
        order = torch.stack(literal).argsort()[:4]
        assert indices[row].tolist() == order.tolist()
        assert distances[row] == pytest.approx(torch.stack(literal)[order].clamp(min=0), abs=1e-5)
    assert indices[:, 0].tolist() == list(range(90))


def test_map_keeps_groups_together_and_repeats(clusters: torch.Tensor) -> None:
    points = umap_map(clusters, neighbors=10, seed=3)
    assert points.shape == (90, 2)
    assert points.amin(0).tolist() == [0, 0]
    assert points.amax(0).tolist() == [1, 1]
    centres = points.reshape(3, 30, 2).mean(1)
    nearest_centre = torch.cdist(points, centres).argmin(1)
    assert nearest_centre.tolist() == [group for group in range(3) for _ in range(30)]
    assert torch.equal(points, umap_map(clusters, neighbors=10, seed=3))


def test_fewer_vectors_than_neighbours(clusters: torch.Tensor) -> None:
    with pytest.raises(BadInput, match="90 vectors have no 100 neighbours each"):
        umap_map(clusters, neighbors=100)
