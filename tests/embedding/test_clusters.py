"""Clusters: groups that are there are found, centroids are means, and the nearest are the nearest."""

import itertools

import pytest
import torch

from innerview.core.errors import BadInput, NotFinite
from innerview.embedding.clusters import cluster

SIZES = (12, 20, 7)


@pytest.fixture
def groups() -> torch.Tensor:
    """Three groups far apart in 60 dimensions, of different sizes."""
    draws = torch.Generator().manual_seed(0)
    centres = 10 * torch.eye(60)[:3].repeat_interleave(torch.tensor(SIZES), dim=0)
    return centres + 0.1 * torch.randn(centres.shape, generator=draws)


def truth() -> torch.Tensor:
    """The group of each vector, the largest group being 0."""
    return torch.tensor([1, 0, 2]).repeat_interleave(torch.tensor(SIZES))


def test_groups_are_found_the_largest_first(groups):
    found = cluster(groups, 3, seed=0)
    assert found.labels.tolist() == truth().tolist()
    assert found.labels.bincount().tolist() == sorted(SIZES, reverse=True)


def test_centroids_are_the_means_of_the_features_themselves(groups):
    found = cluster(groups, 3, seed=0)
    for one in range(3):
        torch.testing.assert_close(found.centroids[one], groups[truth() == one].mean(0))


@pytest.mark.parametrize("seed", [0, 4, 5])  # k-means numbers its clusters by its start, in three orders here
def test_distances_are_those_to_the_centroids_where_all_axes_are_kept(groups, seed):
    found = cluster(groups, 3, seed=seed, dimensions=60)
    torch.testing.assert_close(found.distances, torch.cdist(groups, found.centroids), rtol=1e-4, atol=1e-4)


def test_axes_that_are_left_out_do_not_count(groups):
    """Of 39 vectors the first two axes hold what tells three groups apart; the rest is noise."""
    found = cluster(groups, 3, seed=0, dimensions=2)
    assert found.labels.tolist() == truth().tolist()
    assert (found.distances.amin(1) < torch.cdist(groups, found.centroids).amin(1)).all()


@pytest.mark.parametrize("count", [1, 4, 7])
def test_the_nearest_are_those_of_a_loop(groups, count):
    found = cluster(groups, 3, seed=0)
    nearest = found.nearest(count)
    assert nearest.shape == (3, count)
    for one in range(3):
        own = [row for row in range(len(groups)) if found.labels[row] == one]
        assert nearest[one].tolist() == sorted(own, key=lambda row: float(found.distances[row, one]))[:count]


def test_a_vector_at_the_edge_is_not_the_nearest_of_another_cluster():
    """The smallest cluster's own are taken, though many of the other cluster are as near to its centroid as its own."""
    line = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0], [9.0], [15.0]])
    found = cluster(line, 2, seed=0)
    assert found.labels.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert set(found.nearest(2)[1].tolist()) == {5, 6}


def test_the_same_seed_gives_the_same_and_any_seed_a_partition():
    cloud = torch.randn(40, 8, generator=torch.Generator().manual_seed(1))
    first, again = (cluster(cloud, 4, seed=5) for _ in range(2))
    assert torch.equal(first.labels, again.labels)
    assert torch.equal(first.distances, again.distances)
    for seed in range(3):
        assert set(cluster(cloud, 4, seed=seed).labels.tolist()) == {0, 1, 2, 3}


def test_kmeans_is_as_good_as_any_partition():
    points = torch.randn(8, 2, generator=torch.Generator().manual_seed(2))
    found = cluster(points, 2, seed=0)
    spread = sum(float((points[found.labels == one] - found.centroids[one]).square().sum()) for one in range(2))

    def literal(labels: tuple[int, ...]) -> float:
        kinds = [points[torch.tensor(labels) == one] for one in range(2)]
        return sum(float((kind - kind.mean(0)).square().sum()) for kind in kinds)

    best = min(literal(labels) for labels in itertools.product((0, 1), repeat=8) if 0 < sum(labels) < 8)
    assert spread == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"count": 0}, BadInput, "39 different vectors make no 0 clusters"),
        ({"count": 40}, BadInput, "39 different vectors make no 40 clusters"),
        ({"dimensions": 0}, BadInput, "at least one principal axis, not 0"),
        ({"features": torch.full((39, 4), torch.nan)}, NotFinite, "features hold NaN"),
        ({"features": torch.ones(39, 4)}, BadInput, "1 different vectors make no 3 clusters"),
    ],
)
def test_bad_input_is_refused_in_one_line(groups, change, error, message):
    wanted = {"features": groups, "count": 3, "dimensions": 50} | change
    with pytest.raises(error, match=message) as raised:
        cluster(wanted.pop("features"), wanted.pop("count"), seed=0, **wanted)
    assert "\n" not in str(raised.value)


def test_more_neighbours_than_members_are_refused(groups):
    with pytest.raises(BadInput, match="smallest cluster has 7 vectors, not 8"):
        cluster(groups, 3, seed=0).nearest(8)
