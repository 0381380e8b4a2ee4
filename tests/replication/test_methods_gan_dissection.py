"""The page on GAN dissection: units in the order of their agreement, levels and places as they are told."""

import numpy as np
import pytest
import torch

from replication.methods.gan_dissection import measures

NAME = "gan_dissection"


def test_units_stand_in_the_order_of_their_agreement(run):
    found = measures.dissection(run, run.config.layer)
    for concept in measures.chosen(run):
        column = found.iou[:, found.names.index(concept)]
        order = measures.units_for(run, concept)
        assert sorted(order) == list(range(len(column)))
        assert (np.diff(column[order]) <= 0).all()


def test_chosen_concepts_are_shown_often_and_are_no_greys(run):
    found = measures.dissection(run, run.config.layer)
    chosen = measures.chosen(run)
    assert 1 <= len(chosen) <= 3
    for concept in chosen:
        assert concept not in measures.GREYS
        assert found.pixels[found.names.index(concept)] >= 0.03 * run.config.images * 64 * 64


def test_levels_are_means_where_units_are_on(run):
    thresholds = measures.dissection(run, run.config.layer).thresholds
    with torch.no_grad():
        maps = measures.evaluated(run, measures.codes(run)[0])
    for unit in (0, 5):
        values = maps[:, unit].flatten()
        on = values[values > float(thresholds[unit])]
        assert float(measures.levels(run, [unit])) == pytest.approx(float(on.mean()), rel=1e-5)


def test_units_are_switched_in_the_middle_of_layer_and_image(run):
    layer, image = measures.region(run)
    assert layer.shape == (16, 16)
    assert layer[4:12, 4:12].all()
    assert int(layer.sum()) == 64
    assert image[16:48, 16:48].all()
    assert int(image.sum()) == 32 * 32


def test_with_no_unit_off_nothing_is_gone(run):
    concept = measures.chosen(run)[0]
    found = measures.removal(run, concept)
    assert found.counts[0] == 0
    assert torch.equal(found.own[0], found.random[0, 0])
    assert torch.allclose(found.own[0], measures.shares(run, []).mean(0))
    assert not torch.equal(found.own[0], found.own[-1])
