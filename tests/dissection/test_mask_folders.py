"""Folders of masks: found by the image's name, cut as the image is, refused where they do not fit."""

import numpy as np
import pytest
import torch
from PIL import Image

from innerview.core.errors import BadInput
from innerview.core.folders import Batch, read_square
from innerview.dissection import Pictures, dissect, read_mask_folders


@pytest.fixture
def images(tmp_path):
    """A white rectangle on black, 40 x 60 pixels; the other image has none."""
    folder = tmp_path / "images"
    folder.mkdir()
    pixels = np.zeros((40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "empty.png")
    pixels[8:24, 20:36] = 255
    Image.fromarray(pixels).save(folder / "one.png")
    return [folder / "one.png", folder / "empty.png"]


@pytest.fixture
def masks(tmp_path, images):
    folder = tmp_path / "masks"
    for concept in ("shape/white", "black"):
        (folder / concept).mkdir(parents=True)
    with Image.open(images[0]) as file:
        white = np.asarray(file.convert("L"))
    Image.fromarray(white // 255).save(folder / "shape" / "white" / "one.png")  # 0 and 1 count as 0 and 255 do
    Image.fromarray(255 - white).save(folder / "black" / "one.png")
    Image.new("L", (60, 40), 255).save(folder / "black" / "empty.png")
    return folder


def read(found, images, size):
    squares = [read_square(path, size) for path in images]
    pixels = torch.cat([one for one in squares if isinstance(one, torch.Tensor)])
    return pixels, *found.read(Batch(tuple(range(len(images))), pixels))


def test_masks_lie_where_the_image_shows_it(images, masks):
    found = read_mask_folders(masks, images)
    assert dict(zip(found.names, found.categories, strict=True)) == {"black": "concept", "white": "shape"}
    pixels, read_masks, known = read(found, images, 20)
    assert read_masks.shape == (2, 2, 20, 20)
    assert known.all()
    black, white = (found.names.index(name) for name in ("black", "white"))
    bright = pixels[:, 0] > 0.5
    assert torch.equal(read_masks[:, white], bright)
    assert torch.equal(read_masks[:, black], ~bright)
    assert bright[0].sum() == 64  # 16 x 16 pixels at half the size, none of them cut


def test_a_network_is_dissected_with_them(images, masks, tiny):
    found = dissect(tiny, Pictures(images, 16), "conv", read_mask_folders(masks, images), quantile=0.1)
    assert found.pixels[found.names.index("black")] > 256
    assert found.iou.max() > 0


def test_a_mask_of_another_size_than_its_image_is_refused(images, masks):
    Image.new("L", (60, 41), 255).save(masks / "black" / "empty.png")
    with pytest.raises(BadInput, match=r"empty.png is 41x60 pixels, its image 40x60"):
        read(read_mask_folders(masks, images), images, 20)


def test_what_cannot_be_a_folder_of_masks_is_refused(images, masks, tmp_path):
    with pytest.raises(BadInput, match="is no folder"):
        read_mask_folders(tmp_path / "nothing", images)
    with pytest.raises(BadInput, match="two images are called 'one'"):
        read_mask_folders(masks, [*images, tmp_path / "one.jpg"])
    with pytest.raises(BadInput, match="belongs to no image"):
        read_mask_folders(masks, images[:1])
    (masks / "color" / "white").mkdir(parents=True)
    (masks / "shape" / "white" / "one.png").rename(masks / "color" / "white" / "one.png")
    assert "white" in read_mask_folders(masks, images).names
    Image.new("L", (60, 40)).save(masks / "shape" / "white" / "one.png")
    with pytest.raises(BadInput, match="'white' is in 'color' and in 'shape'"):
        read_mask_folders(masks, images)
    (masks / "shape" / "white" / "one.png").rename(masks / "one.png")
    with pytest.raises(BadInput, match="is no CONCEPT/IMAGE"):
        read_mask_folders(masks, images)


def test_a_damaged_mask_is_named(images, masks):
    (masks / "black" / "one.png").write_bytes(b"no image")
    with pytest.raises(BadInput, match=r"black/one.png cannot be read"):
        read(read_mask_folders(masks, images), images, 20)
