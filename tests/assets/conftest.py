"""A real server in a thread, and a cache of its own for each test."""

import os
import threading

import pytest
from serving import Server

REAL_MIRROR = os.environ.get("INNERVIEW_MIRROR")


def _serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server():
    yield from _serving()


@pytest.fixture
def mirror_server():
    yield from _serving()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("INNERVIEW_CACHE", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("INNERVIEW_MIRROR", raising=False)
    monkeypatch.delenv("INNERVIEW_ACCEPT_TERMS", raising=False)
    return folder


@pytest.fixture
def real_mirror(monkeypatch):
    if REAL_MIRROR is None:
        pytest.skip("INNERVIEW_MIRROR is not set: no real files at hand")
    monkeypatch.setenv("INNERVIEW_MIRROR", REAL_MIRROR)
    return REAL_MIRROR
