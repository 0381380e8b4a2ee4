"""A disk that runs full under a call, again and again with more room, until the call is done."""

import json
import random
import re
from collections.abc import Callable

from commanding import Ended
from small_disk import Disk

from innerview.core.errors import InnerviewError
from innerview.core.folders import spread
from innerview.core.store import Store

SEED = 10
PAGE = 4096
OLDER = b"what stood here before"
TIMES = re.compile(rb'"\d{4}-\d\d-\d\d[T ][^"\n]*"|"(seconds\w*|date|peak_mib)": (\{[^}]*\}|[^,}\n]+)')
"""What differs from run to run in the records of runs."""

TIMINGS = "timings.json"
"""Holds nothing but seconds."""


def run_full(disk: Disk, name: str, call: Callable[[], Ended], tries: int = 4) -> None:
    """Check that a call on a full disk says so in one line, leaves nothing half-written, and ends well with more room.

    Args:
        disk: Where the call writes.
        name: For messages.
        call: Does the work; every time the same.
        tries: How often the disk is full.
    """
    assert call().status == 0
    wanted = disk.files()
    disk.clear()
    only = next(iter(wanted))
    if len(wanted) == 1 and "/" not in only:
        (disk.folder / only).write_bytes(OLDER)
    refused = 0
    for leave in spread(rooms(name, wanted), tries):
        disk.fill(leave)
        ended = call()
        told = f"{name} with {leave} bytes left (seed {SEED}): {ended}"
        assert ended.status in (0, 2), told
        assert ended.status == 2 or leave >= max(map(len, wanted.values())), told
        if ended.status == 2:
            assert_one_line(ended.lines, disk, told)
            assert_nothing_half_written(disk, wanted, told)
            refused += 1
        disk.empty()
    assert refused, name
    assert call().status == 0
    assert_same(disk.files(), wanted)


def called(function: Callable[[], object]) -> Ended:
    """Call a function of the library as the command line would: what a person can mend is one line."""
    try:
        function()
    except InnerviewError as error:
        return Ended(2, "", [str(error)])
    return Ended(0, "", [])


def rooms(name: str, wanted: dict[str, bytes]) -> list[int]:
    """Return how much room there is, try by try: none, a page, some part of what is needed, half of it."""
    need = sum(map(len, wanted.values()))
    some = random.Random(f"{name}{SEED}").uniform(0.05, 0.45)
    return sorted({0, PAGE, int(some * need), need // 2})


def assert_one_line(lines: list[str], disk: Disk, told: str) -> None:
    assert len(lines) == 1, told
    assert "\n" not in lines[0], told
    assert str(disk.folder) in lines[0], told
    assert "No space left on device" in lines[0], told
    assert "; free space" in lines[0], told


def assert_nothing_half_written(disk: Disk, wanted: dict[str, bytes], told: str) -> None:
    """Each file is as it was before, as it will be, or a part that is whole and waits to be used."""
    for file, content in disk.files().items():
        path = disk.folder / file
        assert not path.name.startswith("."), f"{told} leaves {file}"
        if content == OLDER or timeless(content) == timeless(wanted.get(file, b"")):
            continue
        if path.name == TIMINGS:
            json.loads(content)
        elif path.suffix == ".safetensors":
            assert Store(disk.folder).load(path) is not None, f"{told} leaves {file} in part"
        elif path.name in ("epochs.csv", "log.jsonl"):  # of a log, what stands behind the last state is written anew
            assert path.name == "log.jsonl" or wanted[file].startswith(content), f"{told} leaves other rows in {file}"
        elif path.suffix == ".json" and path.with_suffix(".rows").exists():
            state = json.loads(content)
            assert state["done"] * state["bytes"] <= path.with_suffix(".rows").stat().st_size, f"{told}: {file}"
        else:  # of rows, only what the .json counts is read
            assert path.suffix == ".rows", f"{told} leaves {file}, another than in the end"


def assert_same(found: dict[str, bytes], wanted: dict[str, bytes]) -> None:
    assert sorted(found) == sorted(wanted)
    for file, content in wanted.items():
        assert file.endswith(TIMINGS) or timeless(found[file]) == timeless(content), file


def timeless(content: bytes) -> bytes:
    """Return the content of a file without seconds and dates, where it is text that tells them."""
    return TIMES.sub(b"", content) if content.startswith(b"{") else content
