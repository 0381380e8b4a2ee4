"""Rank correlation: ranks counted by hand, SciPy's own, resolutions, ties, and maps that order nothing."""

from typing import Any

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite
from innerview.core.maps import enlarged
from innerview.evaluation import rank_correlation


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ranks(values: list[float]) -> list[float]:
    """Count how many are smaller, and half of those that are equal."""
    return [sum(other < one for other in values) + (sum(other == one for other in values) - 1) / 2 for one in values]


def test_ranks_counted_one_by_one_with_ties() -> None:
    first = torch.randint(0, 4, (3, 4, 5), generator=torch.Generator().manual_seed(0)).double()
    second = maps(3, 4, 5).mul(6).floor()
    for found, *pair in zip(rank_correlation(first, second), first, second, strict=True):
        x, y = (torch.tensor(ranks(one.flatten().tolist()), dtype=torch.float64) for one in pair)
        assert len(x.unique()) < 20
        expected = torch.corrcoef(torch.stack([x, y]))[0, 1]
        torch.testing.assert_close(found, expected)


def test_scipy_gives_the_same() -> None:
    first, second = maps(2, 9, 7), maps(2, 9, 7, seed=1)
    second[0] += first[0]
    theirs: list[Any] = [spearmanr(a.flatten(), b.flatten()) for a, b in zip(first, second, strict=True)]
    expected = torch.tensor([each.statistic for each in theirs], dtype=torch.float64)
    torch.testing.assert_close(rank_correlation(first, second), expected)


def test_only_the_order_counts() -> None:
    some = maps(3, 6, 6) - 0.5
    torch.testing.assert_close(rank_correlation(some, some.exp() * 100), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(rank_correlation(some, -(some**3)), -torch.ones(3, dtype=torch.float64))


def test_the_finer_map_is_averaged_down_to_the_coarser_one() -> None:
    coarse, fine = maps(2, 3, 4), maps(2, 12, 20, seed=2)
    blocks = torch.stack(
        [
            torch.stack([fine[:, 4 * y : 4 * y + 4, 5 * x : 5 * x + 5].mean((1, 2)) for x in range(4)], 1)
            for y in range(3)
        ],
        1,
    )
    expected = rank_correlation(coarse, blocks)
    torch.testing.assert_close(rank_correlation(coarse, fine), expected)
    torch.testing.assert_close(rank_correlation(fine, coarse), expected)
    assert (rank_correlation(coarse, fine[:, ::4, ::5]) - expected).abs().min() > 0.01  # no mere picking of pixels


def test_each_direction_takes_the_coarser_of_the_two() -> None:
    tall, wide = maps(2, 8, 3), maps(2, 4, 6, seed=1)
    expected = rank_correlation(tall.reshape(2, 4, 2, 3).mean(2), wide.reshape(2, 4, 3, 2).mean(3))
    torch.testing.assert_close(rank_correlation(tall, wide), expected)


def test_a_given_grid_enlarges_what_is_coarser() -> None:
    coarse, fine = maps(2, 3, 4), maps(2, 12, 20, seed=2)
    expected = rank_correlation(enlarged(coarse, (6, 10)), fine.reshape(2, 6, 2, 10, 2).mean((2, 4)))
    torch.testing.assert_close(rank_correlation(coarse, fine, (6, 10)), expected)


def test_a_constant_map_has_no_correlation_and_leaves_the_others_theirs() -> None:
    some, others = maps(3, 5, 5), maps(3, 5, 5, seed=1)
    some[1] = 0.25
    found = rank_correlation(some, others)
    assert found.isnan().tolist() == [False, True, False]
    assert rank_correlation(others, some).isnan().tolist() == [False, True, False]
    torch.testing.assert_close(found[2:], rank_correlation(some[2:], others[2:]))


def test_bad_maps_are_named() -> None:
    some = maps(2, 5, 5)
    with pytest.raises(BadInput, match="2 heatmaps but 3 others"):
        rank_correlation(some, maps(3, 5, 5))
    with pytest.raises(BadInput, match="a grid of 1x1 has no order"):
        rank_correlation(some, maps(2, 1, 1))
    with pytest.raises(BadInput, match="a grid of 0x5"):
        rank_correlation(some, some, (0, 5))
    broken = torch.where(some == some.max(), torch.nan, some)
    for first, second in ((some, broken), (broken, some)):
        with pytest.raises(NotFinite, match="heatmaps hold NaN"):
            rank_correlation(first, second)
    with pytest.raises(BadInput, match=r"\(b, rows, columns\), not \(0, 5, 5\)"):
        rank_correlation(some[:0], some[:0])
