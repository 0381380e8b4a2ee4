"""What the claims of the feature visualization replication are measured with, in closed form; panels that differ."""

import itertools
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from innerview.models import imagenet_labels, layer_shapes, load_model
from innerview.models.googlenet import GoogLeNet
from innerview.optimize import Fourier, Objective, total_variation
from replication.olah2017_feature_visualization import many, networks, photographs, regularization, trained, visuals
from replication.olah2017_feature_visualization.config import Config, Unit
from replication.olah2017_feature_visualization.paper import NARROWEST, PAPER, STAND_INS, embedded

PRESETS = {name: config for name, config in PAPER.presets.items() if isinstance(config, Config)}
CONFIGS = [*PRESETS.values(), *map(embedded, PRESETS.values())]
IDENTITY = nn.Identity()


# Panels

MAPPINGS: dict[str, Any] = {
    "regularizations": regularization.regularizations,
    "ways": regularization.ways,
    "metrics": regularization.metrics,
    "spaces": lambda _: regularization.spaces(),
    "gallery": many.spaces,
    "objectives": lambda config: {title: one.name for title, one in visuals.objectives(config).items()},
}


def test_there_are_presets():
    assert set(PRESETS) == set(PAPER.presets) >= {"paper", "book", "smoke"}


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_panels_have_configurations_that_differ(mapping):
    for config in CONFIGS:
        panels = MAPPINGS[mapping](config)
        assert len(panels) >= 3
        for (title, one), (other_title, other) in itertools.combinations(panels.items(), 2):
            assert one != other, (title, other_title)


def test_each_penalty_stands_alone_and_all_together_with_its_own_weight():
    config = replace(Config(), penalties=(1.0, 2.0, 3.0, 4.0))
    rows = regularization.regularizations(config)
    weights = {"L1": 1.0, "Total variation": 2.0, "Blur": 3.0, "Bilateral": 4.0}
    assert {title: dict(rows[title].penalties) for title in weights} == {
        title: {title: weight} for title, weight in weights.items()
    }
    assert dict(rows["All"].penalties) == weights
    assert {title for title, row in rows.items() if not row.penalties} == {"None", "Jitter", "Rotate", "Scale"}
    moves = [rows[title].transforms for title in ("Jitter", "Rotate", "Scale")]
    assert all(len(transforms) == 1 for transforms in moves)
    assert rows["All"].transforms == tuple(transform for (transform,) in moves)
    kinds = [objective.name.partition("(")[0] for objective in regularization.PENALTIES.values()]
    assert dict(zip(regularization.PENALTIES, kinds, strict=True)) == {
        "L1": "l1", "Total variation": "total_variation", "Blur": "blur", "Bilateral": "bilateral"
    }  # fmt: skip


def test_the_ways_are_every_pairing_of_parameterization_and_transforms():
    for config in CONFIGS:
        ways = regularization.ways(config)
        for title, moves, fourier in (
            ("Nothing", (), False), ("Decorrelated", (), True),
            ("Transforms", config.transforms, False), ("Both", config.transforms, True),
        ):  # fmt: skip
            assert ways[title].transforms == moves
            assert (ways[title].parameterization == Fourier()) is fourier
        alike = {replace(how, transforms=(), parameterization=Fourier()) for how in ways.values()}
        assert len(alike) == 1  # nothing else differs


def test_the_metrics_differ_in_nothing_but_metric_and_rate():
    for config in CONFIGS:
        metrics = regularization.metrics(config)
        assert [how.learning_rate for how in metrics.values()] == list(config.rates)
        assert len({replace(how, metric=None, learning_rate=1.0) for how in metrics.values()}) == 1


# How much of an objective small movements leave


def same_shape(reading):
    """Return 2 for the image itself, 1 for others of its size, and nothing for other sizes."""
    if reading.images.shape != START.shape:
        return torch.zeros(1)
    return torch.full((1,), 2.0 if torch.equal(reading.images, START) else 1.0)


START = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))


def test_a_movement_that_changes_nothing_leaves_all():
    mean = Objective("mean", (), lambda reading: reading.images.mean((1, 2, 3)))
    assert regularization.kept(IDENTITY, torch.full((1, 3, 40, 40), 0.5), mean) == pytest.approx(1, abs=1e-6)


def test_the_mean_over_six_shifts_two_turns_and_two_scalings_is_kept():
    kept = regularization.kept(IDENTITY, START, Objective("shape", (), same_shape))
    assert kept == pytest.approx((6 * 0.5 + 2 * 0.5 + 2 * 0) / 10)


def test_what_turns_negative_counts_as_nothing_and_a_dead_start_is_no_division_by_zero():
    lost = Objective("lost", (), lambda reading: 2 * same_shape(reading) - 3)  # 1 for the image itself, else -1 or -3
    assert regularization.kept(IDENTITY, START, lost) == 0
    dead = Objective("dead", (), lambda reading: reading.images.new_zeros(len(reading.images)))
    assert regularization.kept(IDENTITY, START, dead) == 0


