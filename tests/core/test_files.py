"""A file is there whole or not at all, whatever goes wrong while it is written."""

import json
import math
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from innerview.core.errors import BadInput, OutputError, one_line
from innerview.core.files import as_text, below, check_writable, read_json, write_json, written_whole
from innerview.core.images import write_animation, write_image
from innerview.core.store import Store


def left_in(folder: Path) -> list[str]:
    """Return all that lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_block_that_ends_well_leaves_the_target_alone(tmp_path):
    target = tmp_path / "made" / "on the way" / "result.txt"
    with written_whole(target) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == target.parent
        assert temporary.suffix == ".txt"
        assert not target.exists()
    assert target.read_text() == "whole"
    assert left_in(target.parent) == ["result.txt"]


def test_a_written_file_is_readable_by_others_as_the_umask_says(tmp_path):
    plain, whole = tmp_path / "plain", tmp_path / "whole"
    plain.touch()
    with written_whole(whole) as temporary:
        temporary.write_text("x")
    assert stat.S_IMODE(whole.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt(), OSError(5, "Input/output error")])
@pytest.mark.parametrize("old", [None, "old content"])
def test_an_exception_in_the_block_leaves_no_new_file_and_keeps_an_old_one(tmp_path, error, old):
    target = tmp_path / "result.txt"
    if old is not None:
        target.write_text(old)
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected), written_whole(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert left_in(tmp_path) == ([] if old is None else ["result.txt"])
    assert old is None or target.read_text() == old


def write_nan(path: Path) -> None:
    write_json(path, {"value": math.nan})


def test_a_number_that_json_does_not_have_is_refused_with_nothing_written(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_nan(tmp_path / "x.json")
    assert left_in(tmp_path) == []


NOISE = torch.rand(1, 3, 260, 260, generator=torch.Generator().manual_seed(0))
FRAMES = [np.random.default_rng(index).integers(0, 256, (200, 200, 3), np.uint8) for index in range(3)]
WRITERS: dict[str, Callable[[Path], None]] = {
    ".png": lambda path: write_image(path, NOISE),
    # Pillow's own writer leaves a JPEG of this size (a little over the 64 KiB that fit) cut off, without an error.
    ".jpg": lambda path: write_image(path, NOISE),
    ".webp": lambda path: write_animation(path, FRAMES),
    ".gif": lambda path: write_animation(path, FRAMES),
    ".json": lambda path: write_json(path, "x" * 100_000),
    ".safetensors": lambda path: Store(path.parent).save(path, {"values": torch.rand(50_000)}),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_full_disk_is_one_clear_line_and_leaves_no_new_file_and_keeps_the_old_one(full_disk, suffix):
    target = full_disk.folder / f"result{suffix}"
    target.write_text("old")
    with full_disk.filled(), pytest.raises(OutputError) as caught:
        WRITERS[suffix](target)
    message = str(caught.value)
    assert message.startswith(f"cannot write {target}: ")
    assert message.endswith("free space or choose another place")
    assert "\n" not in message
    assert left_in(full_disk.folder) == [target.name]
    assert target.read_text() == "old"


def test_a_folder_that_may_not_be_written_to_is_refused_before_and_while_writing(unprivileged):
    target = unprivileged / "deeper" / "x.json"
    for write in (check_writable, lambda path: write_json(path, 1)):
        with pytest.raises(OutputError, match="Permission denied") as caught:
            write(target)
        assert str(target) in str(caught.value)
    assert left_in(unprivileged) == ["closed"]


def test_a_folder_that_may_not_even_be_entered_is_refused(unprivileged):
    for target in (unprivileged / "closed" / "x.png", unprivileged / "closed" / "inside" / "x.png"):
        with pytest.raises(OutputError, match="Permission denied"):
            check_writable(target)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"it is a folder; give the name of a file"):
        check_writable(tmp_path)
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(OutputError, match=f"cannot write {target}: Is a directory"):
        write_json(target, 1)
    assert left_in(tmp_path) == ["folder"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    target = tmp_path / "file" / "deeper" / "x.json"
    with pytest.raises(OutputError, match=r"is a file, not a folder; choose another place"):
        check_writable(target)
    with pytest.raises(OutputError, match=f"cannot write {target}"):
        write_json(target, 1)
    assert left_in(tmp_path) == ["file"]


def test_asking_whether_a_path_is_writable_writes_nothing(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "x.png")
    assert left_in(tmp_path) == []


def test_json_comes_back_as_it_went(tmp_path):
    value = {"name": "Pagode à l'été", "numbers": [1, 2.5, None, True], "empty": {}}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value
    assert "été" in (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "x.json").read_bytes()) == value


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b'{"cut": ', "is not JSON"), (b"\xff\xfe\x00", "is not JSON"), (b"", "is not JSON")],
)
def test_json_that_cannot_be_read_is_named(tmp_path, content, said):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=said) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


def test_half_a_pair_of_signs_comes_back_as_it_went(tmp_path):
    write_json(tmp_path / "x.json", ["a \ud800 b", "\U0001f600"])
    assert read_json(tmp_path / "x.json") == ["a \ud800 b", "\U0001f600"]


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("x" * 250 + ".json")
    write_json(path, 1)
    assert left_in(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["a.png", "a/b c.png", ".hidden/..a", "Zo\u00eb/x"])
def test_a_name_that_stays_in_the_folder_is_taken(tmp_path, name):
    assert below(tmp_path, name, "table") == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../a",
        "a/../../b",
        "/etc/passwd",
        "a//b",
        "a/",
        "./a",
        "C:/a",
        "C:a",
        "a\\..\\b",
        "a\0b",
        "a\nb",
        "...",
        ". ./a",
    ],
)
def test_a_name_that_could_lead_out_is_refused_in_one_line(tmp_path, name):
    with pytest.raises(BadInput, match=r"table names .* which could lead out of") as refused:
        below(tmp_path, name, "table")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell):
    assert as_text(cell) == f"'{cell}"
    assert as_text(f"a{cell}") == f"a{cell}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n b\tc", "a b c"),
        ("\x1b]0;title\x07\x1b[31mred", r"\x1b]0;title\x07\x1b[31mred"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\udcff\ud800", r"\udcff\ud800"),
        ("\x9b31m", r"\x9b31m"),
        ("Zo\u00eb \u738b\u5c0f\u660e", "Zo\u00eb \u738b\u5c0f\u660e"),
    ],
)
def test_one_line_steers_no_terminal(text, line):
    assert one_line(text) == line


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_disk_takes_is_refused_before_the_work(tmp_path, name):
    with pytest.raises(OutputError, match="cannot write"):
        check_writable(tmp_path / name)


@pytest.mark.parametrize(("content", "said"), [("[" * 100_000, "is not JSON"), ("[1]", "holds a list, not a dict")])
def test_json_of_another_kind_is_named(tmp_path, content, said):
    path = tmp_path / "told.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=said):
        read_json(path, dict)
