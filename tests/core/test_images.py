"""Images in and out: what can be read, what is refused and how, and that pixels come back as they went."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import EpsImagePlugin, Image, ImageSequence

from innerview.core.errors import BadInput, NotFinite, UnreadableImage
from innerview.core.images import (
    MOST_PIXELS,
    center_crop,
    contact_sheet,
    from_array,
    read_image,
    square,
    to_array,
    write_animation,
    write_image,
)

SIDE = 16
RED, GREEN, BLUE, WHITE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0)


def bytes_of_every_value() -> np.ndarray:
    """Return ``(16, 48, 3)`` bytes in which each value occurs in each colour."""
    return (
        np.random.default_rng(0).permuted(np.tile(np.arange(256, dtype=np.uint8), (3, 3)), axis=1).T.reshape(16, 48, 3)
    )


def smooth(side: int = 64) -> torch.Tensor:
    """Return a gradient that JPEG keeps well."""
    ramp = torch.linspace(0, 1, side)
    return torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side), (ramp + ramp[:, None]) / 2])[None]


def pixel(images: torch.Tensor, row: int, column: int) -> tuple[float, ...]:
    return tuple(images[0, :, row, column].tolist())


def test_png_keeps_every_byte(tmp_path):
    array = bytes_of_every_value()
    write_image(tmp_path / "x.png", from_array(array))
    read = read_image(tmp_path / "x.png")
    assert read.dtype == torch.float32
    assert read.shape == (1, 3, 16, 48)
    np.testing.assert_array_equal(to_array(read)[0], array)
    torch.testing.assert_close(read, torch.from_numpy(array / 255.0).float().permute(2, 0, 1)[None], rtol=0, atol=1e-7)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG", ".webp"])
def test_lossy_formats_come_back_close(tmp_path, suffix):
    write_image(tmp_path / f"x{suffix}", smooth())
    assert (read_image(tmp_path / f"x{suffix}") - smooth()).abs().mean() < 0.01


def save(picture: Image.Image, path: Path, **options: Any) -> Path:
    picture.save(path, **options)
    return path


def test_transparent_parts_lie_over_white(tmp_path):
    picture = Image.new("RGBA", (SIDE, SIDE), (255, 0, 0, 255))
    picture.paste((0, 255, 0, 0), (0, 0, 8, 8))  # wholly transparent
    picture.paste((0, 0, 255, 128), (8, 8, 16, 16))  # half
    read = read_image(save(picture, tmp_path / "x.png"))
    assert pixel(read, 0, 0) == WHITE
    assert pixel(read, 0, 15) == RED
    assert pixel(read, 15, 15) == pytest.approx((127 / 255, 127 / 255, 1.0), abs=1.5 / 255)


def grey() -> Image.Image:
    return Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))


def test_greyscale_has_three_equal_channels(tmp_path):
    read = read_image(save(grey(), tmp_path / "x.png"))
    for channel in read[0]:
        torch.testing.assert_close(channel, torch.arange(256).reshape(16, 16) / 255)


def test_greyscale_with_transparency_lies_over_white(tmp_path):
    picture = Image.new("LA", (SIDE, SIDE), (0, 255))
    picture.paste((0, 0), (0, 0, 8, 8))
    read = read_image(save(picture, tmp_path / "x.png"))
    assert pixel(read, 0, 0) == WHITE
    assert pixel(read, 15, 15) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("transparent", [False, True])
def test_palettes_are_looked_up(tmp_path, transparent):
    picture = Image.new("P", (SIDE, SIDE), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(1, (8, 0, 16, 16))
    options = {"transparency": 1} if transparent else {}
    read = read_image(save(picture, tmp_path / "x.png", **options))
    assert pixel(read, 3, 3) == RED
    assert pixel(read, 3, 12) == (WHITE if transparent else BLUE)


def test_bilevel_images_are_black_and_white(tmp_path):
    picture = Image.new("1", (SIDE, SIDE), 0)
    picture.paste(1, (8, 0, 16, 16))
    read = read_image(save(picture, tmp_path / "x.png"))
    assert pixel(read, 3, 3) == (0.0, 0.0, 0.0)
    assert pixel(read, 3, 12) == WHITE


@pytest.mark.parametrize(
    ("ink", "color"), [((0, 255, 255, 0), RED), ((0, 0, 0, 0), WHITE), ((0, 0, 0, 255), (0, 0, 0))]
)
def test_cmyk_becomes_the_color_that_is_printed(tmp_path, ink, color):
    read = read_image(save(Image.new("CMYK", (SIDE, SIDE), ink), tmp_path / "x.jpg", quality=100))
    assert pixel(read, 8, 8) == pytest.approx(color, abs=3 / 255)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("brightest", [65535, 30_000])
def test_sixteen_bits_a_pixel_are_scaled_and_neither_clipped_nor_stretched(tmp_path, suffix, brightest):
    values = np.linspace(0, brightest, 256).round().astype(np.uint16).reshape(16, 16)
    read = read_image(save(Image.fromarray(values), tmp_path / f"x{suffix}"))
    torch.testing.assert_close(read[0, 0], torch.from_numpy(values / 65535).float(), rtol=0, atol=0.5 / 255 + 1e-6)
    assert torch.equal(read[0, 0], read[0, 2])


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda array: array),
        (2, np.fliplr),
        (3, lambda array: np.rot90(array, 2)),
        (4, np.flipud),
        (5, lambda array: array.transpose(1, 0, 2)),
        (6, lambda array: np.rot90(array, -1)),
        (7, lambda array: np.rot90(array, 2).transpose(1, 0, 2)),
        (8, np.rot90),
    ],
)
def test_photographs_are_turned_upright(tmp_path, orientation, turn):
    array = bytes_of_every_value()
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_image(save(Image.fromarray(array), tmp_path / "x.png", exif=exif))
    np.testing.assert_array_equal(to_array(read)[0], turn(array))


@pytest.mark.parametrize(("size", "shape"), [(32, (32, 64)), ((20, 30), (20, 30)), (16, (16, 32)), (None, (16, 32))])
def test_images_are_resized_to_the_shorter_side_or_exactly(tmp_path, size, shape):
    write_image(tmp_path / "x.png", torch.rand(1, 3, 16, 32))
    assert read_image(tmp_path / "x.png", size).shape == (1, 3, *shape)


def test_resizing_keeps_the_mean_color(tmp_path):
    write_image(tmp_path / "x.png", smooth())
    read = read_image(tmp_path / "x.png", 32)
    torch.testing.assert_close(read.mean((2, 3)), smooth().mean((2, 3)), rtol=0, atol=0.01)


@pytest.mark.parametrize("size", [0, -5, (0, 8), (8, -1)])
def test_a_size_without_pixels_is_refused(tmp_path, size):
    write_image(tmp_path / "x.png", smooth())
    with pytest.raises(BadInput, match="give a positive size"):
        read_image(tmp_path / "x.png", size)


def not_an_image(path: Path) -> None:
    path.write_text("not an image, although its name says so")


def nothing(path: Path) -> None:
    path.touch()


def missing(_path: Path) -> None: ...


def a_folder(path: Path) -> None:
    path.mkdir()


def cut_off(path: Path) -> None:
    """Write the first half of a JPEG file."""
    write_image(path.with_suffix(".jpg"), smooth())
    whole = path.with_suffix(".jpg").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def cut_off_png(path: Path) -> None:
    write_image(path, torch.rand(1, 3, 64, 64))
    path.write_bytes(path.read_bytes()[:5000])


def one_pixel(path: Path) -> None:
    Image.new("RGB", (1, 1)).save(path)


def seven_pixels_high(path: Path) -> None:
    Image.new("RGB", (100, 7)).save(path)


def too_large(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


def warned_of(path: Path) -> None:
    """Write an image of which Pillow warns; in the tests its warning is an error."""
    Image.new("1", (12_000, 12_000)).save(path)


def a_little_too_large(path: Path) -> None:
    """Write an image above our limit, but below Pillow's."""
    Image.new("1", (9_450, 9_440)).save(path)


