r"""Spatial and channel attribution {cite}`olah2018building`: where and by which channels a layer adds to a score.

Both share out $h \cdot \partial y / \partial h$, the score's change to first order if an activation were removed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from innerview.attribution.readings import LayerReading, read_layer
from innerview.attribution.targets import Target
from innerview.core.types import Images, LayerMaps
from innerview.models.forwarding import replaced_forward

FLOOR: Final = 1e-2
"""Added to the denominator of the relaxed pooling, in the activations' unit; the article's notebook."""


def spatial_attribution(model: nn.Module, images: Images, target: Target = None, layer: str | None = None) -> LayerMaps:
    r"""Share a score out among the positions of a layer {cite}`olah2018building`.

    $$R_{ij} = \sum_k h^k_{ij}\, \frac{\partial y}{\partial h^k_{ij}}$$

    with the gradient of max pooling relaxed, see `relaxed_max_pool`. Where the network is linear above the layer, the
    sum over positions plus the bias is the score.

    Args:
        model: Any network.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: Class of each image, or any score $y$; None for the predicted class.
        layer: Name of a layer with positions, whose activations are $h$; None for `default_layer`.

    Returns:
        ``(b, rows, columns)``, signed, in the score's unit.

    Raises:
        LayerNotFound: the model has no such layer, or the score is computed before it.
        BadInput: the layer has no spatial map, the score does not depend on it, or see `scoring`.
        NotFinite: a pixel is NaN or infinite.
    """
    read = _relaxed(model, images, target, layer)
    return (read.activations * read.gradient).sum(1)


def channel_attribution(
    model: nn.Module, images: Images, target: Target = None, layer: str | None = None
) -> Float[Tensor, "b channels"]:
    """Share a score out among the channels of a layer, summed over positions {cite}`olah2018building`.

    Args and raises as `spatial_attribution`.

    Returns:
        ``(b, c)``, signed, in the score's unit.
    """
    read = _relaxed(model, images, target, layer)
    return (read.activations * read.gradient).sum((2, 3))


def _relaxed(model: nn.Module, images: Images, target: Target, layer: str | None) -> LayerReading:
    with relaxed_max_pool(model):
        return read_layer(model, images, target, layer)


@contextmanager
def relaxed_max_pool(model: nn.Module) -> Iterator[None]:
    r"""Let the gradient through the model's max pooling reach all of a window while the block runs.

    A maximum passes its gradient to one position alone, and attribution to positions becomes a matter of chance. In its
    place comes the gradient of $\operatorname{mean}(x^2) / (0.01 + \operatorname{mean}(|x|))$ over each window, as in
    the notebook of {cite}`olah2018building`. The forward pass stays as it is, and the model unchanged. Pooling with
    gaps in its windows (dilation) or that returns indices keeps its own gradient.
    """
    forward = model.forward

    def relaxing(*inputs: Any, **options: Any) -> Any:
        with _Relaxing():
            return forward(*inputs, **options)

    with replaced_forward(model, relaxing):
        yield


class _Relaxing(TorchFunctionMode):
    """Every max pooling that is called meanwhile, by a layer or not, has the relaxed gradient."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (_max_pool if func in (F.max_pool2d, torch.max_pool2d) else func)(*args, **(kwargs or {}))


def _max_pool(
    input: Tensor,  # noqa: A002  (torch's names)
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    **options: Any,
) -> Any:
    if dilation not in (1, (1, 1), [1, 1]) or options.get("return_indices"):
        return F.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, **options)
    return _MaxPool.apply(input, (kernel_size, stride or kernel_size, padding, ceil_mode))


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, source: Tensor, window: tuple[Any, Any, Any, bool]) -> Tensor:
        ctx.save_for_backward(source)
        ctx.save_for_forward(source)
        ctx.window = window
        kernel_size, stride, padding, ceil_mode = window
        return F.max_pool2d(source, kernel_size, stride, padding, 1, ceil_mode)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        with torch.enable_grad():
            source = ctx.saved_tensors[0].detach().requires_grad_()
            relaxed = _mean(source**2, ctx.window) / (FLOOR + _mean(source.abs(), ctx.window))
        return torch.autograd.grad(relaxed, source, gradients[0])[0], None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]  (torch's stub takes a tuple)
        source, tangent = ctx.saved_tensors[0], tangents[0]
        below = FLOOR + _mean(source.abs(), ctx.window)
        ratio = _mean(source**2, ctx.window) / below
        return (_mean(2 * source * tangent, ctx.window) - ratio * _mean(source.sign() * tangent, ctx.window)) / below


def _mean(source: Tensor, window: tuple[Any, Any, Any, bool]) -> Tensor:
    """Average what lies inside the image, as the notebook's framework does at borders."""
    return F.avg_pool2d(source, *window, count_include_pad=False)
