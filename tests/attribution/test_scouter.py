"""SCOUTER: against a literal head, closed forms, and classes whose place is known."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from innerview.attribution import Scouter, ScouterClassifier, scouter, scouter_attention, scouter_loss
from innerview.attribution.scouter import of_class, position_embedding
from innerview.attribution.scouter_files import ScouterPlan, divided, feature_accuracy, recipe_of
from innerview.core.errors import BadInput, NotFinite
from innerview.training import Adam, Features, TensorSamples, TrainingRecipe, train

CHANNELS, CLASSES, SIDE, NOISE = 6, 3, 5, 0.1
RECIPE = TrainingRecipe(epochs=10, batch=24, optimizer=Adam(0.01))


def features(count=4, rows=3, columns=4, seed=0):
    return torch.rand(count, CHANNELS, rows, columns, generator=torch.Generator().manual_seed(seed)).double()


def head(**settings):
    return Scouter(CHANNELS, CLASSES, **{"width": 8, **settings}).double()


# The forward pass


@torch.no_grad()
def literal(model, image):
    """Return maps and logits of one image's features, slot by slot, with the GRU written out."""
    rows, columns = image.shape[1:]
    weight, bias = model.reduce.weight[:, :, 0, 0], model.reduce.bias
    cells = [torch.relu(weight @ image[:, i, j] + bias) for i in range(rows) for j in range(columns)]
    width = len(bias)
    places = position_embedding(rows, columns, width).double()
    keys = [model.key.weight @ (cell + place) + model.key.bias for cell, place in zip(cells, places, strict=True)]
    maps, logits = [], []
    for first in model.slots:
        slot, attention, update = first, [], first
        for iteration in range(model.iterations):
            attention = [1 / (1 + math.exp(-float(slot @ key) / math.sqrt(width))) for key in keys]
            update = torch.stack([a * cell for a, cell in zip(attention, cells, strict=True)]).sum(0) / width
            if iteration < model.iterations - 1:
                slot = gru(model.update, update, slot)
        maps.append(attention)
        logits.append(float(update.sum()) * {"positive": 1, "negative": -1}[model.explains])
    return torch.tensor(maps, dtype=torch.float64).unflatten(1, (rows, columns)), torch.tensor(
        logits, dtype=torch.float64
    )


def gru(cell, inputs, hidden):
    """One step as the gated recurrent unit's paper has it: reset, update, candidate."""
    parts = [
        (matrix @ vector + bias).chunk(3)
        for matrix, bias, vector in (
            (cell.weight_ih, cell.bias_ih, inputs), (cell.weight_hh, cell.bias_hh, hidden)
        )
    ]  # fmt: skip
    (reset_in, update_in, new_in), (reset_own, update_own, new_own) = parts
    reset, update = torch.sigmoid(reset_in + reset_own), torch.sigmoid(update_in + update_own)
    return (1 - update) * torch.tanh(new_in + reset * new_own) + update * hidden


@pytest.mark.parametrize("explains", ["positive", "negative"])
@pytest.mark.parametrize("iterations", [1, 3])
def test_maps_and_logits_are_those_of_a_literal_head(explains, iterations):
    model, images = head(explains=explains, iterations=iterations), features()
    for image, maps, logits in zip(images, model.attention(images), model(images), strict=True):
        expected_maps, expected_logits = literal(model, image)
        torch.testing.assert_close(maps, expected_maps)
        torch.testing.assert_close(logits, expected_logits, rtol=1e-6, atol=1e-7)


def test_the_logit_is_the_sum_of_the_evidence_and_its_sign_is_what_the_head_explains():
    images, (why, why_not) = features(), (head(explains=kind) for kind in ("positive", "negative"))
    for model, sign in ((why, 1), (why_not, -1)):
        evidence = model.evidence(images)
        torch.testing.assert_close(evidence.sum((2, 3)), model(images))
        assert (sign * evidence >= 0).all()
        mass = evidence / model.attention(images)
        torch.testing.assert_close(mass, mass[:, :1].expand_as(mass))  # all classes share it
    torch.testing.assert_close(why(images), -why_not(images))


