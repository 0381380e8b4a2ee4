"""Generators: shapes, codes, the losses in closed form, and what a training may change."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.models.classifier import frozen
from innerview.synthesis.generator_training import (
    Adversaries,
    AutoencoderLoss,
    Discriminator,
    Looking,
    adversarial_loss,
    altered,
)
from innerview.synthesis.generators import Encoder, Generator, GeneratorArchitecture, VariationalAutoencoder
from innerview.training import Adam, TensorSamples, TrainingRecipe, train

SMALL = GeneratorArchitecture(code=5, widths=(8, 6, 5, 4, 3))
PIXELS = (4, 8, 16, 32, 64)


def seeded(make):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return make()


@pytest.fixture(scope="module")
def generator():
    return frozen(seeded(lambda: Generator(SMALL)))


@pytest.fixture(scope="module")
def looking():
    return frozen(seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, 1))))


@pytest.fixture(scope="module")
def images():
    return torch.rand((6, 3, 64, 64), generator=torch.Generator().manual_seed(1))


def test_layers_are_twice_as_large_each_and_not_negative(generator):
    maps = generator.sample(2)
    for layer, pixels, width in zip(list(generator.children())[:5], PIXELS, SMALL.widths, strict=True):
        maps = layer(maps)
        assert maps.shape == (2, width, pixels, pixels)
        assert maps.min() == 0
    assert torch.equal(torch.sigmoid(generator.colors(maps)), generator(generator.sample(2)))


def test_a_block_is_what_its_parts_do(generator):
    maps = torch.rand(2, 8, 4, 4)
    block = generator.block8
    repeated = maps.repeat_interleave(2, 2).repeat_interleave(2, 3)
    convolved = F.conv2d(repeated, block.convolution.weight, padding=1)
    norm = block.normalization
    scaled = (convolved - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt()
    expected = (scaled * norm.weight[:, None, None] + norm.bias[:, None, None]).clamp(min=0)
    assert torch.allclose(block(maps), expected, atol=1e-5)


def test_images_and_codes(generator):
    codes = generator.sample(2000, seed=3)
    assert torch.equal(codes, generator.sample(2000, seed=3))
    assert abs(float(codes.mean())) < 0.05
    assert abs(float(codes.std()) - 1) < 0.05
    found = generator(codes[:3])
    assert found.shape == (3, 3, 64, 64)
    assert 0 < float(found.min()) < float(found.max()) < 1
    assert torch.allclose(found[1:2], generator(codes[1:2]), atol=1e-6)


def test_codes_of_another_length_are_refused(generator):
    with pytest.raises(BadInput, match=r"takes codes of shape \(b, 5\), not \(2, 4\)"):
        generator(torch.zeros(2, 4))


def test_images_of_another_size_are_not_encoded():
    with pytest.raises(BadInput, match="64x64 pixels, not"):
        Encoder(SMALL)(torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize("told", [{"code": 0}, {"widths": (1, 2, 3, 4, 0)}])
def test_sizes_that_cannot_be(told):
    with pytest.raises(BadInput, match="a code and five widths"):
        GeneratorArchitecture(**told)


def test_the_loss_of_an_autoencoder_is_the_formula(looking, images):
    model = seeded(lambda: VariationalAutoencoder(SMALL)).eval()
    loss = AutoencoderLoss(looking, ["0", "2"], deviation=0.3, features=7.0)
    torch.manual_seed(5)
    found = loss(model, images)
    torch.manual_seed(5)
    mean, log_variance = model.encoder(images)
    noise = torch.randn_like(mean)
    total = 0.0
    with torch.no_grad():
        made = model.generator(mean + noise * (0.5 * log_variance).exp())
        for index in range(len(images)):
            one, other = images[index : index + 1], made[index : index + 1]
            total += float(((one - other) ** 2).sum()) / (2 * 0.3**2)
            first, second = looking[0](one), looking[0](other)
            total += 7.0 * float(((first - second) ** 2).sum() / (first**2).sum())
            first, second = looking(one), looking(other)
            total += 7.0 * float(((first - second) ** 2).sum() / (first**2).sum())
            for mu, log in zip(mean[index].tolist(), log_variance[index].tolist(), strict=True):
                total += 0.5 * (mu**2 + math.exp(log) - 1 - log)
    assert found.item() == pytest.approx(total / len(images), rel=1e-4)


def test_looking_runs_no_deeper_than_the_last_layer(images):
    whole = frozen(seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 3))))
    found = Looking(whole, ["0", "1"], 64)
    expected = [whole[0](images), whole[1](whole[0](images))]
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(found(images), expected, strict=True))
    assert sum(weight.numel() for weight in found.parameters()) < sum(weight.numel() for weight in whole.parameters())


@pytest.fixture
def adversaries(looking):
    return seeded(lambda: Adversaries(Discriminator(looking, ["0", "2"], width=8), Generator(SMALL), decay=0.75))


def test_each_side_learns_from_its_own_part_of_the_loss(adversaries, images):
    """The gradients are those of two losses, one after the other, written out."""
    torch.manual_seed(2)
    adversarial_loss(adversaries, images).backward()
    found = {name: weight.grad for name, weight in adversaries.named_parameters() if weight.grad is not None}
    adversaries.zero_grad()

    torch.manual_seed(2)
    made = adversaries.generator(torch.randn(len(images), SMALL.code))
    judge = adversaries.discriminator
    real, fake = judge.seen(altered(images)), judge.seen(altered(made))
    right, wrong = judge.judged(real), judge.judged([maps.detach() for maps in fake])
    told = (F.relu(1 - right) + F.relu(1 + wrong)).mean()
    own = [weight for weight in judge.judges.parameters() if weight.requires_grad]
    expected = dict(zip([id(weight) for weight in own], torch.autograd.grad(told, own), strict=True))
    weights = list(adversaries.generator.parameters())
    expected |= dict(zip(map(id, weights), torch.autograd.grad(-judge.judged(fake).mean(), weights), strict=True))
    by_name = dict(adversaries.named_parameters())
    assert {id(by_name[name]) for name in found} == set(expected)
    for name, gradient in found.items():
        # The discriminator is asked three times in one step, twice here, and spectral norms move a little each time.
        wanted = expected[id(by_name[name])]
        assert (gradient - wanted).norm() <= 0.3 * wanted.norm() + 1e-7, name


def test_the_mean_of_the_weights_follows_at_its_pace(adversaries, images):
    before = adversaries.averaged.colors.bias.clone()
    with torch.no_grad():
        adversaries.generator.colors.bias += 1.0
    adversarial_loss(adversaries, images)
    assert torch.allclose(adversaries.averaged.colors.bias, before + 0.25)
    assert not adversaries.averaged.training
    assert not any(weight.requires_grad for weight in adversaries.averaged.parameters())


def test_alterations_differ_by_image_and_let_gradients_through(images):
    same = images[:1].expand(6, -1, -1, -1).clone().requires_grad_()
    torch.manual_seed(0)
    found = altered(same)
    assert found.shape == same.shape
    covered = (found == 0.5).all(1)
    share = covered.flatten(1).float().mean(1)
    assert share.max() <= 0.26
    assert share.mean() > 0.03
    assert len({float(one.std()) for one in found.detach()}) == 6
    (gradient,) = torch.autograd.grad(found.sum(), same)
    assert all(float(one.abs().sum()) > 0 for one in gradient)


def test_a_training_changes_both_sides_and_nothing_frozen(adversaries, images, looking):
    recipe = TrainingRecipe(epochs=2, batch=3, optimizer=Adam(1e-2, (0.0, 0.99)))
    found = train(adversaries, TensorSamples((images,)), adversarial_loss, recipe)
    again = train(adversaries, TensorSamples((images,)), adversarial_loss, recipe)
    assert torch.equal(found.history, again.history)
    old, new = dict(adversaries.named_parameters()), dict(found.model.named_parameters())
    moved = {name for name in old if not torch.equal(old[name], new[name])}
    assert any(name.startswith("generator.") for name in moved)
    assert any(name.startswith("discriminator.judges.") for name in moved)
    assert any(name.startswith("averaged.") for name in moved)
    assert not any("looking" in name for name in moved)


def test_an_autoencoder_learns_to_tell_two_images_apart(looking):
    plain = torch.stack([torch.full((3, 64, 64), 0.1), torch.full((3, 64, 64), 0.9)]).repeat(4, 1, 1, 1)
    recipe = TrainingRecipe(epochs=30, batch=8, optimizer=Adam(1e-2))
    model = seeded(lambda: VariationalAutoencoder(SMALL))
    found = train(model, TensorSamples((plain,)), AutoencoderLoss(looking, ["0"], features=0.0), recipe)
    dark, bright = found.model(plain[:2]).mean((1, 2, 3)).tolist()
    assert bright - dark > 0.4
    assert found.history[-1] < found.history[0] / 3
