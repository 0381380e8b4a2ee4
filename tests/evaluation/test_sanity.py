"""Sanity checks: which weights become random, that the user's model never does, and what the comparison says."""

import copy
from typing import Any

import pytest
import torch
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from innerview.attribution.targets import ClassScores, probabilities, scoring
from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.evaluation import randomized, sanity_check, weighted_layers
from innerview.models import as_classifier


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, images: Tensor) -> Tensor:
        return images + torch.relu(self.norm(self.a(images)))


class Network(nn.Module):
    """Its layers run in another order than they were made in; one carries no weights, one is never reached."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(4, 3)
        self.unused = nn.Linear(2, 2)
        self.blocks = nn.Sequential(Block(), nn.ReLU(), nn.Sequential(Block()))
        self.stem = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.blocks(torch.relu(self.stem(images))).mean((2, 3)))


NAMES = ("fc", "blocks.2.0", "blocks.0", "stem")


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return Network().double().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(2, 3, 10, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def gradient(model: nn.Module, images: Tensor, target: list[int]) -> Tensor:
    """Explain by the gradient's sum over colours, as a user would write it down."""
    leaf = images.clone().requires_grad_()
    picked = model(leaf)[torch.arange(len(images)), target].sum()
    return torch.autograd.grad(picked, leaf)[0].sum(1)


def pixels(_model: nn.Module, images: Tensor, _target: Any) -> Tensor:
    """Explain nothing: an edge detector, which no weight changes."""
    return images.diff(dim=2, append=images[:, :, -1:]).sum(1)


def spearman(one: Tensor, other: Tensor) -> float:
    found: Any = spearmanr(one.flatten(), other.flatten())
    return found.statistic


def changed(one: nn.Module, other: nn.Module) -> set[str]:
    """Return the layers of `NAMES` any of whose weights differ."""
    pairs = zip(one.named_parameters(), other.named_parameters(), strict=True)
    names = {name for (name, weight), (_, weight2) in pairs if not torch.equal(weight, weight2)}
    assert all(name.startswith(NAMES) for name in names)
    return {layer for layer in NAMES if any(name.startswith(f"{layer}.") for name in names)}


def test_layers_come_from_the_logits_down_as_the_image_reaches_them(model: nn.Module) -> None:
    assert weighted_layers(model) == NAMES
    assert weighted_layers(as_classifier(copy.deepcopy(model)), (9, 14)) == NAMES
    assert not any(layer._forward_hooks for layer in model.modules())


def test_googlenets_blocks(googlenet: Any) -> None:
    inceptions = [f"inception_{name}" for name in ("5b", "5a", "4e", "4d", "4c", "4b", "4a", "3b", "3a")]
    convolutions = ["conv2_3x3", "conv2_3x3_reduce", "conv1_7x7_s2"]
    assert weighted_layers(googlenet, 64) == ("loss3_classifier", *inceptions, *convolutions)


def test_the_embedded_models_blocks(embedded: Any) -> None:
    blocks = [f"blocks.{number}" for number in reversed(range(16))]
    found = weighted_layers(embedded, 64)
    assert [name for name in found if name.startswith("blocks")] == blocks
    assert found[-2:] == ("bn0", "conv_stem")


def test_hooks_go_when_a_model_fails() -> None:
    network = Network()
    network.stem.weight = nn.Parameter(torch.zeros(4, 5, 3, 3))
    with pytest.raises(RuntimeError, match="channels"):
        weighted_layers(network)
    assert not any(layer._forward_hooks for layer in network.modules())


def test_cascading_goes_on_where_independent_begins_again(model: nn.Module) -> None:
    before = copy.deepcopy(model)
    cascading, independent = list(randomized(model)), list(randomized(model, order="independent"))
    assert [name for name, _ in cascading] == [name for name, _ in independent] == list(NAMES)
    for number, ((name, many), (_, one)) in enumerate(zip(cascading, independent, strict=True)):
        assert changed(many, model) == set(NAMES[: number + 1])
        assert changed(one, model) == {name}
        assert all(
            torch.equal(weight, other)
            for weight, other in zip(
                many.get_submodule(name).parameters(), one.get_submodule(name).parameters(), strict=True
            )
        )
    assert all(map(torch.equal, model.state_dict().values(), before.state_dict().values()))


