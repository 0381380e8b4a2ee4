"""Figures of a run: written as files, and displayed in the notebook from the same bytes."""

import base64
import html
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from PIL import Image
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.files import written_whole
from innerview.core.images import contact_sheet, from_array, to_array, write_animation
from innerview.figures import DPI

SCALE = DPI / 100
"""Pixels of a file for each CSS pixel of a page, so that figures are sharp on dense screens."""


@runtime_checkable
class Drawn(Protocol):
    """A figure of matplotlib."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write it."""


class Picture:
    """A picture file that a notebook displays at half its width in pixels, from the bytes of the file.

    Args:
        path: The file: .png, .gif or .webp.
        width: Width on the page in CSS pixels instead.
        alt: What the picture shows, for those who do not see it; a cell's metadata says it for all but animations.
    """

    def __init__(self, path: Path, width: int | None = None, alt: str = "") -> None:
        self.path = path
        self.alt = alt or path.stem
        self.data = path.read_bytes()
        with Image.open(io.BytesIO(self.data)) as file:
            self.pixels = file.size
        self.width = width or max(1, round(self.pixels[0] / SCALE))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        del include, exclude
        kind = f"image/{self.path.suffix[1:]}"
        coded = base64.b64encode(self.data).decode()
        told = {"text/plain": repr(self)}
        if kind == "image/webp":  # books do not know this kind as a picture, browsers do
            source = f'<img src="data:{kind};base64,{coded}" width="{self.width}" alt="{html.escape(self.alt)}">'
            return told | {"text/html": source}, {}
        return told | {kind: coded}, {kind: {"width": self.width}}

    def __repr__(self) -> str:
        return f"<Picture {self.path.name}, {self.pixels[0]}x{self.pixels[1]} pixels>"


def picture_path(folder: Path, name: str, suffixes: Sequence[str] = (".png",)) -> Path:
    """Return where the picture `name` goes; without an ending it gets the first of `suffixes`.

    Raises:
        BadInput: the name is no plain file name, or has another ending.
    """
    path = Path(name if "." in name else f"{name}{suffixes[0]}")
    if path.suffix not in suffixes or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", path.stem):
        kinds = " or ".join(suffixes)
        raise BadInput(f"a picture cannot be called {name!r}; use letters, digits, - and _ (it is written as {kinds})")
    return folder / path


def write_picture(path: Path, figure: Any) -> None:
    """Write a figure of matplotlib, images ``(b, 3, h, w)``, an RGB array, or the bytes of a PNG file.

    Raises:
        BadInput: something else.
        OutputError: the place cannot be written to.
    """
    with written_whole(path) as temporary:
        if isinstance(figure, Drawn):
            figure.savefig(temporary, dpi=DPI, format="png", facecolor="white")
            _close(figure)
        elif isinstance(figure, bytes):
            temporary.write_bytes(_checked_png(figure))
        elif isinstance(figure, Tensor | np.ndarray):
            Image.fromarray(contact_sheet(_bytes(figure))).save(temporary)
        else:
            raise BadInput(f"cannot show a {type(figure).__name__}; give a figure, images, an RGB array or a PNG file")


def write_frames(path: Path, frames: Any, seconds_per_frame: float) -> None:
    """Write images ``(b, 3, h, w)`` or RGB arrays as an animation.

    Raises:
        BadInput: no frames.
        OutputError: the place cannot be written to.
    """
    if isinstance(frames, Tensor) or (isinstance(frames, np.ndarray) and frames.ndim == 4):
        pictures = list(_bytes(frames))
    else:
        pictures = [_bytes(frame)[0] for frame in frames]
    write_animation(path, pictures, seconds_per_frame)


def _bytes(images: Any) -> np.ndarray:
    """Return ``(b, h, w, 3)`` bytes."""
    if isinstance(images, Tensor):
        return to_array(images if images.ndim == 4 else images[None])
    return to_array(from_array(images))


def _checked_png(data: bytes) -> bytes:
    if not data.startswith(b"\x89PNG"):
        raise BadInput("the bytes to show are not those of a PNG file")
    return data


def _close(figure: Any) -> None:
    """Forget a figure that pyplot made: else the notebook shows it a second time, blurred."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
