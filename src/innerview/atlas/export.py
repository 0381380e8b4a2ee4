"""Export of atlases as a folder with a page to wander in: no server, no request to anywhere."""

import base64
import html
import json
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from innerview.atlas.atlas import Atlas, Level
from innerview.atlas.tiles import Pyramid, pyramid, write_tiles
from innerview.core.errors import BadInput, NotFinite, OutputError

STEPS: Final = 32767
"""Steps on each side of 0 in which attributions are stored: 16 bits."""

CONTENTS: Final = Path("data/contents.js")


@dataclass(frozen=True)
class Sheet:
    """One map of an explorer.

    Args:
        atlas: What it shows, at one density or several, each twice the one before.
        title: Its name in the list, such as that of its layer; no two are alike.
        group: Heading above it in the list, such as "Layers", "Classes", "Two classes". Maps of one group keep the
            place and the zoom when a reader switches between them.
    """

    atlas: Atlas
    title: str
    group: str = "Layers"

    @property
    def name(self) -> str:
        """The title as it stands in links and names of files."""
        return re.sub(r"[\W_]+", "-", self.title.lower()).strip("-")


def export_explorer(
    folder: str | Path, sheets: Sequence[Sheet], labels: Sequence[str], *, title: str, keep: int = 20
) -> Path:
    """Write a stand-alone explorer: a page, its tiles and its numbers.

    The page works from the file system and holds all that it needs. It is written whole: after an error an explorer
    that was there before is still there.

    Args:
        folder: Absent, empty, or an explorer that is replaced.
        sheets: The maps, in the order of the list; the first is shown first.
        labels: Name of each class.
        title: Of the page.
        keep: Classes whose attributions are stored for each cell, those with the largest ones.

    Returns:
        The page, ``index.html``.

    Raises:
        BadInput: no map, two of one title, densities of an atlas that do not double, icons that are not square or not
            one a cell, fewer labels than classes, or a folder with other things in it.
        NotFinite: an attribution or a pixel is NaN or infinite.
        OutputError: the folder cannot be written.
    """
    folder = Path(folder).resolve()
    _check_sheets(sheets, labels, keep)
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        _check_folder(folder)
        shutil.rmtree(partial, ignore_errors=True)  # of an export that was killed
        _write(partial, sheets, labels, title, keep)
        _swap(partial, folder)
    except OSError as error:
        why = error.strerror or error
        raise OutputError(f"cannot write {folder}: {why}; free space or choose another place") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder / "index.html"


def _check_sheets(sheets: Sequence[Sheet], labels: Sequence[str], keep: int) -> None:
    if not sheets:
        raise BadInput("an explorer needs at least one atlas")
    if keep < 1:
        raise BadInput(f"an explorer keeps at least one class a cell, not {keep}")
    seen: dict[str, str] = {}
    for sheet in sheets:
        if not sheet.name or sheet.name in seen:
            other = f"; {seen[sheet.name]!r} is like it" if sheet.name in seen else ""
            raise BadInput(f"an atlas needs a title of its own with letters or digits, not {sheet.title!r}{other}")
        seen[sheet.name] = sheet.title
        _check_levels(sheet)
        classes = sheet.atlas.levels[0].attributions.shape[1]
        if len(labels) < classes:
            raise BadInput(f"{sheet.title!r} has attributions to {classes} classes, but there are {len(labels)} labels")


def _check_levels(sheet: Sheet) -> None:
    levels = sheet.atlas.levels
    if not levels:
        raise BadInput(f"{sheet.title!r} has no level; give each atlas at least one density")
    densities = [level.grid.density for level in levels]
    if any(finer != 2 * coarser for coarser, finer in pairwise(densities)):
        raise BadInput(f"{sheet.title!r} has the densities {densities}; each must be twice the one before")
    for level in levels:
        shape, wanted = tuple(level.icons.images.shape), levels[0].icons.images.shape[-1]
        if shape != (len(level.grid), 3, wanted, wanted):
            raise BadInput(
                f"{sheet.title!r} at density {level.grid.density} has icons {shape}; an explorer needs square ones of "
                f"one size, one for each of the {len(level.grid)} cells"
            )
        if not torch.isfinite(level.attributions).all():
            raise NotFinite(
                f"{sheet.title!r} at density {level.grid.density} has attributions that are NaN or infinite"
            )


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; give a folder for the explorer")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CONTENTS).is_file():
        raise BadInput(f"{folder} holds other things than an explorer; give an absent or empty folder")


def _write(folder: Path, sheets: Sequence[Sheet], labels: Sequence[str], title: str, keep: int) -> None:
    folder.mkdir(parents=True)  # fails where a link lies in the way
    (folder / CONTENTS).parent.mkdir()
    for source in files("innerview.atlas").joinpath("explorer").iterdir():
        (folder / source.name).write_bytes(source.read_bytes())
    page = folder / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("{title}", html.escape(title)), encoding="utf-8")
    plans = [_write_sheet(folder, sheet, keep) for sheet in sheets]
    contents = {
        "labels": list(labels),
        "sheets": [_entry(sheet, plan) for sheet, plan in zip(sheets, plans, strict=True)],
    }
    _write_data(folder, CONTENTS.stem, contents)


def _write_sheet(folder: Path, sheet: Sheet, keep: int) -> Pyramid:
    levels = sheet.atlas.levels
    plan = pyramid(levels[0].icons.images.shape[-1], tuple(level.grid.density for level in levels))
    write_tiles(folder / "tiles" / sheet.name, levels, plan)
    for level in levels:
        _write_data(folder, f"{sheet.name}-{level.grid.density}", packed(level, keep))
    return plan


def _entry(sheet: Sheet, plan: Pyramid) -> dict[str, Any]:
    return {
        "name": sheet.name,
        "title": sheet.title,
        "group": sheet.group,
        "layer": sheet.atlas.layer,
        "icon": plan.icon,
        "tile": plan.side,
        "below": plan.below,
        "densities": list(plan.densities),
    }


def packed(level: Level, keep: int) -> dict[str, Any]:
    """Return the numbers of a level's cells as little-endian arrays in base64.

    Args:
        level: With m cells.
        keep: Classes of each cell, at most.

    Returns:
        ``density``; ``rows``, ``columns`` (16 bits) and ``counts`` (32 bits), ``(m,)``; ``classes`` (16 bits) and
        ``values`` (16 bits, signed), ``(m, keep)``, the largest first, an attribution being value times ``scale``.
    """
    kept = level.attributions.float().topk(min(keep, level.attributions.shape[1]), dim=1)
    scale = float(kept.values.abs().max()) / STEPS or 1.0  # all zero: any
    arrays = {
        "rows": (level.grid.rows, "<u2"),
        "columns": (level.grid.columns, "<u2"),
        "counts": (level.grid.counts, "<u4"),
        "classes": (kept.indices, "<u2"),
        "values": ((kept.values.double() / scale).round(), "<i2"),
    }
    coded = {name: _base64(array.numpy().astype(kind)) for name, (array, kind) in arrays.items()}
    return {"density": level.grid.density, "keep": kept.values.shape[1], "scale": scale, **coded}


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _write_data(folder: Path, name: str, value: dict[str, Any]) -> None:
    """Write a script that hands `value` over: a page from the file system may run scripts but read no files."""
    text = f"receive({json.dumps(name)}, {json.dumps(value, separators=(',', ':'), allow_nan=False)});\n"
    (folder / "data" / f"{name}.js").write_text(text, encoding="utf-8")


def _swap(partial: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        partial.rename(folder)
    except OSError:
        with suppress(OSError):
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
