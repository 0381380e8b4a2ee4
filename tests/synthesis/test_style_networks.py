"""Networks of style: their normalization, mixtures, sizes."""

import pytest
import torch
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.synthesis.style_networks import (
    EPSILON,
    InstanceNorm,
    StyleArchitecture,
    StyleNetwork,
    style_weights,
    stylize,
)

NAMES = ("stars", "scream", "pebbles")
THREE = StyleArchitecture(3, 1, "conditional", NAMES)


def drawn(architecture=THREE, seed=0):
    """A network all of whose parameters are drawn, those of normalization too, in float64."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = StyleNetwork(architecture).double()
        for name, parameter in network.named_parameters():
            if "norm" in name:
                parameter.data += 0.5 * torch.randn_like(parameter)
        for name, buffer in network.named_buffers():
            if "running" in name:
                buffer.add_(0.3 * torch.rand_like(buffer))
    return network.eval()


def images(height=20, width=24, count=2, seed=1):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def of_one_style(network, weights):
    """A network of one style whose scales and shifts are the weighted means of those of several."""
    single = drawn(StyleArchitecture(3, 1, "conditional", ("one",)), seed=9)
    shares = torch.tensor(weights, dtype=torch.float64)
    state = network.state_dict()
    mixed = {
        name: (shares @ value)[None] if name.endswith(("gamma", "beta")) else value for name, value in state.items()
    }
    single.load_state_dict(mixed)
    return single


def test_instance_normalization_is_the_papers():
    """Ulyanov et al. 2016, Eq. 5: mean and variance over the positions of one channel of one image."""
    norm = InstanceNorm(3, 2).double()
    norm.gamma.data, norm.beta.data = torch.rand(2, 3).double(), torch.rand(2, 3).double()
    x = images(5, 4)
    norm.requires_grad_(False)
    made = norm(x, torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64))
    for image, style in ((0, 1), (1, 0)):
        for channel in range(3):
            values = [float(value) for value in x[image, channel].flatten()]
            mean = sum(values) / 20
            variance = sum((value - mean) ** 2 for value in values) / 20
            gamma, beta = float(norm.gamma[style, channel]), float(norm.beta[style, channel])
            expected = [gamma * (value - mean) / (variance + EPSILON) ** 0.5 + beta for value in values]
            torch.testing.assert_close(made[image, channel].flatten().tolist(), expected)


def test_as_many_weights_as_in_the_papers():
    """Johnson's supplement, Table 1, and Dumoulin's Sec. 3.2: each style has about 3000 numbers of its own."""
    one, two = (StyleNetwork(StyleArchitecture(normalization="conditional", styles=NAMES[:n])) for n in (1, 2))
    weights = {name: value.numel() for name, value in one.named_parameters() if name.endswith("weight")}
    outer = 2 * (3 * 32 * 81 + 32 * 64 * 9 + 64 * 128 * 9)
    assert sum(weights.values()) == outer + 5 * 2 * 128 * 128 * 9
    per_style = sum(value.numel() for value in two.parameters()) - sum(value.numel() for value in one.parameters())
    assert per_style == 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32 + 3)


def test_halves_twice_and_doubles_twice():
    network = drawn()
    sizes = []
    for layer in network.layers:
        layer.register_forward_hook(lambda _layer, _inputs, output: sizes.append(tuple(output.shape[1:])))
    network(images(16, 24), torch.tensor([1.0, 0.0, 0.0]))
    assert sizes == [(3, 16, 24), (6, 8, 12), (12, 4, 6), (12, 4, 6), (6, 8, 12), (3, 16, 24), (3, 16, 24)]


def test_a_block_adds_to_what_comes_in():
    block = drawn().layers[3]
    second = block.second.norm
    second.gamma.data.zero_()  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
    second.beta.data.fill_(-0.25)  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
    x = torch.randn(2, 12, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(block(x, torch.eye(3, dtype=torch.float64)[:2]), x - 0.25)  # no ReLU, and no more


@pytest.mark.parametrize("style", range(3))
def test_one_style_of_several_is_that_of_its_own_network(style):
    network = drawn()
    alone = [float(place == style) for place in range(3)]
    torch.testing.assert_close(network(images(), torch.tensor(alone)), of_one_style(network, alone)(images()))
    torch.testing.assert_close(stylize(network, images(), NAMES[style]), stylize(network, images(), style))


def test_styles_differ():
    network = drawn()
    first, second, third = (stylize(network, images(), style) for style in NAMES)
    assert min(float((a - b).abs().max()) for a, b in ((first, second), (second, third), (first, third))) > 0.05


def test_a_mixture_has_the_mean_of_scales_and_shifts():
    """Dumoulin et al. 2017, Sec. 3.3."""
    network = drawn()
    half = stylize(network, images(), {"stars": 3, "pebbles": 3})
    torch.testing.assert_close(half, of_one_style(network, [0.5, 0, 0.5])(images()))
    assert not torch.allclose(half, (stylize(network, images(), 0) + stylize(network, images(), 2)) / 2, atol=1e-3)


def test_each_image_may_have_its_own_mixture():
    network = drawn()
    weights = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    together = network(images(), weights)
    for row in range(2):
        torch.testing.assert_close(together[row : row + 1], network(images()[row : row + 1], weights[row]))


@pytest.mark.parametrize("normalization", ["batch", "instance", "conditional"])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 30), (19, 22), (16, 61)])
def test_any_size(normalization, height, width):
    network = drawn(StyleArchitecture(2, 1, normalization))
    given = images(height, width)
    made = network(given)
    assert made.shape == given.shape
    assert 0 <= float(made.detach().min()) < float(made.detach().max()) <= 1
    padded = F.pad(given, (0, -width % 4, 0, -height % 4), mode="reflect")
    torch.testing.assert_close(made, network(padded)[..., :height, :width])


def test_no_border_shows():
    """An even image stays even: it is padded with itself, not with zeros."""
    made = drawn(StyleArchitecture(2, 1, "batch"))(torch.full((1, 3, 20, 20), 0.3, dtype=torch.float64))
    assert float(made.detach().std((2, 3)).max()) < 1e-9


def test_batch_normalization_looks_at_other_images_in_training_only():
    given, other = images(count=2), images(count=2)
    other[1] = 0
    for normalization, depends in (("batch", True), ("instance", False)):
        network = drawn(StyleArchitecture(2, 1, normalization)).train()  # pyright: ignore[reportArgumentType]
        assert torch.allclose(network(given)[0], network(other)[0], atol=1e-9) != depends
        network.eval()
        torch.testing.assert_close(network(given)[0], network(other)[0])


def test_stylize_leaves_the_mode_and_keeps_no_graph():
    network = drawn(StyleArchitecture(2, 1, "batch")).train()
    made = stylize(network, images())
    assert network.training
    assert not made.requires_grad
    torch.testing.assert_close(made, stylize(network.eval(), images()))  # as in evaluation, and no statistics moved


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("scraem", "no style 'scraem'; near ones: scream"),
        ("zzz", "it has stars, scream, pebbles"),
        (3, "no style 3"),
        (-1, "no style -1"),
        (None, "say which style"),
        ({"stars": 0.0, "scream": 0.0}, "all 0"),
        ({}, "all 0"),
        ({"stars": -1.0, "scream": 2.0}, "at least 0, not -1"),
        ({"stars": float("nan")}, "at least 0, not nan"),
        ({"pebble": 1.0}, "near ones: pebbles"),
    ],
)
def test_a_style_that_cannot_be(style, message):
    with pytest.raises(BadInput, match=message) as caught:
        stylize(drawn(), images(), style)
    assert "\n" not in str(caught.value)


def test_weights_are_scaled_to_one():
    torch.testing.assert_close(style_weights(NAMES, {"pebbles": 3, "stars": 1}), torch.tensor([0.25, 0, 0.75]))


def test_images_too_small():
    with pytest.raises(BadInput, match=r"15x40 .* enlarge them to 16"):
        stylize(drawn(), images(15, 40), 0)


def test_a_mixture_of_another_number():
    with pytest.raises(BadInput, match="a weight for each of 3 styles"):
        drawn()(images(), torch.tensor([0.5, 0.5]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "1 or more channels"),
        ({"blocks": -1}, "0 or more blocks"),
        ({"styles": ()}, "name one or more styles"),
        ({"styles": ("a", "a"), "normalization": "conditional"}, "each once"),
        ({"styles": ("a", "b")}, "need normalization='conditional'"),
    ],
)
def test_an_architecture_that_cannot_be(settings, message):
    with pytest.raises(BadInput, match=message):
        StyleArchitecture(**settings)


def test_another_normalization_is_refused():
    architecture = StyleArchitecture()
    object.__setattr__(architecture, "normalization", "layer")  # the tests' type checker would speak first
    with pytest.raises(BadInput, match="batch, instance, conditional, not 'layer'"):
        architecture.__post_init__()
