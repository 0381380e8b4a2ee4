r"""Attribution of single positions of a layer to all classes at once {cite}`carter2019atlas`.

Spatial attribution takes one class and gives all positions. Here it is the other way round: the derivative along the
activations of one position, $\sum_k h_k\, \partial y_c / \partial h_k$, is the same for all classes c but one number
each, so one pass of forward-mode differentiation gives them all, at the price of two passes above the layer.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.functional import normalize

from innerview.attribution.spatial import relaxed_max_pool
from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.types import Activations, Images, Logits
from innerview.models import channels_first, check_evaluated, find_layer
from innerview.models.layers import as_read

Positions = Int[Tensor, "_b positions 2"]
"""Rows and columns in a layer, for each image."""

_FORWARDS: Final = Lock()
"""Forward-mode differentiation has one level in a process, which threads must not enter together."""


@dataclass(frozen=True)
class PositionReading:
    """What a layer puts out at some positions, and what each of them adds to the classes.

    Args:
        activations: ``(b, p, c)``.
        attributions: ``(b, p, classes)``, signed, in logits.
    """

    activations: Float[Tensor, "b p c"]
    attributions: Float[Tensor, "b p classes"]


def position_attribution(model: nn.Module, images: Images, layer: str, positions: Positions) -> PositionReading:
    r"""Attribute the logits of all classes to single positions of a layer {cite}`carter2019atlas,olah2018building`.

    $$R_{pc} = \sum_k h^k_p\, \frac{\partial y_c}{\partial h^k_p}$$

    with the gradient of max pooling relaxed, see `relaxed_max_pool`; the same numbers as `spatial_attribution` gives
    class by class.

    Args:
        model: A classifier.
        images: ``(b, 3, h, w)`` in [0, 1].
        layer: One through which all of the network passes, as a block's output is; with one position an image, any.
        positions: ``(b, p, 2)``, rows and columns in the layer.

    Raises:
        LayerNotFound: the model has no such layer, or the logits are computed before it.
        BadInput: the layer has no rows and columns, no such position, or stands in a branch; the logits do not depend
            on it; a model in training mode, one that is no classifier, or one that torch cannot differentiate forwards.
    """
    read: list[Tensor] = []

    def carry(maps: Activations) -> Tensor:
        """Let each position, one at a time, carry its activations as a tangent through the rest of the model."""
        rows, columns = _checked(layer, maps, positions)
        repeated = maps.repeat_interleave(positions.shape[1], 0)
        places = torch.arange(len(repeated), device=maps.device)
        read.append(repeated[places, :, rows, columns])
        tangents = torch.zeros_like(repeated)
        tangents[places, :, rows, columns] = read[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's of itself, at a process's first dual numbers
            return forward_ad.make_dual(repeated, tangents)

    with _FORWARDS, torch.inference_mode(False), forward_ad.dual_level(), relaxed_max_pool(model):
        found = forward_ad.unpack_dual(_logits(model, images, layer, carry)).tangent
    if found is None:
        raise BadInput(
            f"the logits do not depend on layer {layer!r}, or the model detaches it; choose one on the way to them"
        )
    each = tuple(positions.shape[:2])
    return PositionReading(read[0].unflatten(0, each), found.unflatten(0, each))


def position_removal(
    model: nn.Module, images: Images, layer: str, positions: Int[Tensor, "_b 2"], directions: Float[Tensor, "_b _c"]
) -> Logits:
    r"""Return by how much the logits change when a direction is taken out of one position of a layer.

    $h \leftarrow h - (h \cdot \hat v)\, \hat v$ there, with the unit vector $\hat v$ of the direction. To first
    order it is minus the attribution of what was taken out.

    Args:
        model: A classifier.
        images: ``(b, 3, h, w)`` in [0, 1].
        layer: See `position_attribution`.
        positions: Row and column in the layer, of each image.
        directions: $v$, of each image.

    Returns:
        ``(b, classes)``: the logits after minus those before.

    Raises:
        LayerNotFound, BadInput: as `position_attribution`; or directions of another number or size.
    """

    def remove(maps: Activations) -> Tensor:
        rows, columns = _checked(layer, maps, positions[:, None])
        if directions.shape != maps.shape[:2]:
            wanted, given = (" of ".join(map(str, shape)) for shape in (maps.shape[:2], directions.shape))
            raise BadInput(f"layer {layer!r} takes {wanted} numbers as directions, one for each image; not {given}")
        places, unit = torch.arange(len(maps), device=maps.device), normalize(directions.to(maps), dim=1)
        there = maps[places, :, rows, columns]
        changed = maps.clone()
        changed[places, :, rows, columns] = there - (there * unit).sum(1, keepdim=True) * unit
        return torch.cat([maps, changed])

    before, after = _logits(model, images, layer, remove).chunk(2)
    return after - before


@torch.no_grad()
def _logits(model: nn.Module, images: Images, layer: str, change: Callable[[Activations], Tensor]) -> Tensor:
    """Run a model in which a layer's output is changed, perhaps into that of more images."""
    check_evaluated(model)
    reached: list[bool] = []

    def hook(_layer: nn.Module, _inputs: object, output: Activations) -> Tensor | None:
        if reached:
            return None
        reached.append(True)
        maps = as_read(model, layer, output)
        changed = change(maps)
        return changed if maps is output else changed.permute(0, 2, 3, 1)

    handle = find_layer(model, layer).register_forward_hook(hook)
    try:
        logits = model(images)
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(
            f"positions of layer {layer!r} cannot be attributed ({reason}); choose the output of a whole block"
        ) from error
    finally:
        handle.remove()
    if not reached:
        raise LayerNotFound(f"the logits are computed before layer {layer!r} is reached; choose one before them")
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise BadInput(f"{type(model).__name__} has no class logits, so positions cannot be attributed to classes")
    return logits


def _checked(layer: str, maps: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
    """Return rows and columns of all positions, image by image."""
    if maps.ndim != 4:
        shape = tuple(channels_first(maps).shape[1:])
        raise BadInput(f"layer {layer!r} puts out {shape}, no rows and columns; choose a convolution's")
    extent = torch.tensor(maps.shape[2:], device=positions.device)
    if len(positions) != len(maps):
        raise BadInput(f"positions of {len(positions)} images for {len(maps)} images; give some for each")
    if (positions < 0).any() or (positions >= extent).any():
        raise BadInput(f"layer {layer!r} is {extent[0]}x{extent[1]} here; a position lies outside")
    rows, columns = positions.reshape(-1, 2).to(maps.device, torch.int64).unbind(1)
    return rows, columns
