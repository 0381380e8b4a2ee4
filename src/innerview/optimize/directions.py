"""Objectives of directions in a layer's space: of a vector, or of what an image makes a layer see."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.store import fingerprint
from innerview.core.types import Images, Values
from innerview.models import activations, channels_first
from innerview.optimize.objectives import Objective, Reading, written
from innerview.optimize.units import Position, at_position, place

Vectors = Tensor | np.ndarray
EPSILON = 1e-4
"""Added to each length that a cosine divides by {cite}`lucid`."""
LEAST_COSINE = 0.1
"""Below, a cosine counts as this much, so that a direction not yet met still draws {cite}`lucid`."""


def direction(layer: str, vectors: Vectors, cosine_power: float = 0.0) -> Objective:
    r"""How far a layer's activations go along a direction {cite}`olah2017feature,carter2019atlas`.

    $$\mathrm{mean}_p \; (h_p \cdot v) \, \max(0.1, \cos(h_p, v))^n$$

    over positions p with activations $h_p$. The cosine's power $n$ keeps other directions from coming along.

    Args:
        layer: Name of the layer.
        vectors: $v$: one vector ``(c,)``, one for each image ``(b, c)``, or one for each position, ``(c, h, w)`` or
            ``(b, c, h, w)``. A map of another size than the layer's counts where both overlap, laid middle on middle.
        cosine_power: $n$.

    Raises:
        BadInput: vectors that are not finite, all zero or of another shape, or a negative power.
    """
    wanted = _checked(vectors)
    name = f"direction({layer}, {_mark(wanted)}{_power(cosine_power)})"

    def measure(reading: Reading) -> Values:
        seen, along = _paired(channels_first(reading.activations[layer]), wanted, name)
        return _projection(seen, along, cosine_power).reshape(len(seen), -1).mean(1)

    return Objective(name, (layer,), measure, _count(wanted))


def direction_neuron(
    layer: str, vectors: Vectors, cosine_power: float = 0.0, position: Position | None = None
) -> Objective:
    """How far the activations at one position go along a direction; see `direction`.

    Args:
        layer: Name of a layer with positions.
        vectors: ``(c,)`` or ``(b, c)``.
        cosine_power: See `direction`.
        position: Row and column in the layer, or the number of a token; the middle by default.

    Raises:
        BadInput: as for `direction`.
    """
    wanted = _checked(vectors)
    if wanted.ndim != 2:
        raise BadInput(f"one position takes vectors (c,) or (b, c), not {tuple(vectors.shape)}; use direction for maps")
    name = f"direction_neuron({layer}, {_mark(wanted)}{_power(cosine_power)}{place(position)})"

    def measure(reading: Reading) -> Values:
        at = at_position(channels_first(reading.activations[layer]), layer, position)
        return _projection(*_paired(at, wanted, name), cosine_power)

    return Objective(name, (layer,), measure, _count(wanted))


def cosine(layer: str, vectors: Vectors) -> Objective:
    """Mean over positions of the cosine between activations and a direction, in [-1, 1].

    Args:
        layer: Name of the layer.
        vectors: See `direction`.

    Raises:
        BadInput: as for `direction`.
    """
    wanted = _checked(vectors)
    name = f"cosine({layer}, {_mark(wanted)})"

    def measure(reading: Reading) -> Values:
        seen, along = _paired(channels_first(reading.activations[layer]), wanted, name)
        return _cosines(seen, along).reshape(len(seen), -1).mean(1)

    return Objective(name, (layer,), measure, _count(wanted))


def caricature(model: nn.Module, image: Images, layer: str, cosine_power: float = 1.0) -> Objective:
    r"""Exaggerate what a layer sees in an image {cite}`lucid`.

    $$(A \cdot A_0) \, \max(0.1, \cos(A, A_0))^n$$

    with the layer's whole activations, $A_0$ the image's. The cosine is a true one; that of the released recipe divides
    by one length alone.

    Args:
        model: Gives $A_0$.
        image: ``(1, 3, h, w)`` for all images of a batch, or one for each.
        layer: Name of the layer. Maps of another size (transforms pad and scale) are compared where they overlap, laid
            middle on middle.
        cosine_power: $n$.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: a negative power, or a layer that sees nothing in the image.
    """
    wanted = _seen(model, image, layer)
    if not wanted.flatten(1).any(1).all():
        raise BadInput(f"layer {layer!r} is zero for the whole image, so nothing can be exaggerated; choose another")
    name = f"caricature({layer}, {_mark(image, model)}{_power(cosine_power)})"

    def measure(reading: Reading) -> Values:
        seen, along = _paired(channels_first(reading.activations[layer]), wanted, name)
        return _projection(seen.flatten(1), along.flatten(1), cosine_power)

    return Objective(name, (layer,), measure, _count(wanted))


def activation_difference(model: nn.Module, image: Images, layer: str, norm: Literal[1, 2] = 1) -> Objective:
    """Minus the mean distance to what a layer sees in an image {cite}`lucid`: an image that looks alike to the layer.

    Args:
        model: Gives the image's activations.
        image: See `caricature`.
        layer: See `caricature`.
        norm: 1 for the mean absolute, 2 for the mean squared difference.

    Raises:
        LayerNotFound: the model has no such layer.
    """
    wanted = _seen(model, image, layer)
    name = f"activation_difference({layer}, {_mark(image, model)}, {norm})"

    def measure(reading: Reading) -> Values:
        seen, other = _paired(channels_first(reading.activations[layer]), wanted, name)
        return -(seen - other).abs().pow(norm).flatten(1).mean(1)

    return Objective(name, (layer,), measure, _count(wanted))


def _checked(vectors: Vectors) -> Tensor:
    """Return vectors as ``(b, c)`` or ``(b, c, h, w)``, where b is 1 for all images alike."""
    if isinstance(vectors, np.ndarray) and vectors.dtype.kind in "fiub":
        vectors = torch.from_numpy(vectors.astype(np.float64))
    if not isinstance(vectors, Tensor) or vectors.is_complex():
        raise BadInput(f"a direction is made of real numbers, not {vectors.dtype}; convert the array to floats")
    if not 1 <= vectors.ndim <= 4 or not vectors.numel():
        raise BadInput(f"a direction is (c,), (b, c), (c, h, w) or (b, c, h, w), not {tuple(vectors.shape)}")
    wanted = vectors.detach().cpu().double()
    if not wanted.isfinite().all():
        raise BadInput("a direction has NaN or infinite numbers; give finite ones")
    wanted = wanted if wanted.ndim in (2, 4) else wanted[None]
    if not wanted.flatten(1).any(1).all():
        raise BadInput("a direction of nothing but zeros points nowhere; give one that does not vanish")
    return wanted


@torch.no_grad()
def _seen(model: nn.Module, image: Images, layer: str) -> Tensor:
    return channels_first(activations(model, image, layer)[layer])


def _paired(seen: Tensor, wanted: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Return activations and vectors ready to be multiplied."""
    wanted = wanted.to(seen)
    if wanted.shape[1] != seen.shape[1]:
        raise BadInput(f"{name} has vectors of {wanted.shape[1]} numbers; this layer's have {seen.shape[1]}")
    if wanted.ndim == 2:
        return seen, wanted.reshape(*wanted.shape, *[1] * (seen.ndim - 2))
    if wanted.ndim != seen.ndim or (seen.ndim == 3 and wanted.shape[2] != seen.shape[2]):
        raise BadInput(f"{name} has vectors at {_extent(wanted)} positions; this layer has {_extent(seen)}")
    if seen.ndim == 3:
        return seen, wanted
    height, width = (min(sides) for sides in zip(seen.shape[2:], wanted.shape[2:], strict=True))
    return _middle(seen, height, width), _middle(wanted, height, width)


