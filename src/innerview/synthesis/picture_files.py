"""Styles, textures and inversions of image files; whether the memory suffices is known before the work begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from innerview.core.devices import choose_device
from innerview.core.errors import BadInput
from innerview.core.images import read_image
from innerview.core.types import AnyImages, Images, ResizedImages
from innerview.models import load_model
from innerview.models.activations import device_of
from innerview.models.normalization import luminance, resized
from innerview.synthesis.descent import Synthesis
from innerview.synthesis.inversion import InversionRecipe, invert
from innerview.synthesis.memory import free_memory
from innerview.synthesis.nonparametric import efros_leung
from innerview.synthesis.patches import patch_texture
from innerview.synthesis.regions import Region
from innerview.synthesis.style import StyleRecipe, style_transfer
from innerview.synthesis.style_files import load_style_network
from innerview.synthesis.style_networks import stylize
from innerview.synthesis.texture import TextureRecipe, texture

NORMALIZED: Final = "vgg19_normalized"

BYTES_A_CHANNEL: Final = 48
"""What a network of style takes for each pixel of a picture and channel of its width; measured."""

BYTES_A_WINDOW: Final = 48
"""What the search for windows takes for each pixel of the sample and of the window; measured."""

LEAST_SHARE: Final = 0.001
"""Of a mask's white, and of its black: less is taken for none."""


@dataclass(frozen=True)
class StyleFiles:
    """What a transfer of style reads.

    Args:
        content: An image.
        styles: Images.
        mask: An image of the content's proportions: the first of two styles goes where it is white, the second where
            it is black.
        size: Shorter side of the picture, in pixels.
    """

    content: Path
    styles: tuple[str | Path, ...]
    mask: Path | None = None
    size: int = 256


def style_from_files(
    files: StyleFiles,
    recipe: StyleRecipe,
    model: str = NORMALIZED,
    *,
    blend: Sequence[float] | None = None,
    seed: int = 0,
    device: str = "auto",
) -> Synthesis:
    """Transfer styles of image files, with a progress bar; see `innerview.synthesis.style.style_transfer`.

    Raises:
        InnerviewError: of reading, loading or transferring; the message says what to mend.
    """
    if not files.styles:
        raise BadInput("name at least one image that gives the style")
    if files.mask is not None and blend is not None:
        raise BadInput("a mask gives each style a place of its own; leave the blend out")
    content = read_image(files.content, files.size).to(choose_device(device))
    styles = [read_image(path, round(files.size * recipe.style_scale)) for path in files.styles]
    regions = None if files.mask is None else mask_regions(files.mask, styles, content)
    network = load_model(model).to(content.device)
    return style_transfer(network, content, regions or styles, blend=blend, recipe=recipe, seed=seed, progress=True)


def mask_regions(mask: str | Path, styles: Sequence[AnyImages], content: Images) -> list[Region]:
    """Return the white part of a mask with the first style, and the black part with the second.

    Raises:
        BadInput: not two styles, a mask of other proportions than the content's, or one of a single colour.
    """
    if len(styles) != 2:
        raise BadInput(f"a mask divides the picture between two styles; name two, not {len(styles)}")
    drawn = read_image(mask).to(content)
    (height, width), (rows, columns) = _size(drawn), _size(content)
    if abs(height * columns / width - rows) > 1 + 0.02 * rows:
        raise BadInput(
            f"{mask} is {width}x{height} pixels, which are not the proportions of the content, {columns}x{rows}; draw "
            "it over the content"
        )
    white = luminance(resized(drawn, (rows, columns))).clamp(0, 1)
    share = float(white.mean())
    if not LEAST_SHARE < share < 1 - LEAST_SHARE:
        colour = "white" if share > 0.5 else "black"
        raise BadInput(f"{mask} is all {colour}, so that one style has no place; draw both white and black")
    return [Region(white, styles[0]), Region(1 - white, styles[1])]


def pass_from_files(
    network: Path, content: Path, styles: Mapping[str, float] | None, *, size: int = 256, device: str = "auto"
) -> Images:
    """Send an image file through a trained network of styles; see `innerview.synthesis.style_networks.stylize`.

    Raises:
        InnerviewError: of reading, loading or the styles; the message says what to mend.
    """
    trained = load_style_network(network).to(choose_device(device))
    image = read_image(content, size)
    needed = BYTES_A_CHANNEL * trained.architecture.width * image[0, 0].numel()
    _check_free(needed, device_of(trained), "make the shorter side {:.0%} as long")
    return stylize(trained, image, styles)


def texture_from_file(
    path: Path,
    size: int,
    recipe: TextureRecipe,
    model: str = NORMALIZED,
    *,
    sample_size: int = 256,
    seed: int = 0,
    device: str = "auto",
) -> Synthesis:
    """Make a texture of an image file, with a progress bar; see `innerview.synthesis.texture.texture`.

    Raises:
        InnerviewError: of reading, loading or making; the message says what to mend.
    """
    sample = read_image(path, sample_size).to(choose_device(device))
    network = load_model(model).to(sample.device)
    return texture(network, sample, size=size, recipe=recipe, seed=seed, progress=True)


def grown_from_file(path: Path, size: int, *, window: int = 11, sample_size: int = 64, seed: int = 0) -> ResizedImages:
    """Grow a texture out of an image file, with a progress bar; see `innerview.synthesis.nonparametric.efros_leung`.

    Raises:
        InnerviewError: of reading or growing; the message says what to mend.
    """
    sample = read_image(path, sample_size)
    needed = BYTES_A_WINDOW * window**2 * sample[0, 0].numel()
    _check_free(needed, sample.device, "make the sample's shorter side {:.0%} as long")
    return efros_leung(sample, size, window=window, seed=seed, progress=True)


def joined_from_file(
    path: Path, size: int, *, sample_size: int = 128, seed: int = 0, device: str = "auto"
) -> ResizedImages:
    """Make a texture of an image file's patches, with a progress bar; see `innerview.synthesis.patches.patch_texture`.

    Raises:
        InnerviewError: of reading or making; the message says what to mend.
    """
    sample = read_image(path, sample_size).to(choose_device(device))
    return patch_texture(sample, size, seed=seed, progress=True)


def inverse_from_file(
    path: Path,
    layer: str,
    recipe: InversionRecipe,
    model: str = "vgg19",
    *,
    size: int = 224,
    seed: int = 0,
    device: str = "auto",
) -> Synthesis:
    """Invert a layer for an image file, with a progress bar; see `innerview.synthesis.inversion.invert`.

    Raises:
        InnerviewError: of reading, loading or inverting; the message says what to mend.
    """
    image = read_image(path, size).to(choose_device(device))
    network = load_model(model).to(image.device)
    return invert(network, image, layer, recipe=recipe, seed=seed, progress=True)


def _size(image: Images) -> tuple[int, int]:
    return image.shape[-2], image.shape[-1]


def _check_free(needed: int, device: torch.device, mend: str) -> None:
    free = free_memory(device)
    if needed > free:
        raise BadInput(
            f"this needs about {needed / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} are free; "
            f"{mend.format((free / needed) ** 0.5)}"
        )
