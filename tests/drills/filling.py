"""What processes do that fill one folder together."""

import subprocess
import sys
from pathlib import Path

from innerview.assets import Asset

FETCH = """
import sys
from innerview.assets import Asset, File, fetch
parts = sys.argv[1:]
fetch(Asset("tiny", "", tuple(File(url, sha, int(size), url) for url, sha, size in zip(*[iter(parts)] * 3)), "", ""))
"""


def fetching(asset: Asset) -> subprocess.Popen[str]:
    """Start a process that fetches an asset."""
    parts = [str(part) for file in asset.files for part in (file.url, file.sha256, file.bytes)]
    return subprocess.Popen([sys.executable, "-c", FETCH, *parts], stderr=subprocess.PIPE, text=True)


def commanding(*arguments: object) -> subprocess.Popen[str]:
    """Start a process of the command."""
    command = [sys.executable, "-W", "ignore", "-m", "innerview.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def ended_well(processes: list[subprocess.Popen[str]], seconds: float = 200) -> None:
    """Wait for processes, which must not hang."""
    for process in processes:
        _, said = process.communicate(timeout=seconds)
        assert process.returncode == 0, said[-2000:]


def files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
