"""Randomness by name: repeatable, and independent from name to name."""

import itertools

import torch

from innerview.core.seeds import generator

NAMES = [(0,), (1,), ("transforms", 0), ("transforms", 1), ("start", 0), ("transforms0",), ("1",), (), (0, 0)]


def draw(*name: int | str, count: int = 4096) -> torch.Tensor:
    return torch.randn(count, generator=generator(*name))


def test_a_name_gives_the_same_stream_whatever_was_drawn_before():
    first = [draw(*name) for name in NAMES]
    torch.manual_seed(123)
    torch.randn(7)
    for name, stream in zip(reversed(NAMES), reversed(first), strict=True):
        assert torch.equal(draw(*name), stream)


def test_drawing_leaves_the_global_state_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    draw("transforms", 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_streams_of_different_names_are_independent():
    bound = 5 / 4096**0.5  # five standard deviations of the correlation of independent draws
    for one, other in itertools.combinations(NAMES, 2):
        assert torch.dot(draw(*one), draw(*other)).abs() / 4096 < bound, (one, other)


def test_neighbouring_seeds_are_no_shifted_copies():
    one, other = draw(0), draw(1)
    for shift in range(1, 50):
        assert not torch.equal(one[shift:], other[:-shift])


def test_the_stream_of_a_name_is_the_same_on_every_machine():
    """Golden, so that a change of the naming is seen: all stored pictures depend on it."""
    assert generator("transforms", 3).initial_seed() == 5137821321507097865
