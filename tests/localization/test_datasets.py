"""Data sets: small copies of each published layout, whole and broken."""

import shutil

import pytest
import torch
from PIL import Image

from innerview.core.errors import BadInput
from innerview.core.images import read_image
from innerview.localization import check_boxes, class_folders, ilsvrc_training, ilsvrc_validation, read_cub, read_ilsvrc
from innerview.models import imagenet_classes, imagenet_labels

BIRDS = {  # name -> class, split, box as published, box as returned; photographs are 50 pixels wide and 40 high
    "001.Auk/Auk_0001_1.jpg": (1, 1, "2.0 3.0 10.0 20.0", [2, 3, 13, 24]),
    "001.Auk/Auk_0002_9.jpg": (1, 0, "0.0 0.0 49.0 39.0", [0, 0, 50, 40]),
    "002.Wren/Wren_0001_5.jpg": (2, 0, "10.5 5.0 39.5 35.0", [10.5, 5, 50, 40]),
    "003.Gull/Gull_0003_2.jpg": (3, 1, "1.0 1.0 1.0 1.0", [1, 1, 3, 3]),
}
NAMES = ("ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG")
WNIDS = ("n01443537", "n01440764", "n15075141")  # goldfish, tench, toilet tissue: 1, 0, 999
KAGGLE = "ILSVRC/Data/CLS-LOC"


def photograph(path, width=50, height=40, color="teal"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), color).save(path, "JPEG")
    return path


def boxes_of(found):
    """Return the boxes of every photograph, each of which must have some."""
    boxes = [example.boxes for example in found.examples if example.boxes is not None]
    assert len(boxes) == len(found.examples)
    return [one.tolist() for one in boxes]


@pytest.fixture
def birds(tmp_path):
    root = tmp_path / "CUB_200_2011"
    lines = {
        "images.txt": list(BIRDS),
        "image_class_labels.txt": [label for label, *_ in BIRDS.values()],
        "train_test_split.txt": [split for _, split, *_ in BIRDS.values()],
        "bounding_boxes.txt": [box for *_, box, _ in BIRDS.values()],
        "classes.txt": ["001.Auk", "002.Wren", "003.Gull"],
    }
    for name in BIRDS:
        photograph(root / "images" / name)
    for name, told in lines.items():
        (root / name).write_text("".join(f"{number} {one}\n" for number, one in enumerate(told, 1)))
    return root


@pytest.fixture
def classes(tmp_path):
    for place in ("b/2.jpg", "b/1.JPEG", "a/deep/3.png", "c/4.jpg", "b/.5.jpg", ".hidden/6.jpg"):
        photograph(tmp_path / place)
    (tmp_path / "b/notes.txt").write_text("no image")
    (tmp_path / "loose.jpg").write_bytes(b"in no class")
    return tmp_path


@pytest.fixture
def boxes(tmp_path):
    """The files of the boxes of two validation photographs of 100x80 and 60x90 pixels."""
    folder = tmp_path / "boxes"
    folder.mkdir()
    told = {
        "localization.txt": "val/{0},10,20,49,79\nval/{1},0,0,59,89\nval/{1},6,9,8,11\n",
        "image_sizes.txt": "val/{0},100,80\nval/{1},60,90\n",
        "class_labels.txt": "val/{0},65\nval/{1},970\n",
    }
    for name, text in told.items():
        (folder / name).write_text(text.format(*NAMES))
    return {name: folder / name for name in told}


def test_each_folder_is_a_class(classes):
    found = class_folders(classes)
    assert found.classes == ("a", "b", "c")
    names = [str(path.relative_to(classes)) for path in found.paths]
    assert names == ["a/deep/3.png", "b/1.JPEG", "b/2.jpg", "c/4.jpg"]
    assert found.labels.tolist() == [example.label for example in found.examples] == [0, 1, 1, 2]
    assert found.labels.dtype == torch.int64
    assert all(example.boxes is None for example in found.examples)


def test_classes_may_be_chosen_in_an_order(classes):
    found = class_folders(str(classes), ["c", "a"])
    assert found.classes == ("c", "a")
    assert [path.name for path in found.paths] == ["4.jpg", "3.png"]
    assert found.labels.tolist() == [0, 1]


