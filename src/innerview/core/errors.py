"""Errors that a person can act on: one line that names the thing and the mend.

The command line prints the message of an `InnerviewError` and exits with status 2; every other
exception is a fault of ours and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class InnerviewError(Exception):
    """Something outside the program has to change; the message says what and how."""


class BadInput(InnerviewError, ValueError):
    """An argument has a value that cannot be used."""


class UnreadableImage(BadInput):
    """A file is not an image that can be read whole."""


class ModelNotFound(BadInput):
    """No model of this name is in the registry."""


class LayerNotFound(BadInput):
    """A model has no layer of this name, or the image never reaches it."""


class OutputError(InnerviewError, OSError):
    """A result could not be written: no permission, no space."""


class NotFinite(InnerviewError, ArithmeticError):
    """A number became NaN or infinite where that makes the result meaningless."""


def one_line(text: str) -> str:
    """Return text on one line, with signs that steer a terminal or cannot be written spelled out."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in " ".join(text.split()))


def near(name: str, names: Iterable[str], most: int = 3) -> str:
    """Return ``"; near ones: a, b, c"`` for a message, or ``""`` where nothing is near."""
    found = difflib.get_close_matches(str(name), list(names), n=most, cutoff=0.4)
    return f"; near ones: {', '.join(found)}" if found else ""
