"""Asking once whether a person accepts the terms of photographs."""

import os
import sys
from datetime import UTC, datetime

from tqdm import tqdm

from innerview.assets.catalog import Terms
from innerview.assets.errors import TermsNotAccepted
from innerview.assets.places import cache_folder
from innerview.core.files import written_whole

ACCEPT = "INNERVIEW_ACCEPT_TERMS"


def accept(terms: Terms, *, accepted: bool = False) -> None:
    """Return when the terms are accepted: before, now on the terminal, by the environment or by the caller.

    The answer is kept in the cache folder.

    Raises:
        TermsNotAccepted: nobody said yes.
    """
    answer = cache_folder() / "accepted-terms" / f"{terms.name}.txt"
    if answer.exists():
        return
    if not (accepted or terms.name in _accepted_by_environment() or _asked(terms)):
        raise TermsNotAccepted(
            f"{terms.title} are downloaded only after their terms ({terms.url}) were accepted; set "
            f"{ACCEPT}={terms.name}, or fetch them on a terminal and answer yes"
        )
    with written_whole(answer) as temporary:
        temporary.write_text(f"{terms.text}\n{terms.url}\naccepted {datetime.now(UTC):%Y-%m-%d}\n", encoding="utf-8")


def _accepted_by_environment() -> list[str]:
    return [name.strip() for name in os.environ.get(ACCEPT, "").split(",")]


def _asked(terms: Terms) -> bool:
    """Ask on a terminal; where there is none, nobody says yes."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    with tqdm.external_write_mode(file=sys.stderr):
        sys.stderr.write(f"{terms.text}\nTerms: {terms.url}\nDo you accept them and download the photographs? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")
