"""What servers answer that stall, lie, break off or send elsewhere; see `serving` for the plain ones."""

import random
import time
from collections.abc import Callable, Mapping

from serving import Answer, Handler, answers, cuts_after, ignores_range, later, sends_another_part

HTML = b"<!doctype html><title>Sign in</title><p>Please sign in to this network.</p>"
ELSEWHERE = (
    "file:///etc/hostname", "ftp://127.0.0.1/a", "http://", "http://[", "//", "http://a..b/", "http://127.0.0.1:99999/",
    "data:,x", "../../../../etc/hostname", "%2e%2e/%2e%2e/x", "http://\u00e4\u00f6.invalid./", "?", "",
)  # fmt: skip

WAITS = ("0", "1", "-3", "soon", "1e9", "Wed, 21 Oct 2015 07:28:00 GMT")
NO_HTTP = (b"", b"nonsense\r\n\r\n", b"HTTP/1.1 2OO\r\n\r\n", b"HTTP/1.1 200 OK\r\nA" * 9)


def other_bytes(handler: Handler, content: bytes) -> None:
    """Wrong content of the right length."""
    handler.part(bytes(len(content)))


def another_length(more: int) -> Answer:
    return lambda handler, content: handler.whole(content[: len(content) + more] + bytes(max(0, more)))


def sign_in(handler: Handler, _content: bytes) -> None:
    handler.whole(HTML)


def byte_by_byte(handler: Handler, content: bytes) -> None:
    """Slow, and right."""
    handler.head(200, len(content))
    handler.wfile.write(content[:-40])
    for place in range(len(content) - 40, len(content)):
        handler.wfile.write(content[place : place + 1])
        time.sleep(0.002)


def falls_silent(handler: Handler, content: bytes) -> None:
    handler.head(200, len(content))
    handler.wfile.write(content[: len(content) // 3])
    handler.home.closing.wait(1.5)
    handler.close_connection = True


def changes_its_mind(handler: Handler, content: bytes) -> None:
    """Begin another file, break off, and go on with the right one when asked for the rest."""
    handler.head(200, len(content))
    handler.wfile.write(bytes(len(content) // 2))
    handler.close_connection = True


def to(place: str) -> Answer:
    return lambda handler, _content: handler.status(302, Location=place)


def in_circles(handler: Handler, _content: bytes) -> None:
    """Send the client to where it is, for as long as it comes."""
    handler.home.plans[handler.path].insert(0, in_circles)
    handler.status(302, Location=handler.path)


def without_length(handler: Handler, content: bytes) -> None:
    """Right, and ended by hanging up."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(content)
    handler.close_connection = True


def broken_chunks(handler: Handler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"zz\r\n" + content[:100])
    handler.close_connection = True


def no_gzip(handler: Handler, content: bytes) -> None:
    """Say that it is compressed; it is not."""
    handler.head(200, len(content), Content_Encoding="gzip")
    handler.wfile.write(content)


def raw(sent: bytes) -> Answer:
    def answer(handler: Handler, _content: bytes) -> None:
        handler.wfile.write(sent)
        handler.close_connection = True

    return answer


def any_range(handler: Handler, content: bytes) -> None:
    """A part of a file of another size."""
    start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    handler.head(206, 50, Content_Range=f"bytes {start}-{start + 49}/{len(content) + 7}")
    handler.wfile.write(content[start : start + 50].ljust(50, b"x"))


KINDS: Mapping[str, Callable[[random.Random], Answer]] = {
    "status": lambda draw: answers(draw.choice([400, 403, 404, 408, 410, 416, 500, 502, 504])),
    "wait": lambda draw: answers(draw.choice([429, 503]), Retry_After=draw.choice(WAITS)),
    "cut": lambda draw: cuts_after(draw.randrange(30_000)),
    "no range": lambda _: ignores_range,
    "another part": lambda _: sends_another_part,
    "any range": lambda _: any_range,
    "other bytes": lambda _: other_bytes,
    "another length": lambda draw: another_length(draw.choice([-500, -1, 1, 500, 100_000])),
    "sign in": lambda _: sign_in,
    "byte by byte": lambda _: byte_by_byte,
    "silent": lambda _: falls_silent,
    "late": lambda draw: later(draw.uniform(0, 0.6), ignores_range),
    "changes": lambda _: changes_its_mind,
    "elsewhere": lambda draw: to(draw.choice(ELSEWHERE)),
    "circles": lambda _: in_circles,
    "no length": lambda _: without_length,
    "chunks": lambda _: broken_chunks,
    "no gzip": lambda _: no_gzip,
    "raw": lambda draw: raw(draw.choice(NO_HTTP)),
}
