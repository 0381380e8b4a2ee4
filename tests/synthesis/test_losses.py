"""Losses of content and style: the papers' equations in NumPy, the algebra, and what is refused."""

import inspect

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from synthesis.small import network, pictures
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.models.layers import LOGITS
from innerview.synthesis.grams import at_positions, gram_distance, gram_matrix
from innerview.synthesis.losses import PIXELS, Loss, Term, content_loss, layer_weights, style_loss
from innerview.synthesis.priors import norm_loss, variation_loss

DOUBLE = torch.float64
LAYERS = {"relu1": 0.25, "relu2": 2.0}


def literal_activations(model, image):
    """F of Gatys et al. 2016, Sec. 2: one row for each filter, one column for each position; in NumPy alone."""
    found, x = {}, image[0].double().numpy()
    for name, layer in model.named_children():
        if name.startswith("conv"):
            weight, bias = layer.weight.double().numpy(), layer.bias.double().numpy()
            x = np.stack(
                [
                    sum(correlate(x[k], weight[i, k], mode="same") for k in range(len(x))) + bias[i]
                    for i in range(len(weight))
                ]
            )
        elif name.startswith("relu"):
            x = np.maximum(x, 0)
        elif name == "pool1":
            rows, columns = x.shape[1] // 2, x.shape[2] // 2
            x = x[:, : 2 * rows, : 2 * columns].reshape(len(x), rows, 2, columns, 2).mean((2, 4))
        else:
            return found
        found[name] = x.reshape(len(x), -1)
    raise AssertionError


def literal_gram(features):
    """Eq. 3, element by element."""
    filters, positions = features.shape
    return np.array(
        [
            [sum(features[i, k] * features[j, k] for k in range(positions)) for j in range(filters)]
            for i in range(filters)
        ]
    )


def literal_style(model, image, style, weights):
    """Eqs. 3 to 5 for pictures of one size."""
    made, wanted = literal_activations(model, image), literal_activations(model, style)
    total = 0.0
    for layer, weight in weights.items():
        filters, positions = made[layer].shape
        squares = (literal_gram(made[layer]) - literal_gram(wanted[layer])) ** 2
        total += weight * squares.sum() / (4 * filters**2 * positions**2)
    return total


@pytest.fixture
def model():
    return network(DOUBLE)


