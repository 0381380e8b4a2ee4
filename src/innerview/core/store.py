"""Intermediate results on disk, each named by the hash of what made it.

A result is found again exactly if its configuration, its inputs and the source of the function that
computes it are unchanged; so an interrupted run continues where it stopped and never shows stale work.
Each file holds the SHA-256 of its own tensors; a file that was cut off or in which a bit flipped is no result.
"""

import dataclasses
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from innerview.core.errors import BadInput, OutputError
from innerview.core.files import written_whole

Tensors = Mapping[str, Tensor]

CONTENT = "sha256"
"""Key in a file's metadata: hash of the tensors' names, types, shapes and bytes."""


def fingerprint(*parts: Any) -> str:
    """Return 16 hexadecimal digits that change with any part.

    Parts may be numbers, strings, None, paths (their content counts), tensors, modules (their printed form and all
    their tensors count), functions and classes (the source of their module counts), dataclasses, and lists, tuples
    and mappings of these.

    Raises:
        BadInput: a part of another kind.
    """
    return _sha256(*parts)[:16]


def _sha256(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def _feed(digest: "hashlib._Hash", part: Any) -> None:
    digest.update(f"<{type(part).__name__}>".encode())
    match part:
        case None | bool() | int() | float() | str() | bytes():
            digest.update(repr(part).encode())
        case Path():
            digest.update(hashlib.sha256(part.read_bytes()).digest())
        case Tensor():
            array = part.detach().cpu().contiguous()
            digest.update(f"{array.dtype}{tuple(array.shape)}".encode())
            digest.update(array.reshape(-1).view(torch.uint8).numpy().data)
        case torch.nn.Module():
            _feed(digest, re.sub(r" at 0x[0-9a-f]+", "", repr(part)))
            _feed(digest, [*part.named_parameters(), *part.named_buffers()])  # the latter also where not persistent
        case Mapping():
            _feed(digest, [(key, part[key]) for key in sorted(part)])
        case list() | tuple():
            digest.update(f"{len(part)}:".encode())  # or [[1], 2] would be [[1, 2]]
            for item in part:
                _feed(digest, item)
        case _ if dataclasses.is_dataclass(part) and not isinstance(part, type):
            digest.update(type(part).__qualname__.encode())
            _feed(digest, {field.name: getattr(part, field.name) for field in dataclasses.fields(part)})
        case _ if callable(part) and hasattr(part, "__qualname__"):
            digest.update(part.__qualname__.encode())
            digest.update(inspect.getsource(inspect.getmodule(part) or part).encode())
        case _:
            raise BadInput(f"cannot fingerprint a {type(part).__name__}; pass numbers, text, tensors or dataclasses")


def own(tensor: Tensor) -> Tensor:
    """Return a copy on the processor: safetensors refuses tensors that share memory."""
    return tensor.detach().cpu().as_subclass(Tensor).clone(memory_format=torch.contiguous_format)


def _read(path: str | Path) -> tuple[dict[str, Tensor], str | None]:
    """Return tensors, and the hash that the file tells of them."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        return tensors, (file.metadata() or {}).get(CONTENT)


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of any safetensors file, checked where it holds their hash, as those of a `Store` do.

    Raises:
        BadInput: no such file, one of another kind, or a damaged one.
    """
    try:
        tensors, told = _read(path)
    except (SafetensorError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"cannot read weights from {path} ({why}); give a .safetensors file of a training") from error
    if told not in (None, _sha256(tensors)):
        raise BadInput(f"{path} is damaged: it is not what was written; copy it again, or make it again")
    return tensors


class Store:
    """A folder of results; see the module's text.

    A process that is killed while it writes may leave a temporary file or two, whose names begin with a dot: they are
    never taken for results, and are left alone, because another process may just be writing them.

    Args:
        folder: Where the files go; made at the first write.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, name: str, *made_from: Any) -> Path:
        """Return where the result `name` made from these parts lies, whether it is there or not."""
        plain = re.sub(r"[^\w.-]", "-", name)  # layers and classes may be called anything
        return self.folder / f"{plain}-{fingerprint(*made_from)}.safetensors"

    def load(self, path: Path) -> dict[str, Tensor] | None:
        """Return a stored result, or None if it is absent, damaged or not written by a `Store`."""
        try:
            tensors, told = _read(path)
        except (SafetensorError, OSError):
            return None
        return tensors if told == _sha256(tensors) else None

    def save(self, path: Path, tensors: Tensors) -> None:
        """Write a result, whole or not at all.

        Raises:
            OutputError: the folder cannot be written to.
        """
        kept = {name: own(tensor) for name, tensor in tensors.items()}
        with written_whole(path) as temporary:
            try:
                save_file(kept, temporary, {CONTENT: _sha256(kept)})
            except SafetensorError as error:
                raise OutputError(f"cannot write {path}: {error}; free space or choose another place") from error

    def keep(self, name: str, compute: Callable[[], Tensors], *made_from: Any) -> dict[str, Tensor]:
        """Return the stored result `name`, or compute and store it.

        Args:
            name: First part of the file's name, for people.
            compute: Called with nothing when the result is not there yet.
            made_from: All that the result depends on; hashed by `fingerprint`.
        """
        path = self.path(name, *made_from)
        stored = self.load(path)
        if stored is None:
            self.save(path, compute())
            stored = self.load(path)
            assert stored is not None, path
        return stored
