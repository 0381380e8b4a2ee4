"""Gradients under three ReLU rules: equal to a backward pass by hand, and to captum's where captum has the method."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from attribution.tiny import CLASSES, Calls, Layers, Pooled, frozen, pictures
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.attribution.gradients import (
    RELU_RULES,
    deconvnet,
    gradient_times_input,
    guided_backprop,
    input_gradient,
    saliency,
)
from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.models import as_classifier
from innerview.models.relus import relu_gradient
from innerview.optimize import Objective, channel, neuron

RULES = ["gradient", "deconvnet", "guided"]


def back_through_relu(rule: str, gradient: Tensor, source: Tensor, ceiling: float = float("inf")) -> Tensor:
    """Go through the three articles' rules number by number."""
    passed = []
    for g, x in zip(gradient.flatten().tolist(), source.flatten().tolist(), strict=True):
        if rule == "gradient":
            passed.append(g if 0 < x < ceiling else 0.0)
        elif rule == "deconvnet":
            passed.append(g if g > 0 else 0.0)
        else:
            passed.append(g if 0 < x < ceiling and g > 0 else 0.0)
    return torch.tensor(passed, dtype=gradient.dtype).reshape(gradient.shape)


def back_through_pool(gradient: Tensor, source: Tensor) -> Tensor:
    """Put each number where its window's maximum was: the switches of the deconvnet."""
    passed = torch.zeros_like(source)
    for image in range(len(source)):
        for c in range(source.shape[1]):
            for row in range(gradient.shape[2]):
                for column in range(gradient.shape[3]):
                    window = source[image, c, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
                    at = int(window.argmax())
                    passed[image, c, 2 * row + at // 2, 2 * column + at % 2] = gradient[image, c, row, column]
    return passed


def seed_of(target: int, count: int) -> Tensor:
    return F.one_hot(torch.full((count,), target), CLASSES).double()


def by_hand_layers(net: Layers, images: Tensor, target: int, rule: str) -> Tensor:
    a1 = net.conv1(images - 0.5)
    r1 = a1.clamp(min=0)
    a2 = net.conv2(F.max_pool2d(r1, 2))
    a3 = net.fc1(a2.clamp(min=0).flatten(1))
    g = seed_of(target, len(images)) @ net.fc2.weight
    g = back_through_relu(rule, g, a3) @ net.fc1.weight
    g = back_through_relu(rule, g.reshape(a2.shape), a2)
    g = back_through_pool(F.conv_transpose2d(g, net.conv2.weight, padding=1), r1)
    return F.conv_transpose2d(back_through_relu(rule, g, a1), net.conv1.weight, padding=1)


def by_hand_calls(net: Calls, images: Tensor, target: int, rule: str) -> Tensor:
    def back(gradient: Tensor, source: Tensor, ceiling: float = float("inf")) -> Tensor:
        return back_through_relu(rule, gradient, source, ceiling)

    a1 = net.conv1(8 * (images - 0.5))
    x1 = a1.clamp(min=0)
    a2 = net.conv2(x1)
    x2 = x1 + a2.clamp(min=0)
    a3 = net.conv3(x2)
    a4 = 20 * net.conv4(a3.clamp(min=0))
    x4 = a4.clamp(0, 6)
    a5 = net.conv4(x4)
    a6 = x4 + a5.clamp(min=0) - 0.5
    a7 = a6.clamp(0, 6).mean((2, 3)) - 0.2
    g = back(seed_of(target, len(images)) @ net.fc.weight, a7)
    g = (g / a6[0, 0].numel())[:, :, None, None].expand_as(a6)
    g6 = back(g, a6, 6)
    g4 = g6 + F.conv_transpose2d(back(g6, a5), net.conv4.weight)
    g3 = F.conv_transpose2d(20 * back(g4, a4, 6), net.conv4.weight)
    g2 = F.conv_transpose2d(back(g3, a3), net.conv3.weight, stride=2, padding=1, output_padding=1)
    g1 = g2 + F.conv_transpose2d(back(g2, a2), net.conv2.weight, padding=1)
    return 8 * F.conv_transpose2d(back(g1, a1), net.conv1.weight, padding=1)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("make", "by_hand"), [(Layers, by_hand_layers), (Calls, by_hand_calls)])
def test_a_rule_is_the_backward_pass_by_hand(
    make: Callable[[], nn.Module], by_hand: Callable[..., Tensor], rule: str
) -> None:
    net, images = frozen(make()), pictures(2)
    for target in (0, 3):
        found = input_gradient(net, images, target, rule)
        assert torch.allclose(found, by_hand(net, images, target, rule), rtol=1e-10, atol=1e-14)
        assert found.abs().max() > 1e-4


@pytest.mark.parametrize("make", [Layers, Calls])
def test_the_rule_gradient_is_autograds(make: Callable[[], nn.Module]) -> None:
    net, images = frozen(make()), pictures(2).requires_grad_()
    (plain,) = torch.autograd.grad(net(images)[:, 2].sum(), images)
    with relu_gradient(net, RELU_RULES["gradient"]):
        (ruled,) = torch.autograd.grad(net(images)[:, 2].sum(), images)
    assert torch.equal(ruled, plain)
    assert torch.equal(input_gradient(net, images.detach(), 2), plain)


@pytest.mark.parametrize(
    ("method", "rule"), [(saliency, "gradient"), (deconvnet, "deconvnet"), (guided_backprop, "guided")]
)
def test_a_heatmap_is_the_largest_channel_of_the_signed_map(method: Callable[..., Tensor], rule: str) -> None:
    net, images = frozen(Calls()), pictures(2)
    signed = by_hand_calls(net, images, 1, rule)
    largest = torch.stack([torch.stack([pixel.abs().max() for pixel in one.flatten(1).T]) for one in signed])
    assert torch.allclose(method(net, images, 1).flatten(1), largest, rtol=1e-10)
    assert (signed < 0).any()


def test_gradient_times_input_of_a_network_without_biases_sums_to_the_score() -> None:
    """Such a network is homogeneous, so its gradient times its input is its output (Euler)."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 5, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(5 * 25, 4, bias=False)
    )
    images = pictures(3)
    maps = gradient_times_input(frozen(net), images, [0, 3, 1])
    assert torch.allclose(maps.sum((1, 2)), net(images)[range(3), [0, 3, 1]], rtol=1e-10)
    assert (maps < 0).any()


@pytest.mark.parametrize("method", [saliency, gradient_times_input, deconvnet, guided_backprop])
def test_each_image_is_explained_for_its_own_predicted_class(method: Callable[..., Tensor]) -> None:
    net, images = frozen(Calls()), pictures(6)
    predicted = net(images).argmax(1).tolist()
    assert len(set(predicted)) > 1
    maps = method(net, images)
    assert torch.allclose(maps, method(net, images, predicted), rtol=1e-12)
    for image, target, one in zip(images, predicted, maps, strict=True):
        assert torch.allclose(method(net, image[None], target)[0], one, rtol=1e-9, atol=1e-15)
        assert not torch.allclose(method(net, image[None], (target + 1) % CLASSES)[0], one, rtol=1e-2)


@pytest.mark.parametrize("rule", RULES)
def test_an_intermediate_neuron_is_a_target(rule: str) -> None:
    """By hand: the neuron's own weights go down through the one ReLU below it."""
    net, images = frozen(Calls()), pictures(2)
    a1 = net.conv1(8 * (images - 0.5))
    g = torch.zeros_like(net.conv2(a1))
    g[:, 4, 3, 7] = 1
    g = back_through_relu(rule, F.conv_transpose2d(g, net.conv2.weight, padding=1), a1)
    wanted = 8 * F.conv_transpose2d(g, net.conv1.weight, padding=1)
    found = input_gradient(net, images, neuron("conv2", 4, (3, 7)), rule)
    assert torch.allclose(found, wanted, rtol=1e-10, atol=1e-14)
    assert found.any()


def test_the_network_runs_only_as_deep_as_the_target() -> None:
    net = frozen(Layers())
    ran: list[str] = []
    for name, layer in net.named_children():
        layer.register_forward_pre_hook(lambda *_, name=name: ran.append(name))
    guided_backprop(net, pictures(1), neuron("conv2", 1))
    assert ran == ["conv1", "relu1", "pool", "conv2"]


def test_the_sum_of_any_scores_is_a_target() -> None:
    net, images = frozen(Layers()), pictures(2)
    both = channel("conv1", 2) - 3 * channel("conv2", 1)
    (wanted,) = torch.autograd.grad(both(net, images.requires_grad_()).sum(), images)
    assert torch.equal(input_gradient(net, images.detach(), both), wanted)
    brightness = input_gradient(net, images.detach(), lambda _model, images: images.square().mean((1, 2, 3)))
    assert torch.allclose(brightness, 2 * images / images[0].numel())


def captums(net: nn.Module, method: str, images: Tensor, target: Any, **options: Any) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it sets hooks and gradients
        from captum import attr  # noqa: PLC0415

        return getattr(attr, method)(net).attribute(images.clone().requires_grad_(), target=target, **options).detach()


def both_maps(net: nn.Module, images: Tensor, target: list[int]) -> Iterator[tuple[Tensor, Tensor]]:
    """Pair our heatmaps with captum's.

    captum leaves the colour channels apart; what is compared is captum's result merged over them as ours are.
    """
    yield saliency(net, images, target), captums(net, "Saliency", images, target).amax(1)
    yield gradient_times_input(net, images, target), captums(net, "InputXGradient", images, target).sum(1)
    yield deconvnet(net, images, target), captums(net, "Deconvolution", images, target).abs().amax(1)
    yield guided_backprop(net, images, target), captums(net, "GuidedBackprop", images, target).abs().amax(1)


@pytest.mark.parametrize("make", [Layers, Pooled])
def test_maps_are_captums(make: Callable[[], nn.Module]) -> None:
    """captum rules over `nn.ReLU` layers used once, not in place; of such networks the maps are the same."""
    for ours, captum in both_maps(frozen(make()), pictures(3), [2, 0, 1]):
        assert torch.allclose(ours, captum, rtol=1e-4, atol=1e-4 * captum.abs().max().item())
        assert captum.any()


def test_captum_leaves_out_relus_that_are_no_layers() -> None:
    """captum's guided backpropagation of a network that calls ``F.relu`` is the plain gradient; ours is guided."""
    net, images = frozen(Functional()), pictures(2)
    captum = captums(net, "GuidedBackprop", images, 1)
    assert torch.allclose(captum, input_gradient(net, images, 1))
    g = net.fc.weight[1][None, :, None, None].expand_as(net.conv(images)) / 100
    wanted = F.conv_transpose2d(back_through_relu("guided", g, net.conv(images)), net.conv.weight)
    assert torch.allclose(input_gradient(net, images, 1, "guided"), wanted, rtol=1e-10, atol=1e-14)
    assert not torch.allclose(captum, wanted, rtol=0.1)


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = nn.Conv2d(3, 6, 3), nn.Linear(6, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv(images)).mean((2, 3)))


