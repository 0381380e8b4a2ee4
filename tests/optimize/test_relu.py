"""Dead units come alive, and the redirection leaves nothing behind."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.models import activations
from innerview.optimize import Fourier, Recipe, channel, redirected_relu, visualize
from innerview.optimize.ascent import DeadUnit


def literal_gradient(source: Tensor, gradient: Tensor, ceiling: float) -> Tensor:
    """Go through the released library's rule for one image, number by number (signs turned: we ascend)."""
    usual = [g if 0 < x < ceiling else 0.0 for x, g in zip(source.tolist(), gradient.tolist(), strict=True)]
    if any(usual):
        return torch.tensor(usual, dtype=source.dtype)
    pairs = zip(source.tolist(), gradient.tolist(), strict=True)
    return torch.tensor([0.0 if x <= 0 and g <= 0 else g for x, g in pairs], dtype=source.dtype)


class Calling(nn.Module):
    """Calls one function on a copy of its input, and throws the result away if the function works in place."""

    def __init__(self, rectify: Callable[[Tensor], Tensor], inplace: bool = False) -> None:
        super().__init__()
        self.rectify, self.inplace = rectify, inplace

    def forward(self, x: Tensor) -> Tensor:
        copy = x * 1
        rectified = self.rectify(copy)
        return copy if self.inplace else rectified


RELU: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "nn.ReLU": (nn.ReLU(), False),
    "nn.ReLU in place": (nn.ReLU(inplace=True), True),
    "F.relu": (F.relu, False),
    "F.relu in place": (lambda x: F.relu(x, inplace=True), True),
    "F.relu_": (F.relu_, True),
    "torch.relu": (torch.relu, False),
    "torch.relu_": (torch.relu_, True),
    "Tensor.relu": (lambda x: x.relu(), False),
    "Tensor.relu_": (lambda x: x.relu_(), True),
    "Tensor.relu_ of a view": (lambda x: x.view(-1).view(x.shape).relu_(), True),
}
RELU6: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "nn.ReLU6": (nn.ReLU6(), False),
    "nn.ReLU6 in place": (nn.ReLU6(inplace=True), True),
    "F.relu6": (F.relu6, False),
    "F.relu6 in place": (lambda x: F.relu6(x, inplace=True), True),
    "F.hardtanh": (lambda x: F.hardtanh(x, min_val=0, max_val=6), False),
}
KINDS = [pytest.param(*kind, float("inf"), id=name) for name, kind in RELU.items()]
KINDS += [pytest.param(*kind, 6.0, id=name) for name, kind in RELU6.items()]


@pytest.mark.parametrize(("rectify", "inplace", "ceiling"), KINDS)
@pytest.mark.parametrize("source", [[-1.0, -2.0, -0.5], [-1.0, 2.0, -0.5], [7.0, -1.0, 3.0], [7.0, -1.0, 0.0]])
def test_gradient_equals_the_literal_rule(
    source: list[float], rectify: Callable[[Tensor], Tensor], inplace: bool, ceiling: float
) -> None:
    model = Calling(rectify, inplace)
    x = torch.tensor([source], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([[1.0, -1.0, 2.0]], dtype=torch.float64)
    with redirected_relu(model):
        output = model(x)
        (gradient,) = torch.autograd.grad((output * weights).sum(), x)
    assert torch.equal(output, x.clamp(0, ceiling))
    assert torch.equal(gradient[0], literal_gradient(x[0], weights[0], ceiling))


def test_each_image_of_a_batch_is_redirected_on_its_own() -> None:
    x = torch.tensor([[-1.0, -2.0], [-1.0, 2.0]], requires_grad=True)
    model = nn.Sequential(nn.ReLU())
    with redirected_relu(model):
        (gradient,) = torch.autograd.grad(model(x).sum(), x)
    assert torch.equal(gradient, torch.tensor([[1.0, 1.0], [0.0, 1.0]]))


@pytest.mark.parametrize(
    "function",
    [
        F.hardtanh,
        lambda x: F.hardtanh(x, -2.0, 2.0),
        F.leaky_relu,
        F.gelu,
        F.hardswish,
        lambda x: F.relu(x[0]),  # no batch: nothing says which numbers are one image's
    ],
)
def test_other_functions_keep_their_gradient(function: Callable[[Tensor], Tensor]) -> None:
    x = torch.tensor([[-3.0, -1.0, -0.5]], requires_grad=True)
    model = Calling(function)
    with redirected_relu(model):
        (found,) = torch.autograd.grad(model(x).sum(), x)
    (wanted,) = torch.autograd.grad(function(x).sum(), x)
    assert torch.equal(found, wanted)


def test_a_relu_outside_the_model_keeps_its_gradient() -> None:
    x = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    model = nn.Sequential(nn.ReLU())
    with redirected_relu(model):
        activations(model, torch.rand(1, 3, 2, 2), "0")  # leaves the model in the middle of its forward pass
        (gradient,) = torch.autograd.grad(F.relu(x).sum(), x)
    assert not gradient.any()


class Raising(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyError(F.relu(x).shape)


def plain(x: Tensor) -> bool:
    """Return whether a ReLU that is called now stops the gradient."""
    source = x.detach().neg().requires_grad_()
    (gradient,) = torch.autograd.grad(nn.ReLU(inplace=True)(source * 1).sum(), source)
    return not gradient.any()


def test_nothing_is_left_behind_after_an_exception() -> None:
    x = torch.rand(2, 3)
    model = Raising()
    with pytest.raises(KeyError), redirected_relu(model):
        model(x)
    assert plain(x)
    assert "forward" not in vars(model)
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


def test_a_forward_of_the_models_own_comes_back() -> None:
    model = nn.Sequential(nn.ReLU())
    own = vars(model)["forward"] = lambda x: F.relu(x) + 1
    x = torch.tensor([[-1.0]], requires_grad=True)
    with redirected_relu(model), redirected_relu(model):
        (gradient,) = torch.autograd.grad(model(x).sum(), x)
    assert gradient.item() == 1
    assert model.forward is own
    assert not torch.autograd.grad(model(x).sum(), x)[0].any()


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


class DeadCall(Dead):
    """The same, without a layer that rectifies."""

    def forward(self, images: Tensor) -> Tensor:
        return self.relu(torch.relu_(self.conv(images)) * 1)


@pytest.mark.parametrize("make", [Dead, DeadCall])
def test_a_dead_channel_wakes_only_with_redirection(make: type[nn.Module]) -> None:
    recipe = Recipe(steps=40, redirected_steps=16, parameterization=Fourier(), transforms=())
    model = make().requires_grad_(False)
    assert visualize(model, channel("relu", 0), size=24, recipe=recipe).values.item() > 0
    with pytest.raises(DeadUnit):
        visualize(model, channel("relu", 0), size=24, recipe=replace(recipe, redirected_steps=0))


@pytest.mark.mirror
def test_channels_of_googlenet_that_plain_relus_leave_grey(googlenet: nn.Module) -> None:
    recipe = Recipe(steps=48)
    woken = visualize(googlenet, channel("inception_4d", [139, 200, 402]), size=96, recipe=recipe)
    assert (woken.values > 20).all()
    assert (woken.images.std((1, 2, 3)) > 0.1).all()
