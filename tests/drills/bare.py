"""Running cases without the tests' own type checks: users do not have them, and they stop bad input too early."""

import subprocess
import sys
from pathlib import Path

SECONDS = 1800


def run_bare(name: str) -> None:
    """Run all cases of a module of this folder in one process; fail with what it tells."""
    cases = Path(__file__).with_name(name)
    command = [sys.executable, "-m", "pytest", "--noconftest", "-q", "-o", "python_files=bare_*.py", str(cases)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert ended.returncode == 0, ended.stdout[-20_000:]
