"""Images in and out: files and `Images` tensors, float32 RGB in [0, 1]."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from innerview.core.errors import BadInput, NotFinite, UnreadableImage
from innerview.core.files import written_whole
from innerview.core.types import Images, Opacity, ResizedImages

SMALLEST_SIDE = 8
MOST_PIXELS = 89_000_000
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
ANIMATED = (".webp", ".gif", ".png")
TRANSPARENT = (".png", ".webp")
WITHOUT_PIXELS = {"BUFR", "GRIB", "HDF5", "MPEG", "EPS", "WMF"}
"""Formats that Pillow opens, but decodes not at all, or only with another program."""


def read_image(path: str | Path, size: int | tuple[int, int] | None = None) -> Images:
    """Read one image file, turned upright, as RGB.

    Greyscale, palette, CMYK and 16-bit images are converted; transparent parts are laid over white.

    Args:
        path: Any file that Pillow reads.
        size: Shorter side in pixels, or an exact ``(h, w)``; None keeps the file's size.

    Returns:
        ``(1, 3, h, w)`` in [0, 1].

    Raises:
        UnreadableImage: missing, not an image, cut off, smaller than 8 pixels a side or above 89 megapixels.
        BadInput: `size` is not positive, or asks for more than 89 megapixels.
    """
    if size is not None and min((size,) if isinstance(size, int) else size) < 1:
        raise BadInput(f"an image cannot be resized to {size} pixels; give a positive size")
    try:
        with opened(path) as file:
            _check_size(path, file.size)
            picture = _upright(file)
    except UnreadableImage:
        raise
    except FileNotFoundError as error:
        raise UnreadableImage(f"no image at {path}; check the path") from error
    except IsADirectoryError as error:
        raise UnreadableImage(f"{path} is a folder; give one image file") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(
            f"{path} has too many pixels; shrink it below {MOST_PIXELS // 10**6} megapixels"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableImage(f"{path} is not an image that can be read whole ({error}); replace the file") from error
    return from_array(np.asarray(_resized(picture, size)))


def opened(path: str | Path) -> Image.Image:
    """Open an image file, whose pixels are still to be read.

    Raises:
        UnreadableImage: it has, whatever its name, a format that Pillow would hand to another program.
        OSError, SyntaxError, ValueError: as Pillow says.
    """
    file = Image.open(path)  # without `catch_warnings`: files are read ahead in threads, where it is not safe
    if file.format in WITHOUT_PIXELS:
        file.close()
        raise UnreadableImage(f"{path} is {file.format}, which is no format of photographs; save it as PNG or JPEG")
    return file


def _check_size(path: str | Path, size: tuple[int, int]) -> None:
    width, height = size
    if min(size) < SMALLEST_SIDE:
        raise UnreadableImage(f"{path} is {width}x{height} pixels; the smallest usable side is {SMALLEST_SIDE}")
    if width * height > MOST_PIXELS:
        raise UnreadableImage(
            f"{path} is {width}x{height} pixels; shrink it below {MOST_PIXELS // 10**6} megapixels before reading it"
        )


def from_picture(picture: Image.Image) -> Images:
    """Turn a picture of Pillow into one image ``(1, 3, h, w)``: upright, transparency on white, 16 bits scaled."""
    return from_array(np.asarray(_upright(picture)))


def _upright(picture: Image.Image) -> Image.Image:
    return _to_rgb(ImageOps.exif_transpose(picture))


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a pixel or real numbers; Pillow would clip them
        grey = np.nan_to_num(np.asarray(picture, dtype=np.float64)).clip(min=0)
        ranges = (1.0, 255.0, 65535.0) if picture.mode == "F" else (65535.0,)
        white = next((white for white in ranges if grey.max() <= white), grey.max())
        return Image.fromarray((grey / white * 255).round().astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")


def _resized(picture: Image.Image, size: int | tuple[int, int] | None) -> Image.Image:
    if size is None:
        return picture
    if isinstance(size, int):
        scale = size / min(picture.size)
        width, height = (max(SMALLEST_SIDE, round(side * scale)) for side in picture.size)
    else:
        height, width = size
    if width * height > MOST_PIXELS:
        raise BadInput(
            f"an image of {width}x{height} pixels is too large; stay below {MOST_PIXELS // 10**6} megapixels"
        )
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def check_images(images: Any) -> None:
    """Raise an error unless this is one batch of images, each pixel a number.

    Raises:
        BadInput: not ``(b, 3, h, w)``, such as a list of images of several sizes; no pixels; or no real numbers.
        NotFinite: a pixel is NaN or infinite.
    """
    check_shape(images)
    if not (torch.isfinite(images.sum()) or torch.isfinite(images).all()):  # a sum is a hundred times as fast
        raise NotFinite("the images hold NaN or infinite pixels; check how they were read")


def check_shape(images: Any) -> None:
    """Raise `BadInput` unless this is one batch of images, whatever their pixels."""
    if isinstance(images, Sequence) and not isinstance(images, str):
        sizes = ", ".join(sorted({"x".join(map(str, one.shape[-2:])) for one in images if isinstance(one, Tensor)}))
        raise BadInput(f"images must be one tensor (b, 3, h, w), not a list (of {sizes} pixels); resize and join them")
    if not isinstance(images, Tensor) or images.is_meta:
        raise BadInput(f"images must be one tensor (b, 3, h, w), not a {type(images).__name__}; `read_image` reads one")
    if images.ndim != 4 or images.shape[1] != 3 or not images.numel():
        raise BadInput(f"images must be (b, 3, h, w), not {tuple(images.shape)}")
    if not images.is_floating_point():
        raise BadInput(f"images hold real numbers in [0, 1], not {images.dtype}; divide bytes by 255")


def center_crop(images: Images, size: int) -> ResizedImages:
    """Cut the square of `size` pixels from the middle.

    Raises:
        BadInput: the images are smaller than that.
    """
    height, width = images.shape[-2:]
    if min(height, width) < size:
        raise BadInput(f"cannot crop {size} pixels from images of {height}x{width}; resize them first")
    top, left = (height - size) // 2, (width - size) // 2
    return images[..., top : top + size, left : left + size]


def square(images: Images, size: int) -> ResizedImages:
    """Bring the shorter side to `size` pixels (bilinear, antialiased) and cut the square from the middle.

    Raises:
        BadInput: `size` is not positive.
    """
    check_shape(images)
    if size < 1:
        raise BadInput(f"an image cannot be resized to {size} pixels; give a positive size")
    height, width = images.shape[-2:]
    scale = size / min(height, width)
    sides = (max(size, round(height * scale)), max(size, round(width * scale)))
    resized = F.interpolate(images, sides, mode="bilinear", antialias=True)
    return center_crop(resized.clamp(0, 1), size)  # rounding may leave the range by 1e-7


def from_array(array: np.ndarray) -> Images:
    """Turn ``(h, w, 3)`` or ``(b, h, w, 3)`` bytes, or floats in [0, 1], into images ``(b, 3, h, w)``."""
    batch = array if array.ndim == 4 else array[None]
    if batch.ndim != 4 or batch.shape[-1] != 3:
        raise BadInput(f"an RGB image has shape (h, w, 3), not {tuple(array.shape)}")
    scaled = batch.astype(np.float32) / 255 if batch.dtype == np.uint8 else batch.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))


def to_array(images: Images) -> np.ndarray:
    """Turn images into bytes ``(b, h, w, 3)`` for plots and files; values outside [0, 1] are clipped.

    Raises:
        NotFinite: a pixel is NaN or infinite.
    """
    if not torch.isfinite(images).all():
        raise NotFinite("the image holds NaN or infinite pixels; lower the learning rate or check the objective")
    clipped = images.detach().clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
    return clipped.permute(0, 2, 3, 1).numpy()


def write_image(path: str | Path, images: Images, columns: int | None = None, alpha: Opacity | None = None) -> None:
    """Write images as one file; a batch becomes a sheet, row by row.

    Args:
        path: Ends in .png, .jpg, .webp or .gif.
        images: ``(b, 3, h, w)`` in [0, 1].
        columns: Images a row; by default a sheet about as wide as high.
        alpha: ``(b, 1, h, w)`` in [0, 1], how opaque they are; .png and .webp keep it, others show white behind.

    Raises:
        BadInput: the ending names no format that can be written, or one that cannot hold that many pixels; or there is
            no image to write.
        OutputError: the place cannot be written to.
    """
    check_image_suffix(path)
    check_shape(images)
    if alpha is None:
        _write(path, Image.fromarray(contact_sheet(to_array(images), columns)), quality=95)
        return
    if Path(path).suffix.lower() not in TRANSPARENT:
        write_image(path, torch.lerp(torch.ones_like(images), images, alpha), columns)
        return
    arrays = np.concatenate([to_array(images), to_array(alpha.expand(-1, 3, -1, -1))[..., :1]], axis=-1)
    _write(path, Image.fromarray(contact_sheet(arrays, columns)), quality=95)


def _write(path: str | Path, picture: Image.Image, **options: Any) -> None:
    """Encode in memory, then write: on a full disk Pillow may leave a JPEG cut off without an error."""
    encoded = io.BytesIO()
    suffix = Path(path).suffix.lower()
    try:
        picture.save(encoded, Image.registered_extensions()[suffix], **options)
    except (OSError, ValueError) as error:
        size = f"{picture.width}x{picture.height}"
        raise BadInput(f"{suffix} cannot hold {size} pixels ({error}); write {path} smaller, or as .png") from error
    with written_whole(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())


def check_image_suffix(path: str | Path) -> None:
    """Raise `BadInput` unless `path` ends as an image file that can be written."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise BadInput(f"cannot tell the picture format from {str(path)!r}; end it in {', '.join(SUFFIXES)}")