def test_attention_lies_between_0_and_1_and_is_none_where_nothing_speaks_for_it():
    attention = head().attention(features())
    assert ((attention > 0) & (attention < 1)).all()
    blank = head()
    with torch.no_grad():
        blank.key.weight.zero_()
        blank.key.bias.zero_()
    assert (blank.attention(features()) == 0.5).all()


def test_positions_are_told_apart_by_waves_along_rows_and_columns():
    found = position_embedding(3, 4, 8).unflatten(0, (3, 4))
    for row in range(3):
        for column in range(4):
            down, across = 2 * math.pi * (row + 1) / 3, 2 * math.pi * (column + 1) / 4
            expected = [
                wave(angle / slow) for angle in (down, across) for wave in (math.sin, math.cos) for slow in (1, 100)
            ]
            assert found[row, column].tolist() == pytest.approx(expected, abs=1e-5)


# The loss


@pytest.mark.parametrize("weight", [0.0, 1.0, 10.0])
def test_the_loss_is_cross_entropy_and_the_weighted_mean_of_the_attention(weight):
    model, images, labels = head(area_weight=weight), features(), torch.tensor([0, 2, 1, 1])
    expected = F.cross_entropy(model(images), labels) + weight * model.attention(images).mean()
    torch.testing.assert_close(scouter_loss(model, images, labels), expected.float())


