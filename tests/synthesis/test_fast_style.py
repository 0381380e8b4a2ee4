"""Training networks of style: the loss against the paper's equations, and that a training falls, repeats, resumes."""

from collections import Counter
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.images import write_image
from innerview.models.classifier import frozen
from innerview.synthesis.fast_style import FastStyleLoss, FastStyleRecipe, StyledSamples, crops, train_style_network
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork, stylize
from innerview.training import TensorSamples

RECIPE = FastStyleRecipe(
    StyleArchitecture(3, 1, "conditional"),
    content_layers=("relu1",),
    style_layers={"relu1": 0.25, "relu2": 1.0},
    style_weight=3.0,
    variation_weight=2.0,
    size=16,
    batch=2,
    steps=12,
    learning_rate=0.01,
)


def loss_network(dtype=torch.float32):
    """Two convolutions with drawn weights; what lies behind them must never run."""
    with torch.random.fork_rng([]):
        torch.manual_seed(4)
        network = nn.Sequential()
        for number, (inputs, outputs) in enumerate(((3, 4), (4, 6)), start=1):
            network.add_module(f"conv{number}", nn.Conv2d(inputs, outputs, 3, padding=1))
            network.add_module(f"relu{number}", nn.ReLU())
        network.add_module("never", nn.Linear(1, 1))
    return frozen(network.to(dtype))


def pictures(count=5, size=16, seed=0, dtype=torch.float32):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)).to(dtype)


def styles(dtype=torch.float32):
    """Of two sizes, one reddish, one striped blue."""
    red = pictures(1, 18, 7, dtype) * torch.tensor([1.0, 0.3, 0.1], dtype=dtype)[None, :, None, None]
    blue = torch.zeros(1, 3, 12, 20, dtype=dtype)
    blue[:, 2, :, ::2] = 1
    return {"red": red, "blue": blue}


class Unchanged(nn.Module):
    def __init__(self):
        super().__init__()
        self.mixtures = []

    def forward(self, images, mixture):
        self.mixtures.append(mixture)
        return images.flip(-1)


def gram(features):
    """Johnson et al. 2016, Eq. 3, element by element."""
    channels, height, width = features.shape
    return [
        [
            sum(float(features[a, y, x] * features[b, y, x]) for y in range(height) for x in range(width))
            / (channels * height * width)
            for b in range(channels)
        ]
        for a in range(channels)
    ]


def test_the_loss_is_the_papers():
    model, own, given = loss_network(torch.float64), styles(torch.float64), pictures(2, dtype=torch.float64)
    loss, network = FastStyleLoss(model, own, RECIPE), Unchanged()
    chosen = torch.tensor([1, 0])
    parts = loss.parts(network, given, chosen)
    made = given.flip(-1)
    for row, style in enumerate(["blue", "red"]):
        first, content, target = (model[:2](one) for one in (made[row : row + 1], given[row : row + 1], own[style]))
        second, second_target = (model[2:4](one) for one in (first, target))
        expected = 0.0
        for features, wanted, weight in ((first, target, 0.25), (second, second_target, 1.0)):
            a, b, channels = gram(features[0]), gram(wanted[0]), features.shape[1]
            squares = [(a[i][j] - b[i][j]) ** 2 for i in range(channels) for j in range(channels)]
            expected += weight * sum(squares) / channels**2
        assert float(parts["style"][row]) == pytest.approx(3.0 * expected, rel=1e-9)
        assert float(parts["content"][row]) == pytest.approx(float((first - content).square().mean()), rel=1e-9)
        image = made[row]
        variation = sum(
            float((image[c, y + 1, x] - image[c, y, x]) ** 2 + (image[c, y, x + 1] - image[c, y, x]) ** 2)
            for c in range(3)
            for y in range(15)
            for x in range(15)
        )
        assert float(parts["variation"][row]) == pytest.approx(2.0 * variation / 16**2, rel=1e-9)
    assert network.mixtures[0].tolist() == [[0, 1], [1, 0]]
    total = sum(float(values.mean()) for values in parts.values())
    assert float(loss(network, given, chosen)) == pytest.approx(total, rel=1e-9)


