"""Limits for what reads damaged input: time, so that a hang is seen, and memory, so that a bomb is."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

SECONDS = 60
"""None takes that long, unless it hangs."""
MEMORY = 6 * 2**30
"""More than small pictures need; what asks for more ends with an error, not with this machine."""


class HungError(BaseException):
    """Something took too long; no handler of errors may catch this."""


@contextmanager
def in_time(seconds: int = SECONDS) -> Iterator[None]:
    """Raise `HungError` where the block takes too long."""
    before = signal.signal(signal.SIGALRM, _hung)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def in_memory(more: int = MEMORY) -> Iterator[None]:
    """Let the process take no more memory than this beyond what it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _hung(*_: object) -> None:
    raise HungError
