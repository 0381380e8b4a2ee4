"""Sources of images: files, and data sets of many kinds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from atlas.small import SIZE, write_images
from PIL import Image
from torch import Tensor

from innerview.atlas import DataSet, ImageFiles
from innerview.atlas.sources import ImageSource, image_source
from innerview.core.errors import BadInput, UnreadableImage
from innerview.core.images import center_crop, from_array, read_image

ARRAY = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
WIDE = np.random.default_rng(0).integers(0, 256, (30, 50, 3)).astype(np.uint8)


class Own:
    """Somebody's data set: a length and items."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        item = self.items[index]
        if isinstance(item, Exception):
            raise item
        return item


def read(item: Any, size: int = SIZE) -> Tensor:
    found = DataSet(Own(item), "own").read(0, size)
    assert isinstance(found, Tensor)
    return found


ITEMS: dict[str, Any] = {
    "array": ARRAY,
    "array of floats": ARRAY / 255,
    "picture": Image.fromarray(ARRAY),
    "picture and label": (Image.fromarray(ARRAY), 3),
    "list of both": [Image.fromarray(ARRAY), 3],
    "tensor": from_array(ARRAY)[0],
    "tensor of bytes": torch.from_numpy(ARRAY).permute(2, 0, 1),
    "tensor of doubles": from_array(ARRAY)[0].double(),
    "array and label": (ARRAY, "cat"),
}


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_items_of_all_kinds_are_the_same_image(item: Any) -> None:
    found = read(item)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, from_array(ARRAY), rtol=0, atol=1e-6)


def test_grey_pictures_have_three_equal_channels() -> None:
    found = read((Image.fromarray(ARRAY[..., 0]), 3))
    torch.testing.assert_close(found, from_array(ARRAY[..., :1].repeat(3, 2)))


@pytest.mark.parametrize("item", [WIDE, Image.fromarray(WIDE), from_array(WIDE)[0]], ids=["array", "picture", "tensor"])
def test_other_shapes_become_the_middle_square(item: Any) -> None:
    found = read(item, 30)
    torch.testing.assert_close(found, from_array(WIDE[:, 10:40]), rtol=0, atol=1e-6)
    assert read(item, 12).shape == (1, 3, 12, 12)


def test_data_sets_and_files_are_cropped_alike(tmp_path: Path) -> None:
    smooth = np.stack([np.linspace(0, 255, 64)[None].repeat(40, 0)] * 3, 2).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "smooth.png")
    of_file = ImageFiles((tmp_path / "smooth.png",)).read(0, 20)
    assert isinstance(of_file, Tensor)
    torch.testing.assert_close(read(smooth, 20), of_file, rtol=0, atol=0.03)


def test_files_are_read_as_anywhere(tmp_path: Path) -> None:
    paths = write_images(tmp_path, 3)
    source = ImageFiles(tuple(paths))
    assert len(source) == 3
    for index, path in enumerate(paths):
        found = source.read(index, SIZE)
        assert isinstance(found, Tensor)
        assert torch.equal(found, center_crop(read_image(path, SIZE), SIZE))


def test_what_a_file_says_when_it_cannot_be_read(tmp_path: Path) -> None:
    found = ImageFiles((tmp_path / "none.png",)).read(0, SIZE)
    assert isinstance(found, UnreadableImage)


@pytest.mark.parametrize("error", [OSError("cut off"), SyntaxError("broken PNG"), FileNotFoundError("gone")])
def test_items_that_pillow_cannot_read_are_told(error: Exception) -> None:
    found = DataSet(Own(ARRAY, error), "own").read(1, SIZE)
    assert isinstance(found, UnreadableImage)
    assert str(found).startswith("item 1 of own cannot be read (")


def test_pictures_that_are_decoded_only_when_they_are_used(tmp_path: Path) -> None:
    (path,) = write_images(tmp_path, 1)
    whole = Image.open(path)
    assert isinstance(DataSet([(whole, 0)], "lazy").read(0, SIZE), Tensor)
    path.write_bytes(path.read_bytes()[:300])
    cut = Image.open(path)
    found = DataSet([(cut, 0)], "lazy").read(0, SIZE)
    assert isinstance(found, UnreadableImage)
    cut.close()


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"image": ARRAY}, "dict"),
        (3, "int"),
        ((None, 3), "NoneType"),
        (ARRAY[..., 0], "ndarray"),
        (torch.zeros(1, SIZE, SIZE), "Tensor"),
        (torch.zeros(SIZE, SIZE), "Tensor"),
    ],
)
def test_items_that_are_no_images_are_refused(item: Any, kind: str) -> None:
    with pytest.raises(BadInput, match=rf"item 0 of own is a {kind}, no image; give pictures, arrays \(h, w, 3\)"):
        read(item)


def test_other_errors_of_a_data_set_are_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        DataSet(Own(ZeroDivisionError()), "own").read(0, SIZE)


def test_what_changes_with_an_image(tmp_path: Path) -> None:
    paths = write_images(tmp_path, 4)
    source = ImageFiles((*paths, tmp_path / "none.png"))
    before = source.identity(0, 2), source.identity(2, 5)
    paths[3].write_bytes(b"other")
    assert source.identity(0, 2) == before[0]
    assert source.identity(2, 5) != before[1]
    one, other = (DataSet([ARRAY] * 4, name) for name in ("one", "other"))
    assert one.identity(0, 2) == one.identity(0, 2)
    assert one.identity(0, 2) not in (
        one.identity(2, 4),
        other.identity(0, 2),
        DataSet([ARRAY] * 5, "one").identity(0, 2),
    )


def test_paths_become_a_source_and_a_source_stays(tmp_path: Path) -> None:
    paths = write_images(tmp_path, 2)
    assert image_source([str(path) for path in paths]) == ImageFiles(tuple(paths))
    source = DataSet([ARRAY], "one")
    assert image_source(source) is source
    assert isinstance(source, ImageSource)
    assert isinstance(ImageFiles(tuple(paths)), ImageSource)


def test_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="an atlas needs images"):
        ImageFiles(())
    with pytest.raises(BadInput, match="data set 'none' is empty; an atlas needs images"):
        DataSet([], "none")


@pytest.mark.parametrize("images", ["photos", Path("photos")])
def test_one_path_is_no_list(images: Any) -> None:
    with pytest.raises(BadInput, match=r"images in a list; give image_paths\('photos'\), or \['photos'\]"):
        image_source(images)


@pytest.mark.parametrize("images", [[ARRAY], [(Image.fromarray(ARRAY), 3)], torch.zeros(2, 3, 8, 8)])
def test_a_bare_data_set_is_told_apart(images: Any) -> None:
    with pytest.raises(BadInput, match=r"a (ndarray|tuple|Tensor) is no path of an image; of a data set make DataSet"):
        image_source(images)
