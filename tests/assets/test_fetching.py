"""Fetching gives every file whole and checked, or one line that says what could not be had from where."""

import hashlib
import io
import logging
import os
import time
from dataclasses import replace

import pooch
import pytest
from serving import answers, content_of, cuts_after, files_in, in_pieces, later, mirrored, published

from innerview.assets import Asset, AssetUnavailable, File, WrongHash, fetch, fetch_url
from innerview.core.errors import BadInput, InnerviewError

SIZES = {"a.bin": 300_000, "sub/b.bin": 1, "sub/c.bin": 70_000, "empty.bin": 0}


def assert_one_line(error: pytest.ExceptionInfo[InnerviewError]):
    assert "\n" not in str(error.value)


def test_all_files_come_whole_and_the_second_call_asks_nobody(server, cache):
    asset = published(server, SIZES)
    for _ in range(2):
        paths = fetch(asset)
        assert {key: path.read_bytes() for key, path in paths.items()} == {
            k: content_of(k, n) for k, n in SIZES.items()
        }
    assert len(server.asked) == len(SIZES)
    assert files_in(cache) == sorted(f"127.0.0.1/pub/{key}" for key in SIZES)


def test_files_come_in_parallel(server):
    asset = published(server, {f"{index}.bin": 100 for index in range(8)})
    for path in server.files:
        server.plans[path] = [later(0.4, lambda handler, content: handler.whole(content))]
    start = time.monotonic()
    fetch(asset)
    assert time.monotonic() - start < 1.6  # one after the other: 3.2


def test_some_keys_only(server):
    asset = published(server, SIZES)
    assert list(fetch(asset, keys=["sub/c.bin"])) == ["sub/c.bin"]
    assert server.asked == [("/pub/sub/c.bin", None)]


def test_a_cache_can_be_shared(server):
    assert fetch(published(server, {"a.bin": 10}))["a.bin"].stat().st_mode & 0o777 == 0o644


def test_the_bar_counts_bytes_and_tells_what_is_left(server, capfd):
    fetch(published(server, SIZES), progress=True)
    shown = capfd.readouterr().err
    assert "tiny:" in shown
    assert "of 370kB" in shown
    assert " left" in shown


def test_it_is_quiet_without_a_bar(server, capfd):
    noted = io.StringIO()
    handler = logging.StreamHandler(noted)
    pooch.get_logger().addHandler(handler)
    try:
        fetch(published(server, SIZES))
    finally:
        pooch.get_logger().removeHandler(handler)
    assert capfd.readouterr() == ("", "")
    assert noted.getvalue() == ""


def test_a_missing_file_is_named_and_the_others_stay(server, cache):
    asset = published(server, SIZES)
    server.plans["/pub/a.bin"] = [later(0.5, answers(404))]
    with pytest.raises(
        AssetUnavailable, match=r"cannot get a\.bin of tiny \(http://.*/pub/a\.bin: HTTP 404\); set INN"
    ) as e:
        fetch(asset)
    assert_one_line(e)
    assert files_in(cache) == sorted(f"127.0.0.1/pub/{key}" for key in SIZES if key != "a.bin")
    server.asked.clear()
    fetch(asset)
    assert server.asked == [("/pub/a.bin", None)]


def test_no_network_is_said_soon(server, cache):
    asset = published(server, {f"{index}.bin": 10 for index in range(50)})
    server.server_close()
    start = time.monotonic()
    with pytest.raises(AssetUnavailable, match="network not reachable") as error:
        fetch(asset)
    assert time.monotonic() - start < 3
    assert_one_line(error)
    assert files_in(cache) == []


def test_a_wrong_file_is_refused_and_nothing_of_it_kept(server, cache):
    asset = published(server, {"a.bin": 5000})
    server.files["/pub/a.bin"] = content_of("lie")
    found = hashlib.sha256(content_of("lie")).hexdigest()
    with pytest.raises(WrongHash) as error:
        fetch(asset)
    assert_one_line(error)
    for part in ("a.bin of tiny", f"{server.url}/pub/a.bin", asset.files[0].sha256, found):
        assert part in str(error.value)
    assert files_in(cache) == []


