"""The algebra of objectives, against closed forms on a network whose activations are written down."""

import re

import numpy as np
import pytest
import torch
from optimize.linear import IMAGES, LOGITS, MIXED, MODEL, Linear1x1, batch, mixed_of, same

from innerview.core.errors import BadInput
from innerview.optimize import (
    Objective,
    Reading,
    channel,
    class_logit,
    interpolation,
    layer,
    total_variation,
    visualize,
)


@pytest.mark.parametrize(
    ("combined", "wanted", "name"),
    [
        (lambda a, b: a + b, lambda a, b: a + b, "(A + B)"),
        (lambda a, b: a - b, lambda a, b: a - b, "(A - B)"),
        (lambda a, b: a * b, lambda a, b: a * b, "(A * B)"),
        (lambda a, _: a + 2, lambda a, _: a + 2, "(A + 2)"),
        (lambda a, _: a - 0.5, lambda a, _: a - 0.5, "(A - 0.5)"),
        (lambda a, _: a * 3.0, lambda a, _: a * 3, "(A * 3)"),
        (lambda a, _: 2 + a, lambda a, _: 2 + a, "(2 + A)"),
        (lambda a, _: 2 - a, lambda a, _: 2 - a, "(2 - A)"),
        (lambda a, _: 0.25 * a, lambda a, _: a / 4, "(0.25 * A)"),
        (lambda a, _: -a, lambda a, _: -a, "-A"),
        (lambda a, b: -(a - 0.5 * b), lambda a, b: b / 2 - a, "-(A - (0.5 * B))"),
        (lambda a, b: a * a - b, lambda a, b: a**2 - b, "((A * A) - B)"),
    ],
)
def test_objectives_are_an_algebra_with_readable_names(combined, wanted, name):
    a, b = channel("mixed", 1), class_logit(3)
    made = combined(a, b)
    same(made(MODEL, IMAGES), wanted(MIXED[:, 1].mean((1, 2)), LOGITS[:, 3]))
    assert made.name == name.replace("A", "channel(mixed, 1)").replace("B", "class_logit(3)")
    assert repr(made) == made.name


def test_numbers_that_differ_give_names_that_differ():
    objective = channel("mixed", 1)
    assert (0.1234567 * objective).name != (0.1234568 * objective).name


def test_a_sum_reads_each_layer_once_and_only_as_deep_as_needed():
    ran = []
    model = Linear1x1().double()
    for name, part in model.named_children():
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
    made = channel("mixed", 0) + channel("mixed", 1) - 0.5 * layer("pool")
    assert made.layers == ("mixed", "pool")
    made(model, IMAGES)
    assert ran == ["mixed", "tokens", "pool"]


def test_the_count_of_a_sum_is_that_of_its_parts():
    assert (channel("a", [1, 2]) + layer("b")).count == 2
    assert (3 * channel("a", [1, 2])).count == 2
    assert (-channel("a", [1, 2, 3])).count == 3
    assert (layer("a") + total_variation()).count is None


def test_parts_that_ask_for_different_numbers_of_images_are_refused():
    with pytest.raises(BadInput, match=r"channel\(a, 1, 2\) asks for 2 images and channel\(b, 1, 2, 3\) for 3"):
        _ = channel("a", [1, 2]) + channel("b", [1, 2, 3])


def test_an_objective_of_ones_own_is_a_function_of_a_reading():
    brightest = Objective("brightest", ("mixed",), lambda reading: reading.activations["mixed"].flatten(1).amax(1))
    same((brightest - 1)(MODEL, IMAGES), MIXED.flatten(1).amax(1) - 1)


SHARES = [1.0, 0.5]


@pytest.mark.parametrize(
    ("combined", "wanted", "name"),
    [
        (lambda a: [1, 0.5] * a, lambda a, s: s * a, "([1, 0.5] * A)"),
        (lambda a: a * (1, 0.5), lambda a, s: s * a, "(A * [1, 0.5])"),
        (lambda a: SHARES + a, lambda a, s: s + a, "([1, 0.5] + A)"),
        (lambda a: a + SHARES, lambda a, s: a + s, "(A + [1, 0.5])"),
        (lambda a: [1, 0.5] - a, lambda a, s: s - a, "([1, 0.5] - A)"),
        (lambda a: a - [1, 0.5], lambda a, s: a - s, "(A - [1, 0.5])"),
        (lambda a: np.array(SHARES) * a, lambda a, s: s * a, "([1, 0.5] * A)"),
        (lambda a: a - np.array(SHARES), lambda a, s: a - s, "(A - [1, 0.5])"),
        (lambda a: torch.tensor(SHARES) + a, lambda a, s: s + a, "([1, 0.5] + A)"),
        (lambda a: a * torch.tensor(SHARES), lambda a, s: s * a, "(A * [1, 0.5])"),
    ],
)
def test_several_numbers_are_one_for_each_image(combined, wanted, name):
    made = combined(channel("mixed", 1))
    assert made.count == 2
    same(made(MODEL, IMAGES), wanted(MIXED[:, 1].mean((1, 2)), torch.tensor([1, 0.5], dtype=torch.float64)))
    assert made.name == name.replace("A", "channel(mixed, 1)")


