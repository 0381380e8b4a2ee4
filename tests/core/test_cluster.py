"""Work spread over processes and a cluster: the same bits, also where a worker is killed."""

import resource
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from core.limits import limited
from core.units import Logged, assert_same, do, forking, gradients, path_of, three_tensors
from distributed import Client, LocalCluster

from innerview.core.errors import InnerviewError
from innerview.core.store import Store
from innerview.core.work import Work

COUNT = 24
WORKERS = 2


@pytest.fixture(scope="module")
def serial():
    return do(Work(), gradients, range(COUNT))


class Counted(Store):
    """Counts what it stores."""

    def __init__(self, folder):
        super().__init__(folder)
        self.saved = []

    def save(self, path, tensors):
        super().save(path, tensors)
        self.saved.append(path)


def test_convolutions_give_the_same_bits_in_any_number_of_processes(serial, tmp_path):
    for workers in (1, 3):
        compute = Logged(gradients, tmp_path / str(workers), together=workers)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            assert_same(do(Work(None, pool), compute, range(COUNT)), serial)
        assert len(compute.processes()) == workers


def test_many_results_of_processes_need_no_open_files():
    with limited(resource.RLIMIT_NOFILE, 256), ProcessPoolExecutor(1, mp_context=forking()) as pool:
        found = do(Work(None, pool), three_tensors, range(300))
    assert_same(found, [three_tensors(unit) for unit in range(300)])


DIED = r"^a worker died or was stopped \(BrokenProcessPool\), often for lack of memory; use fewer workers; "


def test_a_killed_process_is_one_clear_line_and_loses_nothing_that_was_finished(serial, tmp_path):
    compute, store = Logged(gradients, tmp_path / "log", dies_at=4), Counted(tmp_path / "kept")
    with ProcessPoolExecutor(1, mp_context=forking()) as pool:
        with pytest.raises(InnerviewError, match=DIED + "what was finished is kept, run again to go on$"):
            do(Work(store, pool, window=3), compute, range(8))
        assert compute.units() == [0, 1, 2, 3, 4]
        with pytest.raises(InnerviewError, match=DIED + "with a store it could go on from there$"):
            do(Work(None, pool), compute, range(8))  # refuses whatever it is given
    with ProcessPoolExecutor(1, mp_context=forking()) as pool:
        assert_same(do(Work(store, pool), compute, range(8)), serial[:8])
    assert compute.units() == [0, 1, 2, 3, 4, 4, 5, 6, 7]
    assert sorted(store.saved) == sorted(path_of(store, unit) for unit in range(8))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[LocalCluster]:
    cluster = LocalCluster(
        n_workers=WORKERS,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,  # pyright: ignore[reportArgumentType]  (documented: no dashboard)
        memory_limit=None,
        local_directory=str(tmp_path_factory.mktemp("dask")),
    )
    with cluster:
        yield cluster


@pytest.fixture
def executor(cluster) -> Iterator[Executor]:
    with Client(cluster) as client:
        yield client.get_executor()
        client.wait_for_workers(WORKERS, timeout=60)  # a killed one is started again


def test_a_cluster_gives_the_same_bits_and_stores_each_unit_once(executor, serial, tmp_path):
    compute, store = Logged(gradients, tmp_path / "log", together=WORKERS), Counted(tmp_path / "kept")
    assert_same(do(Work(store, executor, window=6), compute, range(COUNT)), serial)
    assert sorted(compute.units()) == list(range(COUNT))
    assert len(compute.processes()) == WORKERS
    assert sorted(store.saved) == sorted(path_of(store, unit) for unit in range(COUNT))


def test_a_cluster_goes_on_when_a_worker_is_killed(executor, serial, tmp_path):
    compute, store = Logged(gradients, tmp_path / "log", dies_at=9), Counted(tmp_path / "kept")
    assert_same(do(Work(store, executor, window=6), compute, range(COUNT)), serial)
    assert compute.units().count(9) == 2
    assert sorted(store.saved) == sorted(path_of(store, unit) for unit in range(COUNT))


def test_a_unit_that_kills_every_worker_is_one_clear_line(cluster, executor, serial, tmp_path):
    compute, store = Logged(gradients, tmp_path / "log", dies_at=4), Counted(tmp_path / "kept")
    cluster.scheduler.allowed_failures = 0
    with pytest.raises(InnerviewError, match=r"^a worker died or was stopped \(KilledWorker\).* run again to go on$"):
        do(Work(store, executor, window=1), compute, range(8))
    assert compute.units().count(4) == 1
    assert set(compute.units()) == set(range(5))  # Dask may do the unit before it again: its result was in the worker
    assert_same(do(Work(store, executor), compute, range(8)), serial[:8])
    assert sorted(store.saved) == sorted(path_of(store, unit) for unit in range(8))
