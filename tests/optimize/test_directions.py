"""Objectives of directions against literal loops, on a network whose activations are written down."""

import re

import numpy as np
import pytest
import torch
from optimize.linear import IMAGES, MIXED, MODEL, Linear1x1, ascent_raises, batch, mixed_of, same
from torch import nn
from torch.nn import functional as F

from innerview.core.errors import BadInput, LayerNotFound
from innerview.optimize import (
    Reading,
    Recipe,
    activation_difference,
    caricature,
    cosine,
    direction,
    direction_neuron,
    layer,
    visualize,
)

VECTOR = torch.tensor([0.5, -1.0, 2.0, 0.0, 1.5], dtype=torch.float64)
VECTORS = torch.stack([VECTOR, VECTOR.flip(0)])
MAP = torch.randn(5, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
MAPS = torch.stack([MAP, MAP.flip(0)])
IDENTITY = nn.Sequential(nn.Identity())


def dot_cosine(h, v, power):
    """One position: dot product times a power of the cosine, which counts as at least 0.1."""
    dot = sum(float(a) * float(b) for a, b in zip(h, v, strict=True))
    length_h, length_v = float(h.square().sum().sqrt()), float(v.square().sum().sqrt())
    cos = dot / (1e-4 + length_h) / (1e-4 + length_v)
    return dot, cos, dot * max(0.1, cos) ** power


def by_loops(vectors, power, part):
    """Mean over positions of one part of `dot_cosine`, image by image."""
    means = []
    for image in range(2):
        of_image = vectors[image] if vectors.ndim in (2, 4) else vectors
        at = [(row, column) for row in range(6) for column in range(7)]
        values = [
            dot_cosine(MIXED[image, :, r, c], of_image if of_image.ndim == 1 else of_image[:, r, c], power)[part]
            for r, c in at
        ]
        means.append(sum(values) / len(values))
    return torch.tensor(means, dtype=torch.float64)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.5, 4.0])
@pytest.mark.parametrize("vectors", [VECTOR, VECTORS, MAP, MAPS], ids=lambda vectors: str(tuple(vectors.shape)))
def test_a_direction_is_the_mean_of_dot_products_times_a_power_of_the_cosine(vectors, power):
    made = direction("mixed", vectors, power)
    assert made.count == (2 if vectors.ndim in (2, 4) else None)
    same(made(MODEL, IMAGES), by_loops(vectors, power, 2))


@pytest.mark.parametrize("vectors", [VECTOR, VECTORS, MAP, MAPS], ids=lambda vectors: str(tuple(vectors.shape)))
def test_a_cosine_is_the_mean_over_positions(vectors):
    same(cosine("mixed", vectors)(MODEL, IMAGES), by_loops(vectors, 0, 1))


@pytest.mark.parametrize("power", [0.0, 2.0])
@pytest.mark.parametrize(("position", "row", "column"), [(None, 3, 3), ((0, 6), 0, 6)])
def test_a_direction_neuron_looks_at_one_position_the_middle_by_default(position, row, column, power):
    at = MIXED[:, :, row, column]
    one = direction_neuron("mixed", VECTOR, power, position)
    several = direction_neuron("mixed", VECTORS, power, position)
    for image in range(2):
        same(float(one(MODEL, IMAGES)[image]), dot_cosine(at[image], VECTOR, power)[2])
        same(float(several(MODEL, IMAGES)[image]), dot_cosine(at[image], VECTORS[image], power)[2])


def test_tokens_are_positions_too():
    same(direction("tokens", VECTOR, 2.0)(MODEL, IMAGES), direction("mixed", VECTOR, 2.0)(MODEL, IMAGES))
    same(cosine("tokens", VECTORS)(MODEL, IMAGES), cosine("mixed", VECTORS)(MODEL, IMAGES))
    found = direction_neuron("tokens", VECTOR, 1.0, 9)(MODEL, IMAGES)
    same(found, direction_neuron("mixed", VECTOR, 1.0, (1, 2))(MODEL, IMAGES))


def test_a_layer_without_positions_is_one_vector():
    vector = torch.tensor([1.0, 0.0, -1.0, 2.0], dtype=torch.float64)
    logits = MODEL(IMAGES)
    same(direction("fc", vector)(MODEL, IMAGES), logits @ vector)
    wanted = [dot_cosine(one, vector, 2.0)[2] for one in logits]
    same(direction("fc", vector, 2.0)(MODEL, IMAGES), torch.tensor(wanted, dtype=torch.float64))


