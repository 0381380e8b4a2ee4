"""The command, run in the test's own process."""

import sys
from collections.abc import Callable

import pytest

from innerview import cli

Command = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``innerview``: arguments -> status, standard output, what it says of itself on the standard error."""

    def run(*arguments: object) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["innerview", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told, err = capsys.readouterr()
        assert "Traceback" not in err
        lines = [line for line in err.replace("\r", "\n").splitlines() if line.startswith("innerview: ")]
        return int(end.value.code or 0), told, lines

    return run
