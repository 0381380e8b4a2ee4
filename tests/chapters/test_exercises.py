"""Each exercise: the reference gets all points, the blank none, every wrong answer loses its own and gets its hint."""

from pathlib import Path

import pytest

from innerview.course.lessons import KINDS, Lesson, find_lessons, read_exercise, read_wrong
from innerview.course.rehearsal import play, rehearse

ROOT = Path(__file__).parents[2]
LESSONS = {lesson.name: lesson for lesson in find_lessons(ROOT)}


@pytest.fixture(params=LESSONS, scope="module")
def lesson(request: pytest.FixtureRequest) -> Lesson:
    return LESSONS[request.param]


def test_answers_get_the_points_that_they_deserve(lesson):
    problems = [f"{trial.answer}: {trial.problem}" for trial in rehearse(lesson) if trial.problem]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("seed", [1, 2027])
def test_the_reference_gets_all_points_with_other_seeds(lesson, seed):
    parts = read_exercise(lesson)
    played = play(parts, seed=seed)
    assert played.total == sum(part.points for part in parts), played.errors


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 11])
def test_answers_get_the_points_that_they_deserve_with_other_seeds(lesson, seed):
    problems = [f"{trial.answer}: {trial.problem}" for trial in rehearse(lesson, seed) if trial.problem]
    assert not problems, "\n".join(problems)


def test_there_are_a_warm_up_a_core_and_an_open_exercise_with_enough_wrong_answers(lesson):
    solutions = {part.name: part.kind for part in read_exercise(lesson) if part.role == "solution"}
    assert set(KINDS) == set(solutions.values())
    of = [one.of for one in read_wrong(lesson)]
    few = {name: of.count(name) for name, kind in solutions.items() if of.count(name) < (5 if kind == "core" else 1)}
    assert not few
    names = [(one.of, one.name) for one in read_wrong(lesson)]
    assert len(names) == len(set(names))


def test_hidden_tests_stay_hidden_and_solutions_are_marked(lesson):
    for part in read_exercise(lesson):
        for word in ("SOLUTION", "HIDDEN TESTS"):
            assert part.source.count(f"### BEGIN {word}") == part.source.count(f"### END {word}") <= 1
        assert ("### BEGIN HIDDEN TESTS" in part.source) == (part.role == "test")
        assert ("### BEGIN SOLUTION" in part.source) == (part.role == "solution")
