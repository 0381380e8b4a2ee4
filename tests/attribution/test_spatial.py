"""Attribution to positions and channels, and the relaxed gradient of max pooling, window by window."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F

from innerview.attribution.spatial import channel_attribution, relaxed_max_pool, spatial_attribution
from innerview.core.errors import BadInput
from innerview.optimize import channel

CLASSES = [1, 2]
IMAGES = torch.rand(2, 3, 12, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


class LinearAbove(nn.Module):
    """Linear above `maps`, though differently at each position."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.maps = nn.Conv2d(3, 4, 3), nn.ReLU()
        self.mix, self.fc = nn.Conv2d(4, 2, 3, bias=False), nn.Linear(2 * 8 * 10, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.mix(self.maps(self.conv(images))).flatten(1))


class Pooled(LinearAbove):
    """The same with a max pooling above, called as a function of the layer's output."""

    def __init__(self, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.pool, self.fc = pool, nn.Linear(4 * 5 * 6, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.pool(self.maps(self.conv(images))).flatten(1))


def built(make: Callable[[], nn.Module]) -> Any:
    torch.manual_seed(0)
    return make().double().eval()


def test_positions_and_the_bias_make_up_the_logit() -> None:
    model = built(LinearAbove)
    logits = model(IMAGES)[range(2), CLASSES].detach()
    bias = model.fc.bias[CLASSES].detach()
    positions = spatial_attribution(model, IMAGES, CLASSES, "maps")
    channels = channel_attribution(model, IMAGES, CLASSES, "maps")
    assert positions.shape == (2, 10, 12)
    assert channels.shape == (2, 4)
    torch.testing.assert_close(positions.sum((1, 2)) + bias, logits, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(channels.sum(1) + bias, logits, rtol=1e-12, atol=1e-12)
    assert positions.min() < 0 < positions.max()
    assert not positions.requires_grad


def test_both_share_out_activation_times_gradient() -> None:
    model = built(LinearAbove)
    maps = model.maps(model.conv(IMAGES)).detach().requires_grad_()
    (slope,) = torch.autograd.grad(model.fc(model.mix(maps).flatten(1))[range(2), CLASSES].sum(), maps)
    shares = (maps * slope).detach()
    torch.testing.assert_close(spatial_attribution(model, IMAGES, CLASSES, "maps"), shares.sum(1))
    torch.testing.assert_close(channel_attribution(model, IMAGES, CLASSES, "maps"), shares.sum((2, 3)))


def literal_relaxed(source: Tensor, gradient: Tensor, window: int, stride: int, padding: int) -> Tensor:
    """Differentiate mean(x^2) / (0.01 + mean(|x|)) by the quotient rule, window after window; borders do not count."""
    found = torch.zeros_like(source)
    _, _, height, width = source.shape
    for index in range(gradient.numel()):
        image, channel_, row, column = (int(i) for i in torch.unravel_index(torch.tensor(index), gradient.shape))
        rows = [r for r in range(row * stride - padding, row * stride - padding + window) if 0 <= r < height]
        columns = [c for c in range(column * stride - padding, column * stride - padding + window) if 0 <= c < width]
        values = {(r, c): float(source[image, channel_, r, c]) for r in rows for c in columns}
        count = len(values)
        square = sum(x * x for x in values.values()) / count
        size = 0.01 + sum(abs(x) for x in values.values()) / count
        for (r, c), x in values.items():
            sign = (x > 0) - (x < 0)
            slope = 2 * x / count / size - square * sign / count / size**2
            found[image, channel_, r, c] += slope * float(gradient[image, channel_, row, column])
    return found


WINDOWS = [(2, 2, 0, False), (3, 2, 1, False), (3, 2, 0, True), (3, 1, 1, False), (2, 3, 0, True)]


@pytest.mark.parametrize(("window", "stride", "padding", "ceil_mode"), WINDOWS)
def test_the_relaxed_gradient_window_by_window(window: int, stride: int, padding: int, ceil_mode: bool) -> None:
    pool = nn.MaxPool2d(window, stride, padding, ceil_mode=ceil_mode)
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(2, 2, 6, 7, dtype=torch.float64, generator=generator).requires_grad_()
    usual = pool(source)
    with relaxed_max_pool(pool):
        pooled = pool(source)
    gradient = torch.randn(pooled.shape, dtype=torch.float64, generator=generator)
    (found,) = torch.autograd.grad(pooled, source, gradient)
    assert torch.equal(pooled, usual)
    torch.testing.assert_close(found, literal_relaxed(source.detach(), gradient, window, stride, padding))


@pytest.mark.filterwarnings(
    "ignore:.*torch.jit.script:DeprecationWarning"
)  # torch's of itself, at the first dual number
@pytest.mark.parametrize(("window", "stride", "padding", "ceil_mode"), WINDOWS)
def test_the_relaxed_derivative_forwards_is_the_transpose_of_the_gradient(
    window: int, stride: int, padding: int, ceil_mode: bool
) -> None:
    pool = nn.MaxPool2d(window, stride, padding, ceil_mode=ceil_mode)
    draws = torch.Generator().manual_seed(0)
    source, tangent = torch.randn(2, 2, 2, 6, 7, dtype=torch.float64, generator=draws)
    source[:, :, 2:4] = 0  # as behind a ReLU
    usual = pool(source)
    with relaxed_max_pool(pool), forward_ad.dual_level():
        found = forward_ad.unpack_dual(pool(forward_ad.make_dual(source, tangent)))
    gradient = torch.randn(usual.shape, dtype=torch.float64, generator=draws)
    back = literal_relaxed(source, gradient, window, stride, padding)
    assert found.tangent is not None
    assert torch.equal(found.primal, usual)
    assert abs(float((back * tangent).sum())) > 0.1
    assert float((gradient * found.tangent).sum()) == pytest.approx(float((back * tangent).sum()), rel=1e-11)


POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "nn.MaxPool2d": nn.MaxPool2d(2),
    "F.max_pool2d": lambda x: F.max_pool2d(x, 2),
    "torch.max_pool2d": lambda x: torch.max_pool2d(x, (2, 2)),
    "F.max_pool2d, stride given": lambda x: F.max_pool2d(x, kernel_size=2, stride=2),
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_attribution_relaxes_the_pooling_however_it_is_called(pool: Callable[[Tensor], Tensor]) -> None:
    model = built(lambda: Pooled(pool))
    maps = model.maps(model.conv(IMAGES)).detach()
    above = model.fc.weight[CLASSES].detach().reshape(2, 4, 5, 6)
    shares = maps * literal_relaxed(maps, above, 2, 2, 0)
    torch.testing.assert_close(spatial_attribution(model, IMAGES, CLASSES, "maps"), shares.sum(1))
    torch.testing.assert_close(channel_attribution(model, IMAGES, CLASSES, "maps"), shares.sum((2, 3)))


@pytest.mark.parametrize("options", [{"dilation": 2}, {"dilation": (1, 2)}, {"return_indices": True}])
def test_other_pooling_keeps_its_gradient(options: dict[str, Any]) -> None:
    class Other(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            pooled = F.max_pool2d(x, 2, **options)
            return pooled if isinstance(pooled, Tensor) else pooled[0]

    model = Other()
    source = torch.randn(1, 2, 6, 6, dtype=torch.float64).requires_grad_()
    (wanted,) = torch.autograd.grad(model(source).sum(), source)
    with relaxed_max_pool(model):
        assert torch.equal(torch.autograd.grad(model(source).sum(), source)[0], wanted)


def test_the_pooling_is_relaxed_inside_the_model_and_the_block_alone() -> None:
    source = torch.randn(1, 2, 6, 6, dtype=torch.float64).requires_grad_()

    def slope(pool: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.autograd.grad(pool(source).sum(), source)[0]

    model, other = nn.Sequential(nn.MaxPool2d(2)), nn.MaxPool2d(2)
    usual = slope(other)
    with relaxed_max_pool(model):
        assert not torch.equal(slope(model), usual)
        assert torch.equal(slope(other), usual)
    assert torch.equal(slope(model), usual)
    assert "forward" not in vars(model)


def test_the_model_is_as_before_also_after_an_exception() -> None:
    model = built(lambda: Pooled(nn.MaxPool2d(2)))

    def own(images: Tensor) -> Tensor:
        return Pooled.forward(model, images)

    model.forward = own
    with pytest.raises(BadInput, match="'fc' has no spatial map"):
        spatial_attribution(model, IMAGES, 0, "fc")
    assert model.forward is own
    assert not any(module._forward_hooks for module in model.modules())


def test_an_intermediate_objective_and_the_default_layer() -> None:
    model = built(LinearAbove)
    maps = model.maps(model.conv(IMAGES)).detach()
    above = F.conv_transpose2d(torch.ones(2, 1, 8, 10).double() / 80, model.mix.weight[1:2].detach())
    wanted = (maps * above).sum(1)
    torch.testing.assert_close(spatial_attribution(model, IMAGES, channel("mix", 1), "maps"), wanted)
    default = spatial_attribution(model, IMAGES)
    torch.testing.assert_close(default, spatial_attribution(model, IMAGES, model(IMAGES).argmax(1), "mix"))
