"""A disk that runs full under the calls of the library that write: trainings, features, parts of work, weights."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from running_full import called, run_full
from serving import own_cache, published, running_server
from small_disk import Disk, small_disk
from torch import nn
from training.small import ENDING, Judge, small_network, small_samples

from innerview.assets import Terms, fetch
from innerview.assets.terms import accept
from innerview.core.files import write_json
from innerview.core.images import write_animation, write_image
from innerview.core.store import Store
from innerview.core.work import Work
from innerview.models.classifier import frozen
from innerview.replicate.parts import Parts
from innerview.replicate.pictures import write_frames, write_picture
from innerview.synthesis import load_generator, save_generator
from innerview.training import cache_features, cross_entropy, train

NOISE = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
FRAMES = [np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8) for seed in range(3)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def trained(folder: Path) -> None:
    """Train with a checkpoint at each step, snapshots and the best weights."""
    train(
        small_network(), small_samples(), cross_entropy, ENDING, validate=Judge(small_network()), folder=folder,
        checkpoint_seconds=0,
    )  # fmt: skip


def noise(unit: int) -> dict[str, torch.Tensor]:
    return {"noise": torch.rand(5000, generator=torch.Generator().manual_seed(unit))}


def worked(folder: Path) -> None:
    Work(Store(folder)).each("unit", noise, range(10), lambda unit: unit)


CALLS: dict[str, Callable[[Path], object]] = {
    "train": trained,
    "Work.each": worked,
    "Store.keep": lambda folder: Store(folder).keep("part", lambda: noise(0), 1),
    "Parts.keep": lambda folder: Parts(folder).keep("part", lambda: noise(0), 1),
    "write_json": lambda folder: write_json(folder / "a.json", list(range(3000))),
    "write_image png": lambda folder: write_image(folder / "a.png", NOISE),
    "write_image jpg": lambda folder: write_image(folder / "a.jpg", NOISE),
    "write_animation": lambda folder: write_animation(folder / "a.webp", FRAMES),
    "write_picture": lambda folder: write_picture(folder / "a.png", NOISE),
    "write_frames": lambda folder: write_frames(folder / "a.gif", NOISE, 0.1),
    "save_generator": lambda folder: save_generator(folder / "a.safetensors", load_generator("gan"), {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_on_a_disk_that_runs_full(disk: Disk, name: str) -> None:
    run_full(disk, name, lambda: called(lambda: CALLS[name](disk.folder)))


def test_features_go_on_where_the_disk_was_full(disk: Disk, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(9)]
    for number, path in enumerate(paths):
        write_image(path, NOISE[[number % 3]] * (1 - number / 20))
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        backbone = frozen(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    run_full(disk, "cache_features", lambda: called(lambda: cache_features(backbone, paths, disk.folder, batch=2)))


def test_what_was_fetched_stays_and_the_rest_comes_later(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    own_cache(disk.folder, monkeypatch)
    with running_server() as server:
        asset = published(server, {f"{number}.bin": 20_000 for number in range(5)})
        run_full(disk, "fetch", lambda: called(lambda: fetch(asset)))


def test_an_answer_to_terms_is_kept_whole_or_not_at_all(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    own_cache(disk.folder, monkeypatch)
    terms = Terms("photographs", "Photographs", "For research only. " * 500, "https://example.org/terms")
    run_full(disk, "accept", lambda: called(lambda: accept(terms, accepted=True)))
