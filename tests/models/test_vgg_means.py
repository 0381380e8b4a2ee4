"""The normalised VGG-19: means of one, the same function but for its scale, and the texture's loss in full."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.models import activations, load_model
from innerview.models.normalization import Normalize
from innerview.models.vgg import MEAN_RGB
from innerview.models.vgg_means import mean_activations, normalize_activations, sample_photographs, stored_means
from innerview.synthesis.losses import style_loss
from innerview.synthesis.texture import TEXTURE_LAYERS

DOUBLE = torch.float64


def small_vgg(pooling, dtype=torch.float32):
    """Three convolutions with drawn weights, named as VGG-19's."""
    torch.manual_seed(1)
    model = nn.Sequential()
    model.add_module("normalize", Normalize([value / 255 for value in MEAN_RGB], 1 / 255))
    inputs = 3
    for name, outputs in {"1_1": 4, "1_2": 5, "2_1": 6}.items():
        model.add_module(f"conv{name}", nn.Conv2d(inputs, outputs, 3, padding=1))
        model.add_module(f"relu{name}", nn.ReLU())
        if name == "1_2":
            model.add_module("pool1", nn.AvgPool2d(2) if pooling == "average" else nn.MaxPool2d(2))
        inputs = outputs
    return model.requires_grad_(False).eval().to(dtype)


def noise(count=5, dtype=torch.float32):
    return torch.rand(count, 3, 16, 12, generator=torch.Generator().manual_seed(2)).to(dtype)


POOLINGS = pytest.mark.parametrize("pooling", ["max", "average"])


def test_means_are_those_over_images_and_positions_behind_the_rectification():
    model, images = small_vgg("max", DOUBLE), noise(5, DOUBLE)
    means = mean_activations(model, images.split(2))
    read = activations(model, images, ["relu1_1", "relu1_2", "relu2_1"])
    assert list(means) == ["conv1_1", "conv1_2", "conv2_1"]
    for name, mean in means.items():
        features = read[name.replace("conv", "relu")].numpy()
        np.testing.assert_allclose(mean, features.mean((0, 2, 3)), rtol=1e-12)
    assert all(mean.dtype == DOUBLE for mean in mean_activations(small_vgg("max"), [noise()]).values())


@POOLINGS
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-4), (DOUBLE, 1e-12)])
def test_after_normalising_each_channel_has_a_mean_of_one(pooling, dtype, near):
    model, images = small_vgg(pooling, dtype), noise(dtype=dtype)
    means = mean_activations(model, [images])
    normalize_activations(model, means)
    for name, mean in mean_activations(model, [images]).items():
        alive = means[name] > 0
        assert alive.any()
        torch.testing.assert_close(mean[alive], torch.ones_like(mean[alive]), rtol=0, atol=near)


@POOLINGS
def test_the_function_stays_what_it_was_but_for_the_scale_of_each_channel(pooling):
    before = small_vgg(pooling, DOUBLE)
    means = mean_activations(before, [noise(dtype=DOUBLE)])
    after = copy.deepcopy(before)
    normalize_activations(after, means)
    others = torch.rand(3, 3, 14, 18, dtype=DOUBLE, generator=torch.Generator().manual_seed(8))
    for name, layer in (("conv1_1", "relu1_1"), ("conv1_2", "relu1_2"), ("conv1_2", "pool1"), ("conv2_1", "conv2_1")):
        scale = torch.where(means[name] > 0, means[name], 1)[:, None, None]
        raw, scaled = (activations(model, others, layer)[layer] for model in (before, after))
        torch.testing.assert_close(scaled * scale, raw, rtol=1e-9, atol=1e-9)


def test_a_channel_that_is_never_active_keeps_its_scale():
    model = small_vgg("average", DOUBLE)
    model.get_parameter("conv1_1.weight")[2] = 0
    model.get_parameter("conv1_1.bias")[2] = -3
    model.get_parameter("conv1_2.weight")[1] = 0
    model.get_parameter("conv1_2.bias")[1] = -2
    before = copy.deepcopy(model)
    means = mean_activations(model, [noise(dtype=DOUBLE)])
    assert float(means["conv1_1"][2]) == 0
    normalize_activations(model, means)
    torch.testing.assert_close(model.get_parameter("conv1_1.bias")[2], torch.tensor(-3.0, dtype=DOUBLE))
    torch.testing.assert_close(model.get_parameter("conv1_2.bias")[1], torch.tensor(-2.0, dtype=DOUBLE))
    for parameter in model.parameters():
        assert torch.isfinite(parameter).all()
    images = noise(dtype=DOUBLE)
    scale = torch.where(means["conv2_1"] > 0, means["conv2_1"], 1)[:, None, None]
    torch.testing.assert_close(model(images) * scale, before(images), rtol=1e-9, atol=1e-9)


def test_convolutions_without_bias_are_normalised_too():
    model = nn.Sequential()
    model.add_module("conv1", nn.Conv2d(3, 4, 3, bias=False))
    model.add_module("relu1", nn.ReLU())
    model.requires_grad_(False)
    model.get_parameter("conv1.weight").abs_()
    normalize_activations(model, mean_activations(model, [noise()]))
    torch.testing.assert_close(mean_activations(model, [noise()])["conv1"], torch.ones(4, dtype=DOUBLE))


