"""SIGKILL at twenty random moments of each long run, and on: nothing is lost, done twice or damaged."""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import long_runs
import pytest
import torch
from atlas.small import write_images
from course.classroom import Classroom
from course.toy import toy_root
from killing import HANGS, KILLS, LongRun, Running, drill
from serving import Server, in_pieces, published, running_server
from torch.nn import functional as F

from innerview.core.images import write_image
from innerview.course.lessons import find_lessons
from innerview.course.release import release

RUNS: dict[str, Callable[[Path], LongRun]] = {
    "visualize sprites": lambda _: long_runs.with_icons("sprites:blocks.8"),
    "visualize grid": lambda inputs: long_runs.with_icons(f"grid:blocks.13:{inputs / 'photo.png'}"),
    "atlas": long_runs.atlas,
    "atlas of many units": long_runs.atlas_of_many_units,
    "dissect": long_runs.dissect,
    "dream": long_runs.dream,
    "dream zoom": long_runs.zoom,
    "embed": long_runs.embed,
    "features": long_runs.features,
    "training": long_runs.training,
    "training of styles": long_runs.style_training,
    "training of a generator": long_runs.generator_training,
    "scouter": long_runs.scouter,
    "course grade": long_runs.grade,
    "replicate": long_runs.replicate,
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs in two classes, pictures of noise, and a class that handed a lesson in."""
    folder = tmp_path_factory.mktemp("inputs")
    for number, image in enumerate(long_runs.pictures(12, 8)):
        write_photo(folder / "photos" / "ab"[number % 2] / f"{number}.png", image[None], (96, 80))
    write_photo(folder / "photo.png", long_runs.pictures(1, 6), (160, 128))
    write_images(folder / "noise", 24)
    (lesson,) = find_lessons(toy_root(folder / "course"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own
        (notebook,) = release([lesson], folder / "released")
    classroom = Classroom(lesson, notebook, folder / "class")
    classroom.hand_in("blank", classroom.blank, 0)
    classroom.hand_in("right", classroom.right, 9)
    classroom.hand_in_wrong(1)
    waiting = Classroom(lesson, notebook, folder / "waiting")
    waiting.hand_in("slow", waiting.answered({"double": long_runs.WAITS}, waiting.right), 0)
    return folder


def write_photo(path: Path, draws: torch.Tensor, size: tuple[int, int]) -> None:
    write_image(path, F.interpolate(draws, size, mode="bicubic").clamp(0, 1))


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.mark.parametrize("name", RUNS)
def test_killed_at_twenty_moments_it_comes_to_the_same_bits(name: str, inputs: Path, tmp_path: Path) -> None:
    assert_drilled(name, RUNS[name](inputs), tmp_path)


def test_a_download_that_is_killed_keeps_each_file_that_was_whole(server: Server, tmp_path: Path) -> None:
    sizes = {f"{number}.bin": 300_000 for number in range(24)}
    asset = published(server, sizes)
    for path in server.files:
        server.plans[path] = [in_pieces] * (KILLS + 1) * 2
    assert_drilled("assets fetch", long_runs.fetching(asset), tmp_path)


def test_grading_that_is_killed_leaves_no_kernel_where_nothing_isolates(inputs: Path) -> None:
    with tempfile.TemporaryDirectory() as short:  # the names of a kernel's sockets may have 107 letters
        folder = Path(short, "graded")
        running = Running(partial(long_runs.grade_without_isolation, inputs), folder)
        while not list(folder.rglob("begun")):
            assert time.monotonic() - running.begun < HANGS, "no cell began"
            time.sleep(0.05)
        assert running.killed_at(0)


def assert_drilled(name: str, run: LongRun, place: Path) -> None:
    told = drill(run, place, name)
    print(f"\n{name}: {told}")
    assert told.kills == KILLS
    assert told.went_on, "all moments fell before there was anything to lose"