def test_birds_are_read_with_their_boxes(birds):
    for folder in (birds, str(birds.parent)):
        training, test = read_cub(folder)
        assert training.classes == test.classes == ("001.Auk", "002.Wren", "003.Gull")
        for found, split in ((training, 1), (test, 0)):
            wanted = {name: told for name, told in BIRDS.items() if told[1] == split}
            assert found.paths == [birds / "images" / name for name in wanted]
            assert found.labels.tolist() == [told[0] - 1 for told in wanted.values()]
            assert boxes_of(found) == [[told[-1]] for told in wanted.values()]
        assert read_image(test.paths[0]).shape == (1, 3, 40, 50)


@pytest.mark.parametrize("place", ["", "train", "Data/CLS-LOC/train", f"{KAGGLE}/train"])
def test_training_photographs_of_ilsvrc_are_found_where_they_lie(tmp_path, place):
    for wnid in WNIDS:
        photograph(tmp_path / place / wnid / f"{wnid}_7.JPEG")
    photograph(tmp_path / place / WNIDS[0] / ".hidden.JPEG")
    (tmp_path / place / "n01440764.tar").touch()
    (tmp_path / place / ".cache").mkdir()
    found = ilsvrc_training(tmp_path)
    assert [path.parent.name for path in found.paths] == sorted(WNIDS)
    assert found.labels.tolist() == [0, 1, 999]
    assert [imagenet_classes()[label].wnid for label in found.labels.tolist()] == sorted(WNIDS)
    assert found.classes == imagenet_labels()


@pytest.mark.parametrize("place", ["", "val", "val/n01440764", f"{KAGGLE}/val"])
def test_validation_photographs_of_ilsvrc_bring_their_boxes(tmp_path, boxes, place):
    photograph(tmp_path / place / NAMES[0], 100, 80)
    photograph(tmp_path / place / NAMES[1], 30, 30)  # a whole photograph, squeezed
    found = ilsvrc_validation(tmp_path, boxes)
    assert found.paths == [tmp_path / place / name for name in NAMES]
    assert found.labels.tolist() == [65, 970]
    assert found.classes == imagenet_labels()
    first, second = boxes_of(found)
    assert first == [[10, 20, 50, 80]]
    torch.testing.assert_close(torch.tensor(second), torch.tensor([[0, 0, 30, 30], [3, 3, 4.5, 4]]))


def test_what_kaggle_packs_holds_both_sets(tmp_path, boxes):
    photograph(tmp_path / KAGGLE / "train/n01440764/n01440764_1.JPEG")
    for name in NAMES:
        photograph(tmp_path / KAGGLE / "val" / name)
    assert len(ilsvrc_training(tmp_path).examples) == 1
    assert len(ilsvrc_validation(tmp_path, boxes).examples) == 2


def replaced(name, old, new):
    """Return what changes a file of the birds."""

    def change(root):
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return change