@pytest.mark.mirror
def test_maps_of_googlenet_are_captums(googlenet: nn.Module) -> None:
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    for ours, captum in both_maps(googlenet, images, [281, 242]):
        assert torch.allclose(ours, captum, rtol=1e-4, atol=1e-4 * captum.abs().max().item())
        assert captum.any()


def test_the_embedded_network_is_guided(embedded: nn.Module) -> None:
    """EfficientNet-Lite0 has ReLU6 only: what is 0 at all pixels under no rule differs between the rules."""
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    signed = [input_gradient(embedded, images, 281, rule).flatten() for rule in RULES]
    likeness = torch.corrcoef(torch.stack(signed))
    assert all(one.any() for one in signed)
    assert likeness.fill_diagonal_(0).max() < 0.9


@pytest.mark.parametrize("rule", ["guidd", "Guided", ""])
def test_an_unknown_rule_is_refused_with_near_ones(rule: str) -> None:
    with pytest.raises(BadInput, match=r"no ReLU rule is called .*; there are gradient, deconvnet, guided") as refused:
        input_gradient(frozen(Layers()), pictures(1), 0, rule)
    assert ("near ones: guided" in str(refused.value)) == bool(rule)


NO_RELU = "Sequential calls no ReLU on the way to the target"


@pytest.mark.parametrize("method", [deconvnet, guided_backprop])
def test_a_network_without_relus_is_warned_of(method: Callable[..., Tensor]) -> None:
    net = frozen(nn.Sequential(nn.Conv2d(3, 4, 12), nn.Tanh(), nn.Flatten()))
    with pytest.warns(UserWarning, match=NO_RELU):
        found = method(net, pictures(2), 1)
    assert torch.equal(found, saliency(net, pictures(2), 1))  # without a warning, which would be an error
    with pytest.warns(UserWarning, match=NO_RELU):
        method(as_classifier(net), pictures(2), 1)


