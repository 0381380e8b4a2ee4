"""Explorers killed, spread, damaged and short of room: they end with the same bits, and nothing is done twice."""

import os
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from atlas.scale import FULL, RECIPE, STAGES, Place, Slow, killed
from atlas.small import LAYER, write_images
from core.limits import limited
from distributed import Client, LocalCluster

from innerview.atlas import Reduction
from innerview.core.errors import BadInput, OutputError
from innerview.core.store import Store
from innerview.core.work import Work
from innerview.models import as_classifier

IMAGES = 24
SHARDS = IMAGES // RECIPE.sampling.shard
Moment = Callable[[Place], bool]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    write_images(folder, IMAGES)
    return folder


@pytest.fixture(scope="module")
def undisturbed(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, dict[str, bytes]]:
    place = Place(tmp_path_factory.mktemp("undisturbed"), images)
    return place, place.build()


@pytest.fixture
def place(images: Path, tmp_path: Path) -> Place:
    return Place(tmp_path, images)


@pytest.fixture
def wanted(undisturbed: tuple[Place, dict[str, bytes]]) -> dict[str, bytes]:
    return undisturbed[1]


@pytest.fixture
def copied(undisturbed: tuple[Place, dict[str, bytes]], place: Place) -> Place:
    """A finished explorer that a test may harm."""
    shutil.copytree(undisturbed[0].folder, place.folder, dirs_exist_ok=True)
    return place


def parts(place: Place) -> dict[str, bytes]:
    return {name: (place.parts / name).read_bytes() for name in place.finished()}


def test_the_undisturbed_run_has_all_stages(undisturbed: tuple[Place, dict[str, bytes]], place: Place) -> None:
    """And each map its own pictures, so that equal files mean something."""
    whole, files = undisturbed
    assert whole.count("collecting") == SHARDS
    assert whole.count("layout") == 4
    assert whole.count("icons") > 12
    tiles = [content for name, content in files.items() if name.endswith(".jpg")]
    assert len(set(tiles)) == len(tiles) >= 6
    assert place.build(model=Slow(0.001)) == files
    assert parts(place) == parts(whole)


def after(stage: str, count: int) -> Moment:
    return lambda place: place.count(stage) >= count


def exporting(place: Place) -> bool:
    return any(place.folder.glob(".explorer.partial/tiles/*"))


def writing(place: Place) -> bool:
    return place.count("collecting") > 0 and any(place.parts.glob(".*"))


MOMENTS: dict[str, Moment] = {
    "before anything is finished": lambda place: place.parts.is_dir(),
    "collecting the first layer": lambda place: len(place.finished("conv1-activations-*")) >= 3,
    "while a file is written": writing,
    "collecting the last shard": after("collecting", SHARDS),
    "laying out": after("layout", 1),
    "between layouts": after("layout", 3),
    "in the first icons": after("icons", 1),
    "in the middle of the icons": after("icons", 9),
    "in the export": exporting,
}


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_bits_and_does_nothing_twice(
    place: Place, undisturbed: tuple[Place, dict[str, bytes]]
) -> None:
    left = []
    for moment in MOMENTS.values():
        before = place.finished()
        killed(place, moment)
        assert before.items() <= place.finished().items()
        left.append(len(place.finished()))
    assert len(set(left)) > 5
    before = place.finished()
    assert place.build() == undisturbed[1]
    assert before.items() <= place.finished().items()
    assert parts(place) == parts(undisturbed[0])
    assert not list(place.folder.glob(".explorer*"))


def test_an_explorer_that_is_replaced_is_whole_after_a_kill(copied: Place, wanted: dict[str, bytes]) -> None:
    changed = replace(copied, recipe=replace(RECIPE, classes=(3,)))
    killed(changed, exporting)
    explorer = copied.folder / "explorer"
    assert {name: (explorer / name).read_bytes() for name in wanted} == wanted
    assert changed.build().keys() != wanted.keys()


