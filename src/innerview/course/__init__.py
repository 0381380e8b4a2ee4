"""The course: exercises that are released to students and graded, and the checks that students run.

The names here are loaded when they are first used, so that grading does not load what only exercises need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from innerview.course.checks import Mistake as Mistake
    from innerview.course.checks import check as check
    from innerview.course.networks import random_images as random_images
    from innerview.course.networks import small_network as small_network

_HOME = {
    "Mistake": "innerview.course.checks",
    "check": "innerview.course.checks",
    "random_images": "innerview.course.networks",
    "small_network": "innerview.course.networks",
}
__all__ = ["Mistake", "check", "random_images", "small_network"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'innerview.course' has no attribute {name!r}")
