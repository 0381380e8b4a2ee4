"""Neighbours, purity and trustworthiness, each counted again in the slowest way."""

import numpy as np
import pytest
import torch
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.embedding import nearest, nearest_to, neighbor_purity, trustworthiness
from innerview.embedding.neighbors import Metric


def vectors(count: int, size: int = 5, seed: int = 0) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def distance(one: Tensor, other: Tensor, metric: str) -> float:
    if metric == "euclidean":
        return float((one - other).norm())
    return float(1 - one @ other / (one.norm() * other.norm()))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_nearest_are_the_nearest(metric: Metric) -> None:
    queries, others = vectors(7, seed=1), vectors(40) * 3
    indices, distances = nearest_to(queries, others, 6, metric)
    for query, row, told in zip(queries, indices.tolist(), distances.tolist(), strict=True):
        ranked = sorted(range(40), key=lambda place, query=query: distance(query, others[place], metric))
        assert row == ranked[:6]
        assert told == pytest.approx([distance(query, others[place], metric) for place in row], abs=1e-6)


def test_of_a_set_itself_it_is_nearest() -> None:
    rows = vectors(1100)
    indices, distances = nearest_to(rows, rows, 4)
    known = nearest(rows, 4)
    assert torch.equal(indices, known[0])
    torch.testing.assert_close(distances.float(), known[1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_purity_is_the_share_of_own_neighbours(metric: Metric) -> None:
    rows, labels = vectors(600), np.array(["ant", "bee", "cat"])[np.arange(600) % 3]
    shares = neighbor_purity(rows, labels, 7, metric)
    for place in (0, 3, 511, 512, 599):
        others = [other for other in range(600) if other != place]
        near = sorted(others, key=lambda other, place=place: distance(rows[place], rows[other], metric))[:7]
        assert float(shares[place]) == pytest.approx(np.mean(labels[near] == labels[place]))
    assert float(shares.mean()) == pytest.approx(1 / 3, abs=0.03)


def test_purity_does_not_hang_on_the_order_of_equal_distances() -> None:
    """Cells of a grid: four at distance 1, four at the root of 2; two neighbours are half of the first four."""
    cells = torch.cartesian_prod(torch.arange(3.0), torch.arange(3.0))
    labels = [0, 1, 0, 1, 0, 0, 0, 0, 0]
    for order in (torch.arange(9), torch.arange(8, -1, -1)):
        middle = int((order == 4).nonzero())
        shares = neighbor_purity(cells[order], [labels[place] for place in order], 2, "euclidean")
        assert float(shares[middle]) == pytest.approx(0.5)


def test_clusters_are_pure_and_noise_is_not() -> None:
    labels = torch.arange(60) % 3
    apart = vectors(60) + 30 * torch.eye(5)[labels]
    assert float(neighbor_purity(apart, labels.numpy(), 10).min()) == 1
    assert float(neighbor_purity(vectors(60), labels.numpy(), 10).mean()) < 0.5


def literal_trust(rows: Tensor, places: Tensor, count: int) -> float:
    """The definition of Venna and Kaski, pair by pair."""
    total, penalty = len(rows), 0
    for one in range(total):
        others = [other for other in range(total) if other != one]
        by_space = sorted(others, key=lambda other, one=one: float((rows[one] - rows[other]).norm()))
        by_map = sorted(others, key=lambda other, one=one: float((places[one] - places[other]).norm()))
        penalty += sum(max(0, by_space.index(other) + 1 - count) for other in by_map[:count])
    return 1 - penalty * 2 / (total * count * (2 * total - 3 * count - 1))


def test_trustworthiness_is_what_its_definition_says() -> None:
    rows = vectors(30)
    for places in (rows[:, :2], vectors(30, 2, seed=4)):
        assert trustworthiness(rows, places, 5, "euclidean") == pytest.approx(literal_trust(rows, places, 5))
    assert trustworthiness(rows, rows, 5, "euclidean") == 1
    unit = rows / rows.norm(dim=1, keepdim=True)
    assert trustworthiness(rows, rows[:, :2], 5) == pytest.approx(literal_trust(unit, rows[:, :2], 5))


def test_bad_input() -> None:
    rows = vectors(10)
    with pytest.raises(BadInput, match="10 vectors have no 11 neighbours"):
        nearest_to(rows, rows, 11)
    with pytest.raises(BadInput, match="queries of 3 numbers have no neighbours among vectors of 5"):
        nearest_to(vectors(1, 3), rows, 2)
    with pytest.raises(BadInput, match="10 vectors have 9 labels"):
        neighbor_purity(rows, [0] * 9)
    with pytest.raises(BadInput, match="10 vectors have no 10 neighbours beside themselves"):
        neighbor_purity(rows, [0] * 10, 10)
    with pytest.raises(BadInput, match="trust in 5 neighbours needs more than 10 vectors, not 10"):
        trustworthiness(rows, rows, 5)
    with pytest.raises(BadInput, match="10 vectors have 9 points"):
        trustworthiness(rows, rows[:9], 2)
    with pytest.raises(NotFinite):
        neighbor_purity(rows * torch.inf, [0] * 10, 2)
