"""The command, run in the drill's own process."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

from innerview import cli


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    told: str
    """On the standard output."""
    lines: list[str]
    """What the command says of itself on the standard error."""


def command(*arguments: object) -> Ended:
    """Run ``innerview``; what the command line would show as a traceback is raised."""
    told, said, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["innerview", *map(str, arguments)]
    status = 0
    try:
        with redirect_stdout(told), redirect_stderr(said):
            cli.main()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.argv = before
    lines = said.getvalue().replace("\r", "\n").splitlines()
    return Ended(status, told.getvalue(), [line for line in lines if line.startswith("innerview: ")])