def _extent(maps: Tensor) -> str:
    return "x".join(map(str, maps.shape[2:])) or "none"


def _middle(maps: Tensor, height: int, width: int) -> Tensor:
    top, left = (maps.shape[2] - height) // 2, (maps.shape[3] - width) // 2
    return maps[..., top : top + height, left : left + width]


def _cosines(seen: Tensor, wanted: Tensor) -> Tensor:
    lengths = [torch.linalg.vector_norm(vectors, dim=1) + EPSILON for vectors in (seen, wanted)]
    return (seen * wanted).sum(1) / lengths[0] / lengths[1]


def _projection(seen: Tensor, wanted: Tensor, cosine_power: float) -> Tensor:
    dot = (seen * wanted).sum(1)
    return dot * _cosines(seen, wanted).clamp(min=LEAST_COSINE) ** cosine_power if cosine_power else dot


def _mark(*parts: object) -> str:
    return fingerprint(*parts)[:8]


def _power(cosine_power: float) -> str:
    if not cosine_power >= 0:
        raise BadInput(f"a cosine's power is 0 or more, not {cosine_power}")
    return f", cosine^{written(cosine_power)}" if cosine_power else ""


def _count(wanted: Tensor) -> int | None:
    return len(wanted) if len(wanted) > 1 else None