def test_a_gram_matrix_is_the_mean_product_of_two_channels():
    features = torch.randn(2, 3, 4, 5, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
    expected = torch.einsum("bihw,bjhw->bij", features, features) / 20
    torch.testing.assert_close(gram_matrix(features), expected, rtol=1e-13, atol=0)
    strided = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(gram_matrix(strided), expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("masks", [1, 2], ids=["one for all", "one for each"])
def test_a_mask_says_how_much_each_position_counts(masks):
    features = torch.randn(2, 3, 4, 5, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
    where = torch.rand(masks, 1, 4, 5, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    expected = torch.einsum("bzhw,bihw,bjhw->bij", where.expand(2, -1, -1, -1), features, features)
    expected = expected / where.sum((1, 2, 3))[:, None, None]
    torch.testing.assert_close(gram_matrix(features, where), expected, rtol=1e-12, atol=1e-15)


def test_positions_without_weight_do_not_count_and_equal_weights_change_nothing():
    features = torch.randn(1, 3, 4, 6, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
    left = torch.zeros(1, 1, 4, 6, dtype=DOUBLE)
    left[..., :2] = 0.5
    torch.testing.assert_close(gram_matrix(features, left), gram_matrix(features[..., :2]))
    torch.testing.assert_close(gram_matrix(features, torch.full_like(left, 0.2)), gram_matrix(features))


def test_a_mask_comes_to_a_layer_as_the_mean_over_each_positions_share():
    where = torch.zeros(1, 1, 4, 4)
    where[..., :2, :1] = 1
    found = at_positions(where, torch.zeros(1, 7, 2, 2))
    assert found is not None
    torch.testing.assert_close(found, torch.tensor([[[[0.5, 1e-6], [1e-6, 1e-6]]]]))
    assert at_positions(None, torch.zeros(1, 7, 2, 2)) is None


def test_the_style_loss_is_the_papers(model):
    image, style = pictures(1, (8, 6), 1, DOUBLE), pictures(1, (8, 6), 2, DOUBLE)
    (found,) = style_loss(model, style, LAYERS)(model, image)
    assert float(found) == pytest.approx(literal_style(model, image, style, LAYERS), rel=1e-11)


def test_a_style_of_another_size_is_compared_position_for_position_in_the_mean(model):
    image, style = pictures(1, (8, 6), 1, DOUBLE), pictures(1, (12, 10), 2, DOUBLE)
    made, wanted = literal_activations(model, image), literal_activations(model, style)
    expected = 0.0
    for layer, weight in LAYERS.items():
        grams = [literal_gram(one[layer]) / one[layer].shape[1] for one in (made, wanted)]
        expected += weight * ((grams[0] - grams[1]) ** 2).sum() / (4 * len(grams[0]) ** 2)
    assert float(style_loss(model, style, LAYERS)(model, image)[0]) == pytest.approx(expected, rel=1e-11)


def test_the_content_loss_is_the_papers_and_its_mean_that_of_the_released_code(model):
    image, content = pictures(1, (8, 6), 1, DOUBLE), pictures(1, (8, 6), 2, DOUBLE)
    made, wanted = literal_activations(model, image), literal_activations(model, content)
    squares = {layer: (made[layer] - wanted[layer]) ** 2 for layer in LAYERS}
    expected = sum(weight * squares[layer].sum() / 2 for layer, weight in LAYERS.items())  # Eq. 1
    assert float(content_loss(model, content, LAYERS, "sum")(model, image)[0]) == pytest.approx(expected, rel=1e-11)
    expected = sum(weight * squares[layer].mean() for layer, weight in LAYERS.items())
    assert float(content_loss(model, content, LAYERS)(model, image)[0]) == pytest.approx(expected, rel=1e-11)


def test_a_texture_of_fewer_channels_sees_the_first_ones_only(model):
    image, style = pictures(1, (8, 6), 1, DOUBLE), pictures(1, (8, 6), 2, DOUBLE)
    made, wanted = (literal_gram(literal_activations(model, one)["relu2"][:2]) / 12 for one in (image, style))
    expected = ((made - wanted) ** 2).sum() / (4 * 2**2)
    (found,) = style_loss(model, style, ["relu2"], channels=2)(model, image)
    assert float(found) == pytest.approx(expected, rel=1e-11)
    more = style_loss(model, style, ["relu2"], channels=99)(model, image)
    torch.testing.assert_close(more, style_loss(model, style, ["relu2"])(model, image))


def gradient(loss, model, image):
    image = image.clone().requires_grad_()
    return torch.autograd.grad(loss(model, image).sum(), image)[0]


def test_a_blend_of_styles_wants_the_average_of_their_gram_matrices(model):
    image = pictures(1, (8, 6), 1, DOUBLE)
    styles = [pictures(1, (8, 6), 2, DOUBLE), pictures(1, (10, 12), 3, DOUBLE)]
    grams = [literal_gram(f := literal_activations(model, style)["relu2"]) / f.shape[1] for style in styles]
    own = literal_gram(literal_activations(model, image)["relu2"]) / 12
    expected = ((own - (0.25 * grams[0] + 0.75 * grams[1])) ** 2).mean() / 4
    blended = style_loss(model, styles, ["relu2"], blend=(1, 3))
    assert float(blended(model, image)[0]) == pytest.approx(expected, rel=1e-11)
    halves = style_loss(model, styles, ["relu2"])(model, image)
    torch.testing.assert_close(halves, style_loss(model, styles, ["relu2"], blend=(7, 7))(model, image))


def test_a_blend_pulls_as_the_losses_of_its_styles_pull_together(model):
    """The two differ by what does not depend on the image, so that their gradients are equal."""
    image = pictures(1, (8, 6), 1, DOUBLE)
    first, second = pictures(1, (8, 6), 2, DOUBLE), pictures(1, (10, 12), 3, DOUBLE)
    blended = style_loss(model, [first, second], LAYERS, blend=(0.3, 0.7))
    summed = 0.3 * style_loss(model, first, LAYERS) + 0.7 * style_loss(model, second, LAYERS)
    torch.testing.assert_close(gradient(blended, model, image), gradient(summed, model, image), rtol=1e-9, atol=1e-14)
    assert float(summed(model, image)) > float(blended(model, image))


@pytest.mark.parametrize("kind", ["style", "content", "pixels"])
def test_the_gradient_is_that_of_finite_differences(kind):
    model, image = network(DOUBLE, smooth=True), pictures(1, (4, 4), 1, DOUBLE)
    loss = {
        "style": style_loss(model, pictures(1, (6, 4), 2, DOUBLE), LAYERS),
        "content": content_loss(model, pictures(1, (4, 4), 2, DOUBLE), LAYERS, "sum"),
        "pixels": variation_loss(1.5) + norm_loss(3),
    }[kind]
    assert torch.autograd.gradcheck(lambda images: loss(model, images), image.requires_grad_())


def test_losses_add_and_scale(model):
    images, content = pictures(2, (8, 6), 1, DOUBLE), pictures(1, (8, 6), 2, DOUBLE)
    one, other = content_loss(model, content, ["relu2"]), style_loss(model, content, ["relu1"])
    values, others = one(model, images), other(model, images)
    assert values.shape == (2,)
    torch.testing.assert_close((3 * one + other * 0.5)(model, images), 3 * values + 0.5 * others)
    torch.testing.assert_close((2 * (one + other))(model, images), 2 * (values + others))
    assert (one + other).layers == ("relu2", "relu1")
    parts = (3 * one + other).parts(model, images)
    assert list(parts) == ["content relu2", "style relu1"]
    torch.testing.assert_close(parts["content relu2"], 3 * values)


def test_terms_of_one_name_add_up_and_none_is_lost(model):
    image = pictures(1, (8, 6), 1, DOUBLE)
    losses = [style_loss(model, pictures(1, (8, 6), seed, DOUBLE), ["relu1"]) for seed in (2, 3)]
    alone = [loss(model, image) for loss in losses]
    both = losses[0] + losses[1]
    torch.testing.assert_close(both(model, image), alone[0] + alone[1])
    assert list(both.parts(model, image)) == ["style relu1"]


def test_each_image_of_a_batch_has_the_loss_that_it_has_alone(model):
    images = pictures(3, (8, 6), 1, DOUBLE)
    loss = content_loss(model, pictures(1, (8, 6), 2, DOUBLE), LAYERS) + style_loss(
        model, pictures(1, (8, 8), 3, DOUBLE), LAYERS
    )
    alone = torch.cat([loss(model, image) for image in images.split(1)])
    torch.testing.assert_close(loss(model, images), alone)


def test_a_term_without_weight_is_not_computed_and_no_deeper_layer_runs(model):
    image, content = pictures(1, (8, 6), 1, DOUBLE), pictures(1, (8, 6), 2, DOUBLE)

    def refuse(features):
        raise AssertionError("measured in vain")

    loss = content_loss(model, content, ["relu1"]) + 0 * Loss((Term("deep", "never", refuse),))
    assert loss.layers == ("relu1",)
    assert list(loss.parts(model, image)) == ["content relu1"]
    with pytest.raises(AssertionError, match="ran deeper"):
        Loss((Term("deep", "never", refuse),))(model, image)
    nothing = 0 * loss
    assert nothing.parts(model, image) == {}
    assert nothing(model, image).tolist() == [0.0]


def test_a_prior_on_the_pixels_runs_no_network_and_counts_beside_one(model):
    image, content = pictures(1, (8, 6), 1, DOUBLE), pictures(1, (8, 6), 2, DOUBLE)
    assert variation_loss().layers == ()
    variation = variation_loss()(nn.Identity(), image)
    near = content_loss(model, content, ["relu1"])
    torch.testing.assert_close((near + variation_loss())(model, image), near(model, image) + variation)


def test_the_output_of_a_network_is_a_layer_as_any_other_and_not_the_pixels(model):
    whole = nn.Sequential(model[:2], nn.Flatten(), nn.Linear(4 * 48, 5, dtype=DOUBLE)).requires_grad_(False)
    image, content = pictures(1, (8, 6), 1, DOUBLE), pictures(1, (8, 6), 2, DOUBLE)
    assert PIXELS != LOGITS
    (found,) = content_loss(whole, content, LOGITS)(whole, image)
    torch.testing.assert_close(found, (whole(image) - whole(content)).square().mean())


def test_layers_without_weights_share_a_weight_of_one():
    assert layer_weights(["a", "b", "c", "d"]) == dict.fromkeys("abcd", 0.25)
    assert layer_weights("conv1_1") == {"conv1_1": 1.0}
    assert layer_weights({"a": 3, "b": 0}) == {"a": 3, "b": 0}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], r"name layers, each once, not \[\]"),
        (["a", "a"], "each once"),
        ({"a": -1.0}, "the weight of layer a is at least 0, not -1.0"),
        ({"a": float("nan")}, "at least 0, not nan"),
        ({"a": float("inf")}, "at least 0, not inf"),
    ],
)
def test_weights_that_cannot_be_are_refused(layers, message):
    with pytest.raises(BadInput, match=message):
        layer_weights(layers)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_loss_is_weighted_by_a_number(factor):
    with pytest.raises(BadInput, match="weighted by a finite number"):
        _ = variation_loss() * factor


@pytest.mark.parametrize(
    ("styles", "options", "message"),
    [
        ([], {}, "there is no style"),
        ([pictures(), pictures()], {"blend": (1,)}, "2 styles need as many shares"),
        ([pictures(), pictures()], {"blend": (1, -1)}, "at least 0"),
        ([pictures(), pictures()], {"blend": (0, 0)}, "2 styles need"),
        ([pictures(), pictures()], {"blend": (1, float("nan"))}, "2 styles need"),
        (pictures(2), {}, r"a style is one image \(1, 3, h, w\), not 2; give several as a list"),
        (pictures(), {"channels": 0}, "at least 1 channel of each layer, not 0"),
        (pictures(), {"channels": -2}, "at least 1 channel of each layer, not -2"),
    ],
)
def test_styles_that_cannot_be_are_refused(styles, options, message):
    with pytest.raises(BadInput, match=message):
        style_loss(network(), styles, ["relu1"], **options)


def test_a_layer_without_positions_has_no_style():
    model = nn.Sequential()
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flat", nn.Flatten())
    with pytest.raises(BadInput, match="layer flat has no positions"):
        style_loss(model, pictures(), ["flat"])


@pytest.mark.parametrize("make", [style_loss, content_loss])
def test_a_layer_that_is_not_there_is_named_with_near_ones(make):
    with pytest.raises(LayerNotFound, match="no layer 'relu3'; near ones: relu2"):
        make(network(), pictures(), ["relu3"])


@pytest.mark.parametrize("make", [style_loss, content_loss])
def test_an_image_too_small_for_a_layer_is_one_line_that_names_it(make):
    with pytest.raises(BadInput, match=r"images of 1x1 pixels are too small for layers \['relu2'\]"):
        make(network(), pictures(1, (1, 1)), ["relu2"])


def test_a_content_of_another_size_or_number_is_refused():
    model = network()
    loss = content_loss(model, pictures(1, (8, 6)), ["relu1"])
    with pytest.raises(BadInput, match="the content's activations are 8x6, the picture's 10x6; give both one size"):
        loss(model, pictures(1, (10, 6)))
    two = content_loss(model, pictures(2, (8, 6)), ["relu1"])
    with pytest.raises(BadInput, match="2 images are no target for 1; give one, or one for each"):
        two(model, pictures(1, (8, 6)))
    with pytest.raises(BadInput, match="3 images are no target for 2"):
        gram_distance(torch.zeros(3, 4, 4))(torch.zeros(2, 4, 5, 5))


def test_contents_may_be_as_many_as_the_pictures(model):
    images, contents = pictures(2, (8, 6), 1, DOUBLE), pictures(2, (8, 6), 2, DOUBLE)
    expected = [
        content_loss(model, content, LAYERS)(model, image)
        for image, content in zip(images.split(1), contents.split(1), strict=True)
    ]
    torch.testing.assert_close(content_loss(model, contents, LAYERS)(model, images), torch.cat(expected))


def test_a_content_is_summed_or_averaged():
    with pytest.raises(BadInput, match="a sum or a mean, not 'max'"):
        inspect.unwrap(content_loss)(network(), pictures(), ["relu1"], "max")  # pyright: ignore[reportArgumentType]


def test_a_target_does_not_change_with_the_image_that_it_was_taken_from(model):
    content = pictures(1, (8, 6), 2, DOUBLE)
    image = content.clone()
    loss = content_loss(model, image, ["relu1"]) + style_loss(model, image, ["relu1"])
    image.mul_(0.5)
    assert float(loss(model, content)) == 0