@pytest.mark.parametrize(
    "wrong",
    [None, torch.ones(5), -torch.ones(6), torch.full((6,), float("nan")), torch.full((6,), float("inf"))],
    ids=["missing", "too few", "negative", "nan", "infinite"],
)
def test_wrong_means_are_refused_and_nothing_is_changed(wrong):
    model = small_vgg("max")
    before = copy.deepcopy(model.state_dict())
    means = {**mean_activations(model, [noise()]), "conv2_1": wrong}
    if wrong is None:
        del means["conv2_1"]
    with pytest.raises(BadInput, match="conv2_1 needs 6 means of at least 0; compute them with mean_activations"):
        normalize_activations(model, means)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_means_over_no_images_are_refused():
    with pytest.raises(BadInput, match="means over no images are nothing"):
        mean_activations(small_vgg("max"), [])


@POOLINGS
def test_stored_means_are_whole(pooling):
    means = stored_means(pooling)
    counts = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}
    assert len(means) == 16
    for name, mean in means.items():
        assert mean.shape == (counts[name[4]],)
        assert torch.isfinite(mean).all()
        assert (mean >= 0).all()
    assert means["conv5_1"].mean() > 0


@pytest.fixture(scope="module")
def normalised(available):
    for name in ("vgg19_uint8", "vgg19_float32_early"):
        available(name)
    return load_model("vgg19_normalized")


@pytest.fixture(scope="module")
def some(available):
    """Four photographs of those that the means were taken over."""
    available("imagenet_sample")
    return next(iter(sample_photographs(every=250, batch=4)))


def test_the_registrys_network_is_normalised_by_the_stored_means_and_pools_by_averages(normalised, some):
    plain = load_model("vgg19", pooling="average")
    assert isinstance(normalised.pool1, nn.AvgPool2d)
    assert not any(parameter.requires_grad for parameter in normalised.parameters())
    means = stored_means("average")
    for name, layer in (("conv1_1", "relu1_1"), ("conv2_2", "pool2"), ("conv3_1", "relu3_1")):
        read = {model: activations(model, some[:1], layer)[layer] for model in (plain, normalised)}
        scale = torch.where(means[name] > 0, means[name], 1)[:, None, None]
        difference = read[normalised].double() * scale - read[plain].double()
        assert float(difference.norm() / read[plain].norm()) < 1e-4


def test_pooling_by_maxima_has_means_of_its_own(normalised):
    maximal = load_model("vgg19_normalized", pooling="max")
    assert isinstance(maximal.pool1, nn.MaxPool2d)
    # The first two layers lie before any pooling, what follows sees larger activations.
    assert torch.equal(maximal.get_parameter("conv1_1.weight"), normalised.get_parameter("conv1_1.weight"))
    assert not torch.allclose(maximal.get_parameter("conv3_1.bias"), normalised.get_parameter("conv3_1.bias"))


def test_the_first_layers_means_are_one_on_the_photographs_that_they_were_taken_over(normalised, some):
    """The stored numbers have five digits."""
    head = nn.Sequential()
    for name in ("normalize", "conv1_1", "relu1_1"):
        head.add_module(name, normalised.get_submodule(name))
    mean = mean_activations(head, sample_photographs())["conv1_1"]
    alive = stored_means("average")["conv1_1"] > 0
    assert alive.sum() > 50
    torch.testing.assert_close(mean[alive], torch.ones_like(mean[alive]), rtol=0, atol=1e-4)


def test_deeper_layers_means_are_about_one_on_four_photographs(normalised, some):
    """Those of all channels together; four photographs differ by a fifth from 250, raw means by factors of tens."""
    means = mean_activations(normalised, [some])
    for name in ("conv1_1", "conv2_1", "conv3_1", "conv4_1"):
        assert float(means[name].mean()) == pytest.approx(1, abs=0.3), name


def literal_features(model, image):
    """VGG-19 in double precision, without its own layers: from the image to each layer of the texture."""
    mean = torch.tensor(MEAN_RGB, dtype=DOUBLE)[:, None, None]
    x, found = 255 * image.double() - mean, {}
    for block, convolutions in enumerate((2, 2, 4, 4), start=1):
        for number in range(1, convolutions + 1):
            layer = getattr(model, f"conv{block}_{number}")
            x = F.conv2d(x, layer.weight.double(), layer.bias.double(), padding=1)
            found[f"conv{block}_{number}"] = x[0].flatten(1).numpy()
            x = x.clamp(min=0)
        batch, channels, height, width = x.shape
        x = x.reshape(batch, channels, height // 2, 2, width // 2, 2).mean((3, 5))
        found[f"pool{block}"] = x[0].flatten(1).numpy()
    return found


def test_the_loss_of_a_texture_is_the_papers(normalised, some):
    """Gatys et al. 2015, Eqs. 1 to 3, all in double precision."""
    sample, image = some[:1, :, 80:144, 80:144], some[1:2, :, 80:144, 80:144]
    wanted, made = literal_features(normalised, sample), literal_features(normalised, image)
    expected = 0.0
    for layer, weight in TEXTURE_LAYERS.items():
        channels, positions = made[layer].shape
        gram, target = (features[layer] @ features[layer].T for features in (made, wanted))
        expected += weight * ((gram - target) ** 2).sum() / (4 * channels**2 * positions**2)
    assert float(style_loss(normalised, sample, TEXTURE_LAYERS)(normalised, image)) == pytest.approx(expected, rel=1e-5)
