"""What the cache holds of each asset, and whether it is still what it was."""

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from innerview.assets.catalog import Asset, File, asset, catalog
from innerview.assets.network import Network
from innerview.assets.places import cache_folder, is_whole, place_of
from innerview.assets.sources import FolderMirror, Source, mirror_source
from innerview.assets.transfer import Transfer
from innerview.core.progress import progress as bar_of


@dataclass(frozen=True)
class AssetStatus:
    """One line of ``innerview assets list``."""

    asset: Asset
    cached_files: int
    cached_bytes: int
    in_mirror: bool | None
    """Whether the mirror has it; None where no mirror is set."""

    @property
    def is_cached(self) -> bool:
        """Whether nothing is missing, going by the sizes."""
        return self.cached_files == len(self.asset.files)


@dataclass(frozen=True)
class AssetCheck:
    """What the hashes of one asset's cached files say."""

    asset: Asset
    whole: int
    missing: int
    damaged: tuple[Path, ...]


@dataclass(frozen=True)
class CacheState:
    """Place and size of the cache, with files that no catalog lists (torchvision's weights)."""

    folder: Path
    files: int
    bytes: int


def status(assets: Iterable[str | Asset] | None = None) -> list[AssetStatus]:
    """Return what is at hand of each asset, going by names and sizes; `verify` goes by hashes.

    A folder mirror is asked for each file, a mirror on a server for the first one of each asset.

    Args:
        assets: Names or assets; all of the catalog by default.

    Raises:
        AssetNotFound: a name that the catalog does not have.
    """
    chosen = _chosen(assets)
    with closing(Network()) as network, bar_of((), "", show=False) as silent:
        held = mirror_source(network)
        in_mirror = Transfer(silent).each(lambda one: None if held is None else _holds(held, one), chosen)
    return [_status(one, there) for one, there in zip(chosen, in_mirror, strict=True)]


def verify(assets: Iterable[str | Asset] | None = None, *, progress: bool = False) -> list[AssetCheck]:
    """Hash every cached file of each asset.

    Args:
        assets: Names or assets; all of the catalog by default.
        progress: Show a bar.

    Raises:
        AssetNotFound: a name that the catalog does not have.
    """
    chosen = _chosen(assets)
    cached = {file: path for one in chosen for file in one.files if (path := _path(file)).is_file()}
    total = sum(path.stat().st_size for path in cached.values())
    with bar_of((), "verify", progress, total=total, unit="B", unit_scale=True) as bar:
        transfer = Transfer(bar)

        def check(file: File) -> bool:
            whole = is_whole(cached[file], file.sha256)
            transfer.advance(cached[file].stat().st_size)
            return whole

        whole = dict(zip(cached, transfer.each(check, list(cached)), strict=True))
    return [_check(one, whole) for one in chosen]


def cache_state() -> CacheState:
    """Return place and size of the cache folder."""
    folder = cache_folder()
    sizes = []
    for path in folder.rglob("*"):
        with suppress(OSError):  # partial files of another program come and go
            if path.is_file():
                sizes.append(path.stat().st_size)
    return CacheState(folder, len(sizes), sum(sizes))


def _chosen(assets: Iterable[str | Asset] | None) -> Sequence[Asset]:
    chosen = catalog().values() if assets is None else assets
    return [asset(one) if isinstance(one, str) else one for one in chosen]


def _path(file: File) -> Path:
    return cache_folder() / place_of(file.url)


def _holds(held: Source, one: Asset) -> bool:
    asked = one.files if isinstance(held, FolderMirror) else one.files[:1]
    return all(held.has(file) for file in asked)


def _status(one: Asset, in_mirror: bool | None) -> AssetStatus:
    cache = FolderMirror(cache_folder())
    cached = [file for file in one.files if cache.has(file)]
    return AssetStatus(one, len(cached), sum(file.bytes or 0 for file in cached), in_mirror)


def _check(one: Asset, whole: dict[File, bool]) -> AssetCheck:
    there = [file for file in one.files if file in whole]
    damaged = tuple(_path(file) for file in there if not whole[file])
    return AssetCheck(one, len(there) - len(damaged), len(one.files) - len(there), damaged)
