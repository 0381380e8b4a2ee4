"""Work in units: in order, kept, continued, and the same wherever it runs."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import pytest
import torch

from innerview.core.store import Store
from innerview.core.work import Work


def square(unit):
    return {"square": torch.tensor([float(unit) ** 2])}


class Counting:
    """Squares, counts its calls, and breaks at one unit once."""

    def __init__(self, breaks_at=None):
        self.calls, self.breaks_at = [], breaks_at

    def __call__(self, unit):
        self.calls.append(unit)
        if unit == self.breaks_at:
            self.breaks_at = None
            raise KeyboardInterrupt
        return square(unit)


def squares(work: Work, compute: Any = square, units: Iterable[int] = range(6)) -> list[float]:
    return [float(part["square"]) for part in work.each("squares", compute, list(units), lambda unit: ("v1", unit))]


def test_results_come_in_the_order_of_the_units():
    assert squares(Work()) == [0, 1, 4, 9, 16, 25]
    assert squares(Work(), units=[3, 1, 2]) == [9, 1, 4]
    assert squares(Work(), units=[]) == []


def test_what_was_interrupted_goes_on_and_does_nothing_twice(tmp_path):
    work, compute = Work(Store(tmp_path)), Counting(breaks_at=3)
    with pytest.raises(KeyboardInterrupt):
        squares(work, compute)
    assert compute.calls == [0, 1, 2, 3]
    assert squares(work, compute) == [0, 1, 4, 9, 16, 25]
    assert compute.calls == [0, 1, 2, 3, 3, 4, 5]
    assert squares(work, compute, [5, 0]) == [25, 0]
    assert len(compute.calls) == 7


def test_without_a_store_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compute = Counting()
    assert squares(Work(), compute) == squares(Work(), compute)
    assert len(compute.calls) == 12
    assert list(tmp_path.iterdir()) == []


def test_what_a_unit_is_made_from_names_its_file(tmp_path):
    work, compute = Work(Store(tmp_path)), Counting()
    for version in ("v1", "v2", "v1"):
        work.each("squares", compute, [2], lambda unit, version=version: (version, unit))
    assert compute.calls == [2, 2]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "pool",
    [partial(ThreadPoolExecutor, 2), partial(ProcessPoolExecutor, 1, mp_context=get_context("spawn"))],
    ids=["threads", "processes"],
)
def test_executors_give_the_same_and_keep_the_same(pool, tmp_path):
    with pool() as executor:
        assert squares(Work(Store(tmp_path), executor)) == [0, 1, 4, 9, 16, 25]
    compute = Counting()
    assert squares(Work(Store(tmp_path)), compute) == [0, 1, 4, 9, 16, 25]
    assert compute.calls == []


def test_an_executor_that_fails_loses_nothing_that_was_finished(tmp_path):
    class Broken(RuntimeError):
        pass

    def compute(unit):
        if unit == 2:
            raise Broken
        return square(unit)

    with ThreadPoolExecutor(1) as executor, pytest.raises(Broken):
        squares(Work(Store(tmp_path), executor), compute, units=range(3))
    again = Counting()
    assert squares(Work(Store(tmp_path)), again, units=range(3)) == [0, 1, 4]
    assert 0 not in again.calls


def test_a_bar_shows_how_far_it_is(capsys):
    squares(Work(progress=True))
    assert "squares" in capsys.readouterr().err
    squares(Work())
    assert capsys.readouterr().err == ""
