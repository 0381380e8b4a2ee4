"""Progress bars (plain tqdm, so that notebooks need no widgets)."""

from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], what: str, show: bool = True, **options: Any) -> "tqdm[T]":
    """Iterate over `items` with a bar that says `what`, how much is done and how long it still takes."""
    return tqdm(items, desc=what, disable=not show, dynamic_ncols=True, leave=False, **options)
