"""Optimisers, schedules and groups, against what their formulas say."""

import math

import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.training import (
    SGD,
    Adam,
    Constant,
    Cosine,
    Drops,
    EarlyStop,
    Group,
    TensorSamples,
    TrainingRecipe,
    train,
)


class Line(nn.Module):
    """Two weights: the loss is the mean of ``slope * x + offset``, so that its gradient is the mean of x, and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
        self.offset = nn.Parameter(torch.tensor(-1.0, dtype=torch.float64))

    def forward(self, x):
        return self.slope * x + self.offset


def mean_output(model, x):
    return model(x).mean()


def trained(x, **settings):
    samples = TensorSamples((torch.tensor(x, dtype=torch.float64),))
    result = train(Line(), samples, mean_output, TrainingRecipe(batch=len(x), **settings))
    weights = result.model.state_dict()
    return float(weights["slope"]), float(weights["offset"]), result.history.tolist()


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_its_formula(nesterov):
    slope, velocity = 2.0, 0.0
    for step in range(3):
        gradient = 3.0 + 0.1 * slope  # the mean of x, and weight decay
        velocity = gradient if step == 0 else 0.9 * velocity + gradient
        slope -= 0.01 * (gradient + 0.9 * velocity if nesterov else velocity)
    found, _, _ = trained([2.0, 4.0], epochs=3, optimizer=SGD(0.01, 0.9, nesterov, weight_decay=0.1))
    assert found == pytest.approx(slope, rel=1e-12)


def test_adam_is_its_formula_with_the_decay_apart():
    slope, mean, square = 2.0, 0.0, 0.0
    for step in range(1, 4):
        slope -= 0.01 * 0.1 * slope
        mean, square = 0.8 * mean + 0.2 * 3.0, 0.95 * square + 0.05 * 9.0
        slope -= 0.01 * (mean / (1 - 0.8**step)) / (math.sqrt(square / (1 - 0.95**step)) + 1e-8)
    found, _, _ = trained([2.0, 4.0], epochs=3, optimizer=Adam(0.01, (0.8, 0.95), weight_decay=0.1))
    assert found == pytest.approx(slope, rel=1e-12)


def test_the_history_is_the_loss_before_each_step():
    *_, history = trained([2.0, 4.0], epochs=2, optimizer=SGD(0.1, momentum=0.0))
    assert history == pytest.approx([2 * 3 - 1, (2 - 0.3) * 3 - 1.1])


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (Constant(), [1, 1, 1, 1]),
        (Drops(at=(0.25, 0.75), factor=0.1), [1, 0.1, 0.1, 0.01]),
        (Cosine(), [1, 0.5 + 0.5 * math.sqrt(0.5), 0.5, 0.5 - 0.5 * math.sqrt(0.5)]),
        (Cosine(warmup=0.5), [0, 0.5, 1, 0.5]),
    ],
    ids=str,
)
def test_the_schedule_scales_every_step(schedule, factors):
    slope, *_ = trained([1.0], epochs=4, optimizer=SGD(0.1, momentum=0.0), schedule=schedule)
    assert slope == pytest.approx(2 - 0.1 * sum(factors), rel=1e-12)


def test_groups_have_a_pace_and_a_decay_of_their_own_and_the_first_that_fits_counts():
    groups = (Group("off*", factor=10.0, weight_decay=0.5), Group("*set", factor=100.0), Group("s*", factor=0.0))
    with pytest.raises(BadInput, match=r"no parameter fits '\*set'"):
        trained([3.0], epochs=1, groups=groups)
    slope, offset, _ = trained([3.0], epochs=1, optimizer=SGD(0.1, weight_decay=0.2), groups=groups[::2])
    assert slope == 2.0
    assert offset == pytest.approx(-1 - 0.1 * 10 * (1 + 0.5 * -1), rel=1e-12)


def test_a_group_without_a_decay_keeps_the_optimisers():
    _, offset, _ = trained([3.0], epochs=1, optimizer=SGD(0.1, weight_decay=0.2), groups=(Group("offset", factor=2.0),))
    assert offset == pytest.approx(-1 - 0.1 * 2 * (1 + 0.2 * -1), rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": -1}, "0 or more epochs, not -1"),
        ({"batch": 0}, "1 or more samples a batch"),
        ({"epochs": 2, "snapshots": (0, 3)}, r"between epoch 0 and 2, not at \(0, 3\)"),
        ({"epochs": 2, "snapshots": (-1,)}, "snapshots are taken"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        TrainingRecipe(**settings)


def test_an_early_stop_without_patience_is_refused():
    with pytest.raises(BadInput, match="a patience of 1 or more epochs, not 0"):
        EarlyStop("right", 0)
