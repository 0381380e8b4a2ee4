"""Every command with malformed arguments: status 2 and one clear line, never a traceback, nothing left behind."""

import io
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest
from bounded import HungError, in_memory, in_time
from entry_points import Command, commands
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from spoiled import malformed
from world import World, make_world

from innerview import cli

CASES = 300
"""At most so many are drawn; many are drawn twice."""
ENOUGH, FEWEST = 56, 50
"""Of a command's different argument lists that end in a refusal: when to stop, and what there must be."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys instead of showing it; a progress bar's returns are taken away before."""

UPWARDS = "\x1b[A"
"""What a progress bar below another one writes to get back."""
RESUMABLE = re.compile(r"(^|/)\.[^/]+\.(parts|unfinished)(/|$)")
"""Work beside the output that a mended call goes on from."""


@dataclass(frozen=True)
class Ended:
    """How a command ended; `fault` is what a person would see as a traceback."""

    status: int
    said: str
    fault: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run in an empty folder, with no network, no mirror and an empty cache, in bounded memory."""
    world = make_world(tmp_path_factory.mktemp("world"))
    modules = {name for name in sys.modules if name.partition(".")[0] == "replication"}
    with in_memory(), pytest.MonkeyPatch.context() as patch:
        patch.chdir(world.here)
        patch.setenv("INNERVIEW_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("INNERVIEW_MIRROR", raising=False)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        patch.setattr(sys, "dont_write_bytecode", True)
        try:
            yield world
        finally:
            for name in [name for name in sys.modules if name.partition(".")[0] == "replication"]:
                if name not in modules:
                    del sys.modules[name]


def ran(arguments: list[str]) -> Ended:
    """Run the command in this process, with streams as strict as a terminal's."""
    out, err = (
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors=kind) for kind in ("strict", "backslashreplace")
    )
    before, sys.argv, fault, status = sys.argv, ["innerview", *arguments], "", 0
    try:
        with in_time(), redirect_stdout(out), redirect_stderr(err):
            cli.main()
    except SystemExit as end:
        status = int(end.code or 0)
    except (Exception, HungError):  # noqa: BLE001  (all that a person would see as a traceback)
        fault = traceback.format_exc()
    finally:
        sys.argv = before
    err.flush()
    said = err.buffer.getvalue().decode()  # pyright: ignore[reportAttributeAccessIssue]  (BytesIO of above)
    return Ended(status, said, fault)


def faults(ended: Ended, left: list[str]) -> Iterator[str]:
    """Say what is wrong with how a command ended."""
    if ended.fault:
        yield ended.fault
        return
    own = ended.said.replace("\r", "\n").splitlines()
    lines = [line for line in own if line.startswith(("innerview: ", "Error: "))]
    if ended.status not in (0, 2):
        yield f"status {ended.status}"
    if ended.status == 2 and (len(lines) != 1 or (own and own[-1] != lines[0])):
        yield f"not one line: {ended.said[-2000:]!r}"
    left = [name for name in left if not RESUMABLE.search(name)]
    if ended.status == 2 and left:
        yield f"left {', '.join(left)}"
    if CONTROL.search(ended.said.replace("\r", "").replace(UPWARDS, "")):
        yield f"control characters: {ended.said[-2000:]!r}"
    if "Traceback" in ended.said:
        yield ended.said


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_malformed_arguments(command: Command, world: World) -> None:
    seen: set[tuple[str, ...]] = set()
    refused: set[tuple[str, ...]] = set()
    before = world.files()

    @settings(
        max_examples=CASES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]  (its metaclass hides what it is)
    )  # fmt: skip
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        arguments = malformed(data.draw, world, command)
        if len(refused) >= ENOUGH or tuple(arguments) in seen:
            return
        seen.add(tuple(arguments))
        ended = ran(arguments)
        wrong = list(faults(ended, world.restore(before)))
        assert not wrong, f"innerview {arguments}\n" + "\n".join(wrong)
        if ended.status == 2:
            refused.add(tuple(arguments))

    fuzz()
    assert len(refused) >= FEWEST
