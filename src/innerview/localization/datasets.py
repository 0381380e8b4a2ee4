"""Image data sets with classes and boxes, read from the folders in which they are published."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Int
from PIL import Image
from torch import Tensor

from innerview.core.errors import BadInput, UnreadableImage, near
from innerview.core.files import below
from innerview.core.folders import image_paths
from innerview.core.types import Boxes
from innerview.localization.annotations import Value, check_boxes, converted, find_ilsvrc, numbered_lines, read_ilsvrc
from innerview.localization.boxes import scaled_boxes
from innerview.models import imagenet_classes, imagenet_labels

CUB_FOLDER: Final = "CUB_200_2011"
CUB_MEND: Final = "unpack CUB_200_2011.tgz again"
TRAINING_PLACES: Final = ("", "train", "Data/CLS-LOC/train", "ILSVRC/Data/CLS-LOC/train")
"""Where the training photographs of ILSVRC may lie in a user's folder; the last ones as Kaggle packs them."""


@dataclass(frozen=True, eq=False)
class Example:
    """One image file and what is known of it.

    Args:
        path: Of the file.
        label: Index of its class.
        boxes: ``(n, 4)`` in pixels of the file; None where nobody drew any.
    """

    path: Path
    label: int
    boxes: Boxes | None = None


@dataclass(frozen=True, eq=False)
class DataSet:
    """Image files with their classes.

    Args:
        examples: One for each file.
        classes: Names by label.
    """

    examples: tuple[Example, ...]
    classes: tuple[str, ...]

    @property
    def paths(self) -> list[Path]:
        """The files, in the examples' order."""
        return [example.path for example in self.examples]

    @property
    def labels(self) -> Int[Tensor, " n"]:
        """The classes' indices, in the examples' order."""
        return torch.tensor([example.label for example in self.examples], dtype=torch.int64)


def class_folders(folder: str | Path, classes: Sequence[str] | None = None) -> DataSet:
    """Read a data set that has one folder for each class.

    Args:
        folder: Holds the classes' folders; images may lie at any depth in them, hidden files are passed over.
        classes: Names of the folders to read, by label; None reads all that are not hidden, sorted by name.

    Raises:
        BadInput: no such folder, no class or one named twice, a class without a folder or without an image.
    """
    root = _existing(folder, "give one that holds a folder for each class")
    found = _folders_in(root)
    names = tuple(found if classes is None else classes)
    if not names:
        raise BadInput(f"{root} gives no class; put the images of each class into a folder of its own there")
    for name in names:
        if name not in found:
            raise BadInput(f"{root} holds no folder {name!r} for the class of this name{near(name, found)}")
        if names.count(name) > 1:
            raise BadInput(f"the class {name!r} is named {names.count(name)} times; name each class once")
    return DataSet(_examples(enumerate(root / name for name in names)), names)


def ilsvrc_training(folder: str | Path) -> DataSet:
    """Read the training photographs of ILSVRC 2012 that a user has.

    Args:
        folder: Holds ``n01440764/*.JPEG`` and so on, or has them in ``train`` or, as Kaggle packs them, in
            ``ILSVRC/Data/CLS-LOC/train``. Classes may be missing.

    Returns:
        The photographs, class by class; labels are the indices among ImageNet's 1000 classes.

    Raises:
        BadInput: no such folder, no class in it, a folder beside them that is no class, a class without an image.
    """
    root = _existing(folder, "give the one that holds ILSVRC's training photographs")
    for place in (root / place for place in TRAINING_PLACES):
        names = _folders_in(place)
        if any(re.fullmatch(r"n\d{8}", name) for name in names):
            return DataSet(_examples(_known_classes(place, names)), imagenet_labels())
    raise BadInput(
        f"{root} holds no training photographs of ILSVRC (n01440764/… or train/n01440764/…); unpack "
        "ILSVRC2012_img_train.tar there, and each class's archive into a folder of its name"
    )


def ilsvrc_validation(folder: str | Path, files: Mapping[str, str | Path]) -> DataSet:
    """Read the validation photographs of ILSVRC 2012 that a user has, with their boxes.

    The boxes were drawn in the published photographs. A file of another size is taken for the whole photograph resized,
    and its boxes are resized with it. A crop cannot be told from that; its boxes are wrong.

    Args:
        folder: See `find_ilsvrc`.
        files: The files of the asset ``wsol_ilsvrc``, see `read_ilsvrc`.

    Raises:
        BadInput: as for `find_ilsvrc` and `read_ilsvrc`.
        UnreadableImage: a file is not an image.
    """
    paths = find_ilsvrc(folder)
    known = read_ilsvrc(files, paths)
    examples = []
    for name, path in paths.items():
        told = known[name]
        examples.append(Example(path, told.label, scaled_boxes(told.boxes, told.size, _size(path, "copy it again"))))
    return DataSet(tuple(examples), imagenet_labels())


