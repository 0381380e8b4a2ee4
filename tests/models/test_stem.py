"""The first convolution: torch's, with another way to the image's gradient."""

import pytest
import torch
from torch import Tensor, nn

from innerview.models.stem import StemConv2d

SIZES = [(16, 16), (17, 16), (16, 21), (9, 7), (1, 2)]


def both(size: int, dtype: torch.dtype = torch.float64) -> tuple[StemConv2d, nn.Conv2d]:
    torch.manual_seed(0)
    stem, plain = StemConv2d(3, 5, size), nn.Conv2d(3, 5, size, stride=2, padding=size // 2)
    plain.load_state_dict(stem.state_dict())
    return stem.to(dtype).requires_grad_(False), plain.to(dtype).requires_grad_(False)


def gradients(layer: nn.Module, images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradient with respect to the image, and that gradient's own with respect to the weights."""
    leaf, weights = images.clone().requires_grad_(), weights.clone().requires_grad_()
    (first,) = torch.autograd.grad((layer(leaf) * weights).sum(), leaf, create_graph=True)
    return first.detach(), torch.autograd.grad(first.square().sum(), weights)[0]


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("extent", SIZES)
def test_values_and_gradients_are_those_of_torch(extent: tuple[int, int], size: int) -> None:
    stem, plain = both(size)
    images = torch.rand(2, 3, *extent, dtype=torch.float64)
    assert torch.equal(stem(images), plain(images))
    weights = torch.randn(stem(images).shape, dtype=torch.float64)
    for found, wanted in zip(gradients(stem, images, weights), gradients(plain, images, weights), strict=True):
        torch.testing.assert_close(found, wanted)


def test_the_gradient_keeps_channels_last() -> None:
    stem, _ = both(7, torch.float32)
    images = torch.rand(2, 3, 12, 12).contiguous(memory_format=torch.channels_last).requires_grad_()
    (gradient,) = torch.autograd.grad(stem(images).sum(), images)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("trained", ["weight", "bias"])
def test_weights_that_are_trained_get_their_gradient(trained: str) -> None:
    stem, plain = both(7)
    images = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    weights = [layer.get_parameter(trained).requires_grad_() for layer in (stem, plain)]
    (found,) = torch.autograd.grad(stem(images).square().sum(), weights[0])
    (wanted,) = torch.autograd.grad(plain(images).square().sum(), weights[1])
    assert torch.equal(found, wanted)