@pytest.mark.slow
def test_killed_while_umap_lays_out(images: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, layers=(LAYER,), classes=(), pairs=(), full=replace(FULL, reduction=Reduction("umap")))
    place, whole = (Place(tmp_path / name, images, recipe) for name in ("killed", "whole"))
    killed(place, after("collecting", SHARDS))
    before = place.finished()
    assert place.count("layout") == 0
    assert place.build() == whole.build()
    assert before.items() <= place.finished().items()


@pytest.fixture(scope="module")
def pools() -> Iterator[Callable[[int], Executor]]:
    opened: list[ProcessPoolExecutor] = []

    def pool(workers: int) -> Executor:
        opened.append(ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,)))
        return opened[-1]

    yield pool
    for one in opened:
        one.shutdown()


def test_three_workers_give_the_same_bits_as_one(
    place: Place, undisturbed: tuple[Place, dict[str, bytes]], pools: Callable[[int], Executor]
) -> None:
    """Of the activations, the icons, and every file of the explorer."""
    assert place.build(Work(executor=pools(3))) == undisturbed[1]
    assert parts(place) == parts(undisturbed[0])


WORKERS = 3


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    cluster = LocalCluster(
        n_workers=WORKERS,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,  # pyright: ignore[reportArgumentType]  (documented: no dashboard)
        memory_limit=None,
        local_directory=str(tmp_path_factory.mktemp("dask")),
    )
    with cluster, Client(cluster) as client:
        client.run(torch.set_num_threads, 1)
        yield client


def test_a_cluster_whose_workers_are_killed_gives_the_same_bits(
    place: Place, undisturbed: tuple[Place, dict[str, bytes]], client: Client
) -> None:
    """One while it collects, another while it makes icons."""
    killed_ones: list[int] = []

    def kill(moment: Moment, victim: int) -> None:
        end = time.monotonic() + 60
        while not moment(place) and time.monotonic() < end:
            time.sleep(0.001)
        os.kill(victim, signal.SIGKILL)
        killed_ones.append(place.count("icons"))

    processes: Any = client.run(os.getpid)
    victims = list(processes.values())
    moments = [after("collecting", 3), after("icons", 2)]
    watchers = [threading.Thread(target=kill, args=pair, daemon=True) for pair in zip(moments, victims, strict=False)]
    for watcher in watchers:
        watcher.start()
    assert place.build(Work(executor=client.get_executor(), window=6), Slow(0.02)) == undisturbed[1]
    for watcher in watchers:
        watcher.join()
    assert killed_ones[0] == 0
    assert 2 <= killed_ones[1] < undisturbed[0].count("icons")
    assert parts(place) == parts(undisturbed[0])


@pytest.mark.parametrize("stage", STAGES)
def test_a_flipped_bit_is_noticed_and_only_its_unit_is_made_again(
    copied: Place, wanted: dict[str, bytes], stage: str
) -> None:
    before = copied.finished()
    damaged = sorted(copied.finished(STAGES[stage]))[1]
    content = bytearray((copied.parts / damaged).read_bytes())
    content[-3] ^= 16
    (copied.parts / damaged).write_bytes(content)
    assert copied.build() == wanted
    now = copied.finished()
    assert now.keys() == before.keys()
    assert [name for name in before if now[name] != before[name]] == [damaged]


CHANGES = {
    "collecting": replace(RECIPE, sampling=replace(RECIPE.sampling, seed=1)),
    "layout": replace(RECIPE, full=replace(FULL, reduction=replace(FULL.reduction, seed=1))),
    "icons": replace(RECIPE, full=replace(FULL, icons=replace(FULL.icons, seed=100))),
}


def test_a_changed_configuration_makes_new_files_and_keeps_the_old_ones(
    copied: Place, wanted: dict[str, bytes]
) -> None:
    before = copied.finished()
    for stage, recipe in CHANGES.items():
        known = {name: copied.finished(pattern).keys() for name, pattern in STAGES.items()}
        replace(copied, recipe=recipe).build()
        new = {name for name, pattern in STAGES.items() if copied.finished(pattern).keys() != known[name]}
        assert stage in new
        assert ("collecting" in new) == (stage == "collecting")
        assert ("layout" in new) == (stage != "icons")
        assert before.items() <= copied.finished().items()
    assert copied.build() == wanted
    assert before.items() <= copied.finished().items()