def read_cub(folder: str | Path) -> tuple[DataSet, DataSet]:
    """Read CUB-200-2011 {cite}`wah2011cub`: 200 species of birds, one box in each photograph.

    Its README says of x, y, width and height only that they are "measured in pixels". Here x and y are the first pixel,
    counted from 0, and x + width is the last one: of some 700 boxes of the published test set six begin at 0 and
    fourteen end at 499, where photographs have up to 500 pixels a side; none ends later. The code of
    {cite}`choe2020evaluating` takes them so, too. The boxes returned end one pixel later, as all boxes here do, but not
    beyond the photograph.

    Args:
        folder: ``CUB_200_2011``, or the one that holds it.

    Returns:
        The training and the test photographs, in the order of ``images.txt``, with the classes of ``classes.txt``.

    Raises:
        BadInput: no such folder, a file that is missing, a line that cannot be read, a photograph without class, split
            or box, a class or split that there is not, a box that `check_boxes` refuses.
        UnreadableImage: a file is not an image.
    """
    parent = _existing(folder, f"give {CUB_FOLDER}")
    root = parent / CUB_FOLDER if (parent / CUB_FOLDER).is_dir() else parent
    classes = _class_names(root / "classes.txt")
    names = {number: name for number, (name,) in _table(root / "images.txt", str, "path").items()}
    labels = _table(root / "image_class_labels.txt", int, "class", names)
    splits = _table(root / "train_test_split.txt", int, "split", names)
    corners = _table(root / "bounding_boxes.txt", float, "x y width height", names)
    sets: dict[int, list[Example]] = {1: [], 0: []}
    for number, name in names.items():
        (label,), (split,), path = labels[number], splits[number], below(root / "images", name, root / "images.txt")
        if not 1 <= label <= len(classes):
            raise BadInput(f"{name} has the class {label}, which is not one of 1 to {len(classes)}; {CUB_MEND}")
        if split not in sets:
            raise BadInput(f"{name} has the split {split}, which is neither 1 (training) nor 0 (test); {CUB_MEND}")
        sets[split].append(Example(path, label - 1, _bird_box(path, *corners[number])))
    return DataSet(tuple(sets[1]), classes), DataSet(tuple(sets[0]), classes)


def _existing(folder: str | Path, mend: str) -> Path:
    root = Path(folder)
    if not root.is_dir():
        raise BadInput(f"{root} is no folder; {mend}")
    return root


def _folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without hidden ones; none if it does not exist."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in paths if path.is_dir() and not path.name.startswith("."))


def _examples(folders: Iterable[tuple[int, Path]]) -> tuple[Example, ...]:
    return tuple(Example(path, label) for label, folder in folders for path in image_paths(folder))


def _known_classes(place: Path, names: Iterable[str]) -> Iterator[tuple[int, Path]]:
    """Give label and folder of each class of ImageNet."""
    labels = {entry.wnid: label for label, entry in enumerate(imagenet_classes())}
    for name in names:
        if name not in labels:
            raise BadInput(f"{place / name} is no class of ImageNet's 1000 (ILSVRC 2012); move it elsewhere")
        yield labels[name], place / name


def _size(path: Path, mend: str) -> tuple[int, int]:
    """Return height and width of an image; only the head of its file is read."""
    try:
        with Image.open(path) as file:
            return file.height, file.width
    except FileNotFoundError as error:
        raise BadInput(f"{path} is missing; {mend}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage(f"{path} is not an image that can be read ({error}); {mend}") from error


def _table(
    path: Path, kind: type[Value], fields: str, names: Mapping[int, str] | None = None
) -> dict[int, list[Value]]:
    """Read lines of an id and these fields, one line for each photograph if their names are given."""
    if not path.is_file():
        raise BadInput(f"{path} is missing; {CUB_MEND}")
    table: dict[int, list[Value]] = {}
    for line_number, line in numbered_lines(path):
        first, *told = line.split()
        values = converted(told, kind)
        if not first.isdecimal() or values is None or len(values) != len(fields.split()):
            raise BadInput(f"{path}, line {line_number}: {line!r} is no line of: id {fields}; {CUB_MEND}")
        if int(first) in table or (names is not None and int(first) not in names):
            known = "comes a second time" if int(first) in table else "is no photograph's"
            raise BadInput(f"{path}, line {line_number}: the id {first} {known}; {CUB_MEND}")
        table[int(first)] = values
    if not table:
        raise BadInput(f"{path} is empty; {CUB_MEND}")
    lacking = [name for number, name in (names or {}).items() if number not in table]
    if lacking:
        raise BadInput(f"{path} gives no {fields} for {lacking[0]} ({len(lacking)} such); {CUB_MEND}")
    return table


def _class_names(path: Path) -> tuple[str, ...]:
    table = _table(path, str, "name")
    if sorted(table) != list(range(1, len(table) + 1)):
        raise BadInput(f"{path} does not number its {len(table)} classes from 1 on; {CUB_MEND}")
    return tuple(table[number][0] for number in sorted(table))


def _bird_box(path: Path, x: float, y: float, width: float, height: float) -> Boxes:
    size = _size(path, CUB_MEND)
    box = torch.tensor([[x, y, x + width, y + height]])
    check_boxes(box, size, str(path))
    box[:, 2:] = torch.minimum(box[:, 2:] + 1, torch.tensor([size[1], size[0]]))
    return box
