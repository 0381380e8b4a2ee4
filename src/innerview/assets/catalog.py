"""The catalog: which files each asset has, where they are published, and what they must hash to.

What people write about an asset stands in ``assets.toml``; the long list of files is kept compressed in
``catalog.tsv.xz``, which ``tools/make_catalog.py`` writes.
"""

import lzma
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from innerview.assets.errors import AssetNotFound
from innerview.core.errors import near


@dataclass(frozen=True)
class Terms:
    """Conditions that a person accepts before a download."""

    name: str
    title: str
    text: str
    url: str


@dataclass(frozen=True)
class File:
    """One published file."""

    url: str
    sha256: str
    """The hash in hexadecimal digits, or the first digits of it where only they are known."""
    bytes: int | None
    key: str
    """Path behind the part of the URL that all files of the asset share."""


@dataclass(frozen=True)
class Asset:
    """Files that belong together: the weights of a network, a set of photographs."""

    name: str
    title: str
    files: tuple[File, ...]
    license: str
    citation: str
    """Key in the bibliography."""
    note: str = ""
    terms: Terms | None = None

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes or 0 for file in self.files)


@cache
def catalog() -> Mapping[str, Asset]:
    """Return all assets by name; read once."""
    room = files("innerview.assets")
    return read_catalog(room / "assets.toml", room / "catalog.tsv.xz")


def asset(name: str) -> Asset:
    """Return one asset of the catalog.

    Raises:
        AssetNotFound: no asset has this name; the message names near ones.
    """
    known = catalog()
    if name not in known:
        raise AssetNotFound(f"no asset is called {name!r}{near(name, known)}; `innerview assets list` shows all")
    return known[name]


def read_catalog(descriptions: Traversable, list_of_files: Traversable) -> Mapping[str, Asset]:
    """Read a catalog.

    Args:
        descriptions: TOML with a table ``asset.NAME`` for each asset and ``terms.NAME`` for conditions.
        list_of_files: Compressed (xz) table with the columns asset, key, sha256, bytes.
    """
    told = tomllib.loads(descriptions.read_text(encoding="utf-8"))
    terms = {name: Terms(name, **entry) for name, entry in told.get("terms", {}).items()}
    rows: dict[str, list[tuple[str, str, int]]] = {name: [] for name in told["asset"]}
    table = lzma.decompress(list_of_files.read_bytes()).decode()
    for line in table.splitlines()[1:]:
        name, key, sha256, size = line.split("\t")
        rows[name].append((key, sha256, int(size)))
    assets = {name: _described(name, entry, rows[name], terms) for name, entry in told["asset"].items()}
    return MappingProxyType(assets)


def _described(
    name: str, entry: Mapping[str, Any], rows: list[tuple[str, str, int]], terms: Mapping[str, Terms]
) -> Asset:
    members = tuple(File(f"{entry['prefix']}{key}", sha256, size, key) for key, sha256, size in rows)
    described = {part: entry[part] for part in ("title", "license", "citation", "note")}
    return Asset(name=name, files=members, terms=terms[entry["terms"]] if "terms" in entry else None, **described)
