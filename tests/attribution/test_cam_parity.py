"""Equal to captum and to pytorch-grad-cam where they compute the same; where not, what makes the difference.

pytorch-grad-cam rescales each map to [0, 1] and enlarges it, so its maps are taken from `get_cam_image`, before that.
Its Grad-CAM++ adds 1e-6 to a denominator of the size of the squared gradient, which changes the weights of gradients
below about 0.01: it is compared where the gradients are large. captum enlarges Grad-CAM maps by repeating
pixels (nearest) unless told otherwise; ours are bilinear.
"""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from innerview.attribution.cams import grad_cam, grad_cam_plus_plus, guided_grad_cam, layer_cam
from innerview.attribution.gradients import input_gradient

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pytorch_grad_cam
    from captum.attr import GuidedGradCam, LayerGradCam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

CLASSES = [2, 0, 1]


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.relu1, self.pool = nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2 = nn.Conv2d(6, 5, 3), nn.ReLU()
        self.conv3, self.relu3 = nn.Conv2d(5, 4, 3), nn.ReLU()
        self.fc = nn.Linear(4 * 2 * 4, 3)
        self.scale = 1.0

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu2(self.conv2(self.pool(self.relu1(self.conv1(images)))))
        return self.fc(self.relu3(self.conv3(x)).flatten(1)) * self.scale


@pytest.fixture
def tiny() -> Tiny:
    torch.manual_seed(0)
    return Tiny().eval()


IMAGES = torch.rand(3, 3, 12, 16, generator=torch.Generator().manual_seed(3))


def theirs(kind: Any, model: nn.Module, images: Tensor, classes: list[int], layer: str) -> Tensor:
    """A map of pytorch-grad-cam, rectified, before it is rescaled."""
    targets = [ClassifierOutputTarget(index) for index in classes]
    module, given = model.get_submodule(layer), images.clone().requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with kind(model, [module]) as method:
            method(given, targets)
            hooks = method.activations_and_grads
            maps, slopes = hooks.activations[0].numpy(), hooks.gradients[0].numpy()
            return torch.from_numpy(
                method.get_cam_image(given, module, targets, maps, slopes, eigen_smooth=False)
            ).relu()


def close(found: Tensor, wanted: Tensor) -> None:
    """Equal to 1e-4 of the largest value, which is not zero."""
    assert wanted.abs().max() > 0
    torch.testing.assert_close(found / wanted.abs().max(), wanted / wanted.abs().max(), rtol=0, atol=1e-4)


SAME: list[tuple[Callable[..., Tensor], str]] = [(grad_cam, "GradCAM"), (layer_cam, "LayerCAM")]


@pytest.mark.parametrize(("ours", "name"), SAME)
@pytest.mark.parametrize("layer", ["relu2", "pool", "conv3"])
def test_pytorch_grad_cam(tiny: Tiny, ours: Callable[..., Tensor], name: str, layer: str) -> None:
    wanted = theirs(getattr(pytorch_grad_cam, name), tiny, IMAGES, CLASSES, layer)
    close(ours(tiny, IMAGES, CLASSES, layer), wanted)


def test_pytorch_grad_cam_plus_plus_with_large_gradients(tiny: Tiny) -> None:
    tiny.scale = 1e4
    close(
        grad_cam_plus_plus(tiny, IMAGES, CLASSES, "relu2"),
        theirs(pytorch_grad_cam.GradCAMPlusPlus, tiny, IMAGES, CLASSES, "relu2"),
    )


def test_small_gradients_are_where_pytorch_grad_cam_plus_plus_differs(tiny: Tiny) -> None:
    """With sum(A) g much below 2 the weights are half the gradients; theirs then fall with the gradient's square."""
    tiny.scale = 1e-6
    rectified = torch.stack([slope.relu().sum((1, 2)) for slope in _slopes(tiny)])
    wanted = torch.einsum(
        "bk,bkrc->brc", rectified / 2, tiny.relu2(tiny.conv2(tiny.pool(tiny.relu1(tiny.conv1(IMAGES)))))
    )
    ours = grad_cam_plus_plus(tiny, IMAGES, CLASSES, "relu2")
    close(ours, wanted.detach())
    assert theirs(pytorch_grad_cam.GradCAMPlusPlus, tiny, IMAGES, CLASSES, "relu2").max() < ours.max() / 1000


def _slopes(model: Tiny) -> Tensor:
    maps = model.relu2(model.conv2(model.pool(model.relu1(model.conv1(IMAGES))))).detach().requires_grad_()
    logits = model.fc(model.relu3(model.conv3(maps)).flatten(1)) * model.scale
    return torch.autograd.grad(logits[range(3), CLASSES].sum(), maps)[0]


@pytest.mark.parametrize("layer", ["relu2", "pool", "conv3"])
def test_captum_layer_grad_cam(tiny: Tiny, layer: str) -> None:
    close(grad_cam(tiny, IMAGES, CLASSES, layer), captum_grad_cam(tiny, IMAGES, CLASSES, layer))


def captum_grad_cam(model: nn.Module, images: Tensor, classes: list[int], layer: str) -> Tensor:
    method: Any = LayerGradCam(model, model.get_submodule(layer))
    return method.attribute(images, torch.tensor(classes), relu_attributions=True)[:, 0].detach()


def captum_guided(model: nn.Module, images: Tensor, classes: list[int], layer: str, mode: str) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        method = GuidedGradCam(model, model.get_submodule(layer))
        given = images.clone().requires_grad_()
        return method.attribute(given, torch.tensor(classes), interpolate_mode=mode).detach()


def test_captum_guided_grad_cam(tiny: Tiny) -> None:
    close(
        guided_grad_cam(tiny, IMAGES, CLASSES, "relu2"),
        captum_guided(tiny, IMAGES, CLASSES, "relu2", "bilinear").abs().amax(1),
    )


def test_captums_default_repeats_pixels_where_ours_are_bilinear(tiny: Tiny) -> None:
    where = nn.functional.interpolate(grad_cam(tiny, IMAGES, CLASSES, "relu2")[:, None], IMAGES.shape[2:])
    wanted = captum_guided(tiny, IMAGES, CLASSES, "relu2", "nearest")
    close(input_gradient(tiny, IMAGES, CLASSES, "guided") * where, wanted)
    largest = wanted.abs().amax(1)
    assert (guided_grad_cam(tiny, IMAGES, CLASSES, "relu2") - largest).abs().max() > largest.max() / 20


@pytest.mark.mirror
@pytest.mark.parametrize("layer", ["inception_4c", "inception_5b"])
def test_all_of_them_on_googlenet(googlenet: nn.Module, layer: str) -> None:
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    classes = googlenet(images).argmax(1).tolist()
    for ours, name in SAME:
        close(
            ours(googlenet, images, classes, layer),
            theirs(getattr(pytorch_grad_cam, name), googlenet, images, classes, layer),
        )
    close(grad_cam(googlenet, images, classes, layer), captum_grad_cam(googlenet, images, classes, layer))
    guided = captum_guided(googlenet, images, classes, layer, "bilinear").abs().amax(1)
    close(guided_grad_cam(googlenet, images, classes, layer), guided)