def test_the_same_seed_makes_the_same_head_and_leaves_other_draws_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, other, third = (Scouter(4, 3, width=8, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["slots"], third["slots"])


# Trained, where what makes the class is known


def planted(count=240, seed=0):
    """Return noise in which one position carries the channel of its class, the labels, and the positions."""
    draws = torch.Generator().manual_seed(seed)
    images = NOISE * torch.rand(count, CHANNELS, SIDE, SIDE, generator=draws)
    labels = torch.randint(CLASSES, (count,), generator=draws)
    places = torch.randint(SIDE * SIDE, (count,), generator=draws)
    images.flatten(2)[torch.arange(count), labels, places] += 10
    return images, labels, places


@cache
def trained(explains, weight):
    images, labels, _ = planted()
    first = Scouter(CHANNELS, CLASSES, explains=explains, area_weight=weight, width=16)
    found = train(first, TensorSamples((images, labels)), scouter_loss, RECIPE).model
    assert isinstance(found, Scouter)
    return found


def seen(explains, weight):
    """Return logits, maps, labels and places of other images than those that were trained on."""
    images, labels, places = planted(60, seed=1)
    model = trained(explains, weight)
    with torch.no_grad():
        return model(images), model.attention(images), labels, places


@pytest.mark.parametrize("explains", ["positive", "negative"])
def test_a_trained_head_tells_the_classes(explains):
    logits, _, labels, _ = seen(explains, 0.3)
    assert float((logits.argmax(1) == labels).double().mean()) >= 0.95


def test_the_positive_map_of_the_class_finds_the_planted_position():
    _, maps, labels, places = seen("positive", 0.3)
    found = of_class(maps, labels).flatten(1)
    assert float((found.argmax(1) == places).double().mean()) >= 0.95
    others = maps.mean((2, 3)).sum(1) - found.mean(1)
    assert float(found.mean(1).mean()) > float(others.mean()) / (CLASSES - 1)


def test_the_negative_maps_look_at_the_planted_position_for_all_classes_but_its_own():
    """Why not class 2? Because of what is there, which is of class 1."""
    _, maps, labels, places = seen("negative", 0.3)
    there = maps.flatten(2)[torch.arange(len(maps)), :, places]
    own = there[torch.arange(len(there)), labels]
    others = (there.sum(1) - own) / (CLASSES - 1)
    assert float((others > own + 0.3).double().mean()) >= 0.95


@pytest.mark.parametrize("explains", ["positive", "negative"])
def test_a_heavier_area_makes_maps_smaller(explains):
    areas = [float(seen(explains, weight)[1].mean()) for weight in (0.0, 0.3, 3.0)]
    assert areas[0] > 1.5 * areas[1] > 2 * areas[2]


# On a network


class Network(nn.Module):
    """Images to the mean of a convolution's channels."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(1)
            self.conv = nn.Conv2d(3, 5, 8, stride=8)

    def forward(self, images):
        return self.conv(images).mean((2, 3))


def classifier(labels=("tench", "church", "horn"), **settings):
    return scouter(Network().eval(), "conv", labels, **settings).eval().requires_grad_(requires_grad=False)


def photographs(count=3):
    return torch.rand(count, 3, 32, 40, generator=torch.Generator().manual_seed(2))


def test_a_classifier_gives_the_logits_and_the_map_of_a_class_by_index_name_list_or_prediction():
    model, images = classifier(), photographs()
    maps = model.head.attention(model.backbone(images))
    torch.testing.assert_close(model(images), model.head(model.backbone(images)))
    assert torch.equal(scouter_attention(model, images, 1), maps[:, 1])
    assert torch.equal(scouter_attention(model, images, "church"), maps[:, 1])
    assert torch.equal(scouter_attention(model, images, ["horn", 0, 1]), maps[range(3), [2, 0, 1]])
    assert torch.equal(scouter_attention(model, images), maps[range(3), model(images).argmax(1)])
    assert maps.shape == (3, 3, 4, 5)


def test_only_the_head_is_trained():
    model = scouter(Network().eval(), "conv", ("a", "b"))
    asked = {name.split(".")[0] for name, weight in model.named_parameters() if weight.requires_grad}
    assert asked == {"head"}


def test_every_tenth_photograph_that_can_be_read_is_kept_from_the_training():
    kept = np.arange(33) != 4
    known = Features(np.zeros((1, 33, 2), np.float16), kept, "here")
    training, measured = divided(known, torch.arange(33))
    assert measured.places.tolist() == [10, 20, 30]
    assert sorted([*training.places, *measured.places]) == np.flatnonzero(kept).tolist()


@pytest.mark.parametrize(
    ("epochs", "samples", "expected"),
    [(None, 2700, (20, 50)), (None, 108, (200, 50)), (None, 18, (400, 18)), (None, 1010, (20, 50)), (3, 108, (3, 50))],
)
def test_few_photographs_are_seen_more_often(epochs, samples, expected):
    recipe = recipe_of(ScouterPlan("googlenet", "inception_5b", ("a", "b"), epochs=epochs, seed=4), samples)
    assert (recipe.epochs, recipe.batch) == expected
    assert recipe.seed == 4


def test_the_share_of_right_features_is_counted_in_batches():
    values = np.eye(3, dtype=np.float16)[[0, 1, 2, 2, 1]][None]
    samples = Features(values, np.ones(5, bool), "here").samples(torch.tensor([0, 1, 2, 1, 1]))
    linear = nn.Linear(3, 3, bias=False)
    nn.init.eye_(linear.weight)
    assert feature_accuracy(linear, samples, batch=2) == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: Scouter(0, 3), "a channel"),
        (lambda: Scouter(4, 1), "two classes"),
        (lambda: Scouter(4, 3, width=6), "multiple of 4"),
        (lambda: Scouter(4, 3, iterations=0), "an iteration"),
        (lambda: Scouter(4, 3, explains="both"), "positive or negative"),
        (lambda: Scouter(4, 3, area_weight=-1), "from 0 on"),
        (lambda: Scouter(4, 3, area_weight=math.nan), "from 0 on"),
        (lambda: ScouterClassifier(nn.Identity(), Scouter(4, 3), ["a"]), "1 names for 3 classes"),
        (lambda: scouter_attention(classifier(), photographs(), 3), "out of range"),
        (lambda: scouter_attention(classifier(), photographs(), lambda *_: torch.ones(3)), "belong to classes"),
        (lambda: scouter_attention(classifier().train(), photographs()), "training mode"),
    ],
)
def test_wrong_input_is_named(wrong, told):
    with pytest.raises(BadInput, match=told):
        wrong()


def test_a_pixel_that_is_no_number_is_refused():
    with pytest.raises(NotFinite):
        scouter_attention(classifier(), photographs() * torch.nan)
