"""Reading what a run left: ``run.json``, ``claims.json``, and the ``reference.json`` that is committed."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from innerview.core.errors import BadInput
from innerview.core.files import read_json

Kinds = Mapping[str, type | tuple[type, ...]]

NUMBER: Final = (int, float)
NOTHING: Final = type(None)
CLAIM: Final[Kinds] = {
    "id": str, "paper": (*NUMBER, NOTHING), "measured": (*NUMBER, NOTHING), "unit": str,
    "tolerance": (*NUMBER, NOTHING), "verdict": str,
}  # fmt: skip
"""What each claim says, with sentences or without; a boolean is a number here, as it is for Python."""

MADE: Final[Kinds] = {
    "machine": dict, "device": str, "threads": int, "date": str, "preset": str, "seed": int, "seconds": NUMBER,
}  # fmt: skip
"""How results came about."""

RUN: Final[Kinds] = {**MADE, "fallback": bool}
MEND: Final = "run the replication again"


def read_run(folder: Path) -> dict[str, Any]:
    """Read how a run came about.

    Raises:
        BadInput: there is no ``run.json``, or it is damaged; the same holds for all readers here.
    """
    return _made(folder / "run.json", RUN)


def read_claims(path: Path) -> list[dict[str, Any]]:
    """Read the claims of a run."""
    return _claims(path, read_json(path, list))


def read_reference(path: Path) -> dict[str, Any]:
    """Read the results that a paper keeps, with their claims."""
    told = _made(path, {**MADE, "claims": list})
    return told | {"claims": _claims(path, told["claims"])}


def _made(path: Path, kinds: Kinds) -> dict[str, Any]:
    told = _checked(path, read_json(path, dict), kinds)
    _checked(path, told["machine"], {"cpu": str})
    return told


def _claims(path: Path, claims: list[Any]) -> list[dict[str, Any]]:
    return [_checked(path, claim, CLAIM) for claim in claims]


def _checked(path: Path, told: Any, kinds: Kinds) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise BadInput(f"{path} is damaged: {str(told)[:40]!r} stands where names and values should; {MEND}")
    for name, kind in kinds.items():
        value = told.get(name, ...)
        if not isinstance(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
            what = "is missing" if value is ... else f"cannot be {str(value)[:40]!r}"
            raise BadInput(f"{path} is damaged: {name!r} {what}; {MEND}")
    return told
