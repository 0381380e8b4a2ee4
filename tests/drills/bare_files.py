"""Every reader of files with damaged ones: what is right, or one line that says what is wrong; never another error.

`drill_fuzz_files.py` runs this without the type checks of the tests.
"""

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bounded import in_memory, in_time
from mutations import mutated
from readers import Reader, readers

from innerview.core.errors import InnerviewError

CASES = 60
NAMED_ELSEWHERE = {"CUB", "ILSVRC", "Broden"}
"""Consist of tables that must agree: the message may name another than the damaged one, but one of them."""


@pytest.fixture(scope="module", autouse=True)
def _limits() -> Iterator[None]:
    with in_memory(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        yield


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("files")


@pytest.fixture(autouse=True)
def _other_papers_stay() -> Iterator[None]:
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "replication"}
    yield
    _forget_papers()
    sys.modules.update(before)


def _forget_papers() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "replication"]:
        del sys.modules[name]


NAMES = [reader.name for reader in readers(Path)]


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(name: str, empty: Callable[[], Path]) -> None:
    (reader,) = (one for one in readers(empty) if one.name == name)
    files = reader.files()
    victims = sorted(reader.damaged or files)
    assert _refusal(reader, laid_out(empty(), files)) is None  # sound files are read
    refused = 0
    for seed in range(CASES):
        victim = victims[seed % len(victims)]
        folder = laid_out(empty(), files | {victim: mutated(victim, files[victim], seed)})
        try:
            said = _refusal(reader, folder)
        except BaseException as error:
            error.add_note(f"{name}: {victim} damaged with seed {seed}")
            raise
        if said is not None:
            refused += 1
            assert "\n" not in said, (victim, seed, said)
            assert _is_named(said, reader, folder, victim), (victim, seed, said)
        shutil.rmtree(folder)
    assert refused or name in HEALING


HEALING = {"folder of images", "store", "rows", "survey", "features", "folders of classes", "submissions"}
"""Pass damaged files over with a warning, compute anew what is damaged, or say in the result what is wrong."""


def laid_out(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def _refusal(reader: Reader, folder: Path) -> str | None:
    """Read a folder, and return what is said against it; half-written files may not be left."""
    _forget_papers()
    try:
        with in_time(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that are passed over, of what Pillow makes of odd pictures
            reader.read(folder)
    except InnerviewError as error:
        return str(error)
    finally:
        half = [path for path in folder.rglob(".*") if path.is_file()]
        assert not half, half
    return None


def _is_named(said: str, reader: Reader, folder: Path, victim: str) -> bool:
    names = [victim, *(reader.files() if reader.name in NAMED_ELSEWHERE else ())]
    return any(Path(name).stem in said for name in names) or (
        reader.name in NAMED_ELSEWHERE and (str(folder) in said or os.sep in said)
    )
