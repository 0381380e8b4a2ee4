"""Class activation maps: written out by hand, number by number, and what holds for each of them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.attribution.cams import (
    counterfactual_grad_cam,
    grad_cam,
    grad_cam_classes,
    grad_cam_plus_plus,
    guided_grad_cam,
    layer_cam,
)
from innerview.attribution.class_activation import cam
from innerview.attribution.gradients import input_gradient
from innerview.core.errors import BadInput, LayerNotFound, NotFinite
from innerview.models import activations, as_classifier
from innerview.optimize import channel, neuron

LABELS = ("cat", "dog", "fox")
METHODS = [grad_cam, counterfactual_grad_cam, grad_cam_plus_plus, layer_cam]


class Averaging(nn.Module):
    """Convolution, ReLU, mean over positions, linear layer: the form that CAM is made for."""

    labels = LABELS

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.maps = nn.Conv2d(3, 4, 3, stride=2), nn.ReLU()
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.pool(self.maps(self.conv(images))).flatten(1))


class Deep(nn.Module):
    """A head whose gradient differs from position to position, and ReLUs in place."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.conv = nn.Conv2d(5, 4, 3)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4 * 3 * 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.stem(images))

    def head(self, maps: Tensor) -> Tensor:
        return self.fc(self.relu(self.conv(maps)).flatten(1))


