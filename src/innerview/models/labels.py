"""Names of the 1000 ImageNet classes {cite}`russakovsky2015imagenet`."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class ImageNetClass(NamedTuple):
    """A class of ILSVRC-2012; its index is its place in `imagenet_classes`."""

    wnid: str
    name: str


@cache
def imagenet_classes() -> tuple[ImageNetClass, ...]:
    """Return the classes by index: WordNet id (the folder's name in ImageNet) and English name."""
    rows = files("innerview.models").joinpath("imagenet_classes.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(ImageNetClass(*row.split("\t")) for row in rows)


def imagenet_labels() -> tuple[str, ...]:
    """Return the class names by index."""
    return tuple(entry.name for entry in imagenet_classes())
