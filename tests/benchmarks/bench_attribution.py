"""Attribution: Grad-CAM beside the bare forward pass and its peers, occlusion beside captum's, Table 1's 500 images."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from alternating import alternate, seconds
from plain_googlenet import plain_copy
from torch import Tensor

from innerview.attribution import grad_cam, grad_cam_classes, occlusion
from innerview.core.maps import enlarged
from innerview.localization import box_from_heatmap

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from captum.attr import LayerGradCam, Occlusion
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

LAYER = "inception_5b"
BATCH = 16
TARGETS = list(range(BATCH))
WINDOWS = 4  # they stand for the usual 169
PATCH = 112


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(BATCH, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def ours(model: Any, images: Tensor) -> Callable[[], Any]:
    return lambda: grad_cam(model, images, TARGETS, LAYER)


def bare(model: Any, images: Tensor) -> Callable[[], Any]:
    def forward() -> None:
        with torch.no_grad():
            model(images)

    return forward


def jacobs(model: Any, layer: Any, images: Tensor) -> Callable[[], Any]:
    """pytorch-grad-cam: with frozen weights it needs a graph from the input on; it gives maps at the images' size."""
    targets: list[Any] = [ClassifierOutputTarget(index) for index in TARGETS]
    method = GradCAM(model=model, target_layers=[layer])
    return lambda: method(input_tensor=images.clone().requires_grad_(), targets=targets)


def captums(model: Any, layer: Any, images: Tensor) -> Callable[[], Any]:
    method = LayerGradCam(model, layer)
    return lambda: method.attribute(images, target=torch.tensor(TARGETS))


def test_grad_cam_beside_the_forward_pass(benchmark: Any, googlenet: Any, images: Tensor) -> None:
    benchmark.extra_info.update(vars(alternate(bare(googlenet, images), ours(googlenet, images))))
    benchmark.pedantic(ours(googlenet, images), rounds=3)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("rival", [jacobs, captums], ids=["pytorch-grad-cam", "captum"])
@pytest.mark.parametrize("network", ["the same network", "the plain network"])
def test_grad_cam_beside_peers(benchmark: Any, googlenet: Any, images: Tensor, rival: Any, network: str) -> None:
    """On our network, and on the same weights in a network as one would write it down."""
    plain = plain_copy(googlenet)
    model, layer = (googlenet, googlenet.inception_5b) if network == "the same network" else (plain, plain.rest[-1])
    benchmark.extra_info.update(vars(alternate(ours(googlenet, images), rival(model, layer, images), rounds=8)))
    benchmark.pedantic(ours(googlenet, images), rounds=3)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("network", ["the same network", "the plain network"])
def test_occlusion_beside_captum(benchmark: Any, googlenet: Any, images: Tensor, network: str) -> None:
    model = googlenet if network == "the same network" else plain_copy(googlenet)
    method = Occlusion(model)

    def theirs() -> None:
        window = (3, PATCH, PATCH)
        method.attribute(images, window, window, baselines=0.5, target=torch.tensor(TARGETS))

    def mine() -> Tensor:
        return occlusion(googlenet, images, TARGETS, patch=PATCH, stride=PATCH)

    assert mine()[0].numel() == WINDOWS
    benchmark.extra_info.update(vars(alternate(mine, theirs, rounds=4)))
    benchmark.pedantic(mine, rounds=1)


def test_five_hundred_images(benchmark: Any, googlenet: Any, images: Tensor) -> None:
    """What Table 1 asks for of 500 images: five classes each, maps at the images' size, boxes."""

    def boxes() -> None:
        maps = grad_cam_classes(googlenet, images, 5, LAYER).maps.flatten(0, 1)
        box_from_heatmap(enlarged(maps, (224, 224)))

    benchmark.extra_info["seconds for 500"] = seconds(boxes) * 500 / BATCH
    benchmark.pedantic(boxes, rounds=3)
