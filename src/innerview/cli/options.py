"""What several commands share: options, and how they check and tell."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from innerview.core.errors import one_line

LARGEST: Final = 8192
"""Pixels a side: an image is read before it is known whether the memory suffices for more than that."""

Output = Annotated[Path, typer.Option("-o", "--out", help="File to write; its ending decides the format.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Model = Annotated[str, typer.Option(help="Name of the model; `innerview models` lists them.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]


def checked_picture(path: Path) -> None:
    """Fail now, before the work, if no picture can be written to `path`."""
    from innerview.core.files import check_writable
    from innerview.core.images import check_image_suffix

    check_image_suffix(path)
    check_writable(path)


def percent(probability: float) -> str:
    """Return a probability as it is told: whole percents, of small ones two digits."""
    return f"{100 * probability:.0f}%" if probability >= 0.095 else f"{100 * probability:.2g}%"


@contextmanager
def told_once() -> Iterator[None]:
    """Say each different warning in one line, after the work; nothing but the error where there is one."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
    for line in dict.fromkeys(one_line(str(one.message)) for one in told):
        print(f"innerview: {line}", file=sys.stderr)
