"""Other processes, a full disk and Ctrl-C: whatever happens, no half-written file stays."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from serving import content_of, files_in, later, published, stays_silent, trickles

FETCH = """
import resource, sys
from innerview.assets import Asset, File, fetch
from innerview.core.errors import InnerviewError
limit, *parts = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
files = tuple(File(url, sha256, int(size), url) for url, sha256, size in zip(*[iter(parts)] * 3))
try:
    fetch(Asset("tiny", "", files, "", ""), progress=True)
except InnerviewError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def start(asset, limit: int = 0) -> subprocess.Popen[str]:
    parts = [str(part) for file in asset.files for part in (file.url, file.sha256, file.bytes)]
    return subprocess.Popen([sys.executable, "-c", FETCH, str(limit), *parts], stderr=subprocess.PIPE, text=True)


def last_line(process: subprocess.Popen[str]) -> str:
    _, shown = process.communicate(timeout=30)
    return shown.replace("\r", "\n").strip().splitlines()[-1]


def wait_until(reached: Callable[[], bool], seconds: float = 20):
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        time.sleep(0.05)


def test_two_processes_fill_one_cache(server, cache):
    sizes = {f"{folder}/{index}.bin": 2000 for folder in "abc" for index in range(10)}
    asset = published(server, sizes)
    for path in server.files:
        server.plans[path] = 2 * [later(0.05, lambda handler, content: handler.whole(content))]
    processes = [start(asset) for _ in range(2)]
    for process in processes:
        _, shown = process.communicate(timeout=30)
        assert process.returncode == 0, shown
    assert files_in(cache) == sorted(f"127.0.0.1/pub/{key}" for key in sizes)
    assert all((cache / "127.0.0.1/pub" / key).read_bytes() == content_of(key, size) for key, size in sizes.items())


@pytest.mark.parametrize("answer", [trickles, stays_silent])
def test_ctrl_c_ends_soon_and_leaves_nothing_partial(server, cache, answer):
    asset = published(server, {"small.bin": 10, **{f"{index}.bin": 500_000 for index in range(10)}})
    for index in range(10):
        server.plans[f"/pub/{index}.bin"] = [answer]
    with start(asset) as process:
        try:
            wait_until(lambda: len(server.asked) >= 9)
            time.sleep(0.2)
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert last_line(process) == "KeyboardInterrupt"
            assert time.monotonic() - begun < 3
        finally:
            process.kill()
    assert process.returncode != 0
    assert files_in(cache) == ["127.0.0.1/pub/small.bin"]


def test_a_file_that_the_system_does_not_let_grow(server, cache):
    process = start(published(server, {"small.bin": 10, "a.bin": 500_000}), limit=100_000)
    assert last_line(process).startswith(f"OutputError: cannot write to the cache {cache}")
    assert process.returncode == 1
    assert set(files_in(cache)) <= {"127.0.0.1/pub/small.bin"}


def test_a_full_disk(server, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False).returncode:
        pytest.skip("only root can mount a small disk to fill")
    try:
        monkeypatch.setenv("INNERVIEW_CACHE", str(disk))
        process = start(published(server, {"a.bin": 500_000}))
        assert "No space left on device; free space there, or name another folder" in last_line(process)
        assert files_in(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_cache_that_is_a_file(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("INNERVIEW_CACHE", str(tmp_path / "file"))
    process = start(published(server, {"a.bin": 10}))
    assert last_line(process).startswith("OutputError: cannot write to the cache")