def test_the_loss_network_runs_no_more_than_it_must():
    model = loss_network()
    loss = FastStyleLoss(model, styles(), RECIPE)
    calls = Counter()
    for name, layer in model.named_children():
        layer.register_forward_hook(
            lambda _layer, _inputs, output, name=name: calls.update([(name, output.requires_grad)])  # pyright: ignore[reportAttributeAccessIssue]
        )
    network = StyleNetwork(replace(RECIPE.architecture, styles=("red", "blue")))
    loss(network, pictures(2), torch.tensor([0, 1])).backward()
    shallow, deep = ("conv1", "relu1"), ("conv2", "relu2")
    once = {(name, True): 1 for name in (*shallow, *deep)} | {(name, False): 1 for name in shallow}
    assert calls == once  # on what was made, to the deepest layer; on the photographs, to the content, without a graph


def test_terms_without_weight_are_left_out():
    recipe = replace(RECIPE, content_weight=0, variation_weight=0)
    parts = FastStyleLoss(loss_network(), styles(), recipe).parts(Unchanged(), pictures(2), torch.tensor([0, 0]))
    assert list(parts) == ["style"]


def test_samples_go_round_and_draw_styles():
    samples = StyledSamples(TensorSamples((pictures(5),)), FastStyleLoss(loss_network(), styles(), RECIPE))
    assert len(samples) == 24
    images, chosen = samples.batch(torch.tensor([3, 5, 23]), torch.Generator().manual_seed(0))
    torch.testing.assert_close(images, pictures(5)[[3, 0, 3]])
    many = samples.batch(torch.arange(24).repeat(20), torch.Generator().manual_seed(1))[1]
    assert set(many.tolist()) == {0, 1}
    assert 190 < int(many.sum()) < 290
    again = samples.batch(torch.arange(24).repeat(20), torch.Generator().manual_seed(1))[1]
    assert torch.equal(many, again)
    assert chosen.shape == (3,)


def same(first, second):
    one, other = first.state_dict(), second.state_dict()
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("normalization", ["conditional", "instance", "batch"])
def test_the_loss_falls(normalization):
    own = styles() if normalization == "conditional" else {"red": styles()["red"]}
    recipe = replace(RECIPE, architecture=StyleArchitecture(3, 1, normalization), style_weight=100.0, steps=40)
    trained = train_style_network(loss_network(), TensorSamples((pictures(),)), own, recipe)
    assert trained.model.architecture.styles == tuple(own)  # pyright: ignore[reportAttributeAccessIssue]
    assert trained.history.shape == (40,)
    assert float(trained.history[-8:].mean()) < 0.6 * float(trained.history[0])


def test_each_style_is_learned_by_its_own_parameters():
    own = {"white": torch.full((1, 3, 12, 12), 0.9), "black": torch.zeros(1, 3, 12, 12)}
    recipe = replace(RECIPE, steps=60, style_weight=100.0)
    network = train_style_network(loss_network(), TensorSamples((pictures(),)), own, recipe).model
    white, black = (float(stylize(network, pictures(3, seed=5), style).mean()) for style in own)  # pyright: ignore[reportArgumentType]
    assert white > black + 0.1


def test_a_seed_repeats():
    samples, model = TensorSamples((pictures(),)), loss_network()
    first = train_style_network(model, samples, styles(), RECIPE)
    with torch.random.fork_rng([]):
        torch.manual_seed(7)  # the program's own randomness, which a training neither uses nor moves
        before = torch.get_rng_state()
        again = train_style_network(model, samples, styles(), RECIPE)
        assert torch.equal(torch.get_rng_state(), before)
    other = train_style_network(model, samples, styles(), replace(RECIPE, seed=1))
    assert same(first.model, again.model)
    assert torch.equal(first.history, again.history)
    assert not same(first.model, other.model)
    assert first.history[0] != other.history[0]  # from other weights on