def test_a_layer_and_a_seed_name_the_weights(model: nn.Module) -> None:
    first, again, other = (dict(randomized(model, ["stem", "fc"], seed=seed)) for seed in (3, 3, 4))
    weights = [copies["fc"].state_dict()["stem.weight"] for copies in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    (_, upward), *_ = randomized(model, ["fc"], seed=3)
    assert torch.equal(upward.state_dict()["fc.weight"], first["fc"].state_dict()["fc.weight"])
    assert not torch.equal(upward.state_dict()["stem.weight"], weights[0])
    *_, (_, random) = randomized(model)
    alike = [random.state_dict()[f"{name}.a.weight"].flatten() for name in ("blocks.0", "blocks.2.0")]
    assert abs(torch.corrcoef(torch.stack(alike))[0, 1]) < 0.5  # 1 if both were drawn from one stream


def test_random_weights_keep_mean_and_deviation_and_nothing_else() -> None:
    network = nn.Sequential(nn.Conv2d(3, 200, 5), nn.BatchNorm2d(200)).eval()
    state = network.state_dict()
    state["0.weight"].mul_(3).add_(0.4)
    state["1.running_mean"].fill_(0.7)
    ((_, random),) = randomized(network, ["0"])
    was, now = state["0.weight"], random.state_dict()["0.weight"]
    torch.testing.assert_close(now.mean(), was.mean(), atol=4 * float(was.std()) / len(was.flatten()) ** 0.5, rtol=0)
    torch.testing.assert_close(now.std(), was.std(), atol=0, rtol=0.03)
    assert abs(torch.corrcoef(torch.stack([was.flatten(), now.flatten()]))[0, 1]) < 0.05
    kurtosis = ((now - now.mean()) / now.std()).pow(4).mean()
    assert abs(kurtosis - 3) < 0.25  # a normal distribution's; the uniform one before has 1.8
    assert torch.equal(random.state_dict()["1.running_mean"], state["1.running_mean"])


def test_the_comparison_written_out(model: nn.Module, images: Tensor) -> None:
    target = model(images).argmax(1).tolist()
    result = sanity_check(model, images, gradient, layers=["blocks.0", "stem"], order="independent", seed=2)
    assert result.layers == ("blocks.0", "stem")
    trained = gradient(model, images, target)
    for number, (_, random) in enumerate(randomized(model, result.layers, order="independent", seed=2)):
        for index, (one, other) in enumerate(zip(trained, gradient(random, images, target), strict=True)):
            signed, absolute = spearman(one, other), spearman(one.abs(), other.abs())
            scaled = [(each.abs() / each.abs().max()).numpy() for each in (one, other)]
            assert float(result.signed[number, index]) == pytest.approx(signed)
            assert float(result.absolute[number, index]) == pytest.approx(absolute)
            assert float(result.similarity[number, index]) == pytest.approx(
                structural_similarity(*scaled, data_range=1.0)
            )
    assert (result.signed - result.absolute).abs().min() > 0.01


def test_an_edge_detector_is_found_out(model: nn.Module, images: Tensor) -> None:
    result = sanity_check(model, images, pixels)
    assert result.layers == NAMES
    for found in (result.signed, result.absolute, result.similarity):
        torch.testing.assert_close(found, torch.ones(4, 2, dtype=torch.float64))
    assert (sanity_check(model, images, gradient).signed[-1] < 0.9).all()


def test_the_target_stays_that_of_the_trained_network(model: nn.Module, images: Tensor) -> None:
    seen: list[Any] = []

    def explain(network: nn.Module, some: Tensor, target: Any) -> Tensor:
        seen.append(target)
        return pixels(network, some, target)

    predicted = model(images).argmax(1).tolist()
    sanity_check(model, images, explain, layers=["fc"])
    sanity_check(model, images, explain, torch.tensor([2, 0]), layers=["fc"])
    sanity_check(model, images, explain, "1", layers=["fc"])
    assert seen == [predicted] * 2 + [[2, 0]] * 2 + [[1, 1]] * 2
    seen.clear()
    score = probabilities(scoring(model, images, None))
    sanity_check(model, images, explain, score, layers=["fc"])
    assert all(isinstance(one, ClassScores) and one.indices == tuple(predicted) for one in seen)
    chances = model(images).softmax(1).amax(1)
    torch.testing.assert_close(seen[1](model, images), chances)


def test_a_map_that_became_zero_has_no_correlation(model: nn.Module, images: Tensor) -> None:
    def explain(network: nn.Module, some: Tensor, target: Any) -> Tensor:
        return pixels(network, some, target) * (network is model)

    result = sanity_check(model, images, explain, layers=["fc"])
    assert result.signed.isnan().all()
    assert (result.similarity < 0.9).all()


def test_coarse_maps_are_compared_at_the_images_size(model: nn.Module, images: Tensor) -> None:
    def explain(network: nn.Module, some: Tensor, _target: Any) -> Tensor:
        return network.get_submodule("stem")(some)[:, 0, ::4, ::5]

    result = sanity_check(model, images, explain, layers=["stem"])
    assert (result.signed < 0.999).all()
    assert result.similarity.isfinite().all()


def test_bad_input_is_named(model: nn.Module, images: Tensor) -> None:
    with pytest.raises(BadInput, match="no layer of Flatten carries weights"):
        weighted_layers(nn.Flatten())
    with pytest.raises(LayerNotFound, match="no layer 'stam'; near ones: stem"):
        randomized(model, ["fc", "stam"])
    with pytest.raises(BadInput, match=r"layer 'blocks.1' carries no weights"):
        randomized(model, ["fc", "blocks.1"])
    with pytest.raises(BadInput, match="name at least one"):
        randomized(model, [])
    with pytest.raises(BadInput, match="'upward' is unknown; choose cascading or independent"):
        randomized(model, order="upward")
    with pytest.raises(BadInput, match="7 pixels a side"):
        sanity_check(model, images[..., :6], pixels)
    with pytest.raises(BadInput, match="training mode"):
        sanity_check(Network(), images.float(), pixels)
    with pytest.raises(BadInput, match="1 heatmaps but 2 images"):
        sanity_check(model, images, lambda *_: torch.rand(1, 4, 4))
    with pytest.raises(BadInput, match=r"heatmaps must be \(b, rows, columns\), not \(2, 3, 10, 12\)"):
        sanity_check(model, images, lambda _model, some, _target: some)
    with pytest.raises(NotFinite, match="NaN"):
        sanity_check(model, images, lambda *_: torch.full((2, 4, 4), torch.nan))
