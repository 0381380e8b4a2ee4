"""Work in units: in order, kept, continued, and the same wherever it runs."""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import pytest
import torch

from innerview.core.errors import BadInput, OutputError
from innerview.core.store import Store
from innerview.core.work import WINDOW, Work


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


class Broken(RuntimeError):
    pass


def test_after_an_exception_nothing_is_begun_and_what_was_running_is_kept(tmp_path):
    failed, begun = threading.Event(), []

    def compute(unit):
        begun.append(unit)
        if unit == 2:
            failed.set()
            raise Broken
        if unit == 1:  # ends after the other's exception
            assert failed.wait(60)
        time.sleep(0.05)
        return square(unit)

    with ThreadPoolExecutor(2) as executor, pytest.raises(Broken):
        squares(Work(Store(tmp_path), executor), compute, units=range(100))
    assert {0, 1, 2} <= set(begun)
    assert len(begun) < WINDOW // 2
    again = Counting()
    assert squares(Work(Store(tmp_path)), again, units=range(5)) == [0, 1, 4, 9, 16]
    assert set(again.calls) == set(range(5)) - (set(begun) - {2})


class Observed(ThreadPoolExecutor):
    """Counts the units that were submitted and are not finished."""

    def __init__(self, workers):
        super().__init__(workers)
        self.futures, self.most = [], 0

    def submit(self, *args, **kwargs):
        future = super().submit(*args, **kwargs)
        self.futures.append(future)
        self.most = max(self.most, sum(not future.done() for future in self.futures))
        return future


@pytest.mark.parametrize("window", [1, 3, 7, WINDOW])
def test_an_executor_never_holds_more_than_the_window(window):
    everything = threading.Event()

    def compute(unit):
        if unit == 0:  # the slow one: all others are done before it
            everything.wait(0.2)
        return square(unit)

    with Observed(2) as executor:
        assert squares(Work(None, executor, window=window), compute, range(50)) == [unit**2 for unit in range(50)]
    assert executor.most <= window
    assert len(executor.futures) == 50


def test_the_first_window_is_submitted_at_once():
    """All of its units wait for one another, so they must run at the same time."""
    together = threading.Barrier(3)

    def compute(unit):
        together.wait(60)
        return square(unit)

    with ThreadPoolExecutor(3) as executor:
        assert squares(Work(None, executor, window=3), compute, range(6)) == [0, 1, 4, 9, 16, 25]


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_that_starts_nothing_is_refused(window):
    with pytest.raises(BadInput, match="give at least 1"):
        Work(window=window)


def test_a_disk_that_is_full_stops_the_work_and_loses_nothing_that_was_kept(full_disk):
    begun = []

    def compute(unit):
        begun.append(unit)
        return {"square": torch.full((20_000 if unit == 3 else 1,), float(unit) ** 2)}  # 80 kB, and 64 fit

    store = Store(full_disk.folder / "kept")
    with full_disk.filled(), ThreadPoolExecutor(1) as executor, pytest.raises(OutputError, match="free space"):
        squares(Work(store, executor, window=1), compute, range(50))
    assert begun == [0, 1, 2, 3]
    again = Counting()
    assert squares(Work(store), again, range(5)) == [0, 1, 4, 9, 16]
    assert again.calls == [3, 4]


def test_where_nothing_can_be_kept_nothing_more_is_begun(tmp_path):
    begun = []

    def compute(unit):
        begun.append(unit)
        time.sleep(0.1)
        return square(unit)

    (tmp_path / "kept").write_text("a file in the place of the folder")
    with ThreadPoolExecutor(1) as executor, pytest.raises(OutputError, match="cannot write"):
        squares(Work(Store(tmp_path / "kept"), executor), compute, range(100))
    assert len(begun) < WINDOW // 2


def test_a_bar_shows_how_far_it_is(capsys):
    squares(Work(progress=True))
    assert "squares" in capsys.readouterr().err
    squares(Work())
    assert capsys.readouterr().err == ""
