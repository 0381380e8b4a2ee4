"""A real server in a thread, and a cache of its own for each test."""

import os

import pytest
from serving import own_cache, running_server

REAL_MIRROR = os.environ.get("INNERVIEW_MIRROR")


@pytest.fixture
def server():
    with running_server() as server:
        yield server


@pytest.fixture
def mirror_server():
    with running_server() as server:
        yield server


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("INNERVIEW_ACCEPT_TERMS", raising=False)
    return own_cache(tmp_path / "cache", monkeypatch)


@pytest.fixture
def real_mirror(monkeypatch):
    if REAL_MIRROR is None:
        pytest.skip("INNERVIEW_MIRROR is not set: no real files at hand")
    monkeypatch.setenv("INNERVIEW_MIRROR", REAL_MIRROR)
    return REAL_MIRROR
