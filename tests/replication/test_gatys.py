"""What the texture and style replications make and measure: parameter counts, units, networks, masks, probes."""

import hashlib
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from innerview.models.vgg import VGG19
from innerview.models.vgg_means import mean_activations
from innerview.synthesis import RELEASED_WEIGHTS, gram_matrix, load_style_network, stylize
from replication.gatys2015_texture import config as texture_config
from replication.gatys2015_texture import literal, probes, textures
from replication.gatys2016_style import config as style_config
from replication.gatys2016_style import networks, transfers

CHANNELS = (64, 128, 256, 512, 512)


def numbers_matched(way) -> int:
    """Independent numbers in the Gram matrices of a way to make a texture."""
    found = 0
    for layer in way.layers:
        channels = CHANNELS[int(layer.removeprefix("conv").removeprefix("pool")[0]) - 1]
        channels = min(channels, way.channels or channels)
        found += channels * (channels + 1) // 2
    return found


def test_textures_have_the_papers_numbers_of_parameters():
    counts = [numbers_matched(way) for way in texture_config.parameter_counts(texture_config.Config()).values()]
    assert counts == [1050, 10_400, 176_640, 852_128]  # "1k, 10k, 177k, 852k" of Fig. 3A


def test_layer_sets_grow_by_one_layer():
    ways = list(texture_config.layer_sets(texture_config.Config()).values())
    assert [len(way.layers) for way in ways] == [1, 2, 3, 4, 5]
    assert all(after.layers[:-1] == before.layers for before, after in pairwise(ways))


def test_random_weights_are_normalised_repeat_and_leave_the_programs_randomness_alone(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((2, 3, 64, 64), generator=generator)
    places = iter([*images.split(1), *images.split(1)])
    monkeypatch.setattr(textures, "sample", lambda *_: next(places))  # photographs that need no mirror
    run = SimpleNamespace(fallback=False, config=replace(texture_config.SMOKE), device="cpu")
    way = texture_config.Way("vgg19_normalized", ("conv1_1",), seed=3)
    before = torch.get_rng_state()
    first, second = (textures.random_network(run, way) for _ in range(2))  # pyright: ignore[reportArgumentType]
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(first, VGG19)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not any(weight.requires_grad for weight in first.parameters())
    for name, mean in mean_activations(first, [images]).items():
        alive = mean > 0
        torch.testing.assert_close(
            mean[alive], torch.ones_like(mean[alive]), atol=0.02, rtol=0, msg=name
        )  # rounding, where little is active


def test_the_literal_loss_is_what_the_equations_say_by_hand():
    model = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False))
    nn.init.ones_(model[0].weight)  # pyright: ignore[reportArgumentType]
    image, content = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    image[0, 0, 0, 0], content[0, 1, 1, 1] = 2.0, 1.0  # activations (2, 0, 0, 0) against (0, 0, 0, 1)
    texture = literal.texture_loss(model, image, content, {"0": 3.0})
    assert texture == pytest.approx(3 * (4 - 1) ** 2 / (4 * 1**2 * 4**2))
    pictures = literal.Pictures(image, content, content)
    style = literal.style_loss(model, pictures, {"0": 3.0}, "0", alpha=10.0, beta=2.0)
    assert style == pytest.approx(10 * (2**2 + 1**2) / 2 + 2 * texture)


def test_gram_features_forget_places_and_the_others_do_not():
    features = torch.rand(2, 5, 8, 8, generator=torch.Generator().manual_seed(1))
    moved = features.flatten(2)[..., torch.randperm(64, generator=torch.Generator().manual_seed(2))].reshape(
        features.shape
    )
    for kind, forgets in (("gram", True), ("positions", False)):
        rows, others = (probes._of_kind(kind, one) for one in (features, moved))
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(2))
        assert torch.allclose(rows, others, atol=1e-5) is forgets
    assert probes._of_kind("gram", features).shape == (2, 15)


def test_distances_are_zero_to_oneself_and_relative():
    model = nn.Sequential(nn.Conv2d(3, 4, 3)).requires_grad_(requires_grad=False)
    image = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(3))
    assert textures.gram_distances(model, image, image, ["0"])["0"] == 0
    other = image.flip(1)
    grams = [gram_matrix(model(one)) for one in (image, other)]
    wanted = float((grams[1] - grams[0]).norm() / grams[0].norm())
    assert textures.gram_distances(model, image, other, ["0"])["0"] == pytest.approx(wanted, rel=1e-5)


def test_the_released_units_are_the_librarys():
    weights = style_config.style_weights(style_config.Config(), 1e-3, factor=1.0)
    assert weights == pytest.approx(dict(RELEASED_WEIGHTS))


def test_a_smaller_ratio_gives_the_style_more_weight():
    few, many = (style_config.style_weights(style_config.Config(), ratio) for ratio in (1e-2, 1e-5))
    assert all(many[layer] == pytest.approx(1000 * few[layer]) for layer in few)


def test_the_grid_has_every_layer_set_with_every_ratio():
    config = style_config.Config()
    found = style_config.grid_variants(config)
    assert len(found) == len(config.style_layers) * len(config.ratios)
    assert len(set(found.values())) == len(found)
    assert {len(one.recipe.style) for one in found.values()} == {1, 2, 3, 4, 5}


def test_the_sky_is_what_is_blue_above():
    content = torch.full((1, 3, 8, 6), 0.5)
    content[:, 2, :3, :2] = 0.9
    content[:, 2, 7, :] = 0.9  # water
    where = transfers.sky(content)
    assert where.shape == (1, 1, 8, 6)
    assert where.sum() == 6
    assert where[0, 0, :3, :2].all()
    nothing = transfers.sky(torch.full((1, 3, 8, 6), 0.5))
    assert nothing[..., :4, :].all()
    assert not nothing[..., 4:, :].any()


@pytest.mark.parametrize("name", networks.PLANS)
def test_a_committed_network_is_the_one_that_was_measured(name):
    told = networks.numbers()[name]
    path = Path(networks.HERE) / "networks" / f"{name}.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]
    assert path.stat().st_size == told["bytes"]
    network = load_style_network(path)
    assert sum(parameter.numel() for parameter in network.parameters()) == told["parameters"]
    plan = networks.PLANS[name]
    assert told["recipe"]["steps"] == plan.recipe.steps
    assert network.architecture.styles == plan.styles == tuple(told["held out"])
    assert told["command"].endswith(name)
    losses = told["losses"]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < 0.5 * losses[0]


def test_the_four_styles_differ_and_none_is_the_photograph():
    network = transfers.trained("four_styles")
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    image = nn.functional.interpolate(image, (48, 48), mode="bilinear")
    made = [image, *(stylize(network, image, style) for style in network.architecture.styles)]
    distances = torch.tensor([[float((one - two).abs().mean()) for two in made] for one in made])
    assert (distances + torch.eye(5)).min() > 0.03


def test_batch_and_instance_differ_in_their_normalization_alone():
    batch, instance = (networks.PLANS[name].recipe for name in ("batch", "instance"))
    kinds = [replace(recipe.architecture, normalization="instance") for recipe in (batch, instance)]
    assert batch.architecture != instance.architecture
    assert replace(batch, architecture=kinds[0]) == replace(instance, architecture=kinds[1])