@pytest.mark.parametrize(
    ("make", "found", "mend"),
    [
        (not_an_image, "is not an image that can be read whole", "replace the file"),
        (nothing, "is not an image that can be read whole", "replace the file"),
        (missing, "no image at", "check the path"),
        (a_folder, "is a folder", "give one image file"),
        (cut_off, "is not an image that can be read whole", "replace the file"),
        (cut_off_png, "is not an image that can be read whole", "replace the file"),
        (one_pixel, "is 1x1 pixels", "the smallest usable side is 8"),
        (seven_pixels_high, "is 100x7 pixels", "the smallest usable side is 8"),
        (too_large, "has too many pixels", f"shrink it below {MOST_PIXELS // 10**6} megapixels"),
        (warned_of, "has too many pixels", f"shrink it below {MOST_PIXELS // 10**6} megapixels"),
        (a_little_too_large, "is 9450x9440 pixels", f"shrink it below {MOST_PIXELS // 10**6} megapixels"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_that_names_file_and_mend(tmp_path, make, found, mend):
    path = tmp_path / "photo.png"
    make(path)
    started = time.perf_counter()
    with pytest.raises(UnreadableImage) as caught:
        read_image(path)
    seconds = time.perf_counter() - started
    message = str(caught.value)
    assert str(path) in message
    assert found in message
    assert mend in message
    assert "\n" not in message
    assert seconds < 2  # decoding 400 megapixels takes longer


def test_the_smallest_allowed_image_is_read(tmp_path):
    write_image(tmp_path / "x.png", torch.rand(1, 3, 8, 8))
    assert read_image(tmp_path / "x.png").shape == (1, 3, 8, 8)


def test_the_middle_is_cut_out():
    images = torch.arange(2 * 3 * 10 * 7, dtype=torch.float32).reshape(2, 3, 10, 7)
    torch.testing.assert_close(center_crop(images, 5), images[:, :, 2:7, 1:6])
    assert center_crop(images, 7).shape == (2, 3, 7, 7)
    with pytest.raises(BadInput, match=r"cannot crop 8 pixels from images of 10x7; resize them first"):
        center_crop(images, 8)


@pytest.mark.parametrize(("height", "width"), [(30, 50), (50, 30), (31, 31), (37, 400)])
@pytest.mark.parametrize("size", [8, 30, 31, 64])
def test_the_middle_square_of_the_resized_image(height, width, size):
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    found = square(images, size)
    assert found.shape == (2, 3, size, size)
    scale = size / min(height, width)
    sides = [max(size, round(side * scale)) for side in (height, width)]
    whole = torch.nn.functional.interpolate(images, sides, mode="bilinear", antialias=True)
    top, left = ((side - size) // 2 for side in sides)
    assert torch.equal(found, whole[:, :, top : top + size, left : left + size])
    assert -1e-6 <= float(found.min()) <= float(found.max()) <= 1 + 1e-6


def test_a_square_of_that_size_stays_as_it_is_and_a_ramp_keeps_its_middle():
    images = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(square(images, 12), images, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        square(torch.cat([images, images[..., :6]], 3), 12),
        torch.cat([images, images[..., :6]], 3)[..., 3:15],
        rtol=0,
        atol=1e-6,
    )
    ramp = torch.linspace(0, 1, 100).expand(1, 3, 40, 100)
    found = square(ramp, 20)[0, 0, 10]
    torch.testing.assert_close(
        found[5:15], torch.linspace(0, 1, 100)[30:70].reshape(20, 2).mean(1)[5:15], rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("size", [0, -3])
def test_a_square_without_pixels_is_refused(size):
    with pytest.raises(BadInput, match=f"an image cannot be resized to {size} pixels; give a positive size"):
        square(torch.rand(1, 3, 9, 9), size)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (3, 8, 8), (1, 1, 8, 8, 3)])
def test_arrays_that_are_no_rgb_images_are_refused(shape):
    with pytest.raises(BadInput, match=r"has shape \(h, w, 3\), not"):
        from_array(np.zeros(shape, np.uint8))


def test_bytes_and_floats_make_the_same_images():
    array = bytes_of_every_value()
    torch.testing.assert_close(from_array(array / 255.0), from_array(array))
    assert torch.equal(from_array(np.stack([array, array])), from_array(array).expand(2, -1, -1, -1))


def test_values_outside_the_range_are_clipped_and_rounded():
    images = torch.tensor([-1.0, 0.0, 0.501 / 255, 0.499 / 255, 1.0, 7.0]).expand(1, 3, 1, 6)
    np.testing.assert_array_equal(to_array(images)[0, 0, :, 0], [0, 0, 1, 0, 255, 255])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_an_image_with_a_pixel_that_is_no_number_is_refused_with_nothing_written(tmp_path, value, name):
    images = torch.rand(2, 3, 8, 8)
    images[1, 2, 3, 4] = value
    with pytest.raises(NotFinite, match="NaN or infinite pixels"):
        write_image(tmp_path / name, images)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.xyz", "x", "x.png.txt", "x.svg"])
def test_an_unknown_ending_is_refused_with_nothing_written(tmp_path, name):
    with pytest.raises(BadInput, match=r"end it in .png, .jpg") as caught:
        write_image(tmp_path / name, smooth())
    assert name in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_the_format_cannot_hold_is_refused_with_nothing_written(tmp_path):
    with pytest.raises(BadInput, match=r"\.webp cannot hold 16400x8 pixels .*; write .*x\.webp smaller, or as \.png"):
        write_image(tmp_path / "x.webp", torch.zeros(1, 3, 8, 16_400))
    assert list(tmp_path.iterdir()) == []


def test_a_batch_becomes_a_sheet_row_by_row():
    tiles = np.stack([np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)])
    sheet = contact_sheet(tiles, columns=2, gap=1)
    w = 255
    np.testing.assert_array_equal(
        sheet[..., 0],
        [[10, 10, 10, w, 20, 20, 20], [10, 10, 10, w, 20, 20, 20], [w] * 7, [30] * 3 + [w] * 4, [30] * 3 + [w] * 4],
    )


@pytest.mark.parametrize(
    ("count", "columns", "shape"),
    [(1, None, (8, 6)), (4, None, (20, 16)), (5, None, (20, 26)), (3, 1, (32, 6)), (3, 5, (8, 46)), (7, 3, (32, 26))],
)
def test_sheets_are_about_as_wide_as_high_unless_told(count, columns, shape):
    assert contact_sheet(np.zeros((count, 8, 6, 3), np.uint8), columns).shape == (*shape, 3)


@pytest.mark.parametrize(("count", "columns"), [(0, None), (3, 0), (3, -1)])
def test_a_sheet_of_nothing_is_refused(count, columns):
    with pytest.raises(BadInput, match="give at least one of each"):
        contact_sheet(np.zeros((count, 8, 6, 3), np.uint8), columns)


def test_a_batch_is_written_as_its_sheet(tmp_path):
    images = from_array(np.stack([bytes_of_every_value()] * 3))
    write_image(tmp_path / "x.png", images, columns=3)
    np.testing.assert_array_equal(to_array(read_image(tmp_path / "x.png"))[0], contact_sheet(to_array(images), 3))


# Opacity


def opacities() -> tuple[torch.Tensor, torch.Tensor]:
    """Return bytes of every value as an image, and every opacity once."""
    colors = from_array(np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    return colors, torch.arange(256).reshape(1, 1, 16, 16) / 255


def test_a_png_keeps_every_byte_of_the_opacity_and_of_the_colours_below(tmp_path):
    colors, alpha = opacities()
    write_image(tmp_path / "x.png", colors, alpha=alpha)
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.mode == "RGBA"
        array = np.asarray(picture)
    np.testing.assert_array_equal(array[..., :3], to_array(colors)[0])
    np.testing.assert_array_equal(array[..., 3], np.arange(256).reshape(16, 16))


def test_a_webp_keeps_the_opacity(tmp_path):
    _, alpha = opacities()
    write_image(tmp_path / "x.webp", torch.full((1, 3, 16, 16), 0.5), alpha=alpha)
    with Image.open(tmp_path / "x.webp") as picture:
        assert picture.mode == "RGBA"
        np.testing.assert_allclose(np.asarray(picture)[..., 3], np.arange(256).reshape(16, 16), atol=3)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".jpg", 0.03), (".gif", 0.1), (".png", 0.004)])
