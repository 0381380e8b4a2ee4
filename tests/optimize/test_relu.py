"""Dead units come alive, and the redirection leaves nothing behind."""

import pytest
import torch
from torch import Tensor, nn

from innerview.optimize import Fourier, Recipe, channel, redirected_relu, visualize


def literal_gradient(source: Tensor, gradient: Tensor, ceiling: float) -> Tensor:
    """Go through the released library's rule for one image, number by number (signs turned: we ascend)."""
    usual = [g if 0 < x < ceiling else 0.0 for x, g in zip(source.tolist(), gradient.tolist(), strict=True)]
    if any(usual):
        return torch.tensor(usual, dtype=source.dtype)
    pairs = zip(source.tolist(), gradient.tolist(), strict=True)
    return torch.tensor([0.0 if x <= 0 and g <= 0 else g for x, g in pairs], dtype=source.dtype)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("kind", [nn.ReLU, nn.ReLU6])
@pytest.mark.parametrize("source", [[-1.0, -2.0, -0.5], [-1.0, 2.0, -0.5], [7.0, -1.0, 3.0]])
def test_gradient_equals_the_literal_rule(kind: type[nn.Module], inplace: bool, source: list[float]) -> None:
    model = nn.Sequential(nn.Identity(), kind(inplace=inplace))
    x = torch.tensor([source], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([[1.0, -1.0, 2.0]], dtype=torch.float64)
    with redirected_relu(model):
        output = model(x * 1)
        (gradient,) = torch.autograd.grad((output * weights).sum(), x)
    assert torch.equal(output, kind()(x))
    ceiling = 6.0 if kind is nn.ReLU6 else float("inf")
    assert torch.equal(gradient[0], literal_gradient(x[0], weights[0], ceiling))


def test_nothing_is_left_behind_after_an_exception() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    with redirected_relu(model):
        assert not model[1].inplace
    with pytest.raises(KeyError), redirected_relu(model):
        raise KeyError
    assert model[1].inplace
    assert not model[1]._forward_hooks


class Dead(nn.Module):
    """One channel that is below zero for every image near grey."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3)
        nn.init.constant_(self.conv.weight, 0.1)
        assert self.conv.bias is not None
        nn.init.constant_(self.conv.bias, -1.8)
        self.relu = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        return self.relu(self.conv(images))


@pytest.mark.parametrize(("steps", "wakes"), [(16, True), (0, False)])
def test_a_dead_channel_wakes_only_with_redirection(steps: int, wakes: bool) -> None:
    recipe = Recipe(steps=40, redirected_steps=steps, parameterization=Fourier(), transforms=())
    result = visualize(Dead().requires_grad_(False), channel("relu", 0), size=24, recipe=recipe)
    assert (result.values.item() > 0) == wakes


@pytest.mark.mirror
def test_channels_of_googlenet_that_plain_relus_leave_grey(googlenet: nn.Module) -> None:
    recipe = Recipe(steps=48)
    woken = visualize(googlenet, channel("inception_4d", [139, 200, 402]), size=96, recipe=recipe)
    assert (woken.values > 20).all()
    assert (woken.images.std((1, 2, 3)) > 0.1).all()
