"""The replication of class images: panels that differ, settings with their sources, measures in closed form."""

import itertools
import math
from dataclasses import fields, replace

import pytest
import torch

from innerview.models import class_index, find_layer
from innerview.replicate import Run
from innerview.synthesis.class_images import ClassImage
from innerview.synthesis.class_recipes import YOSINSKI

NAME = "simonyan2014_class_images"


def configurations(paper):
    presets = [paper.config(name) for name in paper.presets]
    return [*presets, *map(paper.embedded, presets)]


# Panels


def test_regularizers_have_recipes_that_differ(paper, module):
    for config in configurations(paper):
        panels = module("config").regularizers(config)
        assert len(set(panels.values())) == len(panels) == 6


def test_each_regularizer_alone_is_one_change_of_none(paper, module):
    names = ("decay", "blur", "small_norm", "small_contribution")
    for config in configurations(paper):
        none, *alone, together = module("config").regularizers(config).values()
        assert not any(getattr(none, name) for name in names)
        for name, recipe in zip(names, alone, strict=True):
            assert getattr(recipe, name) > 0
            assert {other for other in names if getattr(recipe, other)} == {name}
        assert all(getattr(together, name) for name in names)
        assert {recipe.steps for recipe in (none, *alone, together)} == {config.steps}
        assert {recipe.step_size for recipe in (none, *alone)} == {none.step_size}


def test_regularizers_show_images_that_differ(run, module):
    made = module("made").regularized(run)
    for one, other in itertools.combinations(made.values(), 2):
        assert float((one.images - other.images).abs().max()) > 1e-4


def test_ways_to_several_images_give_one_for_each_cluster(run, module):
    ways = module("made").ways(run)
    assert tuple(ways) == module("made").KINDS == tuple(module("figures").WAYS)
    for found in ways.values():
        assert len(found.images) == run.config.clusters
    for one, other in itertools.combinations([image for found in ways.values() for image in found.images], 2):
        assert float((one - other).abs().mean()) > 1e-5


def test_facets_and_random_images_differ_in_their_start_alone(run, module, monkeypatch):
    """Both are asked for with the same targets, and recipes that differ in noise."""
    asked = {}
    made = module("made")
    whole = made._made

    def noted(run, name, target, recipe, start=None):
        asked[name] = target, recipe, start
        return whole(run, name, target, recipe, start)

    monkeypatch.setattr(made, "_made", noted)
    made.ways(run)
    assert asked["facets"][0] == asked["random"][0] == [run.config.faceted] * run.config.clusters
    assert replace(asked["random"][1], noise=0) == asked["facets"][1]
    assert asked["facets"][2].shape[0] == run.config.clusters
    assert asked["random"][2] is asked["centroids"][2] is None


# Configurations


def test_the_book_preset_changes_numbers_of_steps_only(paper):
    book, published = paper.config("book"), paper.config("paper")
    recipes = {
        name: replace(getattr(book, name), steps=getattr(published, name).steps)
        for name in ("plain", "smooth", "facet")
    }
    assert replace(book, steps=published.steps, **recipes) == published
    assert {getattr(book, name).steps for name in recipes} == {book.steps}


def test_plain_ascent_has_no_tricks(paper):
    """Simonyan et al.: an L2 penalty and the zero image to start from, nothing else."""
    for preset in paper.presets:
        plain = paper.config(preset).plain
        assert plain.penalty > 0
        others = {field.name for field in fields(plain)} - {"steps", "step_size", "penalty", "blur_every"}
        assert not any(getattr(plain, name) for name in others)


def test_the_published_combinations_are_those_of_the_released_documentation():
    found = {
        name: (one.decay, one.blur, one.small_norm, one.small_contribution, one.steps, one.progress)
        for name, one in YOSINSKI.items()
    }
    assert list(found.values()) == [
        (0, 0.5, 50, 0, 500, 2.0),
        (0.3, 0, 20, 0, 750, None),
        (1e-4, 1.0, 0, 0, 1000, None),
        (0, 0.5, 0, 90, 1000, 2.0),
    ]
    assert {one.blur_every for one in YOSINSKI.values()} == {4}
    assert [one.step_size for one in YOSINSKI.values()] == [100, 100, 100, 1e8]