def test_a_spot_moves_by_four_and_eight_pixels_turns_by_five_degrees_and_scales_by_a_twentieth():
    image = torch.zeros(1, 3, 100, 100)
    image[..., 49:52, 89:92] = 1  # middle at row 50.5, column 90.5 from the corner: 0.5 and 40.5 from the middle
    found = []

    def note(reading):
        weights = reading.images[0, 0] / reading.images.sum() * 3
        places = torch.arange(len(weights)) + 0.5
        found.append((float(weights.sum(1) @ places), float(weights.sum(0) @ places), len(weights)))
        return reading.images.sum((1, 2, 3))

    regularization.kept(IDENTITY, image, Objective("note", (), note))
    start, *moved = found
    assert start == pytest.approx((50.5, 90.5, 100), abs=1e-4)
    shifts = {(round(row - 50.5), round(column - 90.5)) for row, column, _ in moved[:6]}
    assert shifts == {(-8, 0), (8, 0), (0, -4), (0, 4), (4, 4), (-4, -4)}
    rise = 40.5 * np.sin(np.deg2rad(5))
    assert sorted(row - 50.5 for row, _, _ in moved[6:8]) == pytest.approx([-rise, rise], abs=0.1)
    assert [(side, column / 90.5) for _, column, side in moved[8:]] == [
        (95, pytest.approx(0.95, abs=2e-3)), (105, pytest.approx(1.05, abs=2e-3)),
    ]  # fmt: skip


# Steps that are needed


def test_the_first_step_at_which_the_running_mean_reaches_a_level():
    ramp = torch.arange(100.0)
    history = torch.stack([ramp, 2 * ramp, 0 * ramp, 5 + 0 * ramp], dim=1)
    level = torch.tensor([10.0, 10.0, 10.0, 5.0])
    assert regularization.steps_needed(history, level, width=1).tolist() == [10, 5, 100, 0]
    # The mean of steps k to k + 15 of a ramp is k + 7.5; the running mean of 100 steps has 85 values.
    assert regularization.steps_needed(history, level).tolist() == [3, 0, 85, 0]


def test_a_fall_after_the_first_time_does_not_count_and_short_histories_are_one_mean():
    history = torch.tensor([0.0, 3.0, 0.0, 3.0])[:, None]
    assert regularization.steps_needed(history, torch.tensor([2.0]), width=1).tolist() == [1]
    assert regularization.steps_needed(history, torch.tensor([1.5]), width=16).tolist() == [0]
    assert regularization.steps_needed(history, torch.tensor([1.6]), width=16).tolist() == [1]


# The penalty on blur


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("size", [16, 32])
def test_the_blur_penalty_is_quadratic_in_fourier_space_and_variation_is_not(seed, size, monkeypatch):
    assert regularization.blur_against_fourier(seed, size) < 1e-9
    monkeypatch.setattr(regularization, "blur", total_variation)
    assert regularization.blur_against_fourier(seed, size) > 0.1


# Logits and probabilities


def test_own_logit_and_others_sum_to_the_log_odds_of_the_class():
    logits = torch.randn(3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 4
    classes = (2, 6, 2)
    found = visuals._logit_and_others(logits, classes)
    before = logits.clone()
    assert found[:, 0].tolist() == [float(logits[image, index]) for image, index in enumerate(classes)]
    probability = logits.softmax(1)[torch.arange(3), torch.tensor(classes)]
    torch.testing.assert_close(found.sum(1), torch.log(probability / (1 - probability)))
    assert torch.equal(logits, before)


def test_a_fall_of_the_others_raises_the_second_part_alone_and_by_as_much():
    logits = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    lowered = logits - 1.5
    lowered[[0, 1], [1, 4]] += 1.5
    gain = visuals._logit_and_others(lowered, (1, 4)) - visuals._logit_and_others(logits, (1, 4))
    torch.testing.assert_close(gain, torch.tensor([[0.0, 1.5]] * 2, dtype=torch.float64))


# Means of two groups


def test_the_difference_of_means_lies_in_its_interval_of_the_right_width():
    draws = torch.Generator().manual_seed(0)
    one = torch.randn(400, generator=draws, dtype=torch.float64) + 1
    other = 3 * torch.randn(900, generator=draws, dtype=torch.float64)
    mean, low, high = photographs.difference(one, other)
    assert mean == pytest.approx(float(one.mean() - other.mean()))
    half = 1.96 * float((one.var() / 400 + other.var() / 900).sqrt())
    assert (mean - low, high - mean) == (pytest.approx(half, rel=0.1), pytest.approx(half, rel=0.1))
    assert photographs.difference(one, other) == (mean, low, high)
    assert photographs.difference(one, other, seed=1)[1] != low


def test_the_sign_is_that_of_the_first_and_constants_leave_no_doubt():
    ones, zeros = torch.ones(10), torch.zeros(20)
    assert photographs.difference(ones, zeros) == (1, 1, 1)
    assert photographs.difference(zeros, ones) == (-1, -1, -1)


# Classes


def members():
    return [(name, index) for name, ranges in photographs.SUPERCLASSES.items() for part in ranges for index in part]


def test_superclasses_are_disjoint_classes_of_imagenet():
    indices = [index for _, index in members()]
    assert len(indices) == len(set(indices))
    assert 0 <= min(indices) < max(indices) <= 999
    assert not set(indices) & set(range(398, 924))  # the heap of artefacts


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("fish", ["tench", "great white shark", "stingray", "barracouta", "puffer"]),
        ("birds", ["cock", "ostrich", "great grey owl", "black grouse", "black swan", "white stork", "albatross"]),
        ("amphibians and reptiles", ["European fire salamander", "bullfrog", "African crocodile", "sidewinder"]),
        ("spiders and the like", ["trilobite", "tarantula", "centipede"]),
        ("sea animals without bones", ["jellyfish", "isopod", "starfish", "sea cucumber"]),
        ("dogs", ["Chihuahua", "golden retriever", "pug", "Mexican hairless"]),
        ("wild canines and cats", ["timber wolf", "red fox", "tabby", "cheetah"]),
        ("bears, weasels and the like", ["brown bear", "meerkat", "weasel", "armadillo"]),
        ("insects", ["tiger beetle", "ladybug", "monarch", "lycaenid"]),
        ("rodents and rabbits", ["wood rabbit", "hamster", "guinea pig"]),
        ("hoofed animals", ["sorrel", "zebra", "hippopotamus", "llama"]),
        ("primates", ["orangutan", "chimpanzee", "indri"]),
        ("food and fruit", ["guacamole", "pizza", "banana", "eggnog"]),
        ("landscapes", ["alp", "seashore", "volcano"]),
        ("flowers and fungi", ["rapeseed", "daisy", "bolete", "ear"]),
    ],
)
def test_superclasses_hold_what_they_say(name, labels):
    found = {imagenet_labels()[index] for group, index in members() if group == name}
    assert set(labels) <= found


