"""Broden's layout: a tiny folder read back, and what may be wrong with one."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from innerview.core.errors import BadInput
from innerview.core.folders import Batch
from innerview.dissection import Pictures, dissect, read_broden

LABELS = [
    (1, "red", "color(2)"),
    (2, "cat", "object(12);part(3)"),
    (3, "ear", "object(1);part(9)"),
    (300, "street", "scene"),
    (301, "dotted", "texture(1)"),
]
COLUMNS = ["image", "split", "ih", "iw", "sh", "sw", "color", "object", "part", "scene", "texture"]


def write_labels(path, labels):
    pixels = np.zeros((*labels.shape, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = labels % 256, labels // 256
    Image.fromarray(pixels).save(path)


def write_rows(path, columns, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


@pytest.fixture
def maps():
    """The labels of two images' pixels, 8 x 8."""
    draws = np.random.default_rng(0)
    return {
        "color": draws.choice([0, 1], (8, 8)),
        "object": draws.choice([0, 2, 300], (8, 8)),
        "part1": draws.choice([0, 3], (8, 8)),
        "part2": draws.choice([0, 2], (8, 8)),
    }


@pytest.fixture
def folder(tmp_path, maps):
    (tmp_path / "images" / "a").mkdir(parents=True)
    for name in ("one", "two", "three"):
        noise = np.random.default_rng(len(name)).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "images" / "a" / f"{name}.png")
    for name, labels in maps.items():
        write_labels(tmp_path / "images" / "a" / f"{name}_mask.png", labels)
    write_rows(tmp_path / "label.csv", ["number", "name", "category"], LABELS)
    rows = [
        ["a/one.png", "train", 16, 16, 8, 8, "a/color_mask.png", "a/object_mask.png", "", "300", ""],
        ["a/two.png", "val", 16, 16, 8, 8, "", "", "a/part1_mask.png;a/part2_mask.png", "", "301;300"],
        ["a/three.png", "train", 16, 16, 8, 8, "", "", "", "", ""],
    ]
    write_rows(tmp_path / "index.csv", COLUMNS, rows)
    return tmp_path


def change(folder, row, column, value, table="index.csv"):
    with (folder / table).open(newline="") as file:
        rows = list(csv.reader(file))
    rows[row + 1][rows[0].index(column)] = value
    write_rows(folder / table, rows[0], rows[1:])


def batch(*indices):
    return Batch(indices, torch.zeros(len(indices), 3, 16, 16))


def test_the_folder_is_read_back(folder, maps):
    concepts = read_broden(folder)
    assert concepts.names == ("red", "cat", "ear", "street", "dotted")
    assert concepts.categories == ("color", "object", "part", "scene", "texture")
    assert [path.name for path in concepts.paths] == ["one.png", "two.png", "three.png"]
    assert (concepts.count, concepts.size) == (3, (8, 8))
    masks, known = concepts.read(batch(0, 1, 2))
    expected = np.zeros((3, 5, 8, 8), bool)
    expected[0, 0], expected[0, 1], expected[0, 3] = maps["color"] == 1, maps["object"] == 2, True
    expected[1, 1], expected[1, 2], expected[1, 3:] = maps["part2"] == 2, maps["part1"] == 3, True
    assert np.array_equal(masks.numpy(), expected)
    assert known.tolist() == [
        [True, True, False, True, False], [False, False, True, False, True], [False] * 5,
    ]  # fmt: skip


def test_a_split_and_the_first_images_can_be_chosen(folder):
    assert [path.name for path in read_broden(folder, "train").paths] == ["one.png", "three.png"]
    assert [path.name for path in read_broden(folder, most=1).paths] == ["one.png"]
    with pytest.raises(BadInput, match="no image of split 'test'"):
        read_broden(folder, "test")


def test_a_network_is_dissected_with_it(folder, tiny):
    concepts = read_broden(folder)
    found = dissect(tiny, Pictures(concepts.paths, 16), "conv", concepts, quantile=0.3)
    # Parts of the second image alone: nobody looked for them in the others.
    masks, _ = concepts.read(batch(1))
    assert found.pixels.tolist()[2] == int(masks[0, 2].sum())
    assert 0 < found.iou[:, 2].max() <= 1


def test_missing_files_are_named(folder, tmp_path):
    with pytest.raises(BadInput, match=r"index.csv cannot be read .*folder that holds Broden's tables"):
        read_broden(tmp_path / "nothing")
    (folder / "images" / "a" / "color_mask.png").unlink()
    with pytest.raises(BadInput, match=r"color_mask.png cannot be read"):
        read_broden(folder).read(batch(0))
    (folder / "label.csv").unlink()
    with pytest.raises(BadInput, match=r"label.csv cannot be read"):
        read_broden(folder)


@pytest.mark.parametrize("label", [4, 299, 302, 65535])
def test_an_unknown_label_is_refused(folder, maps, label):
    labels = maps["object"].copy()
    labels[3, 4] = label
    write_labels(folder / "images" / "a" / "object_mask.png", labels)
    with pytest.raises(BadInput, match=f"object_mask.png holds the label {label}, which label.csv does not know"):
        read_broden(folder).read(batch(0))
    change(folder, 1, "texture", str(label))
    with pytest.raises(BadInput, match=f"two.png holds the label {label}"):
        read_broden(folder).read(batch(1))


def test_masks_of_another_size_than_told_are_refused(folder, maps):
    write_labels(folder / "images" / "a" / "object_mask.png", maps["object"][:6])
    with pytest.raises(BadInput, match=r"object_mask.png is 6x8 pixels, index.csv says 8x8"):
        read_broden(folder).read(batch(0))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("sh", "x", "a size of a/one.png is no number"),
        ("iw", "20", "a/one.png is 16x20 pixels, its masks 8x8; give square ones"),
        ("sw", "6", "16x16 pixels, its masks 8x6"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(folder, column, value, message):
    change(folder, 0, column, value)
    with pytest.raises(BadInput, match=message):
        read_broden(folder)


def test_masks_of_several_sizes_are_refused(folder):
    change(folder, 0, "sh", "4")
    change(folder, 0, "sw", "4")
    with pytest.raises(BadInput, match="masks are 4x4 and 8x8 pixels"):
        read_broden(folder)


def test_tables_without_their_columns_or_numbers_are_refused(folder):
    change(folder, 0, "number", "one", "label.csv")
    with pytest.raises(BadInput, match="'one' is no number of a label"):
        read_broden(folder)
    write_rows(folder / "label.csv", ["number", "name"], [[1, "red"]])
    with pytest.raises(BadInput, match=r"label.csv has no column 'category'"):
        read_broden(folder)
    write_rows(folder / "label.csv", ["number", "name", "category"], [])
    with pytest.raises(BadInput, match="lists no concept"):
        read_broden(folder)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/secret.png", "a/../../secret.png", "C:\\secret.png"])
def test_a_table_that_names_files_elsewhere_is_refused(folder, name):
    change(folder, 1, "texture", name)
    with pytest.raises(BadInput, match=r"index.csv names .*secret.png', which could lead out of"):
        read_broden(folder).read(batch(1))
    change(folder, 0, "image", name)
    with pytest.raises(BadInput, match=r"index.csv names .*secret.png', which could lead out of"):
        read_broden(folder)
