"""Rows on disk: counted only when they are whole, made anew when what made them changes."""

import json

import numpy as np
import pytest

from innerview.core.errors import OutputError
from innerview.core.rows import Rows


def block(start, stop):
    return np.arange(start * 3, stop * 3, dtype=np.float32).reshape(-1, 3)


def test_rows_come_back_in_order_with_what_was_said_of_them(tmp_path):
    rows = Rows(tmp_path / "folder/some", "hash")
    rows.append(block(0, 2), {"shape": [3]})
    rows.append(block(2, 5), {"shape": [3], "more": 1})
    again = Rows(tmp_path / "folder/some", "hash")
    assert (again.done, again.told) == (5, {"shape": [3], "more": 1})
    assert np.array_equal(again.read(np.float32, (3,)), block(0, 5))


def test_rows_are_read_only(tmp_path):
    rows = Rows(tmp_path / "some", "hash")
    rows.append(block(0, 2), {})
    with pytest.raises(ValueError, match="read-only"):
        rows.read(np.float32, (3,))[0] = 1


def test_what_a_kill_left_half_written_is_written_over(tmp_path):
    rows = Rows(tmp_path / "some", "hash")
    rows.append(block(0, 2), {})
    with rows.path.open("ab") as file:
        file.write(b"half a row")
    again = Rows(tmp_path / "some", "hash")
    assert again.done == 2
    again.append(block(2, 3), {})
    assert np.array_equal(again.read(np.float32, (3,)), block(0, 3))


@pytest.mark.parametrize("made_from", ["hash", "another"])
def test_rows_made_from_something_else_count_for_nothing(tmp_path, made_from):
    Rows(tmp_path / "some", "hash").append(block(0, 2), {})
    rows = Rows(tmp_path / "some", made_from)
    assert rows.done == (2 if made_from == "hash" else 0)
    rows.append(block(7, 8), {})
    assert len(rows.read(np.float32, (3,))) == rows.done == (3 if made_from == "hash" else 1)


@pytest.mark.parametrize("damage", ["state", "rows", "json"])
def test_damaged_rows_count_for_nothing(tmp_path, damage):
    rows = Rows(tmp_path / "some", "hash")
    rows.append(block(0, 4), {})
    match damage:
        case "state":
            rows.state.unlink()
        case "rows":
            rows.path.write_bytes(rows.path.read_bytes()[:-1])
        case "json":
            rows.state.write_text(json.dumps(["no", "mapping"]))
    assert Rows(tmp_path / "some", "hash").done == 0


def test_a_map_of_older_rows_keeps_its_numbers(tmp_path):
    rows = Rows(tmp_path / "some", "hash")
    rows.append(block(0, 2), {})
    old = rows.read(np.float32, (3,))
    Rows(tmp_path / "some", "another").append(block(5, 7), {})
    assert np.array_equal(old, block(0, 2))


def test_rows_that_cannot_be_written_are_said(tmp_path):
    (tmp_path / "file").write_text("here")
    rows = Rows(tmp_path / "file" / "some", "hash")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        rows.check_writable()
    with pytest.raises(OutputError, match=r"cannot write .*some\.rows"):
        rows.append(block(0, 1), {})


@pytest.mark.parametrize("told", [{"done": "x"}, {"done": 9**9}, {"bytes": None}, {"told": []}, {"made_from": "hash "}])
def test_a_count_that_somebody_changed_is_no_count(tmp_path, told):
    rows = Rows(tmp_path / "some", "hash")
    rows.append(block(0, 3), {})
    rows.state.write_text(json.dumps(json.loads(rows.state.read_text()) | told))
    assert Rows(tmp_path / "some", "hash").done == 0
