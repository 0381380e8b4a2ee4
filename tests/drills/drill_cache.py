"""Processes that fill one cache, one store, one folder at once, and one of them killed: the same files in the end."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from core.units import Logged, assert_same, do, do_alone, forking, large, path_of
from filling import commanding, ended_well, fetching, files
from replicate.toy import make_root
from serving import Server, content_of, in_pieces, later, own_cache, published, running_server

from innerview.assets import Asset, fetch
from innerview.assets.places import place_of
from innerview.core.images import write_image
from innerview.core.store import Store
from innerview.core.work import Work

SEED = 10
KILLS = 5
COUNT = 6
SIZES = {"a.bin": 400_000, "sub/b.bin": 3_000, "sub/c.bin": 250_000}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    own_cache(tmp_path / "cache", monkeypatch)
    with running_server() as server:
        yield server


def slow(server: Server) -> None:
    """Send the next answers in pieces, so that all processes are at it together."""
    for path in server.files:
        server.plans[path] = [later(0.1, in_pieces) for _ in range(8)]


def assert_none_half(cache: Path, asset: Asset) -> None:
    """What has its name already is whole."""
    for file in asset.files:
        path = cache / place_of(file.url)
        assert not path.exists() or path.read_bytes() == content_of(file.key, file.bytes or 0), file.key


@pytest.mark.parametrize("count", [2, 4])
def test_a_cache(server: Server, tmp_path: Path, count: int) -> None:
    asset, cache = published(server, SIZES), tmp_path / "cache"
    slow(server)
    processes = [fetching(asset) for _ in range(count)]
    while any(process.poll() is None for process in processes):
        assert_none_half(cache, asset)
        time.sleep(0.01)
    ended_well(processes)
    assert sorted(files(cache)) == sorted(place_of(file.url) for file in asset.files)
    assert_none_half(cache, asset)


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_cache_that_a_killed_process_was_filling(server: Server, tmp_path: Path, kill: int) -> None:
    asset, cache = published(server, SIZES), tmp_path / "cache"
    slow(server)
    doomed, other = fetching(asset), fetching(asset)
    deadline = time.monotonic() + 60
    while not server.asked and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(random.Random(kill + SEED).uniform(0, 1))
    doomed.kill()
    doomed.communicate()
    assert_none_half(cache, asset)
    ended_well([other])
    server.plans.clear()
    server.asked.clear()
    for key, path in fetch(asset).items():
        assert path.read_bytes() == content_of(key, SIZES[key]), f"kill {kill}, seed {SEED}"
    assert server.asked == []


@pytest.mark.parametrize("count", [2, 4])
def test_a_store(tmp_path: Path, count: int) -> None:
    """Whoever comes second may do a unit again; nobody waits for another, nobody reads a half file."""
    wanted = do(Work(), large, range(COUNT))
    store, compute = Store(tmp_path / "kept"), Logged(large, tmp_path / "log")
    doomed, *processes = [
        forking().Process(target=do_alone, args=(store.folder, compute, COUNT)) for _ in range(count + 1)
    ]
    for process in (doomed, *processes):
        process.start()
    time.sleep(random.Random(count + SEED).uniform(0.3, 1.5))
    doomed.kill()
    while any(process.is_alive() for process in processes):
        for unit in range(COUNT):
            if path_of(store, unit).exists():
                assert_same([store.load(path_of(store, unit)) or {}], [wanted[unit]])
        time.sleep(0.05)
    for process in (doomed, *processes):
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * count
    assert_same(do(Work(store), compute, range(COUNT)), wanted)
    assert len(list(store.folder.glob("unit-*"))) == COUNT


@pytest.mark.parametrize("apart", [0.0, 3.0])
def test_a_replication(tmp_path: Path, apart: float) -> None:
    root = make_root(tmp_path)
    arguments = ("replicate", "toy2020", "--preset", "smoke", "--root", root)
    first = commanding(*arguments)
    time.sleep(apart)
    ended_well([first, commanding(*arguments)])
    found = files(tmp_path / "results")
    assert not [name for name in found if Path(name).name.startswith(".")]
    assert {"claims.json", "run.json", "notebook.ipynb", "histogram.png"} <= {Path(name).name for name in found}
    ended_well([commanding(*arguments)])
    assert files(tmp_path / "results") == found  # complete and unchanged


def test_an_atlas(tmp_path: Path) -> None:
    for seed in range(12):
        image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
        write_image(tmp_path / "photos" / f"{seed}.png", image)
    options = ("--layer", "blocks.4", "--positions", 4, "--density", 3, "--minimum", 1, "--method", "pca", "--size", 32,
               "--steps", 1, "--model", "efficientnet_lite0")  # fmt: skip
    ended_well([commanding("atlas", "build", tmp_path / "photos", "-o", tmp_path / "alone", *options)])
    ended_well([commanding("atlas", "build", tmp_path / "photos", "-o", tmp_path / "both", *options) for _ in range(2)])
    assert files(tmp_path / "both") == files(tmp_path / "alone")
