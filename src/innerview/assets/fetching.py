"""Fetching: every file of an asset at hand, checked, from the cache, the mirror or the network."""

import re
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from innerview.assets.catalog import Asset, File, asset
from innerview.assets.errors import AssetNotFound, AssetUnavailable, WrongHash
from innerview.assets.network import Network, NotThere
from innerview.assets.places import cache_folder, hash_in_name, is_whole, mirror, place_of, pooch
from innerview.assets.sources import Source, sources
from innerview.assets.terms import accept
from innerview.assets.transfer import THREAD_NAME, Partial, Transfer, cannot_write
from innerview.core.errors import BadInput, InnerviewError, OutputError, near
from innerview.core.progress import progress as bar_of

WHOLE_HASH = 64
SOME_HASH = re.compile(r"[0-9a-fA-F]{8,64}")
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt}B, {rate_fmt}, {remaining} left"
FORGOTTEN = 3600.0
"""Seconds after which a partial file can only be that of a program that was killed."""

pooch.get_logger().addFilter(lambda record: record.threadName != THREAD_NAME)  # it would print a line for each file


def fetch(
    name: str | Asset, *, keys: Collection[str] | None = None, progress: bool = False, accept_terms: bool = False
) -> dict[str, Path]:
    """Return the files of an asset, fetched where they are not at hand.

    Each is checked against its SHA-256, also where it comes from the cache. `INNERVIEW_MIRROR` (a folder or a URL) is
    asked before the network. Files already fetched stay when a later one fails.

    Args:
        name: An asset of the catalog, or one of your own.
        keys: Only these files.
        progress: Show a bar.
        accept_terms: Say yes to the terms that photographs are published under.

    Returns:
        Key of the file -> its path in the cache.

    Raises:
        AssetNotFound: no such asset, or no such file in it.
        AssetUnavailable: a file is neither in the cache nor in the mirror, and the network does not give it.
        WrongHash: what a place gave is not the file; nothing of it is kept.
        TermsNotAccepted: photographs would have to be downloaded and nobody accepted their terms.
        OutputError: the cache cannot be written.
    """
    chosen = asset(name) if isinstance(name, str) else name
    wanted = _wanted(chosen, keys)

    def permit() -> None:
        if chosen.terms is not None:
            accept(chosen.terms, accepted=accept_terms)

    return _gather(wanted, chosen.name, permit, show=progress)


def fetch_url(url: str, *, sha256_prefix: str | None = None, progress: bool = False) -> Path:
    """Return one published file whose hash is known in part, such as torchvision's ``resnet18-f37072fd.pth``.

    Args:
        url: Where it is published.
        sha256_prefix: First digits of its SHA-256, at least 8; by default those in its name.
        progress: Show a bar.

    Raises:
        BadInput: no such URL, no hash in its name, or a prefix that is none.
        AssetUnavailable, WrongHash, OutputError: as for `fetch`.
    """
    key = place_of(url).rpartition("/")[2]
    sha256 = hash_in_name(url) if sha256_prefix is None else sha256_prefix
    if not SOME_HASH.fullmatch(sha256):
        raise BadInput(f"{sha256!r} is not the beginning of a SHA-256; give at least 8 hexadecimal digits")
    file = File(url, sha256, None, key)
    return _gather([file], key, lambda: None, show=progress)[key]


def _wanted(chosen: Asset, keys: Collection[str] | None) -> list[File]:
    if keys is None:
        return list(chosen.files)
    known = {file.key: file for file in chosen.files}
    for key in keys:
        if key not in known:
            raise AssetNotFound(f"{chosen.name} has no file {key!r}{near(key, known)}")
    return [known[key] for key in keys]