def test_a_channel_is_the_direction_of_its_axis():
    axis = np.zeros(5)
    axis[3] = 1
    same(direction("mixed", axis)(MODEL, IMAGES), MIXED[:, 3].mean((1, 2)))


def test_vectors_may_be_of_any_number_type():
    whole = np.array([1, 2, 0, -1, 3], dtype=np.int16)
    wanted = direction("mixed", whole.astype(np.float64))
    for same_numbers in (whole, whole.astype(">f4"), torch.from_numpy(whole), torch.tensor(whole).bfloat16()):
        made = direction("mixed", same_numbers)
        assert made.name == wanted.name
        assert torch.equal(made(MODEL, IMAGES), wanted(MODEL, IMAGES))


@pytest.mark.filterwarnings("ignore")
def test_lucent_calls_the_cosine_a_direction_and_turns_the_sign():
    from lucent.optvis import objectives  # noqa: PLC0415  (warns at import)

    def same_but_for_epsilon(found, wanted):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=0)  # theirs has none

    theirs = objectives.direction("mixed", VECTOR)(lambda _: MIXED)
    same_but_for_epsilon(cosine("mixed", VECTOR)(MODEL, IMAGES).mean(), -theirs)
    theirs = objectives.direction_neuron("mixed", VECTOR)(lambda _: MIXED)
    middle = cosine("mixed", VECTOR)(MODEL, IMAGES[..., 3:4, 3:4]).mean()
    same_but_for_epsilon(middle, -theirs)


@pytest.mark.filterwarnings("ignore")
def test_the_dot_product_is_lucents_weighted_channels():
    from lucent.optvis import objectives  # noqa: PLC0415  (warns at import)

    theirs = objectives.channel_weight("mixed", VECTOR)(lambda _: MIXED)  # a mean over the channels, too
    same(direction("mixed", VECTOR)(MODEL, IMAGES).mean(), -5 * theirs)
    theirs = objectives.neuron_weight("mixed", VECTOR)(lambda _: MIXED)
    same(direction_neuron("mixed", VECTOR)(MODEL, IMAGES).mean(), -5 * theirs)


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_a_caricature_is_the_dot_product_with_the_image_times_a_power_of_the_cosine(power):
    photo = batch(1)
    target = mixed_of(photo)[0].flatten()
    made = caricature(MODEL, photo, "mixed", power)
    assert made.count is None
    wanted = [dot_cosine(one.flatten(), target, power)[2] for one in MIXED]
    same(made(MODEL, IMAGES), torch.tensor(wanted, dtype=torch.float64))


def of_activations(objective, mixed):
    return objective.measure(Reading(IMAGES[:1], {"mixed": mixed}, MODEL))


def test_a_caricature_is_largest_along_the_image_itself():
    photo = batch(1)
    made = caricature(MODEL, photo, "mixed", 2.0)
    length = mixed_of(photo).norm()
    others = [mixed_of(other) for other in batch(8, seed=5).split(1)]
    found = [float(of_activations(made, other * length / other.norm())) for other in others]
    itself = float(of_activations(made, mixed_of(photo)))
    assert itself == pytest.approx(float(length**2), rel=1e-3)
    assert max(found) < itself


@pytest.mark.parametrize("norm", [1, 2])
def test_an_activation_difference_is_minus_the_mean_distance(norm):
    photo = batch(1)
    target = mixed_of(photo)[0]
    made = activation_difference(MODEL, photo, "mixed", norm)
    wanted = [-sum(abs(d) ** norm for d in (one - target).flatten().tolist()) / target.numel() for one in MIXED]
    same(made(MODEL, IMAGES), torch.tensor(wanted, dtype=torch.float64))
    same(made(MODEL, photo), torch.zeros(1, dtype=torch.float64))


@pytest.mark.parametrize("name", ["mixed", "tokens", "fc"])
@pytest.mark.parametrize("make", [caricature, activation_difference])
def test_each_image_may_have_a_model_of_its_own(make, name):
    photos = batch(2)
    several = make(MODEL, photos, name)
    assert several.count == 2
    one = [make(MODEL, photos[i : i + 1], name)(MODEL, IMAGES[i : i + 1]) for i in range(2)]
    same(several(MODEL, IMAGES), torch.cat(one))


@pytest.mark.parametrize("make", [caricature, activation_difference])
def test_tokens_count_as_the_maps_that_they_are(make):
    photo = batch(1)
    same(make(MODEL, photo, "tokens")(MODEL, IMAGES), make(MODEL, photo, "mixed")(MODEL, IMAGES))


