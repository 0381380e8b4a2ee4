"""The place in which a submission runs: its own folder, limited memory, time and files, and no network if possible.

Linux with bubblewrap gives a view of the file system that holds the libraries, read-only, and the submission's own
folder, but no other submission, no home folder and no network. Elsewhere the limits alone hold.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SYSTEM = (
    "/usr", "/bin", "/lib", "/lib64", "/nix/store", "/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache",
    "/etc/localtime", "/etc/passwd",
)  # fmt: skip
"""What a Python needs of the system; what does not exist is left out."""

PROCESSES = 512
"""Processes and threads that a submission may have where it is isolated; elsewhere all of the user's would count."""

TEMPORARY_BYTES = 500_000_000
"""In the temporary folder where it is isolated."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use."""

    cell_seconds: int = 60
    """Of one cell."""
    seconds: int = 180
    """Of all cells together."""
    memory: float = 4.0
    """In GB, of addresses: PyTorch alone takes about one."""
    output: int = 1_000_000
    """Characters that one cell may print."""
    file_bytes: int = 100_000_000
    """Of any file that it writes."""

    def as_resources(self) -> dict[str, int]:
        """Return the limits that the system keeps, by their names in Python's `resource`."""
        return {
            "RLIMIT_AS": int(self.memory * 1e9),
            "RLIMIT_CPU": 2 * self.seconds,  # of all threads; the grader ends it long before
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_CORE": 0,
        }


def wrapped(command: list[str], folder: Path, limits: Limits, *, isolated: bool) -> list[str]:
    """Return the command that runs another one in its place.

    Args:
        command: The program, named by its path, with its arguments.
        folder: The only one in which it may write, and which is its home.
        limits: What it may use.
        isolated: Behind bubblewrap.
    """
    limited = [
        sys.executable,
        "-I",
        "-S",
        str(Path(__file__).with_name("limits.py")),
        json.dumps(limits.as_resources() | ({"RLIMIT_NPROC": PROCESSES} if isolated else {})),
        *command,
    ]
    return [*_bubblewrap(folder), *limited] if isolated else limited


def environment_of(folder: Path) -> dict[str, str]:
    """Return the variables that a submission sees: none of the instructor's but the language."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "SYSTEMROOT") if name in os.environ}
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.defpath])
    return kept | {
        "PATH": path,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "IPYTHONDIR": str(folder / ".ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(place) for place in _own_places()])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",  # two submissions run at once
        "CUDA_VISIBLE_DEVICES": "",  # its addresses would exceed the limit
    }


@cache
def can_isolate() -> bool:
    """Return whether bubblewrap is installed and this system lets it work."""
    if shutil.which("bwrap") is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603  (our own words)
            [*_bubblewrap(None), sys.executable, "-I", "-c", ""], capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _bubblewrap(folder: Path | None) -> list[str]:
    readable = [Path(place) for place in SYSTEM] + _own_places() + [Path(sys.prefix), Path(sys.base_prefix)]
    shown = [argument for place in readable if place.exists() for argument in ("--ro-bind", str(place), str(place))]
    own = [] if folder is None else ["--bind", str(folder), str(folder), "--chdir", str(folder)]
    return [
        str(shutil.which("bwrap")), "--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev",
        "--size", str(TEMPORARY_BYTES), "--tmpfs", "/tmp", *shown, *own, "--",  # noqa: S108  (an empty one inside)
    ]  # fmt: skip


def _own_places() -> list[Path]:
    """Return where Python finds modules outside its own installation: an editable Innerview, say."""
    inside = (Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve())
    places = [Path(place).resolve() for place in sys.path if place]
    package = Path(__file__).resolve().parents[2]
    return [package] if package in places or not any(package.is_relative_to(place) for place in inside) else []
