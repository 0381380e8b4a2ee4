import math
from typing import Any

import pytest
import torch

from innerview.course import Mistake, check
from innerview.course.checks import COMMON

RIGHT = torch.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], dtype=torch.float64)


def said(found, expected: Any = RIGHT, mistakes=None, **options) -> str:
    with pytest.raises(Mistake) as caught:
        check(found, expected, mistakes, **options)
    return str(caught.value)


@pytest.mark.parametrize("found", [RIGHT, RIGHT.float(), RIGHT.numpy(), RIGHT.tolist(), RIGHT + 1e-5])
def test_what_is_right_is_told_so(found, capsys):
    check(found, RIGHT, name="the map")
    assert capsys.readouterr().out == "the map: right\n"


def test_what_needs_a_gradient_is_compared_as_well():
    check(RIGHT.clone().requires_grad_(), RIGHT)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "does the function end with `return`?"),
        (..., "does the function end with `return`?"),
        ("text", "is of type str"),
        (RIGHT.to(torch.complex64), "is complex"),
        (RIGHT / 0, "6 values that are NaN or infinite"),
        (RIGHT * math.nan, "divided by zero"),
        (RIGHT[0], "one axis too many summed"),
        (RIGHT[None], "an axis of length 1 too many or too few"),
        (RIGHT[None] + 1, "is an axis still to be summed"),
        (RIGHT.T + 1, "are the axes in another order?"),
        (torch.zeros(2, 4), "expected is (2, 3)"),
        (-RIGHT, "the sign is wrong"),
        (3 * RIGHT, "3 times what is expected"),
        (RIGHT / 49, "0.0204082 times what is expected"),
        (RIGHT + 2, "what is expected plus 2"),
        (RIGHT.flip(1), "axis 1 is reversed"),
        (RIGHT * torch.tensor([[2.0], [3.0]]), "up to a factor of its own"),
        (RIGHT + torch.tensor([[0.0, 0, 0], [0, 1, 0]]), "1 of 6 values differ, most at index (1, 1): 5, "),
    ],
)  # fmt: skip
def test_a_wrong_result_is_told_what_is_wrong_with_it(found, words):
    assert words in said(found)


def test_squares_roots_and_the_like_are_recognised():
    positive = RIGHT.abs()
    assert "a ReLU forgotten" in said(RIGHT, RIGHT.relu())
    assert "absolute value forgotten" in said(RIGHT, positive)
    assert "a square forgotten" in said(positive.sqrt(), positive)
    assert "a square root forgotten" in said(positive.square(), positive)
    assert "a logarithm forgotten" in said(positive.exp(), positive)
    square = torch.arange(9.0).reshape(3, 3) ** 2
    assert "axes 0 and 1 are exchanged" in said(square.T, square)
    assert "in reverse order" in said([3.0, 2, 1], [1.0, 2, 3])


def test_a_named_mistake_comes_before_the_common_ones():
    assert said(-RIGHT, RIGHT, {"you subtract the gradient": -RIGHT}) == "your result: you subtract the gradient"


def test_a_named_mistake_of_another_shape_is_told_before_the_shape():
    assert said(RIGHT.sum(0), RIGHT, {"axis 0 is summed": RIGHT.sum(0)}) == "your result: axis 0 is summed"


def test_a_named_mistake_that_gives_the_right_result_accuses_nobody():
    check(RIGHT, RIGHT, {"the mean is not taken away": RIGHT})


def test_a_named_mistake_of_another_shape_or_not_finite_is_passed_over():
    assert "the sign is wrong" in said(-RIGHT, RIGHT, {"no": RIGHT[0], "nor": RIGHT * math.nan})


def test_a_single_number_is_told_without_factor_and_offset():
    assert said(2.0, 5.0, name="answer") == "answer: it is 2, expected is 5"
    assert "the sign is wrong" in said(-5.0, 5.0)


def test_the_tolerance_is_of_the_largest_number_and_absolute_around_zero():
    check([1.0, 100.009], [1.0, 100.0])
    assert "differ" in said([1.0, 100.02, 0.0], [1.0, 100.0, 0.5])
    check([1e-5, 0.0], [0.0, 0.0])
    said([1e-3, 0.0], [0.0, 0.0])


def test_a_notebook_shows_the_message_alone():
    with pytest.raises(Mistake) as caught:
        check(1, 2, name="it")
    assert caught.value._render_traceback_() == ["Not yet: it: it is 1, expected is 2"]


@pytest.mark.parametrize("seed", range(20))
def test_a_check_passes_exactly_what_is_equal(seed):
    generator = torch.Generator().manual_seed(seed)
    expected = torch.randn(4, generator=generator)
    found = expected + 10.0 ** -(seed / 4) * torch.randn(4, generator=generator)
    if (found - expected).abs().max() <= 1e-4 * expected.abs().max():
        check(found, expected)
    else:
        assert said(found, expected)


def test_each_common_mistake_is_told_apart_from_what_is_right():
    for hint, turned in COMMON.items():
        assert hint.endswith(("?", "-1"))
        assert not torch.equal(turned(RIGHT), RIGHT)
