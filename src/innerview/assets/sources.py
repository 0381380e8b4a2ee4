"""Where a file can come from: a mirror that the user holds, and the place where it is published."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from innerview.assets.catalog import File
from innerview.assets.network import CHUNK, Network, NotThere
from innerview.assets.places import is_url, mirror, place_of
from innerview.assets.transfer import Partial


@dataclass(frozen=True)
class FolderMirror:
    """A folder that holds files as ``HOST/PATH``."""

    folder: Path
    published = False

    def where(self, file: File) -> str:
        """Return the path of a file here."""
        return str(self.folder / place_of(file.url))

    def has(self, file: File) -> bool:
        """Tell whether the file is here with the right size."""
        try:
            size = Path(self.where(file)).stat().st_size
        except OSError:
            return False
        return file.bytes in (None, size)

    def send(self, file: File, partial: Partial) -> None:
        """Copy the file.

        Raises:
            NotThere: it is missing or cannot be read.
        """
        with closing(_read(Path(self.where(file)))) as chunks:
            partial.add(chunks)


def _read(path: Path) -> Generator[bytes, None, None]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(16 * CHUNK):
                yield chunk
    except OSError as error:
        raise NotThere(error.strerror or str(error)) from error


@dataclass(frozen=True)
class Server:
    """A mirror on a server, or the publisher itself where `base` is None."""

    network: Network
    base: str | None = None

    @property
    def published(self) -> bool:
        """Whether this is the publisher."""
        return self.base is None

    def where(self, file: File) -> str:
        """Return the URL of a file here."""
        return file.url if self.base is None else f"{self.base.rstrip('/')}/{place_of(file.url)}"

    def has(self, file: File) -> bool:
        """Ask the server."""
        return self.network.has(self.where(file))

    def send(self, file: File, partial: Partial) -> None:
        """Download the file.

        Raises:
            NotThere: the server does not give it.
        """
        self.network.download(self.where(file), partial)


Source = FolderMirror | Server
"""One place that may give files. `published`: whether it is the publisher, so that terms have to be accepted first."""


def mirror_source(network: Network) -> Source | None:
    """Return the mirror that `INNERVIEW_MIRROR` names."""
    place = mirror()
    if place is None:
        return None
    return Server(network, place) if is_url(place) else FolderMirror(Path(place).expanduser())


def sources(network: Network) -> list[Source]:
    """Return the places to ask, in order."""
    held = mirror_source(network)
    publisher = Server(network)
    return [publisher] if held is None else [held, publisher]
