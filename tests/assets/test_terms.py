"""Photographs under terms come over the network only after somebody said yes, and the question is asked once."""

import os
import pty
import subprocess
import sys
from dataclasses import replace

import pytest
from serving import TERMS, files_in, mirrored, published

from innerview.assets import TermsNotAccepted, fetch

FETCH = """
import sys
from innerview.assets import Asset, File, Terms, TermsNotAccepted, fetch
url, sha256 = sys.argv[1:]
terms = Terms("imagenet", "Photographs", "For research only.", "https://example.org/terms")
try:
    fetch(Asset("tiny", "", (File(url, sha256, 10, "a.bin"),), "", "", terms=terms), progress=True)
except TermsNotAccepted:
    sys.exit(2)
"""


@pytest.fixture
def asset(server):
    return published(server, {"a.bin": 10}, terms=TERMS)


def test_without_a_yes_nothing_is_downloaded(asset, server, cache):
    with pytest.raises(
        TermsNotAccepted, match=r"https://example\.org/terms.*set INNERVIEW_ACCEPT_TERMS=imagenet"
    ) as error:
        fetch(asset)
    assert "\n" not in str(error.value)
    assert server.asked == []
    assert files_in(cache) == []


def test_a_yes_is_remembered(asset, server):
    fetch(asset, accept_terms=True)
    other = replace(published(server, {"b.bin": 10}, terms=TERMS), name="other")
    assert fetch(other)["b.bin"].is_file()


def test_the_environment_can_say_yes(asset, monkeypatch):
    monkeypatch.setenv("INNERVIEW_ACCEPT_TERMS", "coco, imagenet")
    assert fetch(asset)["a.bin"].is_file()


def test_another_yes_does_not_count(asset, monkeypatch):
    monkeypatch.setenv("INNERVIEW_ACCEPT_TERMS", "coco")
    with pytest.raises(TermsNotAccepted):
        fetch(asset)


def test_nobody_is_asked_about_files_at_hand(asset, server, tmp_path, monkeypatch, cache):
    monkeypatch.setenv("INNERVIEW_MIRROR", str(mirrored(tmp_path / "mirror", asset, "a.bin")))
    fetch(asset)
    monkeypatch.delenv("INNERVIEW_MIRROR")
    fetch(asset)
    assert server.asked == []
    assert files_in(cache) == ["127.0.0.1/pub/a.bin"]


@pytest.mark.parametrize(("said", "status"), [("y", 0), ("yes", 0), ("n", 2), ("", 2)])
def test_a_terminal_is_asked(asset, cache, said, status):
    (file,) = asset.files
    ours, theirs = pty.openpty()
    try:
        command = [sys.executable, "-c", FETCH, file.url, file.sha256]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            shown = b""
            while b"[y/N]" not in shown:
                shown += os.read(ours, 1000)
            os.write(ours, f"{said}\n".encode())
            assert process.wait(20) == status
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"For research only." in shown
    assert ("127.0.0.1/pub/a.bin" in files_in(cache)) == (status == 0)
