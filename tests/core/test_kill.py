"""Work that is killed goes on: nothing finished is lost, done twice or damaged."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from core.units import Logged, assert_same, do, do_alone, forking, large, path_of

from innerview.core.store import Store
from innerview.core.work import Work

COUNT = 5
Moment = Callable[[Path, Logged], bool]


@pytest.fixture(scope="module")
def undisturbed():
    return do(Work(), large, range(COUNT))


def results(folder: Path) -> dict[Path, int]:
    """Files that count, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("unit-*")}


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(".*"))


def being_written(folder: Path, _: Logged) -> bool:
    try:
        return any(path.stat().st_size for path in unfinished(folder))
    except FileNotFoundError:  # it was renamed just now
        return False


MOMENTS: dict[str, Moment] = {
    "in the first unit": lambda _, compute: len(compute.units()) == 1,
    "while a file is written": being_written,
    "after the first file": lambda folder, _: len(results(folder)) >= 1,
    "after the third file": lambda folder, _: len(results(folder)) >= 3,
    "in the last unit": lambda _, compute: len(compute.units()) == COUNT,
}


def killed(folder: Path, compute: Logged, moment: Moment) -> None:
    """Let a process do the work and kill it at this moment."""
    process = forking().Process(target=do_alone, args=(folder, compute, COUNT))
    process.start()
    while not moment(folder, compute):
        assert process.is_alive(), "it ended before"
        time.sleep(0.0005)
    process.kill()
    process.join()
    assert process.exitcode in {-signal.SIGKILL, 0}  # 0: it was at its very end


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=list(MOMENTS))
def test_killed_at_any_moment_it_ends_with_the_same_bits_and_does_nothing_twice(undisturbed, tmp_path, moment):
    folder, compute = tmp_path / "kept", Logged(large, tmp_path / "log")
    store = Store(folder)
    killed(folder, compute, moment)
    before, begun = results(folder), len(compute.units())
    finished = [unit for unit in range(COUNT) if path_of(store, unit) in before]
    assert_same([store.load(path_of(store, unit)) or {} for unit in finished], [undisturbed[unit] for unit in finished])
    assert_same(do(Work(store), compute, range(COUNT)), undisturbed)
    assert compute.units()[begun:] == [unit for unit in range(COUNT) if unit not in finished]
    after = results(folder)
    assert len(after) == COUNT
    assert before.items() <= after.items()


def test_a_half_written_file_is_no_result(undisturbed, tmp_path):
    """A kill may leave it; it has another name, and the next run neither uses nor needs it."""
    store = Store(tmp_path / "kept")
    for kills in range(1, 100):
        killed(store.folder, Logged(large, tmp_path / str(kills)), being_written)
        if unfinished(store.folder):
            break
        for path in results(store.folder):
            path.unlink()
    left = unfinished(store.folder)
    assert left
    assert_same(do(Work(store), large, range(COUNT)), undisturbed)
    assert len(results(store.folder)) == COUNT
    assert unfinished(store.folder) == left
