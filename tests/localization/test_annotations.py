"""Annotations: files written by hand, and those of the assets."""

import math
from pathlib import Path

import pytest
import torch

from innerview.core.errors import BadInput
from innerview.localization import COCO_CATEGORIES, coco_masks, find_ilsvrc, iou, read_ilsvrc, scaled_boxes

NAMES = ("ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG")


@pytest.fixture
def files(tmp_path):
    written = {
        "localization.txt": "val/{0},111,108,441,193\nval/{1},45,49,499,162\n\nval/{1},2,69,437,207\nval/x,broken\n",
        "image_sizes.txt": "val/{0},500,375\nval/{1},500,333\nval/x,1\n",
        "class_labels.txt": "val/{0},65\nval/{1},970\n",
    }
    for name, text in written.items():
        (tmp_path / name).write_text(text.format(*NAMES))
    return {name: tmp_path / name for name in written}


def test_boxes_cover_their_last_pixel(files):
    found = read_ilsvrc(files, NAMES)
    one, two = (found[name] for name in NAMES)
    assert (one.width, one.height, one.label, one.size) == (500, 375, 65, (375, 500))
    assert one.boxes.tolist() == [[111, 108, 442, 194]]
    assert two.label == 970
    assert two.boxes.tolist() == [[45, 49, 500, 163], [2, 69, 438, 208]]


def test_names_keep_the_folders_they_were_asked_with(files):
    asked = f"train/n01440764/{NAMES[0]}"
    assert list(read_ilsvrc(files, [asked])) == [asked]
    assert list(read_ilsvrc(files, {NAMES[1]: "any mapping"})) == [NAMES[1]]


def test_what_the_files_do_not_hold_is_said(files):
    with pytest.raises(BadInput, match=r"nothing is known of 'ILSVRC2012_val_00000003.JPEG' \(1 such\)"):
        read_ilsvrc(files, [*NAMES, "val/ILSVRC2012_val_00000003.JPEG"])
    with pytest.raises(BadInput, match=r"localization.txt, line 5: 'val/x,broken' is not a name and 4 whole numbers"):
        read_ilsvrc(files, ["x"])
    files["image_sizes.txt"].write_text(f"{NAMES[0]},500,375,3\n")
    with pytest.raises(BadInput, match=r"image_sizes.txt, line 1: .* is not a name and 2 whole numbers"):
        read_ilsvrc(files, NAMES)
    files["image_sizes.txt"].unlink()
    with pytest.raises(BadInput, match="cannot be read as text"):
        read_ilsvrc(files, NAMES)
    del files["image_sizes.txt"]
    with pytest.raises(BadInput, match=r"image_sizes\.txt is missing"):
        read_ilsvrc(files, NAMES)


@pytest.mark.mirror
def test_the_500_photographs_are_known(available):
    names = list(available("imagenette160_boxes"))
    found = read_ilsvrc(available("wsol_ilsvrc"), names)
    assert list(found) == names
    assert sorted({known.label for known in found.values()}) == [0, 217, 482, 491, 497, 566, 569, 571, 574, 701]
    for known in found.values():
        whole = torch.tensor([[0.0, 0, known.width, known.height]])
        inside = (known.boxes[:, 2] - known.boxes[:, 0]) * (known.boxes[:, 3] - known.boxes[:, 1])
        torch.testing.assert_close(iou(known.boxes, whole)[:, 0], inside / (known.width * known.height))
        scaled = scaled_boxes(known.boxes, known.size, (224, 224))
        assert scaled.max() <= 224.001


