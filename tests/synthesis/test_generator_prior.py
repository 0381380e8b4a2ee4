"""A generator as a prior: codes are what is changed, and plug and play is the formula."""

import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.seeds import generator as random
from innerview.models import as_classifier
from innerview.models.classifier import frozen
from innerview.optimize import Parameterization, Recipe, channel, class_logit, visualize
from innerview.synthesis.generator_files import load_autoencoder, load_generator, save_generator
from innerview.synthesis.generator_prior import GeneratorPrior, PlugAndPlayRecipe, plug_and_play
from innerview.synthesis.generators import Generator, GeneratorArchitecture, VariationalAutoencoder

SMALL = GeneratorArchitecture(code=5, widths=(8, 6, 5, 4, 3))


@pytest.fixture(scope="module")
def generator():
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        made = Generator(SMALL)
    made.colors.weight.data *= 30  # as it is, all its images are grey
    return frozen(made)


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        layers = nn.Sequential(nn.Conv2d(3, 4, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return as_classifier(layers, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), labels=("cat", "dog", "hen"))


def test_an_image_depends_on_its_seed_alone_and_is_the_generators(generator):
    prior = GeneratorPrior(generator)
    assert isinstance(prior, Parameterization)
    both, one = prior.start([3, 7], (64, 64)), prior.start([7], (64, 64))
    assert torch.equal(both.codes[1:], one.codes)
    assert [name for name, weight in both.named_parameters() if weight.requires_grad] == ["codes"]
    assert torch.equal(both(), generator(both.codes))
    assert prior.start([3], (40, 96))().shape == (1, 3, 40, 96)
    assert torch.equal(GeneratorPrior(generator, sd=0.0).start([3, 4], (64, 64)).codes, torch.zeros(2, 5))


def test_an_ascent_moves_codes_within_their_bound(generator, model):
    recipe = Recipe(parameterization=GeneratorPrior(generator, bound=1.5), transforms=(), learning_rate=0.1)
    found = visualize(model, class_logit(["cat", "hen"]), size=64, steps=60, recipe=recipe)
    assert (found.values > found.history[0]).all()
    module = GeneratorPrior(generator, bound=1.5).start([0, 1], (64, 64))
    with torch.no_grad():
        module.codes.add_(100.0)
    assert torch.equal(module(), generator(torch.full((2, 5), 1.5)))


def test_plug_and_play_is_the_formula(generator, model):
    recipe = PlugAndPlayRecipe(steps=3, prior=0.1, condition=0.7, noise=0.3, size=48)
    found = plug_and_play(model, generator, "dog", count=2, recipe=recipe, seed=4)
    code = GeneratorPrior(generator, bound=99.0).start([4, 5], (64, 64)).codes.detach()
    for step in range(3):
        code = code.clone().requires_grad_()
        image = nn.functional.interpolate(generator(code), (48, 48), mode="bilinear", antialias=True)
        log = model(image).log_softmax(1)[:, 1]
        assert torch.allclose(found.history[step], log.detach(), atol=1e-5)
        (gradient,) = torch.autograd.grad(log.sum(), code)
        noise = torch.randn((2, 5), generator=random("plug and play", 4, step))
        code = code.detach() - 0.1 * code.detach() + 0.7 * gradient + 0.3 * noise
    assert torch.allclose(found.codes, code, atol=1e-5)
    assert torch.allclose(found.probabilities, model(found.images).softmax(1)[:, 1], atol=1e-6)


def test_the_class_becomes_likelier_and_the_prior_pulls_to_the_middle(generator, model):
    found = plug_and_play(model, generator, 2, count=3, recipe=PlugAndPlayRecipe(40, 0.0, 50.0, 0.0, 64))
    assert (found.probabilities.log() > found.history[0]).all()
    alone = plug_and_play(model, generator, 2, count=3, recipe=PlugAndPlayRecipe(80, 0.01, 0.0, 0.0, 64))
    assert alone.codes.norm() < 0.5 * GeneratorPrior(generator).start([0, 1, 2], (64, 64)).codes.norm()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda generator, _: GeneratorPrior(generator, bound=0.0), "bound is above 0"),
        (lambda generator, _: GeneratorPrior(generator, bound=float("nan")), "bound is above 0"),
        (lambda _, __: GeneratorPrior(Generator(SMALL)), "training mode"),
        (lambda _, __: PlugAndPlayRecipe(noise=-1.0), "must not be negative"),
        (lambda generator, model: plug_and_play(model, generator, "cow"), "cow"),
        (lambda generator, model: plug_and_play(model, generator, "cat", count=0), "0 images"),
        (lambda _, model: plug_and_play(model, Generator(SMALL), "cat"), "training mode"),
        (lambda _, __: load_generator("gun"), "no generator is called 'gun'"),
        (lambda _, __: load_generator("none.safetensors"), "none.safetensors holds no generator"),
    ],
)
def test_what_cannot_be_is_one_line(generator, model, make, message):
    with pytest.raises(BadInput, match=message) as caught:
        make(generator, model)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [Generator, VariationalAutoencoder])
def test_a_file_gives_back_the_network(tmp_path, kind):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = kind(SMALL).eval()
    path = tmp_path / "own.safetensors"
    save_generator(path, network, {"command": "train"})
    found = load_generator(path)
    expected = network if isinstance(network, Generator) else network.generator
    assert found.architecture == SMALL
    assert torch.allclose(found(found.sample(2)), expected(found.sample(2)), atol=2e-3)
    assert not any(weight.requires_grad for weight in found.parameters())
    if kind is Generator:
        with pytest.raises(BadInput, match="without an encoder"):
            load_autoencoder(path)
    else:
        images = torch.rand(2, 3, 64, 64)
        assert torch.allclose(load_autoencoder(path)(images), network(images), atol=2e-3)


def test_a_file_with_a_flipped_bit_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    save_generator(path, Generator(SMALL), {"command": "train"})
    flipped = bytearray(path.read_bytes())
    flipped[-2] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(BadInput, match=r"own\.safetensors is damaged: it is not what was written"):
        load_generator(path)


def test_a_network_of_style_is_no_generator(tmp_path):
    from innerview.synthesis import StyleArchitecture, StyleNetwork, save_style_network  # noqa: PLC0415

    save_style_network(tmp_path / "style.safetensors", StyleNetwork(StyleArchitecture(2, 1)), {})
    with pytest.raises(BadInput, match="does not say what generator"):
        load_generator(tmp_path / "style.safetensors")


def test_a_unit_of_a_generator_can_be_visualised(generator):
    """What excites a unit of another network, among what the generator makes: any objective works."""
    network = frozen(nn.Sequential(nn.Conv2d(3, 2, 3)))
    recipe = Recipe(parameterization=GeneratorPrior(generator), transforms=(), learning_rate=0.1)
    found = visualize(network, channel("0", 1), size=64, steps=20, recipe=recipe)
    assert found.values > found.history[0]
