r"""Class activation maps by gradients: Grad-CAM {cite}`selvaraju2017gradcam` and its relatives.

All weigh a layer's maps $A^k$ by the gradient $g^k = \partial y^c / \partial A^k$ of a score, and differ in how. Only
what stands above the layer is differentiated. The maps have the layer's own resolution and are not rescaled.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from innerview.attribution.default_layer import default_layer
from innerview.attribution.gradients import input_gradient
from innerview.attribution.readings import LayerReading, above, layer_maps, read_layer
from innerview.attribution.targets import Target, fixed, scoring
from innerview.attribution.tokens import ChannelMaps
from innerview.core.errors import BadInput
from innerview.core.gradients import differentiable, gradient
from innerview.core.maps import enlarged
from innerview.core.types import Heatmaps, Images, LayerMaps, Logits
from innerview.models import class_logits


def grad_cam(model: nn.Module, images: Images, target: Target = None, layer: str | None = None) -> LayerMaps:
    r"""Localise the evidence for a class in one layer {cite}`selvaraju2017gradcam`.

    $$\alpha^c_k = \frac{1}{Z} \sum_{ij} g^k_{ij}$$ (Eq. 1)
    $$L^c = \mathrm{ReLU}\Big(\sum_k \alpha^c_k A^k\Big)$$ (Eq. 2)

    Args:
        model: Any network that takes such images.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: Class $c$ of each image, or any score; None for the predicted class.
        layer: Name of the layer whose activations are $A$; None for `default_layer`.

    Returns:
        ``(b, rows, columns)``, not below 0, in the score's unit.

    Raises:
        LayerNotFound: the model has no such layer, or the score is computed before it.
        BadInput: the layer has no spatial map, the score does not depend on it, or see `scoring`.
        NotFinite: a pixel is NaN or infinite.
    """
    return _grad_cam(read_layer(model, images, target, layer))


def counterfactual_grad_cam(
    model: nn.Module, images: Images, target: Target = None, layer: str | None = None
) -> LayerMaps:
    r"""Localise what speaks against a class: Grad-CAM of the negated gradient {cite}`selvaraju2017gradcam` (Sec. 3.3).

    $$\alpha^c_k = \frac{1}{Z} \sum_{ij} -g^k_{ij}$$

    What these maps mark would, if removed, raise the score.

    Args and raises as `grad_cam`.

    Returns:
        ``(b, rows, columns)``, not below 0, in the score's unit.
    """
    read = read_layer(model, images, target, layer)
    return _grad_cam(LayerReading(read.activations, -read.gradient))


def grad_cam_plus_plus(model: nn.Module, images: Images, target: Target = None, layer: str | None = None) -> LayerMaps:
    r"""Weigh the positions of a channel so that several objects count alike {cite}`chattopadhay2018gradcampp`.

    $$w^c_k = \sum_{ij} \alpha^{kc}_{ij} \mathrm{ReLU}(g^k_{ij}), \qquad
    \alpha^{kc}_{ij} = \frac{(g^k_{ij})^2}{2 (g^k_{ij})^2 + \sum_{ab} A^k_{ab} (g^k_{ij})^3}$$ (Eq. 19)

    This closed form belongs to the score $\exp(S)$ of a network whose $S$ is piecewise linear in $A$. The true gradient
    of $\exp(S)$ has a factor $\exp(S)$ more, which only scales an image's map: it is left out, and $g$ is that of $S$.

    Args and raises as `grad_cam`.

    Returns:
        ``(b, rows, columns)``, not below 0, up to a factor for each image.
    """
    read = read_layer(model, images, target, layer)
    denominator = 2 + read.activations.sum((2, 3), keepdim=True) * read.gradient  # Eq. 19, both sides by g^2
    alpha = torch.where(denominator == 0, 0.0, 1 / denominator)
    weights = (alpha * read.gradient.relu()).sum((2, 3))
    return _weighted(weights, read.activations)


def layer_cam(model: nn.Module, images: Images, target: Target = None, layer: str | None = None) -> LayerMaps:
    r"""Weigh each position of each channel by its own gradient, also in shallow layers {cite}`jiang2021layercam`.

    $$L^c = \mathrm{ReLU}\Big(\sum_k \mathrm{ReLU}(g^k) \odot A^k\Big)$$

    The paper then rescales the maps of shallow layers by $\tanh$ to blend them with others; these are before that.

    Args and raises as `grad_cam`.

    Returns:
        ``(b, rows, columns)``, not below 0, in the score's unit.
    """
    read = read_layer(model, images, target, layer)
    return (read.gradient.relu() * read.activations).sum(1).relu()


def guided_grad_cam(model: nn.Module, images: Images, target: Target = None, layer: str | None = None) -> Heatmaps:
    """Multiply guided backpropagation by the enlarged Grad-CAM map {cite}`selvaraju2017gradcam` (Sec. 3.2).

    Args and raises as `grad_cam`.

    Returns:
        ``(b, h, w)``: the largest absolute value over the colour channels of the product.
    """
    score = fixed(model, images, scoring(model, images, target))
    where = enlarged(grad_cam(model, images, score, layer), (images.shape[-2], images.shape[-1]))
    return (input_gradient(model, images, score, "guided") * where[:, None]).abs().amax(1)


@dataclass(frozen=True)
class ClassMaps:
    """Grad-CAM maps of several classes of each image.

    Args:
        maps: ``(b, k, rows, columns)``, not below 0, in logits.
        classes: The k classes of each image.
        logits: Of all classes.
    """

    maps: Float[Tensor, "b k rows columns"]
    classes: Int[Tensor, "b k"]
    logits: Logits


def grad_cam_classes(
    model: nn.Module, images: Images, targets: int | Tensor = 5, layer: str | None = None
) -> ClassMaps:
    """Make Grad-CAM maps of several classes of each image by one forward pass and a backward pass of the head for each.

    Args:
        model: Classifier whose logits are ``(b, classes)``.
        images: ``(b, 3, h, w)`` in [0, 1].
        targets: How many of each image's most likely classes, from the first; or which classes, ``(b, k)``.
        layer: See `grad_cam`.

    Raises:
        BadInput: no class, or one that the model lacks; and as `grad_cam`.
        LayerNotFound: the model has no such layer.
        NotFinite: a pixel is NaN or infinite.
    """
    score = scoring(model, images, None)
    layer = default_layer(model, images, score) if layer is None else layer
    with differentiable():
        logits, source = above(model, images, class_logits, layer)
        classes = _chosen(logits.detach(), targets)
        maps = layer_maps(model, layer, source, images)
        slopes = _slopes(logits.gather(1, classes).unbind(1), source, f"layer {layer!r}")
    found = [_grad_cam(LayerReading(maps, layer_maps(model, layer, slope, images))) for slope in slopes]
    return ClassMaps(torch.stack(found, 1), classes, logits.detach())


def _chosen(logits: Tensor, targets: int | Tensor) -> Tensor:
    """Return the classes ``(b, k)`` that are meant."""
    images, last = len(logits), logits.shape[1] - 1
    if isinstance(targets, int):
        if not 1 <= targets <= last + 1:
            raise BadInput(f"the model has {last + 1} classes; choose 1 to {last + 1} of them, not {targets}")
        return logits.topk(targets, 1).indices
    if targets.ndim != 2 or len(targets) != images or not targets.numel():
        raise BadInput(
            f"targets must be (b, k) with at least one class for each of {images} images, not {tuple(targets.shape)}"
        )
    if int(targets.min()) < 0 or int(targets.max()) > last:
        raise BadInput(f"class indices run from 0 to {last}; {int(targets.min())} to {int(targets.max())} were given")
    return targets.to(logits.device).long()


def _slopes(scores: tuple[Tensor, ...], source: Tensor, name: str) -> list[Tensor]:
    """Differentiate several scores on the same graph."""
    *others, last = [one.sum() for one in scores]
    slopes = [torch.autograd.grad(one, source, retain_graph=True, allow_unused=True)[0] for one in others]
    return [*slopes, gradient(last[None], source, name)]  # which raises if none reached the source


def _grad_cam(read: LayerReading) -> LayerMaps:
    return _weighted(read.gradient.mean((2, 3)), read.activations)  # Eq. 1


def _weighted(weights: Float[Tensor, "b channels"], maps: ChannelMaps) -> LayerMaps:
    return torch.einsum("bk,bkrc->brc", weights, maps).relu()  # Eq. 2