def test_as_many_numbers_as_images_are_wanted():
    made = [1, 0.5, 0] * channel("mixed", 1)
    with pytest.raises(BadInput, match=r"\(\[1, 0.5, 0\] \* channel\(mixed, 1\)\) asks for 3 images, not 2"):
        made(MODEL, IMAGES)
    with pytest.raises(BadInput, match=r"\[1, 0.5, 0\] asks for 3 images and channel\(a, 1, 2\) for 2"):
        _ = [1, 0.5, 0] * channel("a", [1, 2])


def test_an_ascent_makes_as_many_images_as_there_are_numbers():
    made = visualize(Linear1x1().requires_grad_(False), [1, 0, -1] * channel("mixed", 0), size=32, steps=1)
    assert len(made.images) == 3


def test_a_sum_of_many_starts_with_the_first():
    parts = [channel("mixed", 0), 2 * channel("mixed", 1), class_logit(3)]
    made = sum(parts)
    assert isinstance(made, Objective)
    assert made.name == "((channel(mixed, 0) + (2 * channel(mixed, 1))) + class_logit(3))"
    same(made(MODEL, IMAGES), sum(part(MODEL, IMAGES) for part in parts))


@pytest.mark.parametrize("other", [np.array(["1", "2"]), np.ones((2, 2)), torch.tensor([1j])])
def test_an_objective_combines_with_numbers_alone(other):
    for combine in (lambda a, b: a + b, lambda a, b: b * a):
        with pytest.raises(BadInput, match=f"or one for each image, not with {re.escape(repr(other.tolist()))}"):
            combine(channel("mixed", 0), other)


def test_a_number_of_numpys_is_a_number():
    assert (np.float64(0.5) * channel("mixed", 1)).name == (0.5 * channel("mixed", 1)).name
    assert (channel("mixed", 1) - torch.tensor(2)).name == (channel("mixed", 1) - 2).name


@pytest.mark.parametrize("count", [2, 3, 6])
def test_an_interpolation_goes_evenly_from_one_objective_to_the_other(count):
    images = batch(count)
    made = interpolation(channel("mixed", 1), class_logit(3), count)
    assert made.count == count
    assert made.name == f"interpolation(channel(mixed, 1), class_logit(3), {count})"
    a, b = mixed_of(images)[:, 1].mean((1, 2)), class_logit(3)(MODEL, images)
    for image, value in enumerate(made(MODEL, images)):
        share = image / (count - 1)
        same(value, (1 - share) * a[image] + share * b[image])


@pytest.mark.filterwarnings("ignore")
def test_an_interpolation_has_the_value_that_lucent_gives_it_with_the_sign_turned():
    from lucent.optvis import objectives  # noqa: PLC0415  (warns at import)

    images = batch(5)
    theirs = objectives.channel_interpolate("mixed", 1, "mixed", 4)(lambda _: mixed_of(images))
    ours = interpolation(channel("mixed", 1), channel("mixed", 4), 5)(MODEL, images)
    same(ours.sum(), -theirs)


def test_an_interpolation_of_less_than_two_images_is_refused():
    with pytest.raises(BadInput, match="needs at least 2 images, not 1"):
        interpolation(channel("a", 0), channel("a", 1), 1)


def test_an_interpolation_of_another_number_of_images_than_its_ends_is_refused():
    with pytest.raises(BadInput, match="asks for 3 images and channel"):
        interpolation(channel("a", [0, 1]), channel("a", 1), 3)


@pytest.mark.parametrize(
    "objective", [channel("mixed", [1, 2, 3]), interpolation(channel("mixed", 1), class_logit(2), 3)]
)
def test_what_an_image_measures_is_its_own_matter(objective):
    images = batch(3)
    changed = images.clone()
    changed[1] = 1 - changed[1]
    before, after = objective(MODEL, images), objective(MODEL, changed)
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert before[1] != after[1]


def test_an_objective_may_look_at_how_opaque_the_images_are():
    def opaquest(reading):
        assert reading.alpha is not None
        return reading.alpha.flatten(1).amax(1)

    veil = Objective("veil", (), opaquest)
    alpha = torch.tensor([0.25, 0.75], dtype=torch.float64).reshape(2, 1, 1, 1).expand(2, 1, 6, 7)
    assert veil(MODEL, IMAGES, alpha).tolist() == [0.25, 0.75]
    assert Reading(IMAGES, {}, MODEL).alpha is None
