"""Downloads resume after a break, wait when they are told to, and give up in the end."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from serving import answers, content_of, cuts_after, files_in, ignores_range, published, sends_another_part
from tqdm import tqdm

from innerview.assets import AssetUnavailable, fetch
from innerview.assets.network import Network, NotThere, Patience
from innerview.assets.transfer import Partial, Transfer

SIZE = 600_000
CONTENT = content_of("a.bin", SIZE)
HASTY = Patience(first_wait=0.01, attempts=3, longest_wait=0.3, read=0.5)


@pytest.fixture
def asset(server):
    return published(server, {"a.bin": SIZE})


@pytest.fixture
def partial(tmp_path) -> Iterator[Partial]:
    with tqdm(disable=True) as bar:
        yield Partial(tmp_path / "partial", SIZE, Transfer(bar))


def test_a_broken_download_goes_on_where_it_broke(server, asset):
    server.plans["/pub/a.bin"] = [cuts_after(200_000)]
    assert fetch(asset)["a.bin"].read_bytes() == CONTENT
    (_, first), (_, second) = server.asked
    assert first is None
    assert second is not None
    assert 100_000 < int(second.removeprefix("bytes=").removesuffix("-")) <= 200_000


@pytest.mark.parametrize("answer", [ignores_range, sends_another_part, answers(416)])
def test_a_server_that_cannot_resume_starts_again(server, asset, answer):
    server.plans["/pub/a.bin"] = [cuts_after(200_000), answer]
    assert fetch(asset)["a.bin"].read_bytes() == CONTENT


@pytest.mark.parametrize("place", ["http://[", "http://\u00e4.invalid/", "file:///etc/hostname"])
def test_a_server_that_sends_on_to_no_address_is_told(server, asset, cache, place):
    server.plans["/pub/a.bin"] = [answers(302, Location=place)]
    with pytest.raises(AssetUnavailable, match=r"cannot get a\.bin of tiny \(http.*\); set INNERVIEW_MIRROR"):
        fetch(asset)
    assert files_in(cache) == []


def test_the_bar_ends_at_the_size_whatever_happens(server, asset, tmp_path):
    server.plans["/pub/a.bin"] = [cuts_after(200_000), ignores_range]
    with closing(Network(HASTY)) as network, tqdm(total=SIZE, file=(tmp_path / "bar").open("w")) as bar:
        network.download(asset.files[0].url, Partial(tmp_path / "p", SIZE, Transfer(bar)))
        assert bar.n == SIZE
        bar.fp.close()


def test_many_breaks_are_survived_as_long_as_bytes_come(server, asset, partial):
    server.plans["/pub/a.bin"] = [cuts_after(100_000)] + [
        lambda handler, content: _cut_part(handler, content, 100_000) for _ in range(4)
    ]
    with closing(Network(HASTY)) as network:
        network.download(asset.files[0].url, partial)
    assert partial.path.read_bytes() == CONTENT


def _cut_part(handler, content: bytes, count: int):
    start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    handler.head(206, len(content) - start, Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.wfile.write(content[start : start + count])
    handler.close_connection = True


def test_a_server_that_always_breaks_is_given_up(server, asset, partial):
    server.plans["/pub/a.bin"] = [cuts_after(100_000)] + 10 * [_cut_at_start]
    with closing(Network(HASTY)) as network, pytest.raises(NotThere, match=r"the connection (broke|ended after)"):
        network.download(asset.files[0].url, partial)
    assert len(server.asked) == 3


def _cut_at_start(handler, content: bytes):
    cuts_after(50_000)(handler, content)


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_it_is_told_and_says_so(server, asset, capfd, status):
    server.plans["/pub/a.bin"] = [answers(status, Retry_After="1")]
    start = time.monotonic()
    assert fetch(asset)["a.bin"].read_bytes() == CONTENT
    assert 1 <= time.monotonic() - start < 2.5
    said = capfd.readouterr().err
    assert f"asks to wait (HTTP {status}): going on in 1 s" in said
    assert said.count("\n") == 1


def test_all_threads_wait_together(server, capfd):
    asset = published(server, {f"{index}.bin": 10 for index in range(20)})
    begun = time.monotonic()

    def busy_at_first(handler, content: bytes):
        if time.monotonic() < begun + 0.8:
            handler.status(429, Retry_After="1")
        else:
            handler.whole(content)

    for path in server.files:
        server.plans[path] = 9 * [busy_at_first]
    fetch(asset)
    assert capfd.readouterr().err.count("asks to wait") == 1
    assert len(server.asked) <= 28  # no file was asked for a third time


def test_a_date_is_understood_and_a_long_wait_is_capped(server, asset, partial, capfd):
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.plans["/pub/a.bin"] = [answers(503, Retry_After=in_an_hour)]
    start = time.monotonic()
    with closing(Network(HASTY)) as network:
        network.download(asset.files[0].url, partial)
    assert 0.3 <= time.monotonic() - start < 1.5
    assert "going on in 0 s" in capfd.readouterr().err


@pytest.mark.parametrize("status", [429, 500, 503])
def test_it_does_not_ask_for_ever(server, asset, partial, status):
    server.plans["/pub/a.bin"] = 10 * [answers(status)]
    with closing(Network(HASTY)) as network, pytest.raises(NotThere, match=f"HTTP {status}"):
        network.download(asset.files[0].url, partial)
    assert len(server.asked) == HASTY.attempts


def test_a_passing_failure_is_retried(server, asset, cache):
    server.plans["/pub/a.bin"] = [answers(502)]
    assert fetch(asset)["a.bin"].read_bytes() == CONTENT
    assert files_in(cache) == ["127.0.0.1/pub/a.bin"]


def test_a_silent_server_is_given_up(server, asset, partial):
    server.plans["/pub/a.bin"] = 3 * [_silent]
    with closing(Network(HASTY)) as network, pytest.raises(NotThere, match="the connection fell silent"):
        network.download(asset.files[0].url, partial)


def _silent(handler, _content: bytes):
    handler.home.closing.wait(2)
    handler.close_connection = True


def test_a_proxy_that_refuses_is_no_network(server, asset, monkeypatch):
    server.server_close()
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTP_PROXY", server.url)
    with pytest.raises(AssetUnavailable, match="network not reachable"):
        fetch(asset)


def test_it_says_who_it_is(server, asset):
    seen = []
    server.plans["/pub/a.bin"] = [lambda handler, content: (seen.append(handler.headers), handler.whole(content))]
    fetch(asset)
    assert seen[0]["User-Agent"].startswith("innerview/")
    assert seen[0]["Accept-Encoding"] == "identity"