def test_what_is_not_opaque_is_read_or_shown_over_white(tmp_path, suffix, tolerance):
    colors, alpha = smooth(), 1 - smooth()[:, :1].mT
    write_image(tmp_path / f"x{suffix}", colors, alpha=alpha)
    over_white = colors * alpha + (1 - alpha)
    assert float((read_image(tmp_path / f"x{suffix}") - over_white).abs().mean()) < tolerance
    assert float((colors - over_white).abs().mean()) > 0.2


def test_several_transparent_images_are_a_sheet_on_white(tmp_path):
    colors, alpha = (part.expand(3, -1, -1, -1) for part in opacities())
    write_image(tmp_path / "x.png", colors, columns=2, alpha=alpha)
    with Image.open(tmp_path / "x.png") as picture:
        array = np.asarray(picture)
    assert array.shape == (36, 36, 4)
    np.testing.assert_array_equal(array[20:, :16, 3], np.arange(256).reshape(16, 16))
    assert (array[16:20] == 255).all()
    assert (array[20:, 20:] == 255).all()


def test_an_opacity_that_is_no_number_is_refused_with_nothing_written(tmp_path):
    colors, alpha = opacities()
    alpha[0, 0, 3, 3] = torch.nan
    for name in ("x.png", "x.jpg"):
        with pytest.raises(NotFinite, match="NaN or infinite pixels"):
            write_image(tmp_path / name, colors, alpha=alpha)
    assert list(tmp_path.iterdir()) == []


