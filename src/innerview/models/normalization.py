"""The first and the cheapest-written layers of a network: input size and scaling, local response normalization."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.types import Images, ResizedImages

CACHED: Final = 600_000
"""Numbers of a piece whose intermediate results stay in the processor's cache."""

LUMINANCE: Final = (0.299, 0.587, 0.114)
"""Red's, green's and blue's share in grey."""


class Normalize(nn.Module):
    """Turn RGB or grey images in [0, 1] into what a network was trained on: ``(images - mean) / std`` by channel.

    Args:
        mean: One number, or one per RGB channel, in units of [0, 1].
        std: Likewise.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", _per_channel(mean), persistent=False)
        self.register_buffer("std", _per_channel(std), persistent=False)

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Tensor:
        scaled = (images - self.mean) / self.std
        # Convolutions run on channels-last data 1.3 to 2 times as fast, and keep the order for all layers above.
        return scaled.contiguous(memory_format=torch.channels_last)


def _per_channel(values: float | Sequence[float]) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32).reshape(1, -1, 1, 1)


def resized(images: Images, size: tuple[int, int]) -> ResizedImages:
    """Scale images to a height and width: bilinear, antialiased; images of that size stay as they are."""
    if images.shape[-2:] == size:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=True)


def luminance(images: Images) -> Tensor:
    """Turn RGB into one channel ``(b, 1, h, w)`` by the weights of ITU-R BT.601, as Pillow and torchvision do."""
    return (images * images.new_tensor(LUMINANCE).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


class LocalResponseNorm(nn.Module):
    r"""Local response normalization across channels, as in GoogLeNet {cite}`szegedy2015going`.

    $$y_i = x_i \Big(k + \frac{\alpha}{n} \sum_{j=i-\lfloor n/2\rfloor}^{i+\lfloor n/2\rfloor} x_j^2\Big)^{-\beta}$$

    The same values and gradients as `torch.nn.LocalResponseNorm`, several times as fast: the window sum is made of
    shifted additions, the power of reciprocal square roots, and the backward pass is written out.

    Args:
        size: Channels in the window, $n$; odd.
        alpha: $\alpha$.
        beta: $\beta$.
        k: $k$.

    Raises:
        BadInput: `size` is not odd and positive.
    """

    def __init__(self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        if size < 1 or size % 2 == 0:
            raise BadInput(f"local response normalization takes an odd number of channels, not {size}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        return _LocalResponseNorm.apply(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class _LocalResponseNorm(torch.autograd.Function):
    """Works in pieces: intermediate results then stay in the processor's cache, those of a batch would not."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
        y, scale, power = (torch.empty_like(x) for _ in range(3))
        for one_x, one_y, one_scale, one_power in _in_pieces(x, y, scale, power):
            torch.mul(_window_sum(one_x * one_x, size), alpha / size, out=one_scale).add_(k)
            _power(one_scale, beta, out=one_power)
            torch.mul(one_x, one_power, out=one_y)
        ctx.save_for_backward(x, scale, power)
        ctx.save_for_forward(x, scale, power)
        ctx.settings = size, alpha, beta, k
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        x, scale, power = ctx.saved_tensors
        size, alpha, beta, k = ctx.settings
        factor = -2 * alpha * beta / size
        if torch.is_grad_enabled():  # a second derivative is wanted: what was saved has no graph
            scale = k + alpha / size * _window_sum(x * x, size)
            direct = gradient * _power(scale, beta)
            return direct + factor * x * _window_sum(direct * x / scale, size), None, None, None, None
        result = torch.empty_like(x)
        for one_x, one_scale, one_power, one_gradient, out in _in_pieces(x, scale, power, gradient, result):
            direct = one_gradient * one_power
            shared = _window_sum((direct * one_x).div_(one_scale), size)
            torch.addcmul(direct, one_x, shared, value=factor, out=out)
        return result, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]  (torch's stub takes a tuple)
        x, scale, power = ctx.saved_tensors
        size, alpha, beta, _ = ctx.settings
        shared = _window_sum(x * tangents[0], size)
        return power * (tangents[0] - 2 * alpha * beta / size * x * shared / scale)


def _in_pieces(*batches: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Cut batches into pieces of as many images as fit the processor's cache, at least one."""
    images = max(1, CACHED // max(1, batches[0][0].numel()))
    return zip(*(batch.split(images) for batch in batches), strict=True)


def _window_sum(x: Tensor, size: int) -> Tensor:
    """Sum over the `size` channels around each one."""
    total = x.clone()
    for shift in range(1, size // 2 + 1):
        total[:, shift:].add_(x[:, :-shift])  # `+=` would write each slice a second time
        total[:, :-shift].add_(x[:, shift:])
    return total


def _power(scale: Tensor, beta: float, out: Tensor | None = None) -> Tensor:
    """Return ``scale ** -beta``."""
    if beta == 0.75:  # GoogLeNet's; `pow` takes several times as long
        root = scale.rsqrt()
        return torch.mul(root, root.sqrt(), out=out)
    return torch.pow(scale, -beta, out=out)
