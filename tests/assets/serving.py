"""A real server, what it can answer, and small files to put on it."""

import hashlib
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest

from innerview.assets import Asset, File, Terms

Answer = Callable[["Handler", bytes], None]


class Handler(BaseHTTPRequestHandler):
    """Sends the server's files, with parts where asked, unless an answer is planned for the path."""

    protocol_version = "HTTP/1.1"

    @property
    def home(self) -> "Server":
        return cast("Server", self.server)

    def do_GET(self):
        self.home.asked.append((self.path, self.headers.get("Range")))
        content = self.home.files.get(self.path)
        planned = self.home.plans[self.path]
        if planned:
            planned.pop(0)(self, content or b"")
        elif content is None:
            self.status(404)
        else:
            self.part(content)

    def do_HEAD(self):
        self.head(200 if self.path in self.home.files else 404, 0)

    def head(self, status: int, length: int, **headers: str):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def status(self, status: int, **headers: str):
        self.head(status, 0, **headers)

    def part(self, content: bytes):
        asked = self.headers.get("Range")
        if asked is None:
            self.whole(content)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        last = len(content) - 1
        self.head(206, len(content) - start, Content_Range=f"bytes {start}-{last}/{len(content)}")
        self.wfile.write(content[start:])

    def whole(self, content: bytes):
        self.head(200, len(content))
        self.wfile.write(content)

    def log_message(self, format, *args):  # noqa: A002
        pass


class Server(ThreadingHTTPServer):
    """Files by path, answers planned for the next requests of a path, and what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.plans: dict[str, list[Answer]] = defaultdict(list)
        self.asked: list[tuple[str, str | None]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Stay quiet when a client goes away in the middle."""


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server in a thread while the block runs."""
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
    """Give this process, and those that it starts, a cache of its own, no mirror and no proxy."""
    monkeypatch.setenv("INNERVIEW_CACHE", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("INNERVIEW_MIRROR", raising=False)
    return folder


def answers(status: int, **headers: str) -> Answer:
    return lambda handler, _content: handler.status(status, **headers)


def cuts_after(count: int) -> Answer:
    """Promise the whole file, send its beginning and hang up."""

    def answer(handler: Handler, content: bytes):
        handler.head(200, len(content))
        handler.wfile.write(content[:count])
        handler.close_connection = True

    return answer


def ignores_range(handler: Handler, content: bytes):
    handler.whole(content)


def sends_another_part(handler: Handler, content: bytes):
    handler.head(206, 10, Content_Range=f"bytes 0-9/{len(content)}")
    handler.wfile.write(content[:10])


def trickles(handler: Handler, content: bytes):
    """Send some of it, and then next to nothing."""
    handler.head(200, len(content))
    handler.wfile.write(content[:100_000])
    while not handler.home.closing.wait(0.2):
        handler.wfile.write(b"x")


def stays_silent(handler: Handler, _content: bytes):
    handler.home.closing.wait(30)
    handler.close_connection = True


def in_pieces(handler: Handler, content: bytes):
    """Send it so slowly that a bar has time to show each step."""
    handler.head(200, len(content))
    for start in range(0, len(content), 100_000):
        handler.wfile.write(content[start : start + 100_000])
        time.sleep(0.15)


def later(seconds: float, answer: Answer) -> Answer:
    def waiting(handler: Handler, content: bytes):
        time.sleep(seconds)
        answer(handler, content)

    return waiting


def content_of(key: str, size: int = 5000) -> bytes:
    return random.Random(key).randbytes(size)


TERMS = Terms("imagenet", "Photographs", "For research only.", "https://example.org/terms")


def published(server: Server, sizes: Mapping[str, int], terms: Terms | None = None) -> Asset:
    """Put files of these sizes on a server and return the asset that describes them."""
    return put_on(server, {key: content_of(key, size) for key, size in sizes.items()}, terms)


def put_on(server: Server, contents: Mapping[str, bytes], terms: Terms | None = None) -> Asset:
    """Put these files on a server and return the asset that describes them."""
    files = []
    for key, content in contents.items():
        server.files[f"/pub/{key}"] = content
        files.append(File(f"{server.url}/pub/{key}", hashlib.sha256(content).hexdigest(), len(content), key))
    return Asset("tiny", "Tiny files", tuple(files), "public domain", "nobody2026tiny", terms=terms)


def mirrored(folder: Path, asset: Asset, *keys: str) -> Path:
    """Make a mirror folder that holds the named files."""
    for key in keys:
        path = folder / "127.0.0.1" / "pub" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(key, next(file.bytes or 0 for file in asset.files if file.key == key)))
    return folder


def files_in(folder: Path) -> list[str]:
    """Return all files under a folder, partial and hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