def test_classes_and_layers_are_there(paper, embedded):
    for preset in paper.presets:
        config = paper.embedded(paper.config(preset))
        for name in (*config.classes, config.studied, config.faceted):
            class_index(embedded, name)
        find_layer(embedded, config.layer)
        assert config.model == config.other == "efficientnet_lite0"


@pytest.mark.mirror
def test_the_facets_class_is_among_the_photographs_at_hand(paper, googlenet, available, module, tmp_path):
    available("imagenette160_train")
    begun = Run.start(paper, preset="smoke", out=tmp_path, device="cpu")
    images = module("made").photographs(begun)
    assert images.shape == (begun.config.photographs, 3, begun.config.size, begun.config.size)
    config = paper.config("book")
    find_layer(googlenet, config.layer)
    assert class_index(googlenet, config.faceted) == 497


# Measures


def test_distances_of_directions_are_one_less_their_cosines(module):
    vectors = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    wanted = torch.tensor([1.0, 1 - 2**-0.5, 1 - 2**-0.5])
    torch.testing.assert_close(module("made").distances(vectors), wanted)


def test_matches_do_not_see_what_all_share(module):
    draws = torch.Generator().manual_seed(0)
    centroids = torch.randn(4, 30, generator=draws)
    images = 3 * centroids[[2, 0, 1, 3]] + 100 * torch.randn(30, generator=draws)
    alike = module("made").matches(images, centroids + 50 * torch.randn(30, generator=draws))
    assert alike.argmax(1).tolist() == [2, 0, 1, 3]
    torch.testing.assert_close(alike.amax(1), torch.ones(4), rtol=1e-4, atol=1e-4)


def test_pixels_that_nothing_drew_on_are_the_commonest(module):
    images = torch.full((2, 3, 10, 10), 0.4)
    images[0, :, :3] = torch.rand(3, 3, 10, generator=torch.Generator().manual_seed(0))
    images[1, 0, 0, 0] = 0.9
    empty = module("paper").empty(images)
    assert empty.sum((1, 2)).tolist() == [70, 99]
    assert not empty[0, :3].any()


def test_ranks_count_the_classes_above(run, module):
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    names = run.config.classes
    ranks = module("made").other_ranks(run, images, names)
    model = run.model(run.config.other)
    order = model(images).argsort(dim=1, descending=True)
    places = [order[row].tolist().index(class_index(model, name)) + 1 for row, name in enumerate(names)]
    assert ranks.tolist() == places


def test_probabilities_are_those_of_the_own_classes(run, module):
    probabilities = torch.rand(2, 1000, generator=torch.Generator().manual_seed(1))
    found = ClassImage(torch.zeros(2, 3, 8, 8), torch.zeros(2), probabilities, torch.zeros(0, 2))
    own = module("made").target_probabilities(run, found, ("lemon", "goose"))
    assert own.tolist() == [float(probabilities[0, 951]), float(probabilities[1, 99])]


def test_crops_are_parts_of_the_photograph_and_repeat(module):
    first, again = (module("made")._crops(5, 48, 3) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (5, 3, 48, 48)
    assert len({float(image.sum()) for image in first}) == 5


@pytest.mark.parametrize("name", ["facets-keep-their-cluster", "centroids-are-met"])
def test_hits_are_shares(paper, run, name):
    (claim,) = (claim for claim in paper.claims if claim.id == name)
    value = claim.row(run)["measured"]
    assert 0 <= value <= 1
    assert math.isclose(value * run.config.clusters, round(value * run.config.clusters), abs_tol=1e-5)


def test_the_other_network_is_no_judge_of_itself(paper, run):
    (claim,) = (claim for claim in paper.claims if claim.id == "seen-by-another-network")
    row = claim.row(run)
    assert row["measured"] is None
    assert row["note"]