def test_a_neuron_below_the_first_relu_is_warned_of_too() -> None:
    net = frozen(Layers())
    with pytest.warns(UserWarning, match="Layers calls no ReLU on the way to the target"):
        guided_backprop(net, pictures(1), neuron("conv1", 1))


def state_of(net: nn.Module) -> list[object]:
    return [
        (
            name,
            sorted(vars(layer)),
            len(layer._forward_hooks),
            len(layer._forward_pre_hooks),
            len(layer._backward_hooks),
        )
        for name, layer in net.named_modules()
    ]


def raising(model: nn.Module, images: Tensor) -> Tensor:
    raise KeyError(model(images).shape)


@pytest.mark.parametrize("rule", RULES)
def test_the_model_is_left_as_it_was(rule: str) -> None:
    net, images = frozen(Calls()).requires_grad_(True), pictures(2)
    before, weights = state_of(net), [weight.clone() for weight in net.parameters()]
    input_gradient(net, images, 0, rule)
    with pytest.raises(KeyError):
        input_gradient(net, images, raising, rule)
    assert state_of(net) == before
    assert all(weight.grad is None and weight.requires_grad for weight in net.parameters())
    assert all(torch.equal(one, other) for one, other in zip(weights, net.parameters(), strict=True))
    plain = torch.autograd.grad(net(images.requires_grad_())[:, 0].sum(), images)[0]
    assert torch.equal(plain, input_gradient(net, images.detach(), 0))


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("rule", RULES)
def test_gradients_are_there_where_the_caller_has_none(without: Callable[[], Any], rule: str) -> None:
    net = frozen(Calls())
    wanted = input_gradient(net, pictures(2), 0, rule)
    with without():
        found = input_gradient(net, pictures(2), 0, rule)
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("method", [input_gradient, saliency, gradient_times_input, deconvnet, guided_backprop])
def test_results_are_detached_and_the_images_get_no_gradient(method: Callable[..., Tensor]) -> None:
    images = pictures(2).requires_grad_()
    found = method(frozen(Calls()), images, 0)
    assert not found.requires_grad
    assert found.grad_fn is None
    assert images.grad is None


@pytest.mark.parametrize("method", [saliency, gradient_times_input, deconvnet, guided_backprop])
def test_bad_input_is_refused(method: Callable[..., Tensor]) -> None:
    net, images = frozen(Calls()), pictures(2)
    with pytest.raises(BadInput, match="4 is out of range; it runs from 0 to 3"):
        method(net, images, 4)
    with pytest.raises(BadInput, match="in training mode"):
        method(frozen(Calls()).train(), images, 0)
    with pytest.raises(LayerNotFound, match="no layer 'conv9'; near ones: conv"):
        method(net, images, channel("conv9", 0))
    with pytest.raises(NotFinite, match="NaN"):
        method(net, images / 0, 0)
    with pytest.raises(BadInput, match="no gradient reaches the images"):
        method(net, images, Objective("nothing", (), lambda reading: reading.images.sum((1, 2, 3)).detach()))
