"""Gradients of a score with respect to the pixels, under three rules for the way back through a ReLU."""

import math
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Final

import torch
from torch import Tensor, nn

from innerview.attribution.targets import Target, scoring
from innerview.core.errors import BadInput, near
from innerview.core.gradients import differentiable, gradient
from innerview.core.types import Heatmaps, Images
from innerview.models.relus import ReluRule, relu_gradient


def _gradient(gradient: Tensor, source: Tensor, ceiling: float) -> Tensor:
    if ceiling == math.inf:  # autograd's own kernels, since a product with a mask takes twice the time
        return torch.ops.aten.threshold_backward(gradient, source, 0)
    return torch.ops.aten.hardtanh_backward(gradient, source, 0, ceiling)


def _deconvnet(gradient: Tensor, _source: Tensor, _ceiling: float) -> Tensor:
    return gradient.relu()


def _guided(gradient: Tensor, source: Tensor, ceiling: float) -> Tensor:
    return _gradient(gradient, source, ceiling).relu_()  # first the derivative, whose result is ours to change


RELU_RULES: Final[Mapping[str, ReluRule]] = {"gradient": _gradient, "deconvnet": _deconvnet, "guided": _guided}
r"""What a ReLU $y = \max(x, 0)$ passes down of the gradient $g$ that reaches $y$; the three differ in nothing else.

- ``gradient``: $g \cdot 1[x > 0]$, the derivative {cite}`simonyan2014deep`;
- ``deconvnet``: $g \cdot 1[g > 0]$, a ReLU on the way back, too {cite}`zeiler2014visualizing`;
- ``guided``: $g \cdot 1[x > 0] \cdot 1[g > 0]$, both {cite}`springenberg2015striving`.

ReLU6 has $1[0 < x < 6]$ in place of $1[x > 0]$.
"""


def input_gradient(model: nn.Module, images: Images, target: Target = None, rule: str = "gradient") -> Images:
    r"""Differentiate a score with respect to each pixel, $\partial S / \partial x$, under one of `RELU_RULES`.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1]; run only as deep as the target needs.
        images: ``(b, 3, h, w)``.
        target: A class (see `innerview.attribution.targets`), or any score such as ``neuron("inception_4c", 10)``, for
            what an intermediate neuron reacts to.
        rule: How the gradient passes ReLUs: a name in `RELU_RULES`.

    Returns:
        ``(b, 3, h, w)``, signed, in units of the score per unit of brightness.

    Raises:
        BadInput: no such rule, or see `scoring`; no gradient of the score reaches the images.
        NotFinite: a pixel is NaN or infinite.
    """
    if rule not in RELU_RULES:
        raise BadInput(f"no ReLU rule is called {rule!r}{near(rule, RELU_RULES)}; there are {', '.join(RELU_RULES)}")
    score = scoring(model, images, target)
    ruled = nullcontext() if rule == "gradient" else relu_gradient(model, RELU_RULES[rule])  # autograd's own is faster
    with differentiable(), ruled as calls:
        source = images.detach().clone().requires_grad_()
        found = gradient(score(model, source), source, "the images")
    if calls is not None and not calls.count:
        warnings.warn(
            f"{type(getattr(model, 'module', model)).__name__} calls no ReLU on the way to the target, so the rule "
            f"{rule!r} changes nothing: this is the plain gradient",
            stacklevel=2,
        )
    return found


def saliency(model: nn.Module, images: Images, target: Target = None) -> Heatmaps:
    r"""Show the pixels whose change would change the score most, $\max_c |\partial S / \partial x_c|$.

    {cite}`simonyan2014deep`, Sec. 3.1.

    Args:
        model: See `input_gradient`.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: See `input_gradient`.

    Returns:
        ``(b, h, w)``, at least 0.
    """
    return _largest(input_gradient(model, images, target))


def gradient_times_input(model: nn.Module, images: Images, target: Target = None) -> Heatmaps:
    r"""Share a score out among the pixels to first order, $\sum_c x_c\, \partial S / \partial x_c$.

    {cite}`shrikumar2016not`; $x$ is the image in [0, 1], so that black pixels get 0.

    Args:
        model: See `input_gradient`.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: See `input_gradient`.

    Returns:
        ``(b, h, w)``, signed, in units of the score.
    """
    return (input_gradient(model, images, target) * images.detach()).sum(1)


def deconvnet(model: nn.Module, images: Images, target: Target = None) -> Heatmaps:
    r"""Project a score back to the pixels through ReLUs {cite}`zeiler2014visualizing`, $\max_c |R_c|$.

    The rule is ``deconvnet`` of `RELU_RULES`. Pooling passes back to where the maximum was, as the article's switches
    do, and convolutions are transposed: both are what their gradient is.

    Args:
        model: See `input_gradient`. Without any ReLU there is a warning.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: See `input_gradient`.

    Returns:
        ``(b, h, w)``, at least 0.
    """
    return _largest(input_gradient(model, images, target, "deconvnet"))


def guided_backprop(model: nn.Module, images: Images, target: Target = None) -> Heatmaps:
    r"""Follow a score down along what both raised it and was active {cite}`springenberg2015striving`, $\max_c |R_c|$.

    The rule is ``guided`` of `RELU_RULES`.

    Args:
        model: See `input_gradient`. Without any ReLU there is a warning.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: See `input_gradient`.

    Returns:
        ``(b, h, w)``, at least 0.
    """
    return _largest(input_gradient(model, images, target, "guided"))


def _largest(signed: Images) -> Heatmaps:
    return signed.abs().amax(1)
