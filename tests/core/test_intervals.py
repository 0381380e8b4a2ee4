"""Bootstrap intervals: against a literal loop, the normal law, and the share of intervals that hold the truth."""

import numpy as np
import pytest
import torch

from innerview.core.errors import BadInput, NotFinite
from innerview.core.intervals import Interval, bootstrap
from innerview.core.seeds import generator

VALUES = torch.randn(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 + 5


def test_equal_to_drawing_by_hand():
    random = generator("bootstrap", 7)
    medians = []
    for _ in range(300):
        drawn = [float(VALUES[index]) for index in torch.randint(200, (200,), generator=random)]
        medians.append(sorted(drawn)[99])
    found = bootstrap(VALUES, torch.median, draws=300, seed=7)
    assert found.middle == sorted(VALUES.tolist())[99]
    assert found.low == pytest.approx(np.percentile(medians, 2.5))
    assert found.high == pytest.approx(np.percentile(medians, 97.5))


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    found = bootstrap(VALUES)
    error = 1.96 * float(VALUES.std()) / 200**0.5
    assert found.middle == pytest.approx(float(VALUES.mean()))
    assert found.low == pytest.approx(found.middle - error, abs=0.1 * error)
    assert found.high == pytest.approx(found.middle + error, abs=0.1 * error)


def test_about_95_of_100_intervals_hold_the_truth():
    random = torch.Generator().manual_seed(3)
    samples = [torch.randn(60, generator=random) for _ in range(200)]
    intervals = [bootstrap(sample, draws=400, seed=index) for index, sample in enumerate(samples)]
    held = sum(interval.low <= 0 <= interval.high for interval in intervals)
    assert 180 <= held <= 197


def test_truth_values_count_as_0_and_1():
    found = bootstrap(torch.arange(100) < 30)
    assert found.middle == pytest.approx(0.3)
    assert found.low == pytest.approx(0.3 - 1.96 * 0.21**0.5 / 10, abs=0.02)


def test_rows_stay_together():
    pairs = torch.stack([VALUES, -VALUES], dim=1)
    found = bootstrap(pairs, lambda rows: rows.sum(1).abs().max())
    assert found == Interval(0.0, 0.0, 0.0)
    half = bootstrap(pairs, lambda rows: rows[:, 1].mean(), seed=1)
    assert half.high == pytest.approx(-bootstrap(VALUES, seed=1).low)


def test_a_seed_repeats_and_another_differs():
    assert bootstrap(VALUES, seed=4) == bootstrap(VALUES, seed=4)
    assert bootstrap(VALUES, seed=4) != bootstrap(VALUES, seed=5)


def test_bad_values_are_refused():
    with pytest.raises(BadInput, match="0 values drawn 2000 times"):
        bootstrap(torch.zeros(0))
    with pytest.raises(BadInput, match="drawn 0 times"):
        bootstrap(VALUES, draws=0)
    with pytest.raises(NotFinite, match="some values are NaN"):
        bootstrap(torch.tensor([1.0, torch.nan]))
    with pytest.raises(NotFinite, match="the statistic is NaN"):
        bootstrap(VALUES, lambda some: some.mean() / 0 - torch.inf, draws=5)
