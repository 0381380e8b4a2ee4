"""Activation grids: what a layer sees at every place of one image {cite}`olah2018building`."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.images import check_images, contact_sheet, from_array, to_array
from innerview.core.types import Images
from innerview.core.work import Work
from innerview.optimize.ascent import Recipe
from innerview.optimize.directions import direction
from innerview.optimize.icons import HERE, ICON, Icons, icons, read_layer


@dataclass(frozen=True)
class ActivationGrid:
    """What a layer sees at every place of one image {cite}`olah2018building`.

    Args:
        vectors: ``(c, h, w)``, the activations; places may have been averaged.
        icons: ``h * w`` of them, row by row: each place's vector, visualized as a direction; white, and dead, where it
            is zero.
    """

    vectors: Float[Tensor, "c h w"]
    icons: Icons

    def sheet(self, scaled: bool = False) -> np.ndarray:
        """Return one picture ``(H, W, 3)`` as bytes; scaled, an icon's area is as its vector's length."""
        arrays = to_array(self.icons.images)
        lengths = self.vectors.flatten(1).norm(dim=0)
        shares = (lengths / lengths.max()).sqrt().tolist() if scaled else [1.0] * len(arrays)
        return contact_sheet(
            np.stack([_shrunk(array, share) for array, share in zip(arrays, shares, strict=True)]),
            self.vectors.shape[-1],
            gap=0,
        )

    def strongest(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the `count` strongest channels of each place and their activations, both ``(count, h, w)``.

        With an icon for each channel they are the semantic dictionary of {cite}`olah2018building`.
        """
        if not 1 <= count <= len(self.vectors):
            raise BadInput(f"a layer of {len(self.vectors)} channels has no {count} strongest ones; ask for fewer")
        top = self.vectors.topk(count, dim=0)
        return top.indices, top.values


def _shrunk(array: np.ndarray, share: float) -> np.ndarray:
    """Shrink a square picture to a share of its side, in the middle of white."""
    side = array.shape[0]
    inner = max(1, round(side * share))
    small = F.interpolate(from_array(array), (inner, inner), mode="area")
    canvas, start = np.full_like(array, 255), (side - inner) // 2
    canvas[start : start + inner, start : start + inner] = to_array(small)[0]
    return canvas


def activation_grid(
    model: nn.Module,
    image: Images,
    layer: str,
    *,
    places: int | None = None,
    size: int = 64,
    recipe: Recipe = ICON,
    batch: int = 16,
    work: Work = HERE,
) -> ActivationGrid:
    """Render what a layer sees at every place of an image, from the activation vector there.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        image: ``(1, 3, h, w)``.
        layer: One with positions.
        places: Places along each side; the layer's positions are averaged to as many. None takes all positions.
        size: Of an icon, in pixels.
        recipe: How to ascend.
        batch: Images in a unit of work.
        work: Where units are computed and kept.

    Raises:
        BadInput: a layer without positions in two dimensions, one that sees nothing anywhere, or more than one image.
    """
    check_images(image)
    if len(image) != 1:
        raise BadInput(f"a grid shows one image, not {len(image)}")
    if places is not None and places < 1:
        raise BadInput(f"a grid has at least one place along each side, not {places}")
    read = read_layer(model, image, layer)
    if read.ndim != 4:
        raise BadInput(f"layer {layer!r} has no rows and columns, so there is no grid; choose a convolution's")
    if places is not None:
        read = F.adaptive_avg_pool2d(read, (min(places, read.shape[-2]), min(places, read.shape[-1])))
    make = partial(direction, layer, cosine_power=1.0)
    vectors = read[0].flatten(1).T.contiguous()
    seen = vectors.any(1)
    if not seen.any():
        raise BadInput(f"layer {layer!r} sees nothing in the image, so there is no grid; choose another")
    made = icons(model, make, vectors[seen], size=size, recipe=recipe, batch=batch, work=work)
    return ActivationGrid(read[0].cpu(), _spread(made, seen.cpu()))


def _spread(made: Icons, seen: Bool[Tensor, " places"]) -> Icons:
    """Put icons at the places where something is seen; the others stay white and dead."""
    images = made.images.new_ones((len(seen), *made.images.shape[1:]))
    values, dead = made.values.new_zeros(len(seen)), torch.ones_like(seen)
    images[seen], values[seen], dead[seen] = made.images, made.values, made.dead
    return Icons(images, values, dead)
