"""What all tests share: shapes are checked while they run, and weights come from the mirror or not at all."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

os.environ.setdefault("MPLBACKEND", "agg")
ROOMS = [
    "adversarial", "atlas", "attribution", "core", "course", "dissection", "embedding", "evaluation", "localization",
    "models", "optimize", "synthesis", "training",
]  # fmt: skip
install_import_hook([f"innerview.{room}" for room in ROOMS], "typecheck.checked")

from innerview.assets import AssetUnavailable, TermsNotAccepted, fetch  # noqa: E402
from innerview.models import load_model  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _threads() -> Iterator[None]:
    """One thread: small tests gain nothing from more, and lose ten times where something runs beside them."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # kernels and other processes inherit it
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def available() -> Callable[[str], dict[str, Path]]:
    """Fetch an asset, or skip the test with the reason."""

    def get(name: str) -> dict[str, Path]:
        try:
            return fetch(name)
        except (AssetUnavailable, TermsNotAccepted) as error:
            pytest.skip(f"needs {name}: {error}")

    return get


@pytest.fixture(scope="session")
def googlenet(available: Callable[[str], dict[str, Path]]) -> torch.nn.Module:
    """GoogLeNet with its published weights."""
    available("bvlc_googlenet")
    return load_model("googlenet")


@pytest.fixture(scope="session")
def embedded() -> torch.nn.Module:
    """The embedded model: there on every machine."""
    return load_model("efficientnet_lite0")
