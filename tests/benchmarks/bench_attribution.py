"""Attribution: Grad-CAM beside the bare forward pass, methods beside captum and pytorch-grad-cam, Table 1's 500 images.

The peers run on our network, and on the same weights in a network as one would write it down.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from alternating import compare, record_measure, seconds
from plain_googlenet import plain_copy
from torch import Tensor

from innerview.attribution import grad_cam, grad_cam_classes, guided_backprop, integrated_gradients, occlusion, saliency
from innerview.core.maps import enlarged
from innerview.localization import box_from_heatmap

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from captum.attr import GuidedBackprop, IntegratedGradients, LayerGradCam, Occlusion, Saliency
    from pytorch_grad_cam import GradCAM, GuidedBackpropReLUModel
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

pytestmark = [pytest.mark.benchmark(group="Attribution"), pytest.mark.filterwarnings("default")]

LAYER = "inception_5b"
BATCH = 16
TARGETS = list(range(BATCH))
WINDOWS = 4  # they stand for the usual 169
PATCH = 112
STEPS = 8  # they stand for the usual 50
SETTING = f"{BATCH} images of 224 px"

Call = Callable[[], Any]
Peer = Callable[[Any, Any, Tensor], Call]
"""Network, its last layer of maps, images -> what to time."""


@pytest.fixture(scope="module")
def images(device: torch.device) -> Tensor:
    return torch.rand(BATCH, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(device)


@pytest.fixture(params=["our network", "the plain network"])
def network(request: pytest.FixtureRequest, googlenet: Any) -> tuple[str, Any, Any]:
    if request.param == "our network":
        return request.param, googlenet, googlenet.inception_5b
    plain = plain_copy(googlenet)
    return request.param, plain, plain.rest[-1]


def jacobs_grad_cam(model: Any, layer: Any, images: Tensor) -> Call:
    """With frozen weights it needs a graph from the input on; it gives maps at the images' size."""
    targets: list[Any] = [ClassifierOutputTarget(index) for index in TARGETS]
    method = GradCAM(model=model, target_layers=[layer])
    return lambda: method(input_tensor=images.clone().requires_grad_(), targets=targets)


def captums_grad_cam(model: Any, layer: Any, images: Tensor) -> Call:
    method = LayerGradCam(model, layer)
    return lambda: method.attribute(images, target=TARGETS)


def captums_saliency(model: Any, _layer: Any, images: Tensor) -> Call:
    method = Saliency(model)
    return lambda: method.attribute(images.clone().requires_grad_(), target=TARGETS)


def captums_guided_backprop(model: Any, _layer: Any, images: Tensor) -> Call:
    method = GuidedBackprop(model)
    return lambda: method.attribute(images.clone().requires_grad_(), target=TARGETS)


def jacobs_guided_backprop(model: Any, _layer: Any, images: Tensor) -> Call:
    """It takes one image at a time."""
    method = GuidedBackpropReLUModel(model=model, device=images.device)
    return lambda: [method(image[None], target) for image, target in zip(images, TARGETS, strict=True)]


def captums_integrated_gradients(model: Any, _layer: Any, images: Tensor) -> Call:
    method = IntegratedGradients(model)
    return lambda: method.attribute(
        images, target=TARGETS, n_steps=STEPS, method="riemann_middle", internal_batch_size=BATCH
    )


def captums_occlusion(model: Any, _layer: Any, images: Tensor) -> Call:
    method, window = Occlusion(model), (3, PATCH, PATCH)
    return lambda: method.attribute(images, window, window, baselines=0.5, target=TARGETS)


def our_grad_cam(model: Any, images: Tensor) -> Any:
    return grad_cam(model, images, TARGETS, LAYER)


def our_saliency(model: Any, images: Tensor) -> Any:
    return saliency(model, images, TARGETS)


def our_guided_backprop(model: Any, images: Tensor) -> Any:
    return guided_backprop(model, images, TARGETS)


def our_integrated_gradients(model: Any, images: Tensor) -> Any:
    return integrated_gradients(model, images, TARGETS, steps=STEPS, batch=BATCH)


def our_occlusion(model: Any, images: Tensor) -> Any:
    maps = occlusion(model, images, TARGETS, patch=PATCH, stride=PATCH)
    assert maps[0].numel() == WINDOWS
    return maps


def test_grad_cam_beside_the_forward_pass(benchmark: Any, googlenet: Any, images: Tensor) -> None:
    def forward() -> None:
        with torch.no_grad():
            googlenet(images)

    ours = partial(our_grad_cam, googlenet, images)
    compare(benchmark, f"Grad-CAM, {SETTING}", ours, "the forward pass alone", forward, goal=1 / 1.15)


class Match(NamedTuple):
    """Ours against a peer's."""

    method: str
    ours: Callable[[Any, Tensor], Any]
    rival: str
    peer: Peer
    goal: float = 1.0
    setting: str = SETTING


MATCHES = [
    Match("Grad-CAM", our_grad_cam, "captum", captums_grad_cam),
    Match("Grad-CAM", our_grad_cam, "pytorch-grad-cam", jacobs_grad_cam, goal=1.5),
    Match("Saliency", our_saliency, "captum", captums_saliency),
    Match("Guided backprop", our_guided_backprop, "captum", captums_guided_backprop),
    Match("Guided backprop", our_guided_backprop, "pytorch-grad-cam", jacobs_guided_backprop),
    Match(
        "Integrated gradients", our_integrated_gradients, "captum", captums_integrated_gradients,
        setting=f"{SETTING}, {STEPS} steps",
    ),
    Match("Occlusion", our_occlusion, "captum", captums_occlusion, goal=1.7, setting=f"{SETTING}, {WINDOWS} windows"),
]  # fmt: skip


@pytest.mark.parametrize("match", MATCHES, ids=[f"{match.method}, {match.rival}" for match in MATCHES])
def test_beside_peers(
    benchmark: Any, googlenet: Any, network: tuple[str, Any, Any], images: Tensor, match: Match
) -> None:
    name, model, layer = network
    ours, theirs = partial(match.ours, googlenet, images), match.peer(model, layer, images)
    what, rival = f"{match.method}, {match.setting}", f"{match.rival} on {name}"
    compare(benchmark, what, ours, rival, theirs, rounds=8, goal=match.goal)


def test_five_hundred_images(benchmark: Any, googlenet: Any, images: Tensor) -> None:
    """What Table 1 asks for of 500 images: five classes each, maps at the images' size, boxes."""

    def boxes() -> None:
        maps = grad_cam_classes(googlenet, images, 5, LAYER).maps.flatten(0, 1)
        box_from_heatmap(enlarged(maps, (224, 224)))

    taken = seconds(boxes) * 500 / BATCH
    record_measure(benchmark, "Grad-CAM of five classes of 500 images, with boxes", taken, "s", at_most=300)
    benchmark.pedantic(boxes, rounds=3)
