"""Receptive fields in two more ways than by NaN: reckoned from the layers' sizes, and where a gradient arrives."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.gradients import differentiable
from innerview.core.types import Images
from innerview.dissection.patches import Box, Position, at_position, signed_gradient
from innerview.dissection.reckoning import Reach, Reckoner
from innerview.models import activations
from innerview.models.activations import device_of


def computed_field(model: nn.Module, layer: str, size: int, position: Position | None = None) -> Box:
    """Reckon the pixels that can change a layer at one position from kernels, strides and paddings.

    The network runs once on a grey image. What it runs on the way to the layer is followed, branches and all: so
    nothing has to be known of its structure, but every operation has. `receptive_field` measures the same with NaN.

    Args:
        model: The network.
        layer: Puts out ``(b, c, h', w')``, or ``(b, c)``.
        size: Height and width of the image, in pixels.
        position: In the layer; the middle by default.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: the layer has no such position, puts out tokens, or runs what cannot be reckoned, such as attention.
    """
    maps, reach = _reached(model, [layer], size)[layer]
    return _box(maps, reach, layer, position)


def computed_fields(model: nn.Module, layers: Sequence[str], size: int) -> dict[str, Box]:
    """Reckon the fields of the middle positions of several layers in one pass; see `computed_field`."""
    return {name: _box(*found, name, None) for name, found in _reached(model, layers, size).items()}


def _reached(model: nn.Module, layers: Sequence[str], size: int) -> dict[str, tuple[Tensor, Reach | None]]:
    """Run the network, and return what each layer puts out and what it sees."""
    image = torch.full((1, 3, size, size), 0.5, device=device_of(model))
    with torch.no_grad(), Reckoner(image) as reckoner:
        read = activations(model, image, layers)
        return {name: (maps, reckoner.reach(maps)) for name, maps in read.items()}


def _box(maps: Tensor, reach: Reach | None, layer: str, position: Position | None) -> Box:
    places = at_position(_places(maps), position, layer)[0]
    if reach is None or maps.ndim not in (2, 4) or (maps.ndim == 4 and reach.extent != tuple(maps.shape[2:])):
        raise BadInput(f"the field of layer {layer!r} cannot be reckoned; measure it with receptive_field")
    row, column = places.tolist() if maps.ndim == 4 else (0, 0)
    (top, bottom), (left, right) = (
        (int(bounds.first[place]), int(bounds.stop[place]))
        for bounds, place in ((reach.rows, row), (reach.columns, column))
    )
    if top >= bottom or left >= right:
        raise BadInput(f"layer {layer!r} sees nothing of the image at {row}, {column}, only padding; choose another")
    return Box(top, left, bottom, right)


def _places(maps: Tensor) -> Tensor:
    """Return for each position its own row and column, as channels: ``(1, 2, h', w')``; zeros where there are none."""
    if maps.ndim != 4:
        return torch.zeros(1, 2, *maps.shape[2:])
    axes = [torch.arange(extent) for extent in maps.shape[2:]]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def gradient_field(model: nn.Module, layer: str, images: Images, position: Position | None = None) -> Box:
    """Return the box around the pixels that a gradient from one position reaches in any of the images.

    It lies inside the receptive field, and fills it with enough images: a ReLU that is off passes nothing, and a
    maximum passes all to one position, so a single image leaves gaps.

    Args:
        model: The network.
        layer: Name of the layer.
        images: A few of noise.
        position: In the layer; the middle by default.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: the layer has no such position, or no gradient reaches the images.
    """
    with differentiable():
        images = images.detach().clone().requires_grad_()
        maps = activations(model, images, layer)[layer]
        gradient = signed_gradient(images, maps, position, layer)
    support = (gradient != 0).any(1).any(0)
    if not bool(support.any()):
        raise BadInput(f"layer {layer!r} has no gradient for these images; choose others, or another layer")
    rows, columns = (support.any(axis).nonzero()[:, 0].tolist() for axis in (1, 0))
    return Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
