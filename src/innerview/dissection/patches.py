"""Patches: the part of an image that a position of a layer looks at.

What a position can see at all, its receptive field, grows with depth until it covers the image, while most of the
influence stays near its middle {cite}`luo2016effective`. So there are two measures: `receptive_field` is exact, and
`effective_field` is the square that holds most of the gradient's energy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, SupportsIndex

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.images import center_crop, check_images, read_image
from innerview.core.seeds import generator
from innerview.core.types import Images, ResizedImages
from innerview.dissection.examples import Examples, Survey
from innerview.models import activations, channels_first

Position = Sequence[SupportsIndex] | np.ndarray
"""Row and column in a layer, the index of a token, or nothing."""


class Box(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right` of an image, without the last of each, in pixels."""

    top: int
    left: int
    bottom: int
    right: int


def receptive_field(model: nn.Module, layer: str, size: int, position: Position | None = None) -> Box:
    """Return the pixels that can change a layer at one position at all.

    NaN in an image reaches exactly what depends on it. The widest strips of NaN along the image's sides that leave the
    position alone are found by halving; the box is what lies between them.

    Args:
        model: The network.
        layer: Name of the layer.
        size: Height and width of the image, in pixels.
        position: In the layer; the middle by default.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: the layer has no such position, or NaN does not reach it.
    """
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))

    def reached(widths: Sequence[int]) -> list[bool]:
        """Tell which of the strips of NaN, along the top, left, bottom and right side, reach the position."""
        images = torch.full((4, 3, size, size), 0.5, device=device)
        images[0, :, : widths[0]] = images[1, :, :, : widths[1]] = torch.nan
        images[2, :, size - widths[2] :] = images[3, :, :, size - widths[3] :] = torch.nan
        with torch.inference_mode():
            maps = channels_first(activations(model, images, layer)[layer])
        return at_position(maps, position, layer).isnan().any(1).tolist()

    if not all(reached([size] * 4)) or any(reached([0] * 4)):
        raise BadInput(f"the receptive field of layer {layer!r} cannot be measured with NaN; use its effective field")
    beside, within = [0] * 4, [size] * 4  # widths of strips that leave the position alone, and that reach it
    while any(high - low > 1 for low, high in zip(beside, within, strict=True)):
        middle = [(low + high) // 2 for low, high in zip(beside, within, strict=True)]
        for side, hit in enumerate(reached(middle)):
            (within if hit else beside)[side] = middle[side]
    return Box(beside[0], beside[1], size - beside[2], size - beside[3])


def at_position(maps: Tensor, position: Position | None, layer: str) -> Tensor:
    """Return the channels at one position, the middle by default: ``(b, c, *grid)`` -> ``(b, c)``.

    Raises:
        BadInput: there is no such position.
    """
    grid = tuple(maps.shape[2:])
    place = tuple(extent // 2 for extent in grid) if position is None else tuple(map(int, position))
    if len(place) != len(grid) or not all(0 <= index < extent for index, extent in zip(place, grid, strict=True)):
        raise BadInput(f"layer {layer!r} has positions {grid} here; {place} is none of them")
    return maps[(slice(None), slice(None), *place)]


@dataclass(frozen=True)
class Field:
    """Where the positions of a layer look: squares of one size, a step apart; made by `effective_field`.

    Args:
        first: Row and column, in pixels, of the middle of position (0, 0).
        step: Pixels between the middles of neighbouring positions, down and across.
        side: Of the squares, in pixels.
        size: Height and width of the images.
    """

    first: tuple[float, float]
    step: tuple[float, float]
    side: int
    size: tuple[int, int]

    def box(self, position: Position) -> Box:
        """Return the square of a position, moved inside where it would reach over the image's border."""
        middles = [
            first + step * int(index) for first, step, index in zip(self.first, self.step, position, strict=True)
        ]
        top, left = (
            min(max(round(middle - self.side / 2), 0), extent - self.side)
            for middle, extent in zip(middles, self.size, strict=True)
        )
        return Box(top, left, top + self.side, left + self.side)


def effective_field(model: nn.Module, layer: str, images: Images, share: float = 0.8) -> Field:
    """Measure which square of the image holds most of a position's influence {cite}`luo2016effective`.

    The influence of a pixel is the squared gradient of all channels at a position. Its middle at two positions, a
    quarter in from the corners, gives the step from position to position; the square's size is the mean over images.

    Args:
        model: The network.
        layer: Puts out ``(b, c, h', w')``.
        images: A few photographs, of the size for which the field is wanted; noise makes other gradients.
        share: Of the influence inside the square, in (0, 1].

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: the layer has no rows and columns, does not depend on the images, or `share` is outside (0, 1].
    """
    if not 0 < share <= 1:
        raise BadInput(f"a share of the influence lies between 0 and 1; {share} does not")
    check_images(images)
    images = images.detach().clone().requires_grad_()
    maps = activations(model, images, layer)[layer]
    if maps.ndim != 4:
        raise BadInput(f"layer {layer!r} has no rows and columns, so no field in the image; show whole images")
    near = [(extent - 1) // 4 for extent in maps.shape[2:]]
    far = [extent - 1 - index for extent, index in zip(maps.shape[2:], near, strict=True)]
    energies = [_energy(images, maps, place, layer) for place in (near, far)]
    middles = [[_middle(energy.sum(1 - axis)) for axis in (0, 1)] for energy in energies]
    height, width = images.shape[2:]
    steps = [
        (middles[1][axis] - middles[0][axis]) / (far[axis] - near[axis]) if far[axis] > near[axis] else 0.0
        for axis in (0, 1)
    ]
    first = [middles[0][axis] - steps[axis] * near[axis] for axis in (0, 1)]
    side = np.mean([_side(energy, middle, share) for energy, middle in zip(energies, middles, strict=True)])
    return Field((first[0], first[1]), (steps[0], steps[1]), min(int(np.ceil(side)), height, width), (height, width))


def signed_gradient(images: Tensor, maps: Tensor, place: Position | None, layer: str) -> Tensor:
    """Differentiate a sum of all channels at one position, each with a random sign, with respect to the images.

    Its square is, on average, the sum of the channels' squared gradients.
    """
    at_place = at_position(maps, place, layer)
    named = () if place is None else tuple(map(int, place))
    signs = torch.randint(0, 2, at_place.shape, generator=generator("signs", *named)).to(at_place) * 2 - 1
    return torch.autograd.grad((signs * at_place).sum(), images, retain_graph=True)[0]


def _energy(images: Tensor, maps: Tensor, place: Sequence[int], layer: str) -> Tensor:
    """Return the share of each pixel in the squared gradient at a position, ``(h, w)``, as the mean over images."""
    gradient = signed_gradient(images, maps, place, layer)
    energy = gradient.square().sum(1)
    total = energy.sum((1, 2), keepdim=True)
    if not bool((total > 0).all()):
        raise BadInput(f"layer {layer!r} has no gradient for some of these images; choose others, or another layer")
    return (energy / total).mean(0)


def _middle(profile: Tensor) -> float:
    """Return where half of a profile lies before, in pixels; it moves less with far outliers than the mean."""
    before = profile.cumsum(0)
    index = int((before < before[-1] / 2).sum())
    return index + float((before[-1] / 2 - before[index] + profile[index]) / profile[index])


def _side(energy: Tensor, middle: Sequence[float], share: float) -> float:
    """Return the side of the square around `middle` that holds `share` of the energy."""
    rows, columns = (torch.arange(extent, device=energy.device) + 0.5 for extent in energy.shape)
    distances = torch.maximum((rows[:, None] - middle[0]).abs(), (columns - middle[1]).abs()).flatten()
    order = distances.argsort()
    held = energy.flatten()[order].cumsum(0)
    last = int((held < share * held[-1]).sum().clamp(max=len(held) - 1))
    return 2 * float(distances[order][last]) + 1


def patch(images: Images, box: Box, size: int) -> ResizedImages:
    """Cut a box out of images and scale it to `size` pixels a side.

    Raises:
        BadInput: the box is empty or not inside the images.
    """
    height, width = images.shape[2:]
    if not (0 <= box.top < box.bottom <= height and 0 <= box.left < box.right <= width):
        raise BadInput(f"{box} does not lie inside images of {height}x{width} pixels; shift or shrink it")
    cut = images[..., box.top : box.bottom, box.left : box.right]
    return F.interpolate(cut, size=(size, size), mode="bicubic", antialias=True).clamp(0, 1)


def patches(survey: Survey, examples: Examples, field: Field, size: int = 96) -> Images:
    """Read the images of examples again and cut out what the layer looked at.

    Args:
        survey: Where the examples come from.
        examples: Images and positions.
        field: Of the survey's layer, for images of the survey's size.
        size: Of the patches, in pixels.

    Returns:
        ``(k, 3, size, size)``, in the order of the examples.

    Raises:
        BadInput: the field is that of images of another size.
        UnreadableImage: a file is no longer there.
    """
    if field.size != (survey.size, survey.size):
        raise BadInput(
            f"the field belongs to images of {field.size} pixels, not {survey.size}; measure it at that size"
        )
    cut = []
    for index, position in zip(examples.indices, examples.positions, strict=True):
        image = center_crop(read_image(survey.paths[index], survey.size), survey.size)
        cut.append(patch(image, field.box(position), size))
    return torch.cat(cut)


def top_patches(survey: Survey, channel: int, count: int, field: Field, size: int = 96) -> Images:
    """Return the patches that excite a channel most; see `patches`."""
    return patches(survey, survey.top(channel, count), field, size)
