"""Averaged gradients: closed forms, loops as the articles write them, completeness, and captum."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from attribution.tiny import CLASSES, Calls, Layers, frozen, pictures
from torch import Tensor, nn

from innerview.attribution.gradients import saliency
from innerview.attribution.integrals import integrated_gradients, smooth_grad
from innerview.core.errors import BadInput, NotFinite
from innerview.core.seeds import generator
from innerview.models import LOGITS, activations
from innerview.optimize import channel, class_logit, neuron

METHODS = [smooth_grad, integrated_gradients]


class Seen:
    """A score of the pixels alone, which keeps what it was asked about."""

    def __init__(self, score: Callable[[Tensor], Any]) -> None:
        self.score = score
        self.images: list[Tensor] = []

    def __call__(self, _model: nn.Module, images: Tensor) -> Tensor:
        self.images.append(images.detach().clone())
        return self.score(images).flatten(1).sum(1)


def slope(model: nn.Module, image: Tensor, target: int) -> Tensor:
    """Differentiate one class of one image ``(3, h, w)``."""
    source = image.clone()[None].requires_grad_()
    return torch.autograd.grad(model(source)[0, target], source)[0][0]


def test_smooth_grad_is_the_mean_gradient_of_noisy_copies_one_by_one() -> None:
    net, images, targets = frozen(Calls()), pictures(3), [2, 0, 3]
    wanted = []
    for image, target in zip(images, targets, strict=True):
        stream = generator("smooth_grad", 5)
        sigma = 0.2 * (image.max() - image.min())
        noisy = [image + sigma * torch.randn(image.shape, generator=stream) for _ in range(7)]
        wanted.append(torch.stack([slope(net, one, target) for one in noisy]).mean(0).abs().max(0).values)
    found = smooth_grad(net, images, targets, samples=7, noise=0.2, seed=5)
    assert torch.allclose(found, torch.stack(wanted), rtol=1e-9)
    assert not torch.allclose(found, saliency(net, images, targets), rtol=0.1)


def test_noise_is_a_share_of_each_images_range() -> None:
    images = pictures(2)
    images[1] = 0.25 + images[1] / 10
    ranges = images.amax((1, 2, 3)) - images.amin((1, 2, 3))
    score = Seen(torch.square)
    smooth_grad(frozen(Layers()), images, score, samples=400, noise=0.3)
    added = torch.cat(score.images).unflatten(0, (400, 2)) - images
    for image in (0, 1):
        share = added[:, image] / (0.3 * ranges[image])
        assert share.std().item() == pytest.approx(1, abs=0.01)
        assert share.mean().item() == pytest.approx(0, abs=0.01)
        assert share.mean((1, 2, 3)).std().item() == pytest.approx((3 * 12 * 12) ** -0.5, rel=0.15)  # independent
        assert share.mean(0).std().item() == pytest.approx(400**-0.5, rel=0.15)


def test_a_heatmap_takes_the_largest_absolute_channel_of_the_mean() -> None:
    """The gradient of a weighted sum is its weights, whatever the noise."""
    weights = torch.tensor([1.0, -3.0, 2.0], dtype=torch.float64)[:, None, None]
    found = smooth_grad(frozen(Layers()), pictures(2), Seen(lambda images: images * weights), samples=4)
    assert torch.allclose(found, torch.full_like(found, 3.0))


def test_the_mean_gradient_of_an_absolute_value_is_the_error_function() -> None:
    """Signs cancel before the absolute value is taken: the mean of sign(x + noise) is erf(x / (sigma sqrt(2)))."""
    images = pictures(1)
    score = Seen(lambda images: torch.abs(images - 0.5))
    found = smooth_grad(frozen(Layers()), images, score, samples=4000, noise=0.3, batch=500)
    sigma = 0.3 * (images.max() - images.min())
    wanted = torch.erf((images - 0.5) / (sigma * 2**0.5)).abs().amax(1)
    assert torch.allclose(found, wanted, atol=0.07)
    assert wanted.min() < 0.3
    assert wanted.max() > 0.9


def test_without_noise_it_is_the_saliency_map() -> None:
    net, images = frozen(Calls()), pictures(3)
    found = smooth_grad(net, images, samples=3, noise=0.0)
    assert torch.allclose(found, saliency(net, images), rtol=1e-10)


def test_a_seed_repeats_and_another_differs() -> None:
    net, images = frozen(Calls()), pictures(2)
    before = torch.get_rng_state()
    first, again, other = (smooth_grad(net, images, 1, samples=4, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, rtol=1e-2)
    assert torch.equal(torch.get_rng_state(), before)  # the global state is not touched


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 16, 1000])
@pytest.mark.parametrize(("method", "count"), [(smooth_grad, {"samples": 5}), (integrated_gradients, {"steps": 5})])
def test_neither_batch_nor_neighbours_change_a_heatmap(
    method: Callable[..., Tensor], count: dict[str, int], batch: int
) -> None:
    net, images = frozen(Calls()), pictures(5)
    predicted = net(images).argmax(1).tolist()
    assert len(set(predicted)) > 1
    alone = torch.cat(
        [method(net, image[None], target, **count) for image, target in zip(images, predicted, strict=True)]
    )
    assert torch.allclose(method(net, images, batch=batch, **count), alone, rtol=1e-9, atol=1e-15)
    assert torch.allclose(method(net, images, predicted, batch=batch, **count), alone, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("batch", [1, 2, 6, 7])
@pytest.mark.parametrize(("method", "count"), [(smooth_grad, {"samples": 9}), (integrated_gradients, {"steps": 9})])
def test_no_more_images_than_the_batch_run_at_once(
    method: Callable[..., Tensor], count: dict[str, int], batch: int
) -> None:
    net, sizes = frozen(Layers()), []
    net.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    method(net, pictures(3), [0, 1, 2], batch=batch, **count)
    assert sum(sizes) == 3 * 9
    assert max(sizes) == {1: 1, 2: 2, 6: 6, 7: 6}[batch]


@pytest.mark.parametrize(
    ("method", "changed"),
    [(smooth_grad, {"samples": 6, "noise": 0.8, "seed": 1}), (integrated_gradients, {"steps": 6, "baseline": 1.0})],
)
def test_the_predicted_class_is_that_of_the_clean_images(
    method: Callable[..., Tensor], changed: dict[str, Any]
) -> None:
    net, images = frozen(Calls()), pictures(6)
    predicted = net(images).argmax(1)
    met: list[Tensor] = []
    net.register_forward_hook(lambda *passed: met.append(passed[2].argmax(1)))
    found = method(net, images, **changed)
    assert any(not torch.equal(one[:6], predicted) for one in met)  # or this test would say nothing
    assert torch.allclose(found, method(net, images, predicted, **changed), rtol=1e-12)


@pytest.mark.parametrize(("method", "count"), [(smooth_grad, {"samples": 6}), (integrated_gradients, {"steps": 6})])
def test_any_score_is_a_target(method: Callable[..., Tensor], count: dict[str, int]) -> None:
    net, images = frozen(Calls()), pictures(3)
    found, wanted = (method(net, images, target, **count) for target in (class_logit(2), 2))
    assert torch.allclose(found, wanted, rtol=1e-9, atol=1e-15)
    by_class = class_logit([3, 0, 1])  # it asks for three images in each call, also where the batch is smaller
    wanted = method(net, images, [3, 0, 1], **count)
    for batch in (1, 16):
        assert torch.allclose(method(net, images, by_class, batch=batch, **count), wanted, rtol=1e-9, atol=1e-15)
    assert method(net, images, neuron("conv2", 3), **count).any()


def test_integrated_gradients_are_the_articles_sum_over_the_way() -> None:
    """Two thousand right ends of equal steps, as the article's Eq. 3 has them."""
    net, image, start = frozen(Calls()), pictures(1), pictures(2)[1:]
    source = torch.cat([start + step / 2000 * (image - start) for step in range(1, 2001)]).requires_grad_()
    (slopes,) = torch.autograd.grad(net(source)[:, 2].sum(), source)
    wanted = ((image - start) * slopes.mean(0)).sum(1)
    found = integrated_gradients(net, image, 2, baseline=start, steps=300, batch=100)
    assert (found - wanted).abs().max() < 0.01 * wanted.abs().max()