def test_an_endless_file_is_cut_off(server, cache):
    asset = published(server, {"a.bin": 5000})
    server.files["/pub/a.bin"] = content_of("lie", 3_000_000)
    with pytest.raises(WrongHash, match=r"\(5000 bytes\), found .* \(65536 bytes\)"):
        fetch(asset)
    assert files_in(cache) == []


def test_a_damaged_cached_file_is_replaced(server):
    asset = published(server, SIZES)
    path = fetch(asset)["a.bin"]
    path.write_bytes(b"\0" + path.read_bytes()[1:])
    assert fetch(asset)["a.bin"].read_bytes() == content_of("a.bin", SIZES["a.bin"])
    assert [asked for asked, _ in server.asked].count("/pub/a.bin") == 2


def test_a_damaged_cached_file_is_not_trusted_without_a_network(server):
    asset = published(server, {"a.bin": 10})
    fetch(asset)["a.bin"].write_bytes(b"0123456789")
    server.server_close()
    with pytest.raises(AssetUnavailable):
        fetch(asset)


def test_a_folder_mirror_is_asked_first_and_the_network_for_what_it_lacks(server, tmp_path, monkeypatch):
    asset = published(server, SIZES)
    monkeypatch.setenv("INNERVIEW_MIRROR", str(mirrored(tmp_path / "mirror", asset, "a.bin", "sub/b.bin", "empty.bin")))
    fetch(asset)
    assert server.asked == [("/pub/sub/c.bin", None)]


def test_what_neither_mirror_nor_network_has_names_both(server, tmp_path, monkeypatch):
    asset = published(server, {"a.bin": 10})
    server.files.clear()
    monkeypatch.setenv("INNERVIEW_MIRROR", str(tmp_path / "nowhere"))
    with pytest.raises(AssetUnavailable, match=r"nowhere/127\.0\.0\.1/pub/a\.bin: No such file.*; http://.*: HTTP 404"):
        fetch(asset)


def test_a_mirror_on_a_server_is_asked_first(server, mirror_server, monkeypatch):
    asset = published(server, SIZES)
    for key in ("a.bin", "sub/c.bin", "empty.bin"):
        mirror_server.files[f"/held/127.0.0.1/pub/{key}"] = content_of(key, SIZES[key])
    monkeypatch.setenv("INNERVIEW_MIRROR", f"{mirror_server.url}/held/")
    fetch(asset)
    assert len(mirror_server.asked) == len(SIZES)
    assert server.asked == [("/pub/sub/b.bin", None)]


def test_an_unreachable_mirror_delays_but_does_not_prevent(server, mirror_server, monkeypatch):
    asset = published(server, {f"{index}.bin": 10 for index in range(100)})
    monkeypatch.setenv("INNERVIEW_MIRROR", mirror_server.url)
    mirror_server.server_close()
    start = time.monotonic()
    assert len(fetch(asset)) == 100
    assert time.monotonic() - start < 4


def test_the_bar_forgets_what_a_failing_mirror_sent(server, mirror_server, monkeypatch, capfd):
    asset = published(server, {"a.bin": 600_000})
    path = "/127.0.0.1/pub/a.bin"
    mirror_server.files[path] = server.files["/pub/a.bin"]
    mirror_server.plans[path] = [cuts_after(500_000), answers(404)]
    server.plans["/pub/a.bin"] = [in_pieces]
    monkeypatch.setenv("INNERVIEW_MIRROR", mirror_server.url)
    fetch(asset, progress=True)
    assert "of ?B" not in capfd.readouterr().err  # what tqdm shows beyond the end


