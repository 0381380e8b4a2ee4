"""What is installed, what can be had, and what this machine computes with."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import torch

from innerview.assets import cache_state, mirror, status
from innerview.core.devices import choose_device
from innerview.models import MODELS
from innerview.replicate.machine import machine, versions

EXTRAS = {
    "book": "jupyter-book", "test": "pytest", "peers": "captum", "course": "nbgrader", "distributed": "distributed",
}  # fmt: skip


def examine() -> Iterator[tuple[str, str]]:
    """Yield topic and finding, one line each."""
    device = choose_device()
    told = machine(device)
    yield "system", f"{platform.platform()}, {told['cpu']}, {told['cores']} cores, {told['memory_gb']} GB"
    yield "device", f"{device}, {torch.get_num_threads()} threads"
    yield from versions().items()
    for extra, package in EXTRAS.items():
        yield f"extra {extra}", _installed(package) or f"not installed: pip install 'innerview[{extra}]'"
    state = cache_state()
    yield "cache", f"{state.folder}, {state.files} files, {state.bytes / 1e6:.1f} MB"
    yield "mirror", str(mirror() or "none: set INNERVIEW_MIRROR to a folder or URL that holds the files")
    for entry in MODELS.values():
        yield f"weights {entry.name}", _source(entry.assets)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _source(assets: tuple[str, ...]) -> str:
    """Say from where a model's weights would come."""
    found = status(assets) if assets else []
    if not found:
        return "in a package that is installed"
    if all(one.is_cached for one in found):
        return "in the cache"
    if all(one.is_cached or one.in_mirror for one in found):
        return "from the mirror"
    megabytes = sum(one.asset.bytes - one.cached_bytes for one in found) / 1e6
    return f"from the network, {megabytes:.0f} MB"