def test_a_full_disk_is_one_line_and_what_was_finished_stays(place: Place, wanted: dict[str, bytes]) -> None:
    for room, full_at in ((400, "conv1-activations-"), (3000, "icons-"), (50_000, "explorer")):
        before = place.finished()
        with (
            limited(resource.RLIMIT_FSIZE, room),
            pytest.raises(OutputError, match=r"^cannot write .*; free space or cho") as told,
        ):
            place.build()
        assert full_at in str(told.value)
        assert "\n" not in str(told.value)
        assert not (place.folder / "explorer").exists()
        assert not list(place.parts.glob(".*"))
        assert before.items() <= place.finished().items()
        assert bool(place.finished()) == (room > 400)
    before = place.finished()
    assert place.build() == wanted
    assert before == place.finished()


def test_images_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    paths = write_images(folder, IMAGES)
    paths[7].write_bytes(paths[7].read_bytes()[:60])
    paths[20].write_text("no image")
    recipe = replace(RECIPE, layers=(LAYER,), classes=(), pairs=())
    place = Place(tmp_path, folder, recipe)
    with pytest.warns(UserWarning, match=r"skipped 2 of 24 images; the first: .*007\.png") as told:
        files = place.build()
    assert len(told) == 1
    found = [Store(place.parts).load(place.parts / name) for name in place.finished(STAGES["collecting"])]
    kept = sorted(int(number) for one in found if one for number in one["images"])
    assert kept == [number for number in range(IMAGES) for _ in range(2) if number not in {7, 20}]
    assert "data/norm-4.js" in files


def test_a_class_that_nothing_adds_to_is_said_before_the_icons(place: Place) -> None:
    class Mute(Slow):
        """Its class 1 has no weights."""

        def __init__(self) -> None:
            super().__init__()
            self.fc.weight[1] = 0

    with pytest.raises(BadInput, match="no activation adds to class 1, so it has no atlas"):
        place.build(model=Mute())
    assert place.count("collecting") == SHARDS
    assert place.count("icons") == 0


def test_classes_of_one_name_have_maps_of_their_own(place: Place) -> None:
    """A crane may be a bird or a machine."""
    names = ("crane", "house", "Crane, a bird", "sea", "house boat")
    model = as_classifier(Slow(), labels=names)
    recipe = replace(RECIPE, layers=(LAYER,), classes=(0, 2, "sea"), pairs=((0, 2),))
    data = {name for name in replace(place, recipe=recipe).build(model=model) if name.startswith("data/")}
    wanted = ["crane-0-2", "crane-2-2", "sea-2", "crane-2-left-and-crane-0-right-2", f"{LAYER}-2", f"{LAYER}-4"]
    assert data == {f"data/{name}.js" for name in ("contents", *wanted)}


def test_dead_and_constant_channels(place: Place, wanted: dict[str, bytes]) -> None:
    class Partly(Slow):
        """Of the six channels one is dead, another the same everywhere."""

        def __init__(self) -> None:
            super().__init__()
            self.conv1.weight[:2] = 0
            assert self.conv1.bias is not None
            self.conv1.bias[:2] = torch.tensor([-1.0, 0.5])

    files = place.build(model=Partly())
    assert files.keys() == wanted.keys()
    assert b"NaN" not in b"".join(content for name, content in files.items() if name.startswith("data/"))
    found = [Store(place.parts).load(place.parts / name) for name in place.finished("conv1-activations-*")]
    activations = torch.cat([one["activations"] for one in found if one])
    assert (activations[:, 0] < 0).all()
    assert (activations[:, 0] == activations[0, 0]).all()
    icons = [Store(place.parts).load(place.parts / name) for name in place.finished("icons-*")]
    assert all(torch.isfinite(one["images"]).all() for one in icons if one)
