"""The page about network dissection: its concepts, its control, its measures in closed form."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from innerview.dissection import COLORS, Dissection

NAME = "network_dissection"


def test_the_photographs_have_masks_of_one_size_and_a_control(run, module):
    scenes = module("scenes")
    images, concepts = scenes.photographs(run)
    assert images.shape == (9, 3, 96, 96)
    assert concepts.size == (48, 48)
    of = dict(zip(concepts.names, concepts.categories, strict=True))
    assert {of[name] for name in COLORS} == {"color"}
    assert (of["cat"], of["cat, elsewhere"]) == ("object", "object, elsewhere")
    for place, masks in enumerate(concepts.found):
        other = concepts.found[(place + 4) % 9]
        for name in ("cat", "cup", "rocket"):
            assert (f"{name}, elsewhere" in masks) == (name in other)
            if name in other:
                assert torch.equal(masks[f"{name}, elsewhere"], torch.as_tensor(other[name]))
    assert sum("cat" in masks for masks in concepts.found) == 3


def test_rare_categories_are_left_out(module):
    mask = torch.ones(2, 2, dtype=torch.bool)
    scenes = [(torch.zeros(1, 3, 4, 4), {"cat": mask, "dog": mask}), (torch.ones(1, 3, 4, 4), {"cat": mask})]
    left = module("scenes")._common(scenes, 2)
    assert [set(shown) for _, shown in left] == [{"cat"}, {"cat"}]


def test_published_photographs_are_annotated_for_what_was_looked_for(paper, module, available):
    for name in ("coco128_seg", "imagenette160_boxes", "wsol_ilsvrc"):
        available(name)
    scenes = module("scenes")
    config = replace(paper.config("smoke"), scenes=4, rarest=1)
    images, concepts = scenes._photographs(config, fallback=False)
    assert len(images) == 4 + 10
    assert all("class" in aside for aside in concepts.unknown[:4])
    assert all("object" in aside and "class" not in aside for aside in concepts.unknown[4:])
    of = dict(zip(concepts.names, concepts.categories, strict=True))
    classes = [name for name, kind in of.items() if kind == "class"]
    assert len(classes) == 10
    assert "tench" in classes
    for masks in concepts.found[4:]:
        (shown,) = [name for name in masks if of[name] == "class"]
        assert 0.01 < masks[shown].float().mean() <= 1


def test_the_dissection_at_no_rotation_is_that_of_the_channels(run, module):
    measures = module("measures")
    plain = measures.dissected(run, run.config.rotated)
    turned = measures.turned(run)
    assert list(turned) == [0.0, 1.0]
    assert turned[0.0][0].iou == pytest.approx(plain.iou, abs=0.01)  # a product with the identity, other last bits
    assert np.abs(turned[1.0][0].iou - plain.iou).max() > 0.05
    assert len(turned[1.0][0].best) == len(plain.best)


def found(iou, categories):
    names = tuple(f"{category} {place}" for place, category in enumerate(categories))
    count = len(iou)
    return Dissection(
        "layer",
        names,
        categories,
        np.array(iou),
        np.zeros(count),
        np.array([10] * len(names)),
        np.zeros((count, 1), int),
    )


def test_the_control_is_no_rival_of_the_concepts(module):
    measures = module("measures")
    categories = ("color", "object", "object, elsewhere")
    units = found([[0.1, 0.05, 0.9], [0.0, 0.2, 0.9], [0.01, 0.02, 0.9]], categories)
    assert measures.unique(units) == 2
    assert measures.unique(units, ("color",)) == 1
    assert measures.unique(units, measures.NOUNS) == 1
    assert measures.own_and_others(units) == (1, 1)


def test_the_level_of_chance_leaves_one_in_twenty_of_the_control(module):
    draws = np.random.default_rng(0)
    categories = ("object",) * 40 + ("object, elsewhere",) * 40
    units = found(draws.random((300, 80)).tolist(), categories)
    measures = module("measures")
    level = measures.chance_level(units)
    detected = [measures.own_and_others(replace(units, minimum_iou=one))[1] for one in (level, level - 1e-9)]
    assert detected == [2, 3]
    assert measures.beyond_chance(units).minimum_iou == level
    quiet = found([[0.5, 0.001], [0.2, 0.0]], ("object", "object, elsewhere"))
    assert measures.chance_level(quiet) == 0.04


def test_the_highest_iou_is_the_ratio_of_the_shares(module):
    shares = np.array([0.0, 0.001, 0.005, 0.01, 0.5])
    assert module("measures").ceiling(shares, 0.005) == pytest.approx([0, 0.2, 1, 0.5, 0.01])


def test_coverage_counts_annotated_photographs_alone(run, module):
    whole = module("measures").dissected(run, run.config.rotated)
    shares = module("measures").coverage(run, whole)
    _, concepts = module("scenes").photographs(run)
    for name in ("cat", "black"):
        masks = [masks[name].float().mean() for masks in concepts.found if name in masks]
        assert shares[whole.names.index(name)] == pytest.approx(float(sum(masks)) / len(concepts.found), rel=1e-5)


def test_the_planted_unit_is_found_and_shown_red(run, module):
    measures = module("measures")
    images = measures.planted_images(run)
    red = (images[:, 0] - images[:, 1:].amax(1)) > 0.5
    share = float(red.float().mean())
    assert 0 < share < run.config.quantile
    assert measures.planted(run)["planted"] > 0.99 > measures.planted(run)["rotated"]


def test_units_of_a_figure_have_concepts_that_differ(run, module):
    for layer in run.config.layers:
        units = module("figures").best_units(run, layer)
        names = [one.names[one.best[unit]] for unit, one in units]
        assert len(set(names)) == len(names)
        values = [float(one.best_iou[unit]) for unit, one in units]
        assert values == sorted(values, reverse=True)
        assert not any("elsewhere" in name for name in names)