def test_integrals_of_polynomials_are_exact() -> None:
    """A step more makes the quadrature exact for two degrees more."""
    images, start = pictures(2), pictures(4)[2:]
    net = frozen(Layers())
    for steps, power in [(1, 2), (2, 4), (3, 6)]:
        score = Seen(lambda images, power=power: images**power)
        found = integrated_gradients(net, images, score, baseline=start, steps=steps)
        assert torch.allclose(found, (images**power - start**power).sum(1), rtol=1e-10, atol=1e-14)
        assert not torch.allclose(
            integrated_gradients(net, images, Seen(lambda images: images**7), baseline=start, steps=steps),
            (images**7 - start**7).sum(1),
            rtol=1e-6,
        )


@pytest.mark.parametrize("baseline", [0, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("make", [Layers, Calls])
def test_a_heatmap_sums_to_what_the_score_gains(make: Callable[[], nn.Module], baseline: float) -> None:
    net, images = frozen(make()), pictures(3)
    targets = [2, 0, 3]
    gain = (net(images) - net(torch.full_like(images, baseline)))[range(3), targets]
    found = integrated_gradients(net, images, targets, baseline=baseline, steps=300, batch=300)
    assert torch.allclose(found.sum((1, 2)), gain, rtol=0, atol=0.01 * gain.abs().max().item())
    assert (found < 0).any()


def test_a_baseline_may_be_an_image_for_all_or_one_for_each() -> None:
    net, images, starts = frozen(Layers()), pictures(3), pictures(6)[3:]
    each = integrated_gradients(net, images, 1, baseline=starts, batch=2)
    for image, start, one in zip(images, starts, each, strict=True):
        alone = integrated_gradients(net, image[None], 1, baseline=start[None])
        assert torch.allclose(alone[0], one, rtol=1e-9, atol=1e-15)
    shared = integrated_gradients(net, images, 1, baseline=starts[:1].float(), batch=2)
    assert torch.allclose(shared[0], each[0], rtol=1e-5, atol=1e-9)
    assert torch.allclose(
        integrated_gradients(net, images, 1, baseline=torch.full((1, 3, 12, 12), 0.5)),
        integrated_gradients(net, images, 1, baseline=0.5),
    )
    assert not integrated_gradients(net, images, 1, baseline=images).any()


def captums(net: nn.Module, images: Tensor, target: list[int], **options: Any) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import IntegratedGradients  # noqa: PLC0415

        return IntegratedGradients(net).attribute(images, target=target, **options).detach().sum(1)


@pytest.mark.parametrize("baseline", [0.0, 0.5])
@pytest.mark.parametrize("make", [Layers, Calls])
def test_integrated_gradients_are_captums(make: Callable[[], nn.Module], baseline: float) -> None:
    """captum integrates by Gauss and Legendre, too, and keeps the colour channels apart; ours is their sum."""
    net, images = frozen(make()), pictures(3)
    captum = captums(net, images, [2, 0, 1], baselines=baseline, n_steps=20)
    ours = integrated_gradients(net, images, [2, 0, 1], baseline=baseline, steps=20)
    assert torch.allclose(ours, captum, rtol=1e-4, atol=1e-4 * captum.abs().max().item())
    assert captum.any()


@pytest.mark.mirror
def test_integrated_gradients_of_googlenet_are_captums(googlenet: nn.Module) -> None:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    captum = captums(googlenet, images, [281, 242], n_steps=6).float()
    ours = integrated_gradients(googlenet, images, [281, 242], steps=6)
    assert torch.allclose(ours, captum, rtol=1e-4, atol=1e-4 * captum.abs().max().item())
    assert captum.any()


@pytest.mark.mirror
def test_smooth_grad_of_googlenet_takes_noise_away(googlenet: nn.Module) -> None:
    """What two seeds agree on grows with the samples: their maps' correlation."""
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    likeness = []
    for samples in (1, 12):
        pair = [smooth_grad(googlenet, images, 281, samples=samples, noise=0.1, seed=seed).flatten() for seed in (0, 1)]
        likeness.append(torch.corrcoef(torch.stack(pair))[0, 1].item())
    assert likeness[1] > likeness[0] + 0.1


REFUSED = [
    (smooth_grad, {"samples": 0}, "samples must be at least 1, not 0"),
    (smooth_grad, {"batch": 0}, "batch must be at least 1, not 0"),
    (smooth_grad, {"noise": -0.1}, "noise is a share of the image's range, 0 or more, not -0.1"),
    (smooth_grad, {"noise": float("nan")}, "noise is a share of the image's range, 0 or more, not nan"),
    (smooth_grad, {"noise": float("inf")}, "noise is a share of the image's range, 0 or more, not inf"),
    (integrated_gradients, {"steps": 0}, "steps must be at least 1, not 0"),
    (integrated_gradients, {"batch": -1}, "batch must be at least 1, not -1"),
    (integrated_gradients, {"baseline": 1.5}, r"a baseline is a brightness in \[0, 1\] or images, not 1.5"),
    (integrated_gradients, {"baseline": -0.1}, r"a baseline is a brightness in \[0, 1\] or images, not -0.1"),
    (
        integrated_gradients,
        {"baseline": pictures(2)[:, :, :6]},
        r"the baseline is \(2, 3, 6, 12\), the images \(2, 3, 12",
    ),
    (integrated_gradients, {"baseline": pictures(3)}, r"the baseline is \(3, 3, 12, 12\), the images \(2, 3, 12, 12\)"),
]


@pytest.mark.parametrize(("method", "options", "message"), REFUSED)
def test_settings_out_of_range_are_refused(
    method: Callable[..., Tensor], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        method(frozen(Layers()), pictures(2), 0, **options)


def test_a_baseline_that_is_not_finite_is_refused() -> None:
    with pytest.raises(NotFinite, match="the baseline holds NaN or infinite pixels"):
        integrated_gradients(frozen(Layers()), pictures(2), 0, baseline=pictures(2) / 0)


@pytest.mark.parametrize("method", METHODS)
def test_bad_input_is_refused(method: Callable[..., Tensor]) -> None:
    net, images = frozen(Layers()), pictures(2)
    with pytest.raises(BadInput, match=f"runs from 0 to {CLASSES - 1}"):
        method(net, images, CLASSES)
    with pytest.raises(BadInput, match="3 targets for 2 images"):
        method(net, images, [0, 1, 2])
    with pytest.raises(BadInput, match="in training mode"):
        method(frozen(Layers()).train(), images, 0)
    with pytest.raises(NotFinite, match="NaN"):
        method(net, images * float("nan"), 0)


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("method", METHODS)
def test_results_are_detached_and_the_model_is_as_before(
    method: Callable[..., Tensor], without: Callable[[], Any]
) -> None:
    net = frozen(Layers()).requires_grad_(True)
    images = pictures(2).requires_grad_()
    wanted = method(net, images)
    assert not wanted.requires_grad
    assert images.grad is None
    with without():
        assert torch.equal(method(net, pictures(2)), wanted)
    assert all(weight.grad is None and weight.requires_grad for weight in net.parameters())
    assert activations(net, images, LOGITS)[LOGITS].requires_grad


def test_the_score_of_a_channel_is_shared_out_whole() -> None:
    net, images = frozen(Layers()), pictures(2)
    score = channel("conv2", 3)
    gain = score(net, images) - score(net, torch.zeros_like(images))
    found = integrated_gradients(net, images, score, steps=200, batch=64)
    assert torch.allclose(found.sum((1, 2)), gain, rtol=0.01)
