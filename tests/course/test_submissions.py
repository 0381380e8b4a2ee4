import json
import os
import unicodedata

import pytest

from innerview.core.errors import BadInput
from innerview.course.submissions import MOST_BYTES, find_submissions, read_submission, seed_of

LESSONS = ["01_numbers", "02_letters"]


def notebook(lesson="01_numbers", **metadata) -> bytes:
    told = {"innerview": {"lesson": lesson, "seed": 0}} if lesson else {}
    cell = {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": {}, "outputs": []}
    return json.dumps({"cells": [cell], "metadata": told | metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def found(folder, files, lessons=LESSONS):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return [(one.student, one.lesson, one.problem) for one in find_submissions(folder, lessons)]


def test_a_folder_or_a_file_is_a_student(tmp_path):
    files = {"ann/any name.ipynb": notebook(), "bob.ipynb": notebook("02_letters"), "eve/deep/er/x.ipynb": notebook()}
    assert found(tmp_path, files) == [("ann", "01_numbers", ""), ("bob", "02_letters", ""), ("eve", "01_numbers", "")]


def test_one_student_hands_in_several_lessons(tmp_path):
    files = {"ann/a.ipynb": notebook(), "ann/b.ipynb": notebook("02_letters")}
    assert found(tmp_path, files) == [("ann", "01_numbers", ""), ("ann", "02_letters", "")]


def test_the_files_name_tells_the_lesson_where_the_notebook_does_not(tmp_path):
    files = {"ann_02_letters.ipynb": notebook(""), "bob/02_letters.ipynb": notebook(""), "eve/x.ipynb": notebook("")}
    assert found(tmp_path, files) == [
        ("ann", "02_letters", ""),
        ("bob", "02_letters", ""),
        ("eve", "", "x.ipynb says not of which lesson it is; name it STUDENT_LESSON.ipynb"),
    ]


def test_the_only_lesson_needs_no_name(tmp_path):
    assert found(tmp_path, {"eve/x.ipynb": notebook("")}, ["01_numbers"]) == [("eve", "01_numbers", "")]


def test_a_name_of_a_learning_platform_keeps_what_tells_students_apart(tmp_path):
    files = {
        "doejane_1234_567_01_numbers.ipynb": "doejane_1234", "doejohn_LATE_99_568_01_numbers-1.ipynb": "doejohn_99",
        "Ann Lee_321_assignsubmission_file_/01_numbers.ipynb": "Ann Lee_321", "bob_02_letters-2.ipynb": "bob",
        "eve_7/a.ipynb": "eve_7",
    }  # fmt: skip
    assert {one[0] for one in found(tmp_path, dict.fromkeys(files, notebook()))} == set(files.values())


def test_two_notebooks_of_one_lesson_are_reported(tmp_path):
    files = {"ann/a.ipynb": notebook(), "ann/b.ipynb": notebook(), "bob.ipynb": notebook()}
    assert found(tmp_path, files) == [
        ("ann", "01_numbers", "2 notebooks of one lesson: a.ipynb and b.ipynb; keep one and grade again"),
        ("bob", "01_numbers", ""),
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("ann/essay.docx", b"PK", "no notebook was handed in, only essay.docx"),
        ("ann.txt", b"hello", "no notebook was handed in, only ann.txt"),
        ("ann/a.ipynb", b"\xff\xfe\x00", "a.ipynb is not a notebook: it cannot be read as JSON"),
        ("ann/a.ipynb", b"", "cannot be read as JSON"),
        ("ann/a.ipynb", b"[" * 100_000, "cannot be read as JSON"),
        ("ann/a.ipynb", b"[1, 2]", "a.ipynb is not a notebook: it has no cells"),
        ("ann/a.ipynb", b'{"worksheets": []}', "it has no cells (notebooks of version 4 have)"),
        ("ann/a.ipynb", notebook("07_other"), "a.ipynb is of a lesson that is not graded here: 07_other"),
        ("ann/a.ipynb", b" " * (MOST_BYTES + 1), "a.ipynb has 20 MB; clear its outputs"),
    ],
)
def test_what_is_no_notebook_is_reported_and_the_others_are_found(tmp_path, name, content, words):
    (ann, _, problem), bob = found(tmp_path, {name: content, "bob.ipynb": notebook()})
    assert ann == "ann"
    assert words in problem
    assert bob == ("bob", "01_numbers", "")


def test_an_empty_folder_of_a_student_is_reported(tmp_path):
    (tmp_path / "ann").mkdir()
    assert found(tmp_path, {}) == [("ann", "", "no notebook was handed in, only an empty folder")]


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret.json").write_bytes(notebook())
    (tmp_path / "class").mkdir()
    (tmp_path / "class/ann.ipynb").symlink_to(tmp_path / "secret.json")
    assert "is a link to another file" in found(tmp_path / "class", {})[0][2]


def test_names_of_all_languages_are_one_whatever_system_wrote_them(tmp_path):
    files = {f"{unicodedata.normalize('NFD', 'Zoë')}/a.ipynb": notebook(), "王小明.ipynb": notebook()}
    assert [one[0] for one in found(tmp_path, files)] == ["Zoë", "王小明"]


def test_hidden_files_and_those_of_systems_do_not_count(tmp_path):
    files = {
        ".DS_Store": b"x",
        "__MACOSX/a.ipynb": b"x",
        "ann/.ipynb_checkpoints/a.ipynb": b"x",
        "ann/b.ipynb": notebook(),
    }
    assert found(tmp_path, files) == [("ann", "01_numbers", "")]


def test_no_folder_and_an_empty_one_are_one_clear_line(tmp_path):
    with pytest.raises(BadInput, match="is not a folder; name the one that holds the submissions"):
        find_submissions(tmp_path / "none", LESSONS)
    with pytest.raises(BadInput, match="holds no submission"):
        find_submissions(tmp_path, LESSONS)


@pytest.mark.parametrize("damage", [{"metadata": 3}, {"metadata": {"innerview": 3}}, {"metadata": {"innerview": {}}}])
def test_strange_metadata_is_read_as_none(tmp_path, damage):
    told = json.loads(notebook()) | damage
    told["cells"] += [3, {}, {"cell_type": "code", "source": 5, "metadata": {"nbgrader": 4}}]
    (tmp_path / "a.ipynb").write_text(json.dumps(told))
    read = read_submission(tmp_path / "a.ipynb")
    assert seed_of(read) is None
    assert [cell["source"] for cell in read["cells"]] == ["a = 1\nb = 2", "", "5"]


def test_what_is_no_file_is_not_read(tmp_path):
    """From a pipe it would be waited for ever."""
    os.mkfifo(tmp_path / "ann.ipynb")
    assert found(tmp_path, {}) == [("ann", "", "no notebook was handed in, only ann.ipynb")]


def test_a_link_to_the_folder_of_another_is_not_followed(tmp_path):
    files = {"bob/a.ipynb": notebook()}
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann/mine").symlink_to(tmp_path / "bob")
    (tmp_path / "eve").symlink_to(tmp_path / "bob")
    told = {student: problem for student, _, problem in found(tmp_path, files)}
    assert told["ann"] == "no notebook was handed in, only an empty folder"
    assert told["eve"] == "eve is a link to another file; hand in the notebook itself"


@pytest.mark.parametrize(
    "name",
    [b"\xff\xfe", b"\x1b]0;x\x07", b"s" * 255, "\u738b".encode() * 85, b"a\nb", b"-\\..\\x", "\u202egnp".encode()],
)
def test_any_name_of_a_folder_is_one_that_can_be_shown_and_written(tmp_path, name):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / os.fsdecode(name)).mkdir()
    ((student, _, _),) = found(tmp_path / "class", {})
    assert student.isprintable()
    (tmp_path / f"{student}.html").write_text(student, encoding="utf-8")
    assert (tmp_path / f"{student}.html").is_file()


def test_two_long_names_stay_two(tmp_path):
    for ending in "ab":
        (tmp_path / ("s" * 250 + ending)).mkdir()
    assert len({student for student, _, _ in found(tmp_path, {})}) == 2


def test_half_a_pair_of_signs_is_spelled_out(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(notebook().replace(b"b = 2", rb"b = \"\ud800\""))
    assert read_submission(tmp_path / "a.ipynb")["cells"][0]["source"] == 'a = 1\nb = "\\ud800"'
