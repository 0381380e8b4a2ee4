import copy
import json

import nbformat
import pytest
from course.classroom import id_of

from innerview.course.restore import restored
from innerview.course.submissions import read_submission


@pytest.fixture
def put_back(classroom, toy_released, tmp_path):
    """Submission as a notebook -> the restored notebook's cells, and the remarks."""

    def put_back(told):
        path = tmp_path / "told.ipynb"
        path.write_text(json.dumps(told))
        notebook, remarks = restored(read_submission(path), nbformat.read(toy_released, 4))
        nbformat.validate(notebook)
        return notebook.cells, remarks

    return put_back


def sources(cells):
    return [cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]) for cell in cells]


def moved(cells, name, to):
    cell = next(cell for cell in cells if id_of(cell) == name)
    rest = [one for one in cells if one is not cell]
    return [*rest[:to], cell, *rest[to:]]


def without(cells, *names):
    return [cell for cell in cells if id_of(cell) not in names]


def test_a_notebook_that_was_only_filled_in_stays_as_it_is(classroom, put_back):
    cells, remarks = put_back(classroom.right)
    assert sources(cells) == sources(classroom.right["cells"])
    assert remarks == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda cells: without(cells, "norm-values", "setup-1"),
            "cells were missing and restored: setup-1, norm-values",
        ),
        (lambda cells: moved(cells, "norm-values", 0), "cells were in another order and put back"),
        (lambda cells: cells[::-1], "cells were in another order and put back"),
        (lambda cells: cells + copy.deepcopy(cells[3:5]), "cells were there twice, the first counts"),
    ],
)
def test_cells_that_went_astray_are_put_back(classroom, put_back, change, words):
    cells, remarks = put_back(classroom.changed(change))
    assert sources(cells) == sources(classroom.right["cells"])
    assert any(words in remark for remark in remarks), remarks


def test_a_changed_test_is_the_released_one_again(classroom, put_back):
    def cheat(cells):
        for cell in cells:
            if id_of(cell) == "double-negative":
                cell["source"] = "pass"

    cells, remarks = put_back(classroom.changed(cheat))
    assert sources(cells) == sources(classroom.right["cells"])
    assert remarks == ["cells were changed and restored: double-negative"]


def test_a_lost_answer_is_blank_and_said_so(classroom, put_back):
    cells, remarks = put_back(classroom.changed(lambda cells: without(cells, "norm")))
    assert "raise NotImplementedError" in next(cell["source"] for cell in cells if id_of(cell) == "norm")
    assert remarks == ["the answer cell norm is missing"]


@pytest.mark.parametrize("name", ["norm", "answer"])
def test_an_answer_without_its_mark_is_found_by_its_name(classroom, put_back, name):
    def unmark(cells):
        for cell in cells:
            if id_of(cell) == name:
                cell["metadata"] = {}

    cells, remarks = put_back(classroom.changed(unmark))
    assert sources(cells) == sources(classroom.right["cells"])
    assert remarks == [f"the answer cell {name} had lost its mark; it was found by its name"]


def test_cells_of_the_students_own_stay_behind_the_one_before_them(classroom, put_back):
    own = {"cell_type": "code", "source": "helper = 1", "metadata": {}, "outputs": [], "execution_count": None}
    cells, remarks = put_back(classroom.changed(lambda cells: [own, *cells[:4], own, *cells[4:]]))
    assert [index for index, source in enumerate(sources(cells)) if source == "helper = 1"] == [0, 5]
    assert remarks == ["cells were added: 2"]


@pytest.mark.parametrize("kernel", [{"name": "ir", "language": "R"}, {"name": "julia-1.9", "language": "julia"}])
def test_another_kernel_is_told_and_not_used(classroom, toy_released, tmp_path, kernel):
    told = classroom.right
    told["metadata"]["kernelspec"] = kernel
    (tmp_path / "told.ipynb").write_text(json.dumps(told))
    notebook, remarks = restored(read_submission(tmp_path / "told.ipynb"), nbformat.read(toy_released, 4))
    assert notebook.metadata.kernelspec.name == "python3"
    assert remarks == [f"the notebook was set to a kernel for {kernel['language']}; it was graded with Python"]
