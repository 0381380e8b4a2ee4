"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

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
