"""Disks that are full and users who may not write."""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

FULL = 64 * 1024  # bytes that fit
NOBODY = 65534


class FullDisk(NamedTuple):
    """A folder, and a context in which no file larger than 64 KiB can be written there."""

    folder: Path
    filled: Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["small disk", "limit of a file's size"])
def full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FullDisk]:
    """A disk that is full, made in two ways."""
    if request.param == "small disk":
        with _small_disk(tmp_path):
            yield FullDisk(tmp_path, nullcontext)
    else:
        yield FullDisk(tmp_path, _limited)


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={FULL}", "innerview-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def _limited() -> Iterator[None]:
    """Limit this process's files; only around the call under test, for pytest's own output may be a larger file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that may be looked into and not be written to, with a folder ``closed`` that may not even be entered.

    Root may do all, so it becomes a plain user for the test.
    """
    folder = Path(tempfile.mkdtemp(prefix="innerview-locked-"))  # not below `tmp_path`, which only its owner may enter
    closed = folder / "closed"
    (closed / "inside").mkdir(parents=True)
    closed.chmod(0)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        closed.chmod(0o755)
        shutil.rmtree(folder)
