"""All access to the network: streaming downloads that retry, resume and wait when they are told to."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from time import monotonic
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError

from innerview.assets.transfer import THREADS, Partial, Transfer

CHUNK = 1 << 16
ASKS_TO_WAIT = (429, 503)
PASSES_AWAY = (408, 425, 500, 502, 504)
NEVER_REACHED = {
    requests.exceptions.ProxyError: "network not reachable (the proxy lets nothing through)",
    requests.exceptions.SSLError: "its certificate cannot be checked",
    requests.ConnectTimeout: "network not reachable (no answer)",
}


@dataclass(frozen=True)
class Patience:
    """How long to try, in seconds."""

    connect: float = 10.0
    read: float = 30.0
    attempts: int = 5
    """Times in a row without one new byte."""
    connects: int = 2
    """The same, while the host was never reached."""
    first_wait: float = 0.5
    """Doubles from attempt to attempt."""
    longest_wait: float = 120.0
    """Most that a server may ask for."""


class NotThere(Exception):  # turned into AssetUnavailable once all places were asked
    """One place does not give a file; the text says why."""


class _Broken(Exception):
    """A try failed; the next one may not."""

    def __init__(self, reason: str, *, reached: bool = True, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reached = reached
        self.wait = wait


class Network:
    """A session with servers; close it in the end."""

    def __init__(self, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        self._unreachable: dict[str, str] = {}
        self._session = requests.Session()
        self._session.headers.update(
            {
                "User-Agent": f"innerview/{version('innerview')}",
                "Accept-Encoding": "identity",  # bytes are counted and resumed as they are in the file
            }
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=THREADS))

    def close(self) -> None:
        """Let go of all connections."""
        self._session.close()

    def has(self, url: str) -> bool:
        """Ask a server whether it has a file."""
        try:
            with self._session.head(url, timeout=self._timeouts, allow_redirects=True) as response:
                return response.ok
        except (requests.RequestException, ValueError):
            return False

    def download(self, url: str, partial: Partial) -> None:
        """Fill `partial` from a URL, in as many requests as it takes.

        Raises:
            NotThere: after the last try; the text says why.
        """
        host = urlsplit(url).netloc
        furthest, failures = 0, 0
        while True:
            if host in self._unreachable:
                raise NotThere(self._unreachable[host])
            partial.transfer.wait(self._until.get(host, 0.0) - monotonic())
            try:
                self._continue(url, partial)
            except _Broken as broken:
                failures = 1 if partial.size > furthest else failures + 1
                furthest = max(furthest, partial.size)
                self._give_up_or_wait(broken, host, failures, partial.transfer)
            else:
                return

    def _give_up_or_wait(self, broken: _Broken, host: str, failures: int, transfer: Transfer) -> None:
        if failures >= (self.patience.attempts if broken.reached else self.patience.connects):
            if not broken.reached:
                self._unreachable[host] = str(broken)
            raise NotThere(str(broken)) from broken
        if broken.wait is None:
            transfer.wait(self.patience.first_wait * 2 ** (failures - 1))
        else:
            self._hold(host, broken, transfer)

    def _hold(self, host: str, broken: _Broken, transfer: Transfer) -> None:
        """Keep all threads from asking a host that wants a pause, and say so once."""
        seconds = min(max(broken.wait or 0.0, self.patience.first_wait), self.patience.longest_wait)
        with self._lock:
            until = monotonic() + seconds
            news = until > self._until.get(host, 0.0) + 0.5
            self._until[host] = max(until, self._until.get(host, 0.0))
        if news:
            transfer.say(f"{host} asks to wait ({broken}): going on in {seconds:.0f} s")

    def _continue(self, url: str, partial: Partial) -> None:
        """Ask for what is still missing and add it."""
        have = partial.size
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._get(url, headers) as response:
            _check_status(response, partial)
            if response.status_code != requests.codes.partial_content:
                partial.restart()
                partial.expect(_length(response))
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                partial.restart()
                raise _Broken("it sent another part than was asked for")
            partial.add(_chunks(response))
        if partial.expected is not None and partial.size < partial.expected:
            raise _Broken(f"the connection ended after {partial.size} of {partial.expected} bytes")

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        with ExitStack() as failed:

            def close_then(response: requests.Response, **_: object) -> None:
                failed.callback(response.close)

            hooks = {"response": close_then}  # requests forgets a redirect that it cannot follow
            try:
                got = self._session.get(url, headers=headers, timeout=self._timeouts, stream=True, hooks=hooks)
            except requests.RequestException as error:
                raise _broken(error) from error
            except ValueError as error:  # of a redirect
                raise NotThere("it sends on to something that is no address") from error
            failed.pop_all()
            return got

    @property
    def _timeouts(self) -> tuple[float, float]:
        return self.patience.connect, self.patience.read


def _check_status(response: requests.Response, partial: Partial) -> None:
    status = response.status_code
    if status in ASKS_TO_WAIT:
        raise _Broken(f"HTTP {status}", wait=_retry_after(response))
    if status in PASSES_AWAY:
        raise _Broken(f"HTTP {status}")
    if status == requests.codes.requested_range_not_satisfiable and partial.size:
        partial.restart()
        raise _Broken(f"HTTP {status}")
    if status not in (requests.codes.ok, requests.codes.partial_content):
        raise NotThere(f"HTTP {status}")


def _length(response: requests.Response) -> int | None:
    told = response.headers.get("Content-Length", "")
    return int(told) if told.isdigit() and "Content-Encoding" not in response.headers else None


def _retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the header names, as a number or as a date."""
    told = response.headers.get("Retry-After", "").strip()
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _chunks(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise _broken(error) from error


def _broken(error: requests.RequestException) -> _Broken | NotThere:
    """Say in a few words what happened, and whether the host was reached at all."""
    for kind, reason in NEVER_REACHED.items():
        if isinstance(error, kind):
            return _Broken(reason, reached=False)
    if isinstance(error, requests.Timeout):
        return _Broken("the connection fell silent")
    if isinstance(error, requests.ConnectionError) and error.args and isinstance(error.args[0], MaxRetryError):
        return _Broken("network not reachable", reached=False)
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _Broken("the connection broke")
    return NotThere(f"{type(error).__name__}: {error}")
