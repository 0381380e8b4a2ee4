"""Nearest neighbours, and the maps made from them."""

from typing import Any

import pytest
import torch

from innerview.core.errors import BadInput, NotFinite
from innerview.embedding import nearest, pca_map, tsne_map, umap_map


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


def test_each_vector_is_its_own_first_neighbour_also_among_duplicates_and_at_zero() -> None:
    vectors = torch.cat([torch.ones(5, 3), torch.eye(3).repeat(6, 1), torch.zeros(2, 3)])
    indices, distances = nearest(vectors, 4)
    assert indices[:, 0].tolist() == [*range(25)]
    assert distances[:, 0].tolist() == [0] * 25
    assert bool((distances >= 0).all())
    assert bool((distances.diff(dim=1) >= 0).all())
    for row in range(25):
        assert len(set(indices[row].tolist())) == 4
        literal = [1 - torch.cosine_similarity(vectors[row], other, dim=0).item() for other in vectors]
        assert distances[row, 1:].tolist() == pytest.approx(sorted(literal[:row] + literal[row + 1 :])[:3], abs=1e-6)


def test_many_vectors_have_the_neighbours_of_few() -> None:
    vectors = torch.randn(2100, 6, generator=torch.Generator().manual_seed(0))
    indices, distances = nearest(vectors, 3)
    assert indices[:, 0].tolist() == [*range(2100)]
    for row in (0, 1023, 1024, 2099):
        literal = 1 - torch.cosine_similarity(vectors[row][None], vectors)
        assert indices[row, 1:].tolist() == literal.argsort()[1:3].tolist()
        assert distances[row].tolist() == pytest.approx(literal.sort().values[:3].tolist(), abs=1e-6)


@pytest.mark.parametrize("count", [0, 4])
def test_neighbours_that_are_not_there(count: int) -> None:
    with pytest.raises(BadInput, match=f"3 vectors have no {count} neighbours each"):
        nearest(torch.eye(3), count)


def together(points: torch.Tensor) -> bool:
    centres = points.reshape(3, 30, -1).mean(1)
    return torch.cdist(points, centres).argmin(1).tolist() == [group for group in range(3) for _ in range(30)]


@pytest.mark.parametrize("dimensions", [1, 2])
def test_t_sne_keeps_groups_together_and_repeats(clusters: torch.Tensor, dimensions: int) -> None:
    found = tsne_map(clusters, perplexity=8, dimensions=dimensions, seed=3)
    assert found.shape == (90, dimensions)
    assert found.amin(0).tolist() == [0] * dimensions
    assert found.amax(0).tolist() == [1] * dimensions
    if dimensions == 2:
        scaled = clusters * torch.linspace(1, 9, 90)[:, None]  # neighbours by the cosine: lengths play no part
        assert together(found)
        assert together(tsne_map(scaled, perplexity=8, seed=3))
    else:  # on a line groups cannot pass through one another, and may stay in pieces
        order = found[:, 0].argsort() // 30
        assert int((order.diff() != 0).sum()) <= 12
        assert torch.equal(found, tsne_map(clusters, perplexity=8, dimensions=1, seed=3))


@pytest.mark.parametrize("threads", [1, 2])
def test_umap_leaves_torch_its_threads(clusters: torch.Tensor, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    umap_map(clusters, neighbors=10)
    found = torch.get_num_threads()
    torch.set_num_threads(before)
    assert found == threads


def test_a_line_by_umap_keeps_groups_together(clusters: torch.Tensor) -> None:
    found = umap_map(clusters, neighbors=10, dimensions=1, seed=3)
    assert found.shape == (90, 1)
    assert together(found)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_principal_axes_are_those_of_the_covariance(clusters: torch.Tensor, dimensions: int) -> None:
    vectors = clusters.double() @ torch.diag(torch.arange(12.0, 0, -1).double()) + 100
    centred = vectors - vectors.mean(0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :dimensions]
    wanted = centred @ axes
    wanted = (wanted - wanted.amin(0)) / (wanted.amax(0) - wanted.amin(0))
    found = pca_map(vectors.float(), dimensions=dimensions).double()
    for axis in range(dimensions):  # either way along an axis
        errors = [float((found[:, axis] - side).abs().max()) for side in (wanted[:, axis], 1 - wanted[:, axis])]
        assert min(errors) < 1e-4


@pytest.mark.parametrize("make", [umap_map, tsne_map, pca_map])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_vectors_that_are_no_numbers_are_refused(clusters: torch.Tensor, make: Any, value: float) -> None:
    vectors = clusters.clone()
    vectors[3, 4] = value
    with pytest.raises(NotFinite, match="the vectors hold NaN or infinite numbers"):
        make(vectors)


@pytest.mark.parametrize(
    ("make", "vectors", "options", "message"),
    [
        (tsne_map, torch.rand(91, 4), {"perplexity": 30}, "91 vectors are too few for a perplexity of 30"),
        (tsne_map, torch.rand(90, 4), {"perplexity": 0.5}, "90 vectors are too few for a perplexity of 0.5"),
        (tsne_map, torch.rand(90, 1), {"perplexity": 8}, "90 vectors of 1 numbers have no 2 principal axes"),
        (pca_map, torch.rand(90, 1), {}, "90 vectors of 1 numbers have no 2 principal axes"),
        (pca_map, torch.rand(1, 9), {"dimensions": 1}, "1 vectors of 9 numbers have no 1 principal axes"),
        (pca_map, torch.rand(9, 9), {"dimensions": 0}, "9 vectors of 9 numbers have no 0 principal axes"),
        (umap_map, torch.rand(3, 9), {"neighbors": 2}, "3 vectors are too few for a map of 2 dimensions"),
        (umap_map, torch.rand(2, 9), {"neighbors": 2, "dimensions": 1}, "2 vectors are too few for a map of 1 dim"),
    ],
)
def test_maps_that_cannot_be(make: Any, vectors: torch.Tensor, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        make(vectors, **options)