def built(make: Callable[[], nn.Module], seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return make().double().eval()


IMAGES = torch.rand(3, 3, 13, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
CLASSES = [2, 0, 1]
GAP, DEEP = built(Averaging), built(Deep, 2)


def literal(classes: list[int]) -> list[tuple[Tensor, Tensor, float]]:
    """Activations and gradients of each image at the stem of the deep network, and its score; without hooks."""
    found = []
    for image, index in zip(IMAGES, classes, strict=True):
        maps = DEEP.stem(image[None]).detach().requires_grad_()
        score = DEEP.head(maps)[0, index]
        found.append((maps[0].detach(), torch.autograd.grad(score, maps)[0][0], score.item()))
    return found


def literal_map(maps: Tensor, weights: Tensor) -> Tensor:
    """ReLU of a weighted sum over channels, position by position; a weight for each channel or also each position."""
    found = torch.zeros(maps.shape[1:], dtype=torch.float64)
    for row in range(maps.shape[1]):
        for column in range(maps.shape[2]):
            at = weights if weights.ndim == 1 else weights[:, row, column]
            found[row, column] = max(0.0, sum(float(w * a) for w, a in zip(at, maps[:, row, column], strict=True)))
    return found


def literal_plus_plus(maps: Tensor, slope: Tensor, score: float) -> Tensor:
    """Weights of Grad-CAM++ by the derivatives of exp(S), as the paper writes them."""
    factor = torch.tensor(score, dtype=torch.float64).exp()
    weights = torch.zeros(len(maps), dtype=torch.float64)
    for k, (channel_maps, channel_slope) in enumerate(zip(maps, slope, strict=True)):
        for g in channel_slope.flatten():
            first, second, third = factor * g, factor * g**2, factor * g**3
            if g != 0:
                weights[k] += second / (2 * second + channel_maps.sum() * third) * max(0.0, float(first))
    return weights / factor


WEIGHTS: dict[Any, Callable[[Tensor, Tensor, float], Tensor]] = {
    grad_cam: lambda _maps, slope, _score: slope.mean((1, 2)),
    counterfactual_grad_cam: lambda _maps, slope, _score: -slope.mean((1, 2)),
    grad_cam_plus_plus: literal_plus_plus,
    layer_cam: lambda _maps, slope, _score: slope.clamp(min=0),
}


@pytest.mark.parametrize("method", METHODS)
def test_maps_equal_the_equations_number_by_number(method: Any) -> None:
    wanted = torch.stack([literal_map(maps, WEIGHTS[method](maps, slope, s)) for maps, slope, s in literal(CLASSES)])
    found = method(DEEP, IMAGES, CLASSES, "stem")
    assert wanted.count_nonzero() > 5
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    assert not found.requires_grad


def test_grad_cam_of_an_averaging_network_in_closed_form() -> None:
    maps = F.conv2d(IMAGES, GAP.conv.weight, GAP.conv.bias, stride=2).clamp(min=0)
    wanted = (GAP.fc.weight[CLASSES][:, :, None, None] / maps[0, 0].numel() * maps).sum(1).clamp(min=0)
    torch.testing.assert_close(grad_cam(GAP, IMAGES, CLASSES, "maps"), wanted.detach(), rtol=1e-13, atol=1e-15)


def test_cam_over_z_rectified_is_grad_cam() -> None:
    found = cam(GAP, IMAGES, CLASSES, "maps")
    wanted = grad_cam(GAP, IMAGES, CLASSES, "maps")
    torch.testing.assert_close(found.relu() / found[0].numel(), wanted, rtol=1e-13, atol=1e-15)
    assert (found < 0).any()
    assert (found > 0).any()


def test_cam_over_z_rectified_is_grad_cam_on_the_embedded_model(embedded: nn.Module) -> None:
    images = torch.rand(2, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    found = cam(embedded, images)
    torch.testing.assert_close(found.relu() / found[0].numel(), grad_cam(embedded, images), rtol=1e-5, atol=1e-6)
    assert found.shape == (2, 3, 4)


PREDICTED = GAP(IMAGES).argmax(1).tolist()


@pytest.mark.parametrize(
    ("target", "indices"),
    [(None, PREDICTED), (1, [1] * 3), ("dog", [1] * 3), (CLASSES, CLASSES), (torch.tensor(CLASSES), CLASSES)],
)
def test_cam_plus_the_bias_is_the_logit(target: Any, indices: list[int]) -> None:
    logits = GAP(IMAGES).detach()
    found = cam(GAP, IMAGES, target, "maps").mean((1, 2)) + GAP.fc.bias[indices].detach()
    torch.testing.assert_close(found, logits[range(3), indices], rtol=1e-13, atol=1e-13)


class ClassMapsNetwork(nn.Sequential):
    """Its last layer is a map for each class; the logits are their means."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def test_cam_where_the_classes_have_maps_of_their_own() -> None:
    model: Any = built(ClassMapsNetwork)
    maps = model[1](model[0](IMAGES)).detach()
    torch.testing.assert_close(cam(model, IMAGES, CLASSES, "1"), maps[range(3), CLASSES], rtol=1e-12, atol=1e-12)
    below = torch.einsum("bk,bkrc->brc", model[1].weight[CLASSES][:, :, 0, 0], model[0](IMAGES)).detach()
    torch.testing.assert_close(cam(model, IMAGES, CLASSES, "0"), below, rtol=1e-12, atol=1e-12)


def test_cam_says_where_a_network_is_not_of_its_form() -> None:
    with pytest.raises(BadInput, match=r"the mean of 'stem'.*use grad_cam"):
        cam(DEEP, IMAGES, 0, "stem")
    with pytest.raises(BadInput, match="the mean of 'conv'"):  # before the ReLU; the weights' shapes alone would do
        cam(GAP, IMAGES, 0, "conv")
    with pytest.raises(BadInput, match="CAM explains classes"):
        cam(GAP, IMAGES, channel("maps", 0), "maps")
    with pytest.raises(BadInput, match="out of range"):
        cam(GAP, IMAGES, 3, "maps")


class Sharpened(Averaging):
    """One class is as CAM needs it, the others are not."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * torch.tensor([1.0, 2.0, 3.0])


def test_cam_needs_all_classes_to_be_of_its_form() -> None:
    with pytest.raises(BadInput, match="not one linear layer"):
        cam(built(Sharpened), IMAGES, 0, "maps")


def test_counterfactual_is_grad_cam_of_the_negated_score() -> None:
    def negated(model: nn.Module, images: Tensor) -> Tensor:
        return -activations(model, images, "")[""][:, 1]

    found = counterfactual_grad_cam(DEEP, IMAGES, 1, "stem")
    torch.testing.assert_close(found, grad_cam(DEEP, IMAGES, negated, "stem"), rtol=1e-13, atol=1e-15)
    assert not torch.equal(found, grad_cam(DEEP, IMAGES, 1, "stem"))


def test_grad_cam_plus_plus_without_anything_to_divide_by() -> None:
    """A layer that is not rectified can make the denominator zero: 2 + sum(A) g = 2 - 2 here."""
    head = nn.Linear(12, 2, bias=False)
    head.weight.data.fill_(1.0)
    model = nn.Sequential(nn.Identity(), nn.Flatten(), head).double().eval()
    images = torch.tensor([[-3.0, 1.0], [0.0, 0.0]], dtype=torch.float64).expand(1, 3, 2, 2)
    assert torch.equal(grad_cam_plus_plus(model, images, 0, "0"), torch.zeros(1, 2, 2).double())


def test_layer_cam_is_rectified() -> None:
    head = nn.Linear(12, 2, bias=False)
    head.weight.data = torch.stack([torch.ones(12), -torch.ones(12)])
    model = nn.Sequential(nn.Identity(), nn.Flatten(), head).double().eval()
    images = torch.tensor([[-3.0, 1.0], [0.0, 0.5]], dtype=torch.float64).expand(1, 3, 2, 2)
    wanted = torch.tensor([[[0.0, 3.0], [0.0, 1.5]]], dtype=torch.float64)
    assert torch.equal(layer_cam(model, images, 0, "0"), wanted)
    assert not layer_cam(model, images, 1, "0").any()


@pytest.mark.parametrize("method", [*METHODS, guided_grad_cam])
def test_an_image_without_evidence_has_a_map_of_zeros(method: Any) -> None:
    model = built(Averaging)
    model.conv.bias.data.fill_(-1.0)
    black = torch.zeros(2, 3, 13, 15, dtype=torch.float64)  # no ReLU opens
    assert torch.equal(method(model, black, 0, "maps"), torch.zeros_like(method(model, black, 0, "maps")))


@pytest.mark.parametrize("method", [*METHODS, cam, guided_grad_cam])
def test_images_do_not_depend_on_those_beside_them(method: Any) -> None:
    model, layer = (GAP, "maps")
    alone = torch.cat([method(model, image[None], index, layer) for image, index in zip(IMAGES, CLASSES, strict=True)])
    torch.testing.assert_close(method(model, IMAGES, CLASSES, layer), alone, rtol=1e-12, atol=1e-14)


def test_none_explains_what_each_image_is_predicted_to_be() -> None:
    others = [(index + 1) % 3 for index in PREDICTED]
    for method in (*METHODS, cam, guided_grad_cam):
        found = method(GAP, IMAGES, None, "maps")
        assert torch.equal(found, method(GAP, IMAGES, PREDICTED, "maps"))
        assert not torch.equal(found, method(GAP, IMAGES, others, "maps"))
        assert torch.equal(found, method(GAP, IMAGES))  # and the default layer is that one


class Blocked(torch.autograd.Function):
    """No gradient may come down here."""

    @staticmethod
    def forward(_ctx: Any, source: Tensor) -> Tensor:
        return source * 1

    @staticmethod
    def backward(ctx: Any, *_gradients: Tensor) -> Tensor:
        raise AssertionError(f"the part below the layer was differentiated: {ctx}")


class Counting(Averaging):
    """Counts its forward passes; whoever differentiates its convolution fails."""

    passes = 0

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        return self.fc(self.pool(self.maps(Blocked.apply(self.conv(images)))).flatten(1))


@pytest.mark.parametrize("method", [*METHODS, grad_cam_classes])
def test_one_forward_pass_and_nothing_below_the_layer_is_differentiated(method: Any) -> None:
    model = built(Counting)
    method(model, IMAGES, 2 if method is grad_cam_classes else None, "maps")
    assert model.passes == 1
    assert all(weight.grad is None for weight in model.parameters())


def test_an_objective_runs_the_model_only_as_deep_as_it_reads() -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("too deep")

    handle = DEEP.fc.register_forward_hook(fail)
    try:
        found = grad_cam(DEEP, IMAGES, neuron("conv", 3, (1, 2)), "stem")
    finally:
        handle.remove()
    maps = DEEP.stem(IMAGES).detach()
    weights = DEEP.conv.weight[3].sum((1, 2)) / maps[0, 0].numel()  # a 3x3 window of the weights, zeros elsewhere
    torch.testing.assert_close(found, torch.einsum("k,bkrc->brc", weights, maps).relu().detach())


def test_an_objective_of_the_layer_itself() -> None:
    maps = GAP.maps(GAP.conv(IMAGES)).detach()
    wanted = maps[:, 2] / maps[0, 0].numel()
    torch.testing.assert_close(grad_cam(GAP, IMAGES, channel("maps", 2), "maps"), wanted)


def test_a_target_below_the_layer_is_refused() -> None:
    with pytest.raises(LayerNotFound, match="computed before layer 'conv' of Deep is reached"):
        grad_cam(DEEP, IMAGES, channel("stem.0", 0), "conv")


def test_classes_side_by_side_equal_one_after_another() -> None:
    found = grad_cam_classes(DEEP, IMAGES, 2, "stem")
    logits = DEEP(IMAGES).detach()
    assert torch.equal(found.classes, logits.argsort(1, descending=True)[:, :2])
    torch.testing.assert_close(found.logits, logits, rtol=1e-13, atol=1e-13)
    for place in range(2):
        wanted = grad_cam(DEEP, IMAGES, found.classes[:, place], "stem")
        torch.testing.assert_close(found.maps[:, place], wanted, rtol=1e-13, atol=1e-15)
    given = torch.tensor([[1, 0, 1], [2, 2, 0], [0, 1, 2]], dtype=torch.int32)
    third = grad_cam_classes(DEEP, IMAGES, given, "stem")
    assert torch.equal(third.classes, given.long())
    torch.testing.assert_close(third.maps[:, 2], grad_cam(DEEP, IMAGES, given[:, 2], "stem"), rtol=1e-13, atol=1e-15)
    assert not third.maps.requires_grad
    assert not third.logits.requires_grad


def test_classes_side_by_side_find_their_layer() -> None:
    assert torch.equal(grad_cam_classes(GAP, IMAGES, 1).maps, grad_cam_classes(GAP, IMAGES, 1, "maps").maps)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (0, "choose 1 to 3 of them, not 0"),
        (4, "choose 1 to 3 of them, not 4"),
        (torch.tensor([[0], [1]]), r"for each of 3 images, not \(2, 1\)"),
        (torch.tensor([[0], [3], [1]]), "run from 0 to 2; 0 to 3 were given"),
        (torch.tensor([[0], [-1], [1]]), "run from 0 to 2; -1 to 1 were given"),
        (torch.zeros(3, 0, dtype=torch.long), "at least one class"),
    ],
)
def test_classes_that_are_not_there(targets: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        grad_cam_classes(DEEP, IMAGES, targets, "stem")


def test_guided_grad_cam_is_the_product_with_the_enlarged_map() -> None:
    where = F.interpolate(grad_cam(DEEP, IMAGES, 1, "stem")[:, None], (13, 15), mode="bilinear", align_corners=False)
    wanted = (input_gradient(DEEP, IMAGES, 1, "guided") * where).abs().amax(1)
    torch.testing.assert_close(guided_grad_cam(DEEP, IMAGES, 1, "stem"), wanted, rtol=1e-13, atol=1e-15)
    assert wanted.count_nonzero() > 50


class Detaching(Deep):
    def head(self, maps: Tensor) -> Tensor:
        return super().head(maps.detach())


@pytest.mark.parametrize("method", [*METHODS, grad_cam_classes])
def test_bad_input_is_refused_and_leaves_no_hook(method: Any) -> None:
    model, detaching = built(Deep), built(Detaching)
    for network, images, layer, error, message in [
        (model, IMAGES, "fc", BadInput, r"'fc' has no spatial map: it puts out \(3, 3\)"),
        (model, IMAGES, "stme", LayerNotFound, "no layer 'stme'; near ones: stem"),
        (model, IMAGES * torch.nan, "stem", NotFinite, "NaN"),
        (detaching, IMAGES, "stem", BadInput, "no gradient reaches layer 'stem'"),
        (built(Deep).train(), IMAGES, "stem", BadInput, "training mode"),
    ]:
        with pytest.raises(error, match=message):
            method(network, images, 0 if method is not grad_cam_classes else 1, layer)
    assert not any(module._forward_hooks for network in (model, detaching) for module in network.modules())


def test_no_hook_stays_where_the_model_itself_fails() -> None:
    model = built(Deep)
    for layer in ("stem", None):
        with pytest.raises(BadInput, match="do not fit Deep"):
            grad_cam(model, IMAGES[..., :9, :9], 0, layer)
    assert not any(module._forward_hooks for module in model.modules())


def test_gradients_are_computed_where_the_caller_switched_them_off() -> None:
    wanted = grad_cam(DEEP, IMAGES, 0, "stem")
    with torch.no_grad():
        assert torch.equal(grad_cam(DEEP, IMAGES, 0, "stem"), wanted)
    with torch.inference_mode():
        assert torch.equal(grad_cam(DEEP, IMAGES, 0, "stem"), wanted)


def test_half_precision_is_summed_in_single() -> None:
    wanted = grad_cam(as_classifier(built(Averaging).float()), IMAGES.float(), CLASSES, "maps")
    half = as_classifier(built(Averaging).to(torch.bfloat16))
    found = grad_cam(half, IMAGES.float(), CLASSES, "maps")
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=0.05, atol=float(wanted.max()) / 50)
    assert cam(half, IMAGES.float(), CLASSES, "maps").dtype == torch.float32
    with pytest.raises(BadInput, match="weights of Averaging are not; as_classifier"):
        grad_cam(built(Averaging).half(), IMAGES.float(), CLASSES, "maps")
