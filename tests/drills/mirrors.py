"""A mirror on a server in a thread, with small files on it, and a cache that nobody else uses."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from serving import Server, content_of

from innerview.assets import Asset, File


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server while the block runs."""
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


def own_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this process, and those that it starts, an empty cache, no mirror and no proxy."""
    monkeypatch.setenv("INNERVIEW_CACHE", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("INNERVIEW_MIRROR", raising=False)
    return folder


def put_on(server: Server, sizes: Mapping[str, int], name: str = "tiny") -> Asset:
    """Put files on a server and return the asset that describes them."""
    return published(server, {key: content_of(key, size) for key, size in sizes.items()}, name)


def published(server: Server, contents: Mapping[str, bytes], name: str = "tiny") -> Asset:
    """Publish these files."""
    files = []
    for key, content in contents.items():
        server.files[f"/pub/{key}"] = content
        files.append(File(f"{server.url}/pub/{key}", hashlib.sha256(content).hexdigest(), len(content), key))
    return Asset(name, "Small files", tuple(files), "public domain", "nobody2026tiny")