BROKEN_BIRDS = {
    "a file is missing": (
        lambda root: (root / "bounding_boxes.txt").unlink(), r"bounding_boxes.txt is missing; unpack CUB_200_2011.tgz"
    ),
    "a file is empty": (lambda root: (root / "images.txt").write_text("\n"), "images.txt is empty; unpack"),
    "a file is not text": (
        lambda root: (root / "images.txt").write_bytes(b"\xff\xfe"), "images.txt cannot be read as text"
    ),
    "a line lacks a field": (
        replaced("bounding_boxes.txt", "2 0.0 0.0 49.0 39.0", "2 0.0 0.0 49.0"),
        r"bounding_boxes.txt, line 2: '2 0.0 0.0 49.0' is no line of: id x y width height; unpack",
    ),
    "a field is no number": (
        replaced("image_class_labels.txt", "3 2", "3 two"), "image_class_labels.txt, line 3: '3 two' is no line of: id"
    ),
    "an id is no number": (replaced("images.txt", "1 001", "x 001"), "images.txt, line 1: 'x 001.Auk/Auk_0001_1.jpg'"),
    "an id comes twice": (
        replaced("train_test_split.txt", "4 1", "3 1"), "train_test_split.txt, line 4: the id 3 comes a second time"
    ),
    "an id without photograph": (
        replaced("image_class_labels.txt", "4 3", "4 3\n77 1"),
        "image_class_labels.txt, line 5: the id 77 is no photograph's",
    ),
    "a photograph elsewhere": (
        replaced("images.txt", "1 001.Auk/", "1 ../../"),
        r"images.txt names '../../Auk_0001_1.jpg', which could lead out",
    ),
    "no class": (
        replaced("image_class_labels.txt", "4 3", ""),
        r"image_class_labels.txt gives no class for 003.Gull/Gull_0003_2.jpg \(1 such\)",
    ),
    "no split": (
        replaced("train_test_split.txt", "1 1\n2 0\n", ""),
        r"train_test_split.txt gives no split for 001.Auk/Auk_0001_1.jpg \(2 such\)",
    ),
    "no box": (
        replaced("bounding_boxes.txt", "3 10.5 5.0 39.5 35.0\n4 1.0 1.0 1.0 1.0\n", ""),
        r"bounding_boxes.txt gives no x y width height for 002.Wren/Wren_0001_5.jpg \(2 such\); unpack",
    ),
    "a class too high": (
        replaced("image_class_labels.txt", "3 2", "3 4"), "Wren_0001_5.jpg has the class 4, which is not one of 1 to 3"
    ),
    "a class too low": (replaced("image_class_labels.txt", "3 2", "3 0"), "the class 0, which is not one of 1 to 3"),
    "classes from 0": (
        replaced("classes.txt", "1 001.Auk", "0 001.Auk"), "classes.txt does not number its 3 classes from 1 on"
    ),
    "a third split": (
        replaced("train_test_split.txt", "3 0", "3 2"), r"_5.jpg has the split 2, which is neither 1 \(training\) nor 0"
    ),
    "an image is missing": (
        lambda root: (root / "images/002.Wren/Wren_0001_5.jpg").unlink(), "Wren_0001_5.jpg is missing; unpack"
    ),
    "an image is none": (
        lambda root: (root / "images/002.Wren/Wren_0001_5.jpg").write_bytes(b"GIF?"),
        "Wren_0001_5.jpg is not an image that can be read .*; unpack",
    ),
    "a box too far right": (
        replaced("bounding_boxes.txt", "10.5 5.0 39.5", "10.5 5.0 40"),
        r"Wren_0001_5.jpg: the box 10.5, 5, 50.5, 40 reaches beyond the image of 50x40 pixels",
    ),
    "a box too high up": (
        replaced("bounding_boxes.txt", "10.5 5.0 39.5", "10.5 -0.5 39.5"), "the box 10.5, -0.5, 50, 34.5 reaches beyond"
    ),
    "a box of no width": (
        replaced("bounding_boxes.txt", "10.5 5.0 39.5", "10.5 5.0 0.0"),
        "Wren_0001_5.jpg: the box 10.5, 5, 10.5, 40 has no area; correct it",
    ),
    "a box of no number": (replaced("bounding_boxes.txt", "10.5 5.0 39.5", "10.5 5.0 nan"), "nan, 40 has no area"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BROKEN_BIRDS.values(), ids=BROKEN_BIRDS)
def test_broken_birds_are_refused_in_one_line(birds, change, message):
    change(birds)
    with pytest.raises(BadInput, match=message) as caught:
        read_cub(birds)
    assert len(str(caught.value).splitlines()) == 1


def emptied(folder):
    shutil.rmtree(folder)
    folder.mkdir()


BROKEN_FOLDERS = {
    "no folder": (lambda root: class_folders(root / "none"), "none is no folder; give one that holds a folder for"),
    "no class": (lambda root: class_folders(root / "c"), "c gives no class; put the images of each class into"),
    "none asked for": (lambda root: class_folders(root, ()), "gives no class"),
    "an empty class": (lambda root: (emptied(root / "b"), class_folders(root)), "no image below .*b; put files there"),
    "an unknown class": (
        lambda root: class_folders(root, ["a", "bb"]), r"holds no folder 'bb' for the class .*; near ones: b"
    ),
    "a class twice": (lambda root: class_folders(root, ["a", "b", "a"]), "the class 'a' is named 2 times; name each"),
    "no birds": (lambda root: read_cub(root / "none"), "none is no folder; give CUB_200_2011"),
    "other birds": (read_cub, "classes.txt is missing; unpack CUB_200_2011.tgz again"),
    "no training": (lambda root: ilsvrc_training(root / "none"), "none is no folder; give the one that holds ILSVRC"),
    "other training": (
        ilsvrc_training, r"holds no training photographs of ILSVRC \(n01440764/.*unpack ILSVRC2012"
    ),
    "no class of ImageNet": (
        lambda root: (photograph(root / "train/n01440764/1.JPEG"), (root / "train/n00000000").mkdir(),
                      ilsvrc_training(root)),
        "train/n00000000 is no class of ImageNet's 1000",
    ),
    "an empty class of ImageNet": (
        lambda root: ((root / "train/n01440764").mkdir(parents=True), ilsvrc_training(root)),
        "no image below .*n01440764; put files there",
    ),
    "no validation": (lambda root: ilsvrc_validation(root / "none", {}), "none is no folder"),
    "other validation": (lambda root: ilsvrc_validation(root, {}), "holds no validation photograph of ILSVRC"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BROKEN_FOLDERS.values(), ids=BROKEN_FOLDERS)
def test_folders_that_hold_no_such_data_set_are_refused_in_one_line(classes, call, message):
    with pytest.raises(BadInput, match=message) as caught:
        call(classes)
    assert len(str(caught.value).splitlines()) == 1


def test_validation_photographs_need_known_names_and_boxes_inside(tmp_path, boxes):
    (tmp_path / NAMES[0]).write_bytes(b"no image")
    with pytest.raises(BadInput, match=f"{NAMES[0]} is not an image that can be read"):
        ilsvrc_validation(tmp_path, boxes)
    boxes["image_sizes.txt"].write_text(f"{NAMES[0]},49,80\n")
    with pytest.raises(BadInput, match=f"{NAMES[0]}: the box 10, 20, 50, 80 reaches beyond the image of 49x80 pixels"):
        ilsvrc_validation(tmp_path, boxes)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([0, 0, 30, 20], None),
        ([29, 19, 29.5, 19.5], None),
        ([0, 0, 30, 20.5], "p: the box 0, 0, 30, 20.5 reaches beyond the image of 30x20 pixels; give boxes in"),
        ([-1, 0, 3, 2], "the box -1, 0, 3, 2 reaches beyond"),
        ([0, 0, 20, 30], "reaches beyond"),
        ([4, 5, 4, 9], "p: the box 4, 5, 4, 9 has no area; correct it or leave it out"),
        ([4, 9, 6, 5], "has no area"),
        ([0, 0, float("nan"), 5], "has no area"),
        ([0, 0, float("inf"), 5], "reaches beyond"),
    ],
)
def test_a_box_lies_in_its_image_and_has_an_area(box, message):
    good = torch.tensor([[1.0, 1, 2, 2]])
    both = torch.cat([good, torch.tensor([box], dtype=torch.float32)])
    check_boxes(good, (20, 30), "p")
    check_boxes(good[:0], (20, 30), "p")
    if message is None:
        check_boxes(both, (20, 30), "p")
        return
    with pytest.raises(BadInput, match=message):
        check_boxes(both, (20, 30), "p")


@pytest.mark.mirror
def test_all_published_boxes_of_ilsvrc_pass(available):
    files = available("wsol_ilsvrc")
    names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, 50001)]
    found = read_ilsvrc(files, names)  # checks each box
    assert sum(len(known.boxes) for known in found.values()) == 80477


@pytest.mark.mirror
def test_squeezed_photographs_have_squeezed_boxes(available, tmp_path):
    paths = list(available("imagenette160_boxes").values())[:20]
    for path in paths:
        (tmp_path / path.name).symlink_to(path)
    found = ilsvrc_validation(tmp_path, available("wsol_ilsvrc"))
    assert len(found.examples) == 20
    known = read_ilsvrc(available("wsol_ilsvrc"), [path.name for path in found.paths])
    for path, boxes in zip(found.paths, boxes_of(found), strict=True):
        told, (height, width) = known[path.name], read_image(path).shape[-2:]
        factors = torch.tensor([width / told.width, height / told.height]).repeat(2)
        torch.testing.assert_close(torch.tensor(boxes), told.boxes * factors)
        check_boxes(torch.tensor(boxes).floor(), (height, width), path.name)
