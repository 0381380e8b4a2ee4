"""Writing files whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from innerview.core.errors import BadInput, OutputError

SHOWN = 32
"""Signs of a file's name in that of its temporary file, which would else be too long where the name just fits."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute."""


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, delete it otherwise.

    Missing parent folders are made.

    Raises:
        OutputError: the file cannot be written there (permission, space, a folder in the way).
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:SHOWN]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another place"
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_writable(path: str | Path) -> None:
    """Fail now, before hours of work, if `path` could not be written.

    Raises:
        OutputError: as for `written_whole`.
    """
    path = Path(path)
    if os.path.isdir(path):  # noqa: PTH112  (False inside a folder that may not be searched; Path.is_dir raises)
        raise OutputError(f"cannot write {path}: it is a folder; give the name of a file")
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # what stands in the way is found below
    except (OSError, ValueError) as error:  # such as a name that is too long, or with a zero in it
        why = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write {path}: {why}; choose another name or place") from error
    folder = path.parent
    while not os.path.exists(folder):  # noqa: PTH110
        folder = folder.parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {path}: {folder} is a file, not a folder; choose another place")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; choose a folder that you may write to") from error


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    with written_whole(path) as temporary:
        told = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(f"{told}\n", encoding="utf-8", errors="backslashreplace")  # as JSON spells half a pair


def read_json(path: str | Path, holds: type = object) -> Any:
    """Read a JSON file.

    Args:
        path: Of the file.
        holds: What it must hold: ``dict`` or ``list``; anything by default.

    Raises:
        BadInput: the file is missing, is not JSON, or holds something else.
    """
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON ({error}); remove it or make it again") from error
    if not isinstance(told, holds):
        raise BadInput(f"{path} holds a {type(told).__name__}, not a {holds.__name__}; remove it or make it again")
    return told


def is_plain(name: str) -> bool:
    """Tell whether a name is that of one entry of a folder, on any system."""
    return name.strip(". ") != "" and not any(sign in "/\\:" or ord(sign) < 32 for sign in name)


def below(folder: Path, name: str, told_by: str | Path) -> Path:
    """Return ``folder / name`` for a name, with slashes or none, that somebody else's file tells.

    Args:
        folder: The only place to which it may lead.
        name: As it is told.
        told_by: The file, for the message.

    Raises:
        BadInput: it could lead out of the folder.
    """
    if not all(is_plain(part) for part in name.split("/")):
        raise BadInput(f"{told_by} names {name!r}, which could lead out of {folder}; correct it, or leave the line out")
    return folder / name


def as_text(cell: str) -> str:
    """Return a cell of a table as CSV that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def file_identity(path: Path) -> tuple[str, int, int]:
    """Return what changes when a file does: path, size and time; reading its content would take as long as its use."""
    try:
        stat = path.stat()
    except OSError:
        return str(path), -1, -1  # missing
    return str(path), stat.st_size, stat.st_mtime_ns