def test_a_pixel_belongs_to_the_polygon_that_holds_its_middle(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("16 0.2 0.1 0.6 0.1 0.6 0.5 0.2 0.5\n")
    mask = coco_masks(path, (20, 10))[16]
    wanted = torch.zeros(20, 10, dtype=torch.bool)
    wanted[2:10, 2:6] = True
    assert torch.equal(mask, wanted)


def test_slanted_polygons_are_those_of_the_crossing_rule(tmp_path):
    points = [(0.11, 0.83), (0.42, 0.07), (0.93, 0.31), (0.55, 0.45), (0.81, 0.97)]
    (tmp_path / "a.txt").write_text("0 " + " ".join(f"{x} {y}" for x, y in points))
    height, width = 37, 53
    mask = coco_masks(tmp_path / "a.txt", (height, width))[0]
    for row in range(height):
        for column in range(width):
            x, y = (column + 0.5) / width, (row + 0.5) / height
            crossings = 0
            for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
                if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                    crossings += 1
            assert bool(mask[row, column]) == bool(crossings % 2)


def test_the_objects_of_a_category_are_joined_and_categories_kept_apart(tmp_path):
    squares = {0: (0.0, 0.0), 15: (0.5, 0.5)}
    lines = [f"{n} {x} {y} {x + 0.5} {y} {x + 0.5} {y + 0.5} {x} {y + 0.5}" for n, (x, y) in squares.items()]
    (tmp_path / "a.txt").write_text("\n".join([*lines, "", "0 0.5 0 1 0 1 0.5 0.5 0.5"]) + "\n")
    masks = coco_masks(tmp_path / "a.txt", (8, 8))
    assert sorted(masks) == [0, 15]
    assert masks[0][:4].all()
    assert not masks[0][4:].any()
    assert masks[15].sum() == 16
    assert masks[15][4:, 4:].all()


def test_polygons_may_leave_the_image_and_files_may_be_empty(tmp_path):
    (tmp_path / "a.txt").write_text("7 -0.5 -0.5 2 -0.5 2 2 -0.5 2\n")
    assert coco_masks(tmp_path / "a.txt", (5, 6))[7].all()
    (tmp_path / "b.txt").write_text("")
    assert coco_masks(tmp_path / "b.txt", (5, 6)) == {}


@pytest.mark.parametrize(
    "line", ["80 0 0 1 0 1 1", "cat 0 0 1 0 1 1", "0 0.5 0.5 0.2 0.2", "0 0 0 1 0 1", "0 0 0 1 0 1 x"]
)
def test_lines_that_are_no_polygons_are_refused(tmp_path, line):
    (tmp_path / "a.txt").write_text(f"0 0 0 1 0 1 1\n{line}\n")
    with pytest.raises(BadInput, match=r"a.txt, line 2: not a category from 0 to 79 and three or more pairs"):
        coco_masks(tmp_path / "a.txt", (5, 6))


def test_masks_need_a_file_and_a_size(tmp_path):
    with pytest.raises(BadInput, match="cannot be read as text"):
        coco_masks(tmp_path / "none.txt", (5, 6))
    with pytest.raises(BadInput, match="masks cannot be 0x6 pixels"):
        coco_masks(tmp_path / "none.txt", (0, 6))


def test_categories_are_in_yolos_order():
    assert len(COCO_CATEGORIES) == len(set(COCO_CATEGORIES)) == 80
    known = {0: "person", 1: "bicycle", 2: "car", 14: "bird", 15: "cat", 16: "dog", 22: "zebra", 24: "backpack",
             39: "bottle", 45: "bowl", 56: "chair", 62: "tv", 74: "clock", 79: "toothbrush"}  # fmt: skip
    assert {number: COCO_CATEGORIES[number] for number in known} == known


@pytest.mark.mirror
def test_the_masks_of_the_coco_images_are_as_large_at_all_sizes(available):
    files = available("coco128_seg")
    labels = [path for key, path in files.items() if key.endswith(".txt")]
    seen = set()
    for path in labels[:30]:
        small, large = coco_masks(path, (160, 160)), coco_masks(path, (320, 480))
        assert small.keys() == large.keys()
        seen |= small.keys()
        for category, mask in large.items():
            share = float(mask.float().mean())
            assert math.isclose(share, float(small[category].float().mean()), rel_tol=0.1, abs_tol=0.003)
    assert len(seen) > 20


@pytest.mark.parametrize("place", ["", "n01440764", "val", "val/n01440764"])
def test_a_users_ilsvrc_is_found_flat_or_in_folders(tmp_path, place):
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*reversed(NAMES), "ILSVRC2012_test_00000001.JPEG", "n01440764_18.JPEG"):
        (folder / name).touch()
    found = find_ilsvrc(str(tmp_path))
    assert found == {name: folder / name for name in NAMES}
    assert list(found) == sorted(found)


def test_folders_without_photographs_are_refused(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(BadInput, match=r"holds no validation photograph of ILSVRC .* unpack ILSVRC2012_img_val.tar"):
        find_ilsvrc(tmp_path)
    with pytest.raises(BadInput, match="is no folder"):
        find_ilsvrc(Path(tmp_path) / "none")
