"""Textures from the correlations of channels {cite}`gatys2015texture`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from skimage.exposure import match_histograms
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.seeds import generator
from innerview.core.types import Images, ResizedImages
from innerview.synthesis.descent import Descent, Synthesis, check_room, descend
from innerview.synthesis.losses import style_loss

TEXTURE_LAYERS: Final[Mapping[str, float]] = MappingProxyType(
    dict.fromkeys(("conv1_1", "pool1", "pool2", "pool3", "pool4"), 1e9)
)
"""The paper's layers, each with the released code's weight."""


@dataclass(frozen=True)
class TextureRecipe:
    """How to make a texture; the defaults are the released code's, but for the number of steps, which is 2000 there.

    Args:
        layers: Weight of each layer's Gram matrix.
        channels: Only the first so many channels of each layer; all by default.
        match_histogram: Whether the colours' histograms are brought to the sample's afterwards, as in the released
            notebook; the paper's figures are made without.
        descent: How to descend.
    """

    layers: Mapping[str, float] = field(default_factory=lambda: TEXTURE_LAYERS)
    channels: int | None = None
    match_histogram: bool = False
    descent: Descent = field(default_factory=Descent)


def texture(
    model: nn.Module,
    sample: Images,
    *,
    size: int | tuple[int, int] | None = None,
    recipe: TextureRecipe | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Synthesis:
    """Make a new image of a texture: from noise, until the Gram matrices are those of a sample.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1]; ``load_model("vgg19_normalized")`` is the paper's.
        sample: ``(1, 3, h, w)``.
        size: Of the new image, in pixels: height and width, or one number for both; the sample's by default.
        recipe: How.
        seed: Of the noise.
        progress: Whether to show a bar.

    Returns:
        One image; see `innerview.synthesis.descent.Synthesis`.

    Raises:
        LayerNotFound: the model lacks a layer.
        BadInput: not one sample, or an image too small for the deepest layer or too large for the memory.
    """
    recipe = recipe or TextureRecipe()
    check_one(sample, "sample")
    height, width = (size, size) if isinstance(size, int) else size or sample.shape[-2:]
    start = noise((height, width), seed).to(sample)
    for image in (start, sample):
        check_room(model, recipe.layers, image, recipe.descent)
    loss = style_loss(model, sample, recipe.layers, channels=recipe.channels)
    found = descend(model, loss, start, recipe.descent, progress=progress)
    return with_histogram_of(sample, found) if recipe.match_histogram else found


def noise(size: tuple[int, int], seed: int) -> Images:
    """Return white noise around grey, ``(1, 3, h, w)``, of one level of 255 as in the released code.

    Stronger noise stays visible as grain: nothing but the lowest layer sees it, and average pooling hides it.
    """
    if min(size) < 1:
        raise BadInput(f"an image cannot be {size[0]}x{size[1]} pixels; give a positive size")
    return (0.5 + torch.randn((1, 3, *size), generator=generator("start", seed)) / 255).clamp(0, 1)


def with_histogram_of(sample: Images, made: Synthesis) -> Synthesis:
    """Bring the histogram of each colour to that of a sample; loss and history stay those of the descent."""
    arrays = [_array(image) for image in made.images]
    matched = [match_histograms(array, _array(sample[0]), channel_axis=2) for array in arrays]
    images = torch.from_numpy(np.stack(matched)).permute(0, 3, 1, 2).to(made.images)
    return replace(made, images=images.clamp(0, 1))


def check_one(image: Tensor, name: str) -> ResizedImages:
    """Return an image if it is one alone.

    Raises:
        BadInput: it is a batch of several.
        NotFinite: a pixel is NaN or infinite.
    """
    check_images(image)
    if len(image) != 1:
        raise BadInput(f"{name} is one image (1, 3, h, w), not {len(image)}; call once for each")
    return image


def _array(image: Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).cpu().numpy()
