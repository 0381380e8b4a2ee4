"""The command, run in the test's own process."""

import sys
from collections.abc import Callable

import pytest

from innerview import cli

Invoked = Callable[..., tuple[int, str, str]]
Command = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def invoked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoked:
    """Run ``innerview``: arguments -> status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["innerview", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(end.value.code or 0), told, err

    return run


@pytest.fixture
def command(invoked: Invoked) -> Command:
    """Run ``innerview``: arguments -> status, standard output, what it says of itself on the standard error."""

    def run(*arguments: object) -> tuple[int, str, list[str]]:
        status, told, err = invoked(*arguments)
        return status, told, [line for line in err.replace("\r", "\n").splitlines() if line.startswith("innerview: ")]

    return run