FRAMES = [np.full((20, 30, 3), color, np.uint8) for color in ([255, 0, 0], [0, 255, 0], [0, 0, 255])]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_holds_its_frames_in_order_and_loops(tmp_path, suffix):
    write_animation(tmp_path / f"x{suffix}", FRAMES, seconds_per_frame=0.25)
    with Image.open(tmp_path / f"x{suffix}") as file:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(file)]
        assert file.info["loop"] == 0
        assert file.info["duration"] == 250
    assert len(frames) == len(FRAMES)
    for found, wanted in zip(frames, FRAMES, strict=True):
        np.testing.assert_allclose(found, wanted, atol=8)  # WebP is lossy


@pytest.mark.parametrize(
    ("name", "frames", "said"),
    [("x.jpg", FRAMES, r"end it in \.webp, \.gif, \.png"), ("x.gif", [], "needs at least one frame")],
)
def test_an_animation_that_cannot_be_is_refused_with_nothing_written(tmp_path, name, frames, said):
    with pytest.raises(BadInput, match=said):
        write_animation(tmp_path / name, frames)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_real_numbers_are_scaled_by_their_range(tmp_path, white):
    values = np.linspace(0, white, 256, dtype=np.float32).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "real.tiff")
    read = read_image(tmp_path / "real.tiff")
    torch.testing.assert_close(read[0, 1], torch.from_numpy(values / white), atol=0.5 / 255, rtol=0)


def test_no_image_starts_another_program(tmp_path, monkeypatch):
    """Pillow would have PostScript run by Ghostscript, whatever the file is called."""
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # not yet looked for
    Image.new("RGB", (16, 16)).save(tmp_path / "a.eps")
    path = (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(UnreadableImage, match=r"a.png is EPS, which is no format of photographs"):
        read_image(path)
    assert not (tmp_path / "started").exists()
    with Image.open(path) as file, pytest.raises(OSError, match="cannot identify"):
        file.load()
    assert (tmp_path / "started").exists()