def _gather(files: list[File], label: str, permit: Callable[[], None], *, show: bool) -> dict[str, Path]:
    """Return where the files are, after bringing those that are not in the cache."""
    cache = cache_folder()
    places = {file: cache / place_of(file.url) for file in files}
    with bar_of((), label, show=False) as silent:
        whole = Transfer(silent).each(lambda file: is_whole(places[file], file.sha256), files)
    missing = [file for file, there in zip(files, whole, strict=True) if not there]
    if missing:
        _clear(cache, [places[file] for file in missing])
        total = sum(file.bytes or 0 for file in missing) or None
        with (
            closing(Network()) as network,
            bar_of((), label, show, total=total, unit="B", unit_scale=True, bar_format=BAR) as bar,
        ):
            _Delivery(label, {file: places[file] for file in missing}, Transfer(bar)).run(sources(network), permit)
    return {file.key: places[file] for file in files}


def _clear(cache: Path, places: list[Path]) -> None:
    """Make the folders of the cache and remove what killed programs left in them."""
    try:
        for folder in {path.parent for path in places}:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob("tmp????????"):
                with suppress(OSError):
                    if time.time() - left.stat().st_mtime > FORGOTTEN:
                        left.unlink()
    except OSError as error:
        raise cannot_write(cache, error) from error


class _Delivery:
    """Brings the missing files of one call from one source after another."""

    def __init__(self, label: str, places: Mapping[File, Path], transfer: Transfer) -> None:
        self._label = label
        self._places = places
        self._transfer = transfer
        self._refused: dict[File, list[str]] = {file: [] for file in places}
        names = {place_of(file.url): file.sha256 if len(file.sha256) == WHOLE_HASH else None for file in places}
        self._pooch = pooch.Pooch(cache_folder(), "", names)  # pyright: ignore[reportArgumentType]  (None is allowed)

    def run(self, places: list[Source], permit: Callable[[], None]) -> None:
        missing = list(self._places)
        for source in places:
            if not missing:
                return
            if source.published:
                permit()
            got = self._transfer.each(partial(self._bring, source), missing)
            missing = [file for file, came in zip(missing, got, strict=True) if not came]

    def _bring(self, source: Source, file: File) -> bool:
        """Put one file into the cache; tell whether it came."""
        if len(file.sha256) != WHOLE_HASH:
            self._places[file].unlink(missing_ok=True)  # pooch would take a file for good whose whole hash is not known
        try:
            receive: Any = partial(self._receive, source, file)  # pooch's own type for it names other arguments
            self._pooch.fetch(place_of(file.url), downloader=receive)
        except NotThere as reason:
            self._refused[file].append(f"{source.where(file)}: {reason}")
            if source.published:
                raise self._unavailable(file) from reason
            return False
        except OSError as error:
            raise error if isinstance(error, OutputError) else cannot_write(self._pooch.abspath, error) from error
        return True

    def _receive(self, source: Source, file: File, _url: str, output_file: str, _pooch: object) -> None:
        """Fill pooch's temporary file; pooch renames it, or removes it after an exception."""
        path = Path(output_file)
        arriving = Partial(path, file.bytes, self._transfer)
        self._transfer.started(path)
        try:
            source.send(file, arriving)
            self._check(source, file, arriving)
            path.chmod(0o644)  # a cache may be shared; temporary files are private
        except NotThere:
            arriving.restart()
            raise
        finally:
            self._transfer.finished(path)

    def _check(self, source: Source, file: File, arrived: Partial) -> None:
        found = pooch.file_hash(str(arrived.path))
        if not found.startswith(file.sha256.lower()):
            raise WrongHash(
                f"{self._named(file)} from {source.where(file)} is not the published file: expected SHA-256 "
                f"{file.sha256} ({file.bytes or 'any number of'} bytes), found {found} ({arrived.size} bytes); nothing "
                "was kept: use another mirror, or try again"
            )

    def _named(self, file: File) -> str:
        return file.key if file.key == self._label else f"{file.key} of {self._label}"

    def _unavailable(self, file: File) -> InnerviewError:
        tried = "; ".join(self._refused[file])
        mend = "set INNERVIEW_MIRROR to a folder or URL that holds it" if mirror() is None else "complete the mirror"
        return AssetUnavailable(f"cannot get {self._named(file)} ({tried}); {mend}, or connect to the network")
