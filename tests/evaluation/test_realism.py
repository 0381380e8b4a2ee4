"""The kernel distance: the sum written out, zero on average for equals, larger the further sets are apart."""

import itertools

import pytest
import torch

from innerview.core.errors import BadInput, NotFinite
from innerview.evaluation import kernel_distance


def drawn(count, seed, shift=0.0):
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed)) + shift


def test_is_the_sum_written_out():
    one, other = drawn(4, 0), drawn(5, 1)

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x.tolist(), y.tolist(), strict=True)) / 6 + 1) ** 3

    def within(rows):
        pairs = list(itertools.permutations(range(len(rows)), 2))
        return sum(kernel(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    across = sum(kernel(x, y) for x in one for y in other) / 20
    assert kernel_distance(one, other) == pytest.approx(within(one) + within(other) - 2 * across, rel=1e-5)


def test_equals_are_zero_on_average_and_the_estimate_is_symmetric():
    found = [kernel_distance(drawn(20, 2 * seed), drawn(20, 2 * seed + 1)) for seed in range(200)]
    mean, error = torch.tensor(found).mean(), torch.tensor(found).std() / 200**0.5
    assert abs(mean) < 4 * error
    assert min(found) < 0
    assert kernel_distance(drawn(9, 0), drawn(7, 1)) == pytest.approx(kernel_distance(drawn(7, 1), drawn(9, 0)))


def test_grows_with_the_shift():
    found = [kernel_distance(drawn(200, 0), drawn(200, 1, shift)) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert found == sorted(found)
    assert found[1] > 5 * abs(found[0])


def test_bad_input():
    with pytest.raises(BadInput, match="sets of 1 and 3 images"):
        kernel_distance(drawn(1, 0), drawn(3, 0))
    broken = drawn(3, 0)
    broken[1, 2] = torch.nan
    with pytest.raises(NotFinite, match="NaN"):
        kernel_distance(drawn(3, 0), broken)
