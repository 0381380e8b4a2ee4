"""CAM {cite}`zhou2016cam`: class evidence at each position, for networks that average over positions last."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerview.attribution.default_layer import default_layer
from innerview.attribution.readings import layer_maps
from innerview.attribution.targets import ClassScores, Target, scoring
from innerview.attribution.tokens import ChannelMaps
from innerview.core.errors import BadInput
from innerview.core.types import Images, LayerMaps, Logits
from innerview.models import LOGITS, recorded


def cam(model: nn.Module, images: Images, target: Target = None, layer: str | None = None) -> LayerMaps:
    r"""Show where a class's logit comes from, by the weights of the network's own last layer.

    $$M^c = \sum_k w^c_k A^k$$ (Eq. 2), so that the mean of $M^c$ over positions, plus the bias, is the logit.

    This holds for networks whose logits are a linear layer on the mean of $A$ over positions, and for those whose
    last layer is a map for each class already. Whether it does is computed, not believed:
    $W \operatorname{mean}(A) + b$ must equal the logits. No gradient is computed.

    Args:
        model: Classifier whose logits are ``(b, classes)``.
        images: ``(b, 3, h, w)`` in [0, 1].
        target: Class $c$ of each image; None for the predicted one.
        layer: The last layer with positions, whose activations are $A$; None to find it.

    Returns:
        ``(b, rows, columns)``, signed, in logits.

    Raises:
        BadInput: the network is not of this form at this layer; the target is no class; see `read_layer`.
        LayerNotFound: the model has no such layer.
    """
    score = scoring(model, images, target)
    if not isinstance(score, ClassScores):
        raise BadInput(f"CAM explains classes, by their weights, not {score!r}; use grad_cam for that")
    layer = default_layer(model, images, score) if layer is None else layer
    with torch.no_grad(), recorded(model, [layer, LOGITS]) as record:
        score(model, images)
    maps, logits = layer_maps(model, layer, record[layer], images), record[LOGITS].detach()
    indices = logits.argmax(1) if score.indices is None else torch.tensor(score.indices, device=logits.device)
    weights = _class_weights(model, layer, maps, logits)[indices]
    return torch.einsum("bk,bkrc->brc", weights, maps)


def _class_weights(model: nn.Module, layer: str, maps: ChannelMaps, logits: Logits) -> Tensor:
    """Return $W$ ``(classes, channels)``, for which the logits are $W$ times the mean of the maps, plus a bias."""
    means = maps.mean((2, 3))
    tolerance = torch.finfo(logits.dtype).eps ** 0.5 * float(logits.abs().amax())
    for weights, bias in _linear_layers(model, logits.shape[1], maps):
        if bool(((means @ weights.T + bias - logits).abs() <= tolerance).all()):
            return weights
    raise BadInput(
        f"the logits of {type(model).__name__} are not one linear layer on the mean of {layer!r} over positions, as "
        "CAM needs; name the last layer before the pooling, or use grad_cam"
    )


def _linear_layers(model: nn.Module, classes: int, maps: ChannelMaps) -> Iterator[tuple[Tensor, Tensor | float]]:
    """Go through the layers that could lead from the maps' channels to the classes, as weights and bias."""
    channels = maps.shape[1]
    if channels == classes:
        yield torch.eye(classes, dtype=maps.dtype, device=maps.device), 0.0
    for module in model.modules():
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if isinstance(weight, Tensor) and weight.shape in ((classes, channels), (classes, channels, 1, 1)):
            yield weight.detach().flatten(1).to(maps.dtype), 0.0 if bias is None else bias.detach().to(maps.dtype)
