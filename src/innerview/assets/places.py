"""Where files lie: the cache folder, and the one layout ``HOST/PATH`` that cache and mirrors share.

So a cache can be handed to somebody else as a mirror.
"""

import os
import re
import warnings
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from tqdm import TqdmWarning

from innerview.core.errors import BadInput
from innerview.core.files import is_plain

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # in a notebook it asks for widgets, which nobody here uses
    import pooch

MIRROR = "INNERVIEW_MIRROR"
CACHE = "INNERVIEW_CACHE"
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[^/]+$")


def cache_folder() -> Path:
    """Return where fetched files are kept: `INNERVIEW_CACHE`, or the system's folder for caches."""
    return Path(os.environ.get(CACHE) or pooch.os_cache("innerview")).expanduser().absolute()


def mirror() -> str | None:
    """Return the folder or URL that `INNERVIEW_MIRROR` names."""
    return os.environ.get(MIRROR) or None


def is_url(place: str) -> bool:
    """Tell a mirror on a server from a folder."""
    return place.lower().startswith(("http://", "https://"))


def place_of(url: str) -> str:
    """Return the path ``HOST/PATH`` of a URL in the cache and in mirrors.

    Raises:
        BadInput: not a plain http(s) URL of a file, or its path could lead out of the folder.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadInput(f"{url!r} is not the plain http(s) address of a file")
    names = [parts.hostname, *parts.path.split("/")[1:]]
    if len(names) < 2 or not all(is_plain(unquote(name)) for name in names):
        raise BadInput(f"the path of {url!r} could lead out of the cache folder; give a URL without '..' and the like")
    return str(PurePosixPath(*names))


def is_whole(path: Path, sha256: str) -> bool:
    """Tell whether a file is there and hashes to what begins with `sha256`."""
    try:
        return path.is_file() and pooch.file_hash(str(path)).startswith(sha256.lower())
    except OSError:  # it cannot be read, so it has to come again
        return False


def hash_in_name(url: str) -> str:
    """Return the first digits of the SHA-256 that names such as ``resnet18-f37072fd.pth`` carry.

    Raises:
        BadInput: the name carries none.
    """
    found = HASH_IN_NAME.search(urlsplit(url).path)
    if found is None:
        raise BadInput(f"the file name of {url!r} carries no hash such as resnet18-f37072fd.pth; pass sha256_prefix")
    return found[1]