@pytest.mark.parametrize("margins", [(2, 2, 2, 2), (1, 2, 0, 1)])
def test_padding_does_not_move_what_is_compared(margins):
    photo, padded = batch(1), F.pad(IMAGES, margins, value=0.5)
    for objective in (
        caricature(MODEL, photo, "mixed"),
        activation_difference(MODEL, photo, "mixed"),
        direction("mixed", MAP, 2.0),
    ):
        same(objective(MODEL, padded), objective(MODEL, IMAGES))


def test_of_a_smaller_map_the_middle_is_compared():
    found = direction("mixed", MAP)(MODEL, IMAGES[..., 1:5, 2:5])
    same(found, direction("mixed", MAP[:, 1:5, 2:5])(MODEL, IMAGES[..., 1:5, 2:5]))


OBJECTIVES = [
    direction("mixed", VECTOR, 2.0),
    direction("mixed", MAPS),
    direction_neuron("mixed", VECTORS, 1.0),
    cosine("mixed", VECTOR),
    caricature(MODEL, batch(1), "mixed", 1.0),
    activation_difference(MODEL, batch(1), "mixed", 2),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_the_gradient_is_that_of_the_value(objective):
    assert torch.autograd.gradcheck(
        lambda images: objective(MODEL, images), IMAGES[..., 1:5, 2:5].clone().requires_grad_()
    )


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_an_ascent_raises_it(objective):
    assert ascent_raises(objective, MODEL, IMAGES)


def test_an_ascent_with_transforms_raises_a_caricature():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 8, 3)).requires_grad_(False)
    photo = torch.rand(1, 3, 48, 48)
    found = visualize(model, caricature(model, photo, "2"), size=48, recipe=Recipe(steps=24))
    assert found.history[-4:].mean() > found.history[:4].mean()


@pytest.mark.parametrize("objective", [direction("0", VECTOR[:3], 2.0), cosine("0", VECTOR[:3])], ids=repr)
def test_a_dead_position_gives_a_number_and_a_gradient(objective):
    images = torch.zeros(1, 3, 4, 4, requires_grad=True)
    values = objective(IDENTITY, images)
    (gradient,) = torch.autograd.grad(values.sum(), images)
    assert values.tolist() == [0]
    assert gradient.isfinite().all()
    assert gradient.any()


def test_a_small_cosine_counts_as_a_tenth_so_that_a_direction_not_yet_met_still_draws():
    away = -VECTOR.reshape(1, 5, 1, 1)
    found = of_activations(direction("mixed", VECTOR, 2.0), away)
    same(found, -VECTOR.square().sum()[None] * 0.01)


@pytest.mark.parametrize(
    ("objective", "pattern"),
    [
        (direction("a.b", VECTOR), r"direction\(a\.b, [0-9a-f]{8}\)"),
        (direction("a", VECTOR, 2.0), r"direction\(a, [0-9a-f]{8}, cosine\^2\)"),
        (direction_neuron("a", VECTOR, 0.5, (1, 2)), r"direction_neuron\(a, [0-9a-f]{8}, cosine\^0.5 at 1, 2\)"),
        (direction_neuron("a", VECTOR, position=7), r"direction_neuron\(a, [0-9a-f]{8} at 7\)"),
        (cosine("a", VECTOR), r"cosine\(a, [0-9a-f]{8}\)"),
        (caricature(MODEL, batch(1), "mixed"), r"caricature\(mixed, [0-9a-f]{8}, cosine\^1\)"),
        (activation_difference(MODEL, batch(1), "mixed", 2), r"activation_difference\(mixed, [0-9a-f]{8}, 2\)"),
    ],
)
def test_names_hold_a_fingerprint(objective, pattern):
    assert re.fullmatch(pattern, objective.name)


