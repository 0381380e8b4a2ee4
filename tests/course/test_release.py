import json
import re

import pytest
from course.classroom import id_of

from innerview.core.errors import BadInput, OutputError
from innerview.course.release import release

pytestmark = pytest.mark.filterwarnings("ignore")  # nbgrader's own


def test_a_student_notebook_holds_neither_solutions_nor_hidden_tests(toy, toy_released):
    text = toy_released.read_text(encoding="utf-8")
    told = json.loads(text)
    assert toy_released.name == "01_numbers.ipynb"
    assert not re.search(r"SOLUTION|HIDDEN|2 \* number|isclose", text)
    by_name = {id_of(cell): "".join(cell["source"]) for cell in told["cells"]}
    assert by_name["norm"].endswith("    # YOUR CODE HERE\n    raise NotImplementedError()")
    assert by_name["norm-values"] == "# Points: 3. Grading adds the tests here."
    assert by_name["double-negative"].endswith("assert double(-1) == -2")
    assert told["metadata"]["innerview"] == {"lesson": "01_numbers", "seed": 0}
    assert told["metadata"]["kernelspec"]["name"] == "python3"


def test_all_cells_but_the_answers_are_locked(toy_released):
    told = json.loads(toy_released.read_text(encoding="utf-8"))
    editable = [id_of(cell) for cell in told["cells"] if cell["metadata"].get("editable", True)]
    assert editable == ["double", "norm", "answer"]


def test_the_courses_seed_goes_into_the_notebook(toy, tmp_path):
    told = json.loads(release([toy], tmp_path / "new", seed=41)[0].read_text(encoding="utf-8"))
    assert told["metadata"]["innerview"]["seed"] == 41
    assert "seed = 41  # the course's seed" in "".join(told["cells"][1]["source"])


def test_a_folder_with_something_in_it_is_left_alone(toy, tmp_path):
    (tmp_path / "own.txt").write_text("mine")
    with pytest.raises(BadInput, match="is not an empty folder; name another with --out"):
        release([toy], tmp_path)
    with pytest.raises(BadInput, match="is not an empty folder"):
        release([toy], tmp_path / "own.txt")
    assert (tmp_path / "own.txt").read_text() == "mine"


def test_what_cannot_be_written_is_one_clear_line(toy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*file is a file, not a folder; choose another place"):
        release([toy], tmp_path / "file" / "below")