def test_every_superclass_is_looked_at():
    assert len(photographs.SUPERCLASSES) == 15


@pytest.mark.parametrize(
    "label", ["African elephant", "giant panda", "hartebeest", "toilet tissue", "plate", "abacus", "ballplayer"]
)
def test_borders_of_the_groups_are_sharp(label):
    index = imagenet_labels().index(label)
    groups = [name for name, member in members() if member == index]
    assert groups == (["hoofed animals"] if label == "hartebeest" else [])


def test_the_classes_of_the_article_are_those_that_the_comments_name():
    labels = [imagenet_labels()[index] for index in Config().classes]
    assert labels == ["golden retriever", "ladybug", "balloon", "daisy"]


# Layers and channels


def units(config: Config) -> list[Unit]:
    return [
        config.growing, config.unit, *config.explained, config.signed, *config.diverse, config.polysemantic,
        *config.pair, *config.ends, config.plain, config.regularized, *config.conditioned,
        Unit(config.sprites_layer, config.sprites - 1), Unit(config.directions_layer, config.groups - 1),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def shapes():
    return {
        "googlenet": layer_shapes(GoogLeNet().eval(), inside=True),
        "efficientnet_lite0": layer_shapes(load_model("efficientnet_lite0"), inside=True),
    }


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("stand_in", [False, True])
def test_units_are_channels_that_the_network_has(shapes, name, stand_in):
    config = embedded(PRESETS[name]) if stand_in else PRESETS[name]
    assert config.model == ("efficientnet_lite0" if stand_in else "googlenet")
    for layer, channel in units(config):
        assert 0 <= channel < shapes[config.model][layer][0], (layer, channel)


def test_stand_ins_are_as_many_different_units_as_the_articles():
    for config in PRESETS.values():
        other = embedded(config)
        for field in ("explained", "diverse", "pair", "ends", "conditioned"):
            asked, found = getattr(config, field), getattr(other, field)
            assert len(set(found)) == len(set(asked)) == len(found), field
        assert len({unit.layer for unit in other.conditioned}) == 1


def test_no_layer_that_stands_in_is_narrower_than_is_said(shapes):
    assert min(shapes["efficientnet_lite0"][layer][0] for layer in STAND_INS.values()) == NARROWEST


def test_channels_of_the_small_network_exist():
    width = layer_shapes(networks.SmallNet(), size=64)[trained.SMALL_LAYER][0]
    for config in CONFIGS:
        assert len(set(config.small_channels)) == len(config.small_channels)
        assert 0 <= min(config.small_channels) < max(config.small_channels) < width


def test_stages_are_reached():
    for config in CONFIGS:
        assert list(config.stages) == sorted(set(config.stages))
        assert (config.stages[0], config.stages[-1]) == (0, config.steps)
        assert list(config.regularized_stages) == sorted(set(config.regularized_stages))
        assert config.polysemantic in config.diverse


def test_configurations_can_be_told_apart():
    assert all(isinstance(config, Hashable) for config in CONFIGS)
    assert len(set(CONFIGS)) == len(CONFIGS)
