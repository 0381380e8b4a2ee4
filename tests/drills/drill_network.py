"""Mirrors and publishers that stall, lie or answer slowly: the right file, or one clear error, within bounds."""

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from lying import KINDS
from serving import Server, content_of, own_cache, published, running_server

from innerview.assets import Asset, AssetUnavailable, WrongHash, fetch, fetching
from innerview.assets.network import Network, Patience
from innerview.assets.places import place_of

SEQUENCES = 50
MOST_SECONDS = 60
SIZES = {"a.bin": 30_000, "sub/b.bin": 3_000, "sub/c.bin": 70_000}
QUICK = Patience(connect=2, read=0.5, attempts=4, first_wait=0.01, longest_wait=0.05)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fetching, "Network", partial(Network, QUICK))  # as patient as a drill may be
    return own_cache(tmp_path / "cache", monkeypatch)


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    with running_server() as publisher, running_server() as mirror:
        yield publisher, mirror


def misbehave(server: Server, draw: random.Random) -> list[str]:
    """Plan some answers for each file of a server, and return what they are."""
    told = []
    for path in server.files:
        kinds = draw.choices(list(KINDS), k=draw.randrange(6))
        server.plans[path] = [KINDS[kind](draw) for kind in kinds]
        told.append(f"{path}: {', '.join(kinds)}")
    return told


def whole_only(cache: Path, asset: Asset, told: str) -> None:
    """Nothing lies in the cache but whole files under their names."""
    whole = {cache / place_of(file.url): content_of(file.key, file.bytes or 0) for file in asset.files}
    for path in cache.rglob("*"):
        assert path.is_dir() or whole.get(path) == path.read_bytes(), f"{told}: {path}"


@pytest.mark.parametrize("sequence", range(SEQUENCES))
def test_right_or_one_clear_error(
    servers: tuple[Server, Server], cache: Path, monkeypatch: pytest.MonkeyPatch, sequence: int
) -> None:
    publisher, mirror = servers
    draw = random.Random(sequence)
    asset = published(publisher, SIZES)
    told = [f"seed {sequence}", *misbehave(publisher, draw)]
    if draw.random() < 0.5:
        mirror.files |= {f"/{place_of(file.url)}": publisher.files[f"/pub/{file.key}"] for file in asset.files}
        told += ["mirror", *misbehave(mirror, draw)]
        monkeypatch.setenv("INNERVIEW_MIRROR", mirror.url)
    begun, line = time.monotonic(), ""
    try:
        fetch(asset)
    except (AssetUnavailable, WrongHash) as error:
        line = str(error)
    shown = f"{told}: {line!r}"
    assert time.monotonic() - begun < MOST_SECONDS, shown
    assert "\n" not in line, shown
    assert not line or any(file.key in line for file in asset.files), shown
    assert len(line) < 1200, shown
    whole_only(cache, asset, shown)
    for server in servers:
        server.plans.clear()
    for key, path in fetch(asset).items():
        assert path.read_bytes() == content_of(key, SIZES[key]), shown