def check_animation_suffix(path: str | Path) -> None:
    """Raise `BadInput` unless `path` ends as an animation that can be written."""
    if Path(path).suffix.lower() not in ANIMATED:
        raise BadInput(f"cannot write an animation to {str(path)!r}; end it in {', '.join(ANIMATED)}")


def contact_sheet(arrays: np.ndarray, columns: int | None = None, gap: int = 4) -> np.ndarray:
    """Lay ``(b, h, w, 3)`` bytes, or four with their opacity, out as one white sheet.

    Raises:
        BadInput: no images, or less than one column.
    """
    count, height, width, planes = arrays.shape
    columns = int(np.ceil(np.sqrt(count))) if columns is None else columns
    if count == 0 or columns < 1:
        raise BadInput(f"{count} images in {columns} columns make no sheet; give at least one of each")
    rows = -(-count // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, planes)
    sheet = np.full(shape, 255, dtype=np.uint8)
    for index, picture in enumerate(arrays):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def write_animation(path: str | Path, frames: Sequence[np.ndarray], seconds_per_frame: float = 0.1) -> None:
    """Write bytes ``(h, w, 3)`` as an animated .webp, .gif or .png that loops.

    Raises:
        BadInput: no frames, or an ending without animation.
    """
    check_animation_suffix(path)
    if not frames:
        raise BadInput("an animation needs at least one frame")
    first, *rest = [Image.fromarray(frame) for frame in frames]
    milliseconds = round(1000 * seconds_per_frame)
    _write(path, first, save_all=True, append_images=rest, duration=milliseconds, loop=0, quality=88)