def test_what_differs_has_names_that_differ():
    other = Linear1x1().double()
    photo = batch(1)
    made = [
        *(direction("mixed", vectors) for vectors in (VECTOR, VECTOR + 1e-9, VECTORS, MAP)),
        direction("mixed", VECTOR, 1.0),
        caricature(MODEL, photo, "mixed"),
        caricature(MODEL, 1 - photo, "mixed"),
        caricature(other, photo, "mixed"),
        activation_difference(MODEL, photo, "mixed"),
        activation_difference(MODEL, photo, "mixed", 2),
        activation_difference(MODEL, 1 - photo, "mixed"),
    ]
    assert len({objective.name for objective in made}) == len(made)
    assert direction("mixed", VECTOR).name == direction("mixed", VECTOR.numpy().copy()).name


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (torch.tensor([1.0, float("nan")]), "NaN or infinite numbers; give finite ones"),
        (np.array([1.0, np.inf]), "NaN or infinite numbers"),
        (torch.zeros(5), "nothing but zeros points nowhere"),
        (torch.eye(3)[:2] * torch.tensor([[1.0], [0.0]]), "nothing but zeros points nowhere"),
        (torch.tensor(3.0), r"is \(c,\), \(b, c\), \(c, h, w\) or \(b, c, h, w\), not \(\)"),
        (torch.ones(1, 1, 1, 1, 1), r"not \(1, 1, 1, 1, 1\)"),
        (np.ones((0,)), r"not \(0,\)"),
        (torch.ones(3, dtype=torch.complex64), "real numbers, not torch.complex64; convert"),
        (np.array([1j, 2]), "real numbers, not complex128; convert"),
        (np.array(["1", "2"]), "real numbers, not <U1; convert"),
    ],
)
@pytest.mark.parametrize("make", [direction, direction_neuron, cosine])
def test_vectors_that_point_nowhere_are_refused(make, vectors, message):
    with pytest.raises(BadInput, match=message):
        make("mixed", vectors)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (direction("mixed", VECTOR[:4]), r"direction\(mixed, \w+\) has vectors of 4 numbers; this layer's have 5"),
        (direction("mixed", MAP[:4]), "has vectors of 4 numbers; this layer's have 5"),
        (direction_neuron("mixed", VECTOR[:4]), "has vectors of 4 numbers; this layer's have 5"),
        (cosine("tokens", VECTOR[:4]), "has vectors of 4 numbers; this layer's have 5"),
        (cosine("fc", VECTOR), "has vectors of 5 numbers; this layer's have 4"),
        (direction("fc", MAP[:4]), "has vectors at 6x7 positions; this layer has none"),
        (direction("tokens", MAP), "has vectors at 6x7 positions; this layer has 42"),
        (direction_neuron("fc", VECTOR[:4]), "'fc' has no positions"),
        (direction_neuron("mixed", VECTOR, position=(6, 0)), "'mixed' is 6x7 here; it has no position 6, 0"),
        (direction_neuron("mixed", VECTOR, position=3), "give a row and a column, not 3"),
        (direction("mixed", VECTORS[[0, 1, 0]]), r"direction\(mixed, \w+\) asks for 3 images, not 2"),
        (caricature(MODEL, batch(3), "mixed"), "asks for 3 images, not 2"),
        (caricature(MODEL, batch(1)[..., :5], "tokens"), "has vectors at 30 positions; this layer has 42"),
    ],
)
def test_vectors_that_do_not_fit_the_layer_are_refused(objective, message):
    with pytest.raises(BadInput, match=message):
        objective(MODEL, IMAGES)


def test_one_position_takes_no_map():
    with pytest.raises(
        BadInput, match=r"one position takes vectors \(c,\) or \(b, c\), not \(5, 6, 7\); use direction"
    ):
        direction_neuron("mixed", MAP)


@pytest.mark.parametrize("power", [-1.0, float("nan")])
def test_a_power_is_not_negative(power):
    for make in (direction, direction_neuron):
        with pytest.raises(BadInput, match="a cosine's power is 0 or more, not"):
            make("mixed", VECTOR, power)
    with pytest.raises(BadInput, match="a cosine's power is 0 or more, not"):
        caricature(MODEL, IMAGES, "mixed", power)


def test_an_image_of_a_layer_that_the_model_lacks_is_refused():
    for make in (caricature, activation_difference):
        with pytest.raises(LayerNotFound, match="no layer 'mixde'; near ones: mixed"):
            make(MODEL, IMAGES, "mixde")


def test_of_an_image_that_a_layer_does_not_see_there_is_no_caricature():
    with pytest.raises(BadInput, match="'mixed' is zero for the whole image, so nothing can be exaggerated"):
        caricature(MODEL, torch.zeros_like(IMAGES), "mixed")


def test_a_direction_adds_to_other_objectives():
    made = direction("mixed", VECTOR) - 0.5 * layer("fc")
    assert made.layers == ("mixed", "fc")
    same(made(MODEL, IMAGES), by_loops(VECTOR, 0, 2) - MODEL(IMAGES).square().sum(1) / 4)
