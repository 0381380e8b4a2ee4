"""Objectives about a batch against literal loops, and what an ascent does with them."""

import pytest
import torch
from optimize.linear import MODEL, ascent_raises, batch, mixed_of, same
from torch import nn

from innerview.core.errors import BadInput
from innerview.optimize import Recipe, alignment, channel, diversity, visualize


def diverse_by_loops(maps):
    """The article's term: mean over images of the sum over the others of the cosine of their Gram matrices."""
    grams = []
    for features in maps.flatten(2):
        gram = torch.zeros(len(features), len(features), dtype=maps.dtype)
        for i, a in enumerate(features):
            for j, b in enumerate(features):
                gram[i, j] = (a * b).sum()
        grams.append(gram / gram.square().sum().sqrt())
    pairs = [(i, j) for i in range(len(grams)) for j in range(len(grams)) if i != j]
    return sum((grams[i] * grams[j]).sum() for i, j in pairs) / len(grams)


def aligned_by_loops(maps, decay):
    return sum(
        (maps[i] - maps[j]).square().mean() / decay ** (j - i)
        for i in range(len(maps))
        for j in range(i + 1, min(i + 5, len(maps)))
    )


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("name", ["mixed", "tokens"])
def test_diversity_sums_to_minus_the_articles_term(name, count):
    images = batch(count)
    same(diversity(name)(MODEL, images).sum(), -diverse_by_loops(mixed_of(images)))


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("decay", [2.0, 3.5])
@pytest.mark.parametrize("name", ["mixed", "tokens"])
def test_alignment_sums_to_minus_the_penalty_of_neighbours(name, decay, count):
    images = batch(count)
    same(alignment(name, decay)(MODEL, images).sum(), -aligned_by_loops(mixed_of(images), decay))


def test_each_image_bears_its_own_part_of_the_diversity():
    images = batch(4)
    grams = [(one.flatten(1) @ one.flatten(1).T) for one in mixed_of(images)]
    found = diversity("mixed")(MODEL, images)
    for image in range(4):
        others = [other for other in range(4) if other != image]
        cosines = [torch.cosine_similarity(grams[image].flatten(), grams[other].flatten(), dim=0) for other in others]
        same(found[image], -sum(cosines) / 4)


def test_each_of_a_pair_bears_half_of_its_misalignment():
    images = batch(2)
    first, second = alignment("mixed")(MODEL, images)
    same(first, second)


@pytest.mark.filterwarnings("ignore")
def test_lucent_gives_the_same_values():
    from lucent.optvis import objectives  # noqa: PLC0415  (warns at import)

    images = batch(6)
    maps = mixed_of(images)
    same(diversity("mixed")(MODEL, images).sum(), objectives.diversity("mixed")(lambda _: maps))  # negated in both
    same(alignment("mixed")(MODEL, images).sum(), -objectives.alignment("mixed")(lambda _: maps))
    theirs = objectives.alignment("mixed", decay_ratio=3)(lambda _: maps)
    same(alignment("mixed", 3)(MODEL, images).sum(), -theirs)


def test_alike_images_are_least_diverse_and_best_aligned():
    images = batch(1).expand(4, -1, -1, -1)
    same(diversity("mixed")(MODEL, images), torch.full((4,), -0.75, dtype=torch.float64))
    same(alignment("mixed")(MODEL, images), torch.zeros(4, dtype=torch.float64))


def test_images_that_share_no_channel_are_as_diverse_as_rectified_ones_can_be():
    images = torch.zeros(3, 3, 4, 4, dtype=torch.float64)
    for image in range(3):
        images[image, image] = torch.rand(4, 4, dtype=torch.float64)
    same(diversity("0")(nn.Sequential(nn.Identity()), images), torch.zeros(3, dtype=torch.float64))


def test_images_further_apart_than_four_do_not_count_as_neighbours():
    images = batch(6)
    images[1:5] = images[0]
    images[5] = images[0] + 1  # its neighbours are images 1 to 4
    found = alignment("0", decay=1.0)(nn.Sequential(nn.Identity()), images)
    same(found, -torch.tensor([0, 0.5, 0.5, 0.5, 0.5, 2], dtype=torch.float64))


@pytest.mark.parametrize("objective", [diversity("mixed"), alignment("mixed"), alignment("fc")])
def test_the_gradient_of_the_batch_is_that_of_its_sum(objective):
    images = batch(3)[..., :2, :2].requires_grad_()
    assert torch.autograd.gradcheck(lambda images: objective(MODEL, images).sum(), images)


def test_an_image_feels_its_diversity_through_its_own_number_alone():
    images = batch(3).requires_grad_()
    (gradient,) = torch.autograd.grad(diversity("mixed")(MODEL, images)[1], images)
    assert gradient[1].abs().max() > 0
    assert gradient[[0, 2]].abs().max() == 0


@pytest.mark.parametrize(
    "objective", [diversity("mixed"), alignment("mixed"), channel("mixed", [1, 1, 1]) + 10 * diversity("mixed")]
)
def test_an_ascent_raises_it(objective):
    assert ascent_raises(objective, MODEL, batch(3))


@pytest.mark.mirror
def test_with_it_a_real_networks_images_of_one_channel_differ_more(googlenet):
    wanted = channel("inception_4a", [97, 97, 97])
    recipe = Recipe(steps=16, transforms=())
    alone = visualize(googlenet, wanted, size=64, recipe=recipe)
    spread = visualize(googlenet, wanted + 100 * diversity("inception_4a"), size=64, recipe=recipe)
    of = [float(diversity("inception_4a")(googlenet, found.images).sum()) for found in (alone, spread)]
    assert of[1] > of[0] + 0.2  # of at most 2


def test_a_layer_of_zeros_gives_a_number_and_a_gradient():
    images = torch.zeros(2, 3, 4, 4, requires_grad=True)
    values = diversity("0")(nn.Sequential(nn.Identity()), images)
    (gradient,) = torch.autograd.grad(values.sum(), images)
    assert values.tolist() == [0, 0]
    assert not gradient.any()


@pytest.mark.parametrize("objective", [diversity("mixed"), alignment("mixed")])
def test_one_image_alone_is_refused(objective):
    with pytest.raises(
        BadInput, match=r"\(mixed\) compares images and there is but one; ask for more, such as channel"
    ):
        objective(MODEL, batch(1))


def test_a_layer_without_positions_has_no_gram_matrix():
    with pytest.raises(BadInput, match="'fc' has no positions, so no Gram matrix over them; choose an earlier layer"):
        diversity("fc")(MODEL, batch(2))


@pytest.mark.parametrize("decay", [0, -1.0, float("nan")])
def test_a_decay_is_positive(decay):
    with pytest.raises(BadInput, match="decay of an alignment is a positive number, not"):
        alignment("mixed", decay)


def test_names_say_what_is_compared():
    assert diversity("a.b").name == "diversity(a.b)"
    assert alignment("a").name == "alignment(a, 2)"
    assert alignment("a", 2.5).name == "alignment(a, 2.5)"
    assert (diversity("a").count, alignment("a").count) == (None, None)