def test_a_lying_mirror_is_named(server, tmp_path, monkeypatch, cache):
    asset = published(server, {"a.bin": 10})
    folder = mirrored(tmp_path / "mirror", asset, "a.bin")
    (folder / "127.0.0.1/pub/a.bin").write_bytes(b"short")
    monkeypatch.setenv("INNERVIEW_MIRROR", str(folder))
    with pytest.raises(WrongHash, match=f"a.bin of tiny from {folder}"):
        fetch(asset)
    assert files_in(cache) == []
    assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://h/../../x", "http://h/a/%2e%2e/%2e%2e/x", "http://h/a/..%2f..%2fx", "http://../x", "http://h/a\\..\\x",
        "http://h/C:/x", "http://h//etc/passwd", "http://h/a/", "http://h/", "http://h", "file:///etc/passwd",
        "ftp://h/a", "http://h/a?b=../c", "http://h/a%00", "../x", "http://%2e%2e/x", "http://h\\..\\x/y", "http://[::1]/x",
        "http://h/%5c%5chost%5cx", "http://h/. ./x",
    ],
)  # fmt: skip
def test_no_url_leads_out_of_the_cache(url, tmp_path):
    before = files_in(tmp_path)
    with pytest.raises(BadInput):
        fetch(Asset("evil", "", (File(url, "0" * 64, 1, "x"),), "", ""))
    with pytest.raises(BadInput):
        fetch_url(url, sha256_prefix="0" * 8)
    assert files_in(tmp_path) == before


def test_what_killed_programs_left_is_cleared_away(server, cache):
    folder = cache / "127.0.0.1" / "pub"
    folder.mkdir(parents=True)
    (folder / "tmpabcd1234").write_bytes(b"old")
    (folder / "tmpbcde2345").write_bytes(b"being written by somebody else")
    long_ago = time.time() - 7200
    os.utime(folder / "tmpabcd1234", (long_ago, long_ago))
    fetch(published(server, {"a.bin": 10}))
    assert sorted(path.name for path in folder.iterdir()) == ["a.bin", "tmpbcde2345"]


class TestUrlWithItsHashInTheName:
    @pytest.fixture
    def url(self, server):
        content = content_of("weights", 100_000)
        path = f"/models/net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        server.files[path] = content
        return server.url + path

    def test_it_comes_once(self, url, server, capfd):
        for _ in range(2):
            assert fetch_url(url, progress=True).read_bytes() == content_of("weights", 100_000)
        assert len(server.asked) == 1
        assert "of 100kB" in capfd.readouterr().err

    def test_another_file_is_refused(self, url, server, cache):
        server.files = dict.fromkeys(server.files, b"lie")
        with pytest.raises(WrongHash, match=r"net-.*\.pth from http.* expected SHA-256 [0-9a-f]{8} "):
            fetch_url(url)
        assert files_in(cache) == []

    def test_a_damaged_cached_file_is_replaced(self, url):
        fetch_url(url).write_bytes(b"damaged")
        assert fetch_url(url).read_bytes() == content_of("weights", 100_000)

    def test_a_mirror_serves_it(self, url, server, cache, monkeypatch, tmp_path):
        fetch_url(url)
        server.server_close()
        monkeypatch.setenv("INNERVIEW_MIRROR", str(cache))  # a cache is laid out as a mirror is
        monkeypatch.setenv("INNERVIEW_CACHE", str(tmp_path / "another"))
        assert fetch_url(url).is_relative_to(tmp_path / "another")

    def test_a_name_without_hash_needs_one(self, url, server):
        with pytest.raises(BadInput, match="carries no hash"):
            fetch_url(f"{server.url}/models/net.pth")
        digits = url.rpartition("-")[2][:8]
        with pytest.raises(BadInput, match="at least 8"):
            fetch_url(f"{server.url}/plain.pth", sha256_prefix=digits[:4])
        server.files["/plain.pth"] = content_of("weights", 100_000)
        assert fetch_url(f"{server.url}/plain.pth", sha256_prefix=digits).is_file()


def test_hashes_may_be_written_in_capitals(server):
    asset = published(server, {"a.bin": 10})
    shouted = tuple(replace(file, sha256=file.sha256.upper()) for file in asset.files)
    assert fetch(replace(asset, files=shouted))["a.bin"].is_file()


@pytest.mark.mirror
@pytest.mark.usefixtures("real_mirror")
@pytest.mark.parametrize(("name", "key"), [("deepdream_photos", "sky1024px.jpg"), ("texture_pebbles", "pebbles.jpg")])
def test_real_photographs_come_from_the_mirror(name, key):
    path = fetch(name)[key]
    assert path.read_bytes()[:3] == b"\xff\xd8\xff"  # JPEG
