"""Photographs by name: those of the assets, and those inside scikit-image, which are there on every machine."""

from typing import Final

import numpy as np
from PIL import Image
from torch.nn import functional as F

from innerview.assets import fetch
from innerview.core.errors import BadInput, near
from innerview.core.images import from_array, read_image
from innerview.core.types import Images

SKIMAGE: Final = "skimage/"


def photo(name: str, width: int | None = None) -> Images:
    """Read a photograph.

    Args:
        name: ``ASSET/FILE`` such as ``deepdream_photos/sky1024px.jpg``, or ``skimage/NAME`` such as ``skimage/coffee``.
        width: In pixels; the height follows. None keeps the file's.

    Returns:
        ``(1, 3, h, w)`` in [0, 1].

    Raises:
        BadInput: no such photograph.
        AssetUnavailable: its file cannot be had.
    """
    images = _embedded(name.removeprefix(SKIMAGE)) if name.startswith(SKIMAGE) else _of_asset(name)
    if width is None or width == images.shape[-1]:
        return images
    height = round(images.shape[-2] * width / images.shape[-1])
    return F.interpolate(images, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def _of_asset(name: str) -> Images:
    asset, _, key = name.partition("/")
    files = fetch(asset)
    if key not in files:
        raise BadInput(f"asset {asset!r} has no file {key!r}{near(key, files)}")
    return read_image(files[key])


def _embedded(name: str) -> Images:
    from skimage import data  # noqa: PLC0415  (slow to import, rarely needed)

    if not hasattr(data, name):
        raise BadInput(f"scikit-image has no photograph {name!r}; choose astronaut, chelsea, coffee or rocket")
    return from_array(np.asarray(Image.fromarray(getattr(data, name)()).convert("RGB")))
