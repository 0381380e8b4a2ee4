import subprocess
import sys
from pathlib import Path

import pytest
from replicate.toy import RUNNER, descendants, end, make_root


@pytest.fixture(autouse=True)
def _other_papers_stay():
    """Papers of the tests' own repositories stand in for the real ones only while a test runs."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "replication"}
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "replication"]:
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


@pytest.fixture
def start(root: Path):
    """Start the runner in a process of its own; whatever is left of it dies with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*settings: str, **options) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", RUNNER, str(root), *settings]
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **piped, **options))
        return started[-1]

    yield begin
    for process in started:
        for pid in [*descendants(process.pid), process.pid]:
            end(pid)
        process.communicate()


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("INNERVIEW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INNERVIEW_MIRROR", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
