"""A disk of a few megabytes, and how full it is."""

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

SIZE = 24 * 2**20
UNPRIVILEGED = ["unshare", "--map-root-user", "--mount"]
"""Runs a command as somebody who may mount, without being root."""

MARK = "INNERVIEW_DRILL_MAY_MOUNT"


def may_mount() -> bool:
    """Tell whether this process may mount a small disk; root may, and who runs in a namespace of its own."""
    return shutil.which("mount") is not None and (os.geteuid() == 0 or MARK in os.environ)


def may_unshare() -> bool:
    """Tell whether a namespace of its own can be had here."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNPRIVILEGED, "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, size: int = SIZE) -> Iterator["Disk"]:
    """Mount a small disk at a folder; skip the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "innerview-drill", str(folder)]
    if not may_mount() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk to fill")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Disk:
    """A small disk; a file of ballast leaves as little room as a drill wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        room = os.statvfs(self.folder)
        return room.f_bavail * room.f_frsize

    def fill(self, leave: int) -> None:
        """Leave so many bytes, in whole pages."""
        self.ballast.parent.mkdir(exist_ok=True)
        with self.ballast.open("wb") as file:
            left = self.free - leave
            while left > 0:
                left -= file.write(bytes(min(left, 2**20)))

    def empty(self) -> None:
        """Take the ballast away."""
        self.ballast.unlink()

    def clear(self, keep: Collection[str] = ()) -> None:
        """Remove all files but some, and the folders that this leaves empty."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir():
                with suppress(OSError):
                    path.rmdir()
            elif path.relative_to(self.folder).as_posix() not in keep:
                path.unlink()

    def files(self) -> dict[str, bytes]:
        """Return all files by name, hidden ones too, without the ballast."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file() and path != self.ballast)
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}
