import pytest
from course.toy import EXERCISE, FULL, WRONG, toy_root

from innerview.core.errors import BadInput
from innerview.course.lessons import chosen_lessons, find_lessons, read_exercise, read_wrong, with_seed
from innerview.course.rehearsal import blank, play, rehearse


def parts_of(tmp_path, exercise=EXERCISE, wrong=WRONG):
    return read_exercise(find_lessons(toy_root(tmp_path, exercise, wrong))[0])


def test_an_exercise_has_its_parts_in_their_order(tmp_path):
    parts = parts_of(tmp_path)
    roles = [part.role for part in parts if part.role != "text"]
    assert roles == [
        "setup", "solution", "check", "test", "test", "solution", "check", "test", "test", "solution", "test",
    ]  # fmt: skip
    assert {part.of for part in parts if part.role == "test"} == {"double", "norm", "answer"}
    assert [part.kind for part in parts if part.role == "solution"] == ["warm-up", "core", "open"]
    assert sum(part.points for part in parts) == FULL


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind="core"', 'kind="hard"', "solution 'norm' is of kind 'hard'; choose warm-up, core, open"),
        ("points=3", "", "test 'norm-values' says no points"),
        ('test="norm-values"', 'test="norm"', "norm names more than one solution or test"),
        ('test="norm-values"', 'test="norm values"', "'norm values' cannot name a cell"),
        ('tags=["setup"]', "", 'needs one cell tagged "setup"'),
        ("seed = 0", "seed = zero", "with a line `seed = 0`"),
        ("### BEGIN SOLUTION\n    return 2", "### BEGIN\n    return 2", "double has no line `### BEGIN SOLUTION`"),
        ('# %% test="answer-value" points=2', "# %%", "answer has no test behind it"),
    ],
)
def test_a_damaged_exercise_is_one_clear_line(tmp_path, old, new, words):
    assert old in EXERCISE
    with pytest.raises(BadInput, match=r"exercise\.py") as caught:
        parts_of(tmp_path, EXERCISE.replace(old, new, 1))
    assert words in str(caught.value)


def test_a_wrong_answer_has_to_say_what_it_loses(tmp_path):
    lesson = find_lessons(toy_root(tmp_path, EXERCISE, WRONG.replace('loses=3 hint="twice 3 is 6"', "")))[0]
    with pytest.raises(BadInput, match="the wrong answer 'adds two' says no loses, hint"):
        read_wrong(lesson)


def test_lessons_are_chosen_by_name_or_number(tmp_path):
    root = toy_root(tmp_path)
    for name in ("1", "01", "01_numbers"):
        assert [lesson.name for lesson in chosen_lessons(root, [name])] == ["01_numbers"]
    with pytest.raises(BadInput, match="no lesson is called '01_number'; near ones: 01_numbers; there are 01_numbers"):
        chosen_lessons(root, ["01_number"])
    with pytest.raises(BadInput, match=r"holds no chapters/NAME/exercise\.py"):
        find_lessons(tmp_path / "chapters")


def test_the_seed_is_replaced_and_its_remark_stays():
    assert with_seed("import x\nseed = 0  # why\nseeds = 0", 12) == "import x\nseed = 12  # why\nseeds = 0"


def test_the_reference_gets_all_points_the_blank_none_and_wrong_answers_lose_theirs(tmp_path):
    trials = rehearse(find_lessons(toy_root(tmp_path))[0], seed=3)
    assert [(trial.answer, trial.got, trial.problem) for trial in trials] == [
        ("reference", 9, ""),
        ("blank", 0, ""),
        ("double: adds two", 6, ""),
        ("norm: no root", 6, ""),
        ("norm: fails where there is nothing", 8, ""),
        ("answer: another number", 7, ""),
    ]


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        (EXERCISE.replace("return 2 * number", "return 3 * number"), WRONG, "twice 3 is 6"),
        (EXERCISE.replace("assert norm([]) == 0", "pass"), WRONG, "gets points for norm-empty"),
        (EXERCISE, WRONG.replace("loses=1", "loses=2"), "loses 1 points, not 2; tests that fail: norm-empty"),
        (
            EXERCISE,
            WRONG.replace('"square root"', '"cube root"'),
            "the check says 'the square root is missing', not 'cube root'",
        ),
        (EXERCISE, WRONG.replace("return number + 2", "return 2 * number"), "loses 0 points, not 3"),
        (EXERCISE, WRONG.replace('of="answer"', 'of="answers"'), "there is no solution 'answers'"),
    ],
)
def test_a_rehearsal_finds_what_is_wrong_with_an_exercise(tmp_path, exercise, wrong, words):
    trials = rehearse(find_lessons(toy_root(tmp_path, exercise, wrong))[0])
    assert any(words in trial.problem for trial in trials)


def test_a_blank_says_that_it_is_blank_and_keeps_the_indentation(tmp_path):
    double = next(part for part in parts_of(tmp_path) if part.name == "double")
    assert blank(double.source).endswith('number."""\n    # YOUR CODE HERE\n    raise NotImplementedError()')


def test_an_answer_that_breaks_one_exercise_leaves_the_points_of_the_others(tmp_path):
    played = play(parts_of(tmp_path), {"double": "double = None"})
    assert played.points == {
        "double-values": 0, "double-negative": 0, "norm-values": 3, "norm-empty": 1, "answer-value": 0,
    }  # fmt: skip
    assert "TypeError" in played.errors["double-values"]