def test_mixed_precision_trains():
    recipe = replace(RECIPE, mixed=True, steps=30)
    trained = train_style_network(loss_network(), TensorSamples((pictures(),)), styles(), recipe)
    assert {parameter.dtype for parameter in trained.model.parameters()} == {torch.float32}
    assert float(trained.history[-8:].mean()) < 0.7 * float(trained.history[0])


@dataclass(eq=False)
class Counted:
    """Samples that count their batches, and break at one."""

    samples: TensorSamples
    breaks: int | None = None
    batches: int = 0

    def __len__(self):
        return len(self.samples)

    def batch(self, indices, generator):
        if self.batches == self.breaks:
            raise RuntimeError("the power went")
        self.batches += 1
        return self.samples.batch(indices, generator)

    def identity(self):
        return list(self.samples.tensors)


def test_a_stopped_training_goes_on(tmp_path):
    model, samples = loss_network(), TensorSamples((pictures(),))
    whole = train_style_network(model, samples, styles(), RECIPE)
    with pytest.raises(RuntimeError, match="the power went"):
        train_style_network(model, Counted(samples, breaks=7), styles(), RECIPE, folder=tmp_path)
    rest = Counted(samples)
    resumed = train_style_network(model, rest, styles(), RECIPE, folder=tmp_path)
    assert rest.batches < RECIPE.steps
    assert same(whole.model, resumed.model)
    assert torch.equal(whole.history, resumed.history)


@pytest.mark.parametrize("change", ["weight", "style", "network", "photographs"])
def test_a_folder_keeps_one_training(tmp_path, change):
    recipe = replace(RECIPE, steps=1, content_layers=("relu2",), style_layers=("relu1",))
    train_style_network(loss_network(), TensorSamples((pictures(),)), styles(), recipe, folder=tmp_path)
    model, own = loss_network(), styles()
    if change == "network":
        model[2].weight[0, 0, 0, 0] += 1e-3  # the content sees it, no style does  # pyright: ignore[reportIndexIssue]
    if change == "style":
        own["red"] = own["red"].flip(1)
    photographs = TensorSamples((pictures(seed=3 if change == "photographs" else 0),))
    other = replace(recipe, style_weight=4.0) if change == "weight" else recipe
    with pytest.raises(BadInput, match="another training"):
        train_style_network(model, photographs, own, other, folder=tmp_path)


def test_photographs_from_files(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        write_image(path, pictures(1, 30, number))
    paths[1].write_bytes(b"no picture")
    recipe = replace(RECIPE, batch=3, steps=2)
    with pytest.warns(UserWarning, match=r"skipped 1 of 6 files .*1\.png"):
        trained = train_style_network(loss_network(), paths, styles(), recipe)
    assert trained.skipped == 1
    samples = crops(paths, 16)
    assert samples.batch(torch.tensor([0, 2]), torch.Generator())[0].shape == (2, 3, 16, 16)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"recipe": replace(RECIPE, style_layers=("relu9",))}, LayerNotFound, "relu9"),
        ({"recipe": replace(RECIPE, architecture=StyleArchitecture(3, 1))}, BadInput, "normalization='conditional'"),
        ({"styles": {}}, BadInput, "name one or more styles"),
        ({"photographs": []}, BadInput, "no photographs"),
    ],
)
def test_a_training_that_cannot_be(change, kind, message):
    given = {"model": loss_network(), "photographs": TensorSamples((pictures(),)), "styles": styles(), "recipe": RECIPE}
    with pytest.raises(kind, match=message) as caught:
        train_style_network(**given | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"steps": 0}, "steps .* at least 1"), ({"size": 0}, "size"), ({"style_weight": float("nan")}, "style_weight")],
)
def test_a_recipe_that_cannot_be(settings, message):
    with pytest.raises(BadInput, match=message):
        replace(RECIPE, **settings)
