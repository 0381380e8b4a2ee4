"""Every reader of files that a person can give: which sound files it reads, and how to tell that it read them."""

import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import torch
from PIL import Image
from replicate.toy import make_root
from torch import nn

from innerview.attribution.scouter_files import ScouterPlan, head_of, load_scouter
from innerview.core.folders import Batch, image_paths, read_batches
from innerview.core.images import read_image
from innerview.core.rows import Rows
from innerview.core.store import Store
from innerview.course.restore import restored
from innerview.course.submissions import find_submissions, read_submission
from innerview.dissection import read_broden, read_mask_folders, survey
from innerview.localization import class_folders, coco_masks, ilsvrc_validation, read_cub
from innerview.models import load_model
from innerview.models.backbone import Backbone
from innerview.optimize import parse_objective
from innerview.replicate import collect_claims, comparison_table, load_paper, write_reference
from innerview.replicate.exhibits import exhibits
from innerview.replicate.ledger import expected_seconds
from innerview.synthesis import load_generator, load_style_network, save_generator
from innerview.synthesis.generators import Generator, GeneratorArchitecture
from innerview.synthesis.style_files import save_style_network
from innerview.synthesis.style_networks import StyleArchitecture, StyleNetwork
from innerview.training import Looks, TensorSamples, TrainingRecipe, cache_features, cross_entropy, load_weights, train

Files = dict[str, bytes]
EMBEDDED = "efficientnet_lite0"


@dataclass(frozen=True)
class Reader:
    """Reads a folder.

    Args:
        name: For people.
        files: What makes the sound files, ``path -> bytes``.
        read: Reads them from a folder; what it reads of damaged files it checks as far as it can.
        damaged: Which of the files are mutated; all by default.
    """

    name: str
    files: Callable[[], Files]
    read: Callable[[Path], None]
    damaged: tuple[str, ...] = ()


def written(write: Callable[[Path], object], folder: Path) -> dict[str, bytes]:
    """Return what `write` leaves in a folder."""
    write(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def picture(kind: str = "PNG", size: tuple[int, int] = (24, 24), seed: int = 0, mode: str = "RGB") -> bytes:
    """Return a smooth photograph as the bytes of a file."""
    draws = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    into = io.BytesIO()
    Image.fromarray(draws).resize(size, Image.Resampling.BICUBIC).convert(mode).save(into, kind)
    return into.getvalue()


def is_image(images: torch.Tensor) -> None:
    assert images.ndim == 4
    assert images.shape[1] == 3
    assert bool(torch.isfinite(images).all())
    assert 0 <= float(images.min()) <= float(images.max()) <= 1


def _read_pictures(folder: Path) -> None:
    for path in image_paths(folder):
        is_image(read_image(path, 16))


def _batched(folder: Path) -> None:
    for batch in read_batches(image_paths(folder), 16, 2):
        is_image(batch.images)


def _arrays() -> Files:
    into = io.BytesIO()
    np.save(into, np.ones(40, np.float32))
    return {"vector.npy": into.getvalue()}


def _directed(folder: Path) -> None:
    parse_objective(f"direction:blocks.4:{folder / 'vector.npy'}")


@cache
def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def _samples() -> TensorSamples:
    values = torch.arange(32.0).reshape(8, 1, 2, 2) / 32
    return TensorSamples((values, torch.arange(8) % 2))


def _trained(folder: Path) -> None:
    recipe = TrainingRecipe(epochs=2, batch=4)
    result = train(_network(), _samples(), cross_entropy, recipe, folder=folder / "run")
    assert len(result.history) == 4
    assert result.seconds >= 0


def _weights(folder: Path) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    try:
        load_weights(network, folder / "run" / "state.safetensors")
    except Exception:
        assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
        raise


def _stored(folder: Path) -> None:
    found = Store(folder).load(folder / "result.safetensors")
    assert found is None or (found.keys() == {"a"} and torch.equal(found["a"], torch.arange(5.0)))


def _style(folder: Path) -> None:
    network = load_style_network(folder / "style.safetensors")
    with torch.no_grad():
        assert network(torch.rand(1, 3, 16, 16)).shape == (1, 3, 16, 16)


def _generated(folder: Path) -> None:
    network = load_generator(folder / "made.safetensors")
    assert network(network.sample(1, 0)).shape[1] == 3


PLAN = ScouterPlan(EMBEDDED, "blocks.15", ("cat", "dog"), 1.0, 1, 32, 0)


def _scouter_files(folder: Path) -> None:
    backbone = Backbone(load_model(EMBEDDED), PLAN.layer)
    (folder / "positive").mkdir()
    Store(folder).save(folder / "positive" / "state.safetensors", head_of(backbone, PLAN, "positive").state_dict())
    told = {"plan": asdict(PLAN), "accuracy": {"positive": 1.0}, "held_out": 1}
    (folder / "scouter.json").write_text(json.dumps(told), encoding="utf-8")


def _scouted(folder: Path) -> None:
    model = load_scouter(folder)
    with torch.no_grad():
        assert model(torch.rand(1, 3, 32, 32)).shape == (1, 2)


def _rows(folder: Path) -> None:
    rows = Rows(folder / "rows", "these")
    assert rows.read(np.float32, (3,)).shape == (rows.done, 3) if rows.done else True


class Small(nn.Module):
    """A layer that can be surveyed."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 4, 5, stride=4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images)


def _pictures(count: int = 3) -> dict[str, bytes]:
    return {f"pictures/{number}.png": picture(seed=number) for number in range(count)}


def _surveyed(folder: Path) -> None:
    found = survey(_still(), _paths(folder), "layer", size=24, out=folder / "survey")
    assert found.top(1, 2).values[0] >= found.top(1, 2).values[1]


def _featured(folder: Path) -> None:
    found = cache_features(_still(), _paths(folder), folder / "features", Looks(24))
    assert next(found.batches()).shape[1] == 4


@cache
def _still() -> nn.Module:
    return Small().eval().requires_grad_(False)


def _paths(folder: Path) -> list[Path]:
    """Files that keep their time, so that what was made from them is found again."""
    paths = sorted((folder / "pictures").glob("*.png"))
    for path in paths:
        os.utime(path, (0, 0))
    return paths


def _broden() -> Files:
    into = io.BytesIO()
    Image.fromarray(np.full((12, 12, 3), (1, 0, 0), np.uint8)).save(into, "PNG")
    index = "image,split,ih,iw,sh,sw,color,object\na.png,train,24,24,12,12,mask.png,2\nb.png,val,24,24,12,12,,1;2\n"
    label = "number,name,category,frequency,coverage\n1,red,color(9),9,0.1\n2,cat,object(5);color(2),5,0.2\n"
    pictures = {"images/a.png": picture(), "images/b.png": picture(seed=1), "images/mask.png": into.getvalue()}
    return {"index.csv": index.encode(), "label.csv": label.encode(), **pictures}


def _read_broden(folder: Path) -> None:
    found = read_broden(folder)
    for number in range(found.count):
        masks = found.read(Batch((number,), torch.zeros(1, 3, *found.size)))
        assert masks.masks.shape[2:] == found.size


def _masks() -> Files:
    mask = picture(mode="L")
    return {**_pictures(2), "masks/fur/cat/0.png": mask, "masks/fur/cat/1.png": mask}


def _read_masks(folder: Path) -> None:
    found = read_mask_folders(folder / "masks", sorted((folder / "pictures").iterdir()))
    masks = found.read(Batch((0, 1), torch.zeros(2, 3, 16, 16)))
    assert masks.masks.shape[-2:] == (16, 16)


NAME = "ILSVRC2012_val_00000001.JPEG"


def _ilsvrc() -> Files:
    return {
        f"val/{NAME}": picture("JPEG", (40, 30)),
        "localization.txt": f"val/{NAME},2,3,20,21\nval/{NAME},0,0,39,29\n".encode(),
        "image_sizes.txt": f"val/{NAME},40,30\n".encode(),
        "class_labels.txt": f"val/{NAME},65\n".encode(),
    }


def _read_ilsvrc(folder: Path) -> None:
    files = {name: folder / name for name in ("localization.txt", "image_sizes.txt", "class_labels.txt")}
    for example in ilsvrc_validation(folder / "val", files).examples:
        assert 0 <= example.label < 1000


def _coco() -> Files:
    return {"coco.txt": b"0 0.1 0.1 0.9 0.1 0.9 0.9\n16 0 0 0.5 0 0.5 0.5 0 0.5\n"}


def _read_coco(folder: Path) -> None:
    assert all(mask.shape == (20, 30) for mask in coco_masks(folder / "coco.txt", (20, 30)).values())


def _cub() -> Files:
    place = "CUB_200_2011"
    lines = {
        "classes.txt": "1 001.Albatross\n2 002.Wren\n",
        "images.txt": "1 001.Albatross/a.jpg\n2 002.Wren/b.jpg\n",
        "image_class_labels.txt": "1 1\n2 2\n",
        "train_test_split.txt": "1 1\n2 0\n",
        "bounding_boxes.txt": "1 2.0 3.0 10.0 12.0\n2 0.0 0.0 20.0 20.0\n",
    }
    pictures = {f"{place}/images/{one}.jpg": picture("JPEG") for one in ("001.Albatross/a", "002.Wren/b")}
    return {**{f"{place}/{name}": text.encode() for name, text in lines.items()}, **pictures}


def _read_cub(folder: Path) -> None:
    for one in read_cub(folder):
        assert all(0 <= example.label < 2 for example in one.examples)


def _classes() -> Files:
    return {"cats/0.png": picture(), "dogs/1.jpg": picture("JPEG")}


def _read_classes(folder: Path) -> None:
    found = class_folders(folder)
    assert len(found.paths) == len(found.labels)


TOLD = {
    "preset": "smoke", "device": "cpu", "threads": 1, "date": "2026-01-01T00:00:00", "seed": 0, "seconds": 1.5,
    "machine": {"cpu": "one", "gpu": None}, "fallback": False, "figures": ["a.png"], "fingerprint": "f", "pages": [],
}  # fmt: skip
CLAIM = {
    "id": "mean", "source": "Sec. 1", "statement": "It is 0.5", "paper": 0.5, "measured": 0.49, "unit": "",
    "tolerance": 0.1, "verdict": "reproduced", "note": "",
}  # fmt: skip
RESULTS = "results/smoke/toy2020"
REFERENCE = "replication/toy2020/reference.json"


def _results(folder: Path) -> None:
    make_root(folder)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="a")])
    kept = {key: TOLD[key] for key in ("machine", "device", "threads", "date", "preset", "seed", "seconds")}
    reference = {key: CLAIM[key] for key in ("id", "paper", "measured", "unit", "tolerance", "verdict")}
    told: dict[str, Any] = {
        f"{RESULTS}/run.json": TOLD, f"{RESULTS}/claims.json": [CLAIM], f"{RESULTS}/notebook.ipynb": notebook,
        REFERENCE: kept | {"claims": [reference]},
    }  # fmt: skip
    for name, value in told.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value), encoding="utf-8")


def _read_results(folder: Path) -> None:
    paper = load_paper(folder, "toy2020")
    seconds = expected_seconds(paper, folder / RESULTS, "smoke")
    assert seconds is None or seconds >= 0
    for claim in collect_claims(folder):
        assert isinstance(claim["id"], str)
    exhibits(folder, "smoke")
    str(comparison_table(paper, folder / RESULTS))
    write_reference(paper, folder / RESULTS)


@cache
def _released() -> Any:
    cells = [
        nbformat.v4.new_code_cell("x = 1", id=name, metadata={"nbgrader": {"grade_id": name, "solution": name == "b"}})
        for name in "abc"
    ]
    told = {
        "innerview": {"lesson": "01_numbers", "seed": 0},
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    }
    return nbformat.v4.new_notebook(cells=cells, metadata=told)


def _handed_in() -> Files:
    return {"students/ada.ipynb": nbformat.writes(_released()).encode()}


def _read_notebooks(folder: Path) -> None:
    """Read as the grader does, which tells a problem in the student's grade."""
    for one in find_submissions(folder / "students", ["01_numbers"]):
        assert one.problem.isprintable()
        if not one.problem:
            notebook, _ = restored(read_submission(one.path), _released())
            nbformat.validate(notebook)
            nbformat.writes(notebook).encode()


def _make_style(folder: Path) -> None:
    torch.manual_seed(0)
    save_style_network(folder / "style.safetensors", StyleNetwork(StyleArchitecture(2, 1)), {"size": 16})


def _make_generator(folder: Path) -> None:
    torch.manual_seed(0)
    save_generator(folder / "made.safetensors", Generator(GeneratorArchitecture(3, (4, 3, 2, 2, 2))), {"data": "none"})


def _make_rows(folder: Path) -> None:
    Rows(folder / "rows", "these").append(np.ones((4, 3), np.float32), {"names": ["a"]})


def _make_store(folder: Path) -> None:
    Store(folder).save(folder / "result.safetensors", {"a": torch.arange(5.0)})


def readers(make: Callable[[], Path]) -> list[Reader]:
    """All readers; `make` gives an empty folder for what is written once as the sound files."""

    def by(write: Callable[[Path], None], more: Callable[[], Files] = dict) -> Callable[[], Files]:
        @cache
        def files() -> Files:
            folder = make()
            for name, data in more().items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
            return written(write, folder)

        return files

    kinds = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "tif": "TIFF", "bmp": "BMP"}
    pictures = [
        Reader(f"image .{ending}", lambda ending=ending, kind=kind: {f"photo.{ending}": picture(kind)}, _read_pictures)
        for ending, kind in kinds.items()
    ]
    return [
        *pictures,
        Reader("folder of images", lambda: {f"{one}.jpg": picture("JPEG", seed=one) for one in range(3)}, _batched),
        Reader("direction", _arrays, _directed),
        Reader("training to go on with", by(_trained), _trained),
        Reader("weights", by(_trained), _weights, ("run/state.safetensors",)),
        Reader("store", by(_make_store), _stored),
        Reader("style network", by(_make_style), _style),
        Reader("generator", by(_make_generator), _generated),
        Reader("scouter", by(_scouter_files), _scouted),
        Reader("rows", by(_make_rows), _rows),
        Reader("survey", by(_surveyed, _pictures), _surveyed, ("survey/survey.rows", "survey/survey.json")),
        Reader("features", by(_featured, _pictures), _featured),
        Reader("Broden", _broden, _read_broden),
        Reader("masks", _masks, _read_masks),
        Reader("ILSVRC", _ilsvrc, _read_ilsvrc),
        Reader("COCO's polygons", _coco, _read_coco),
        Reader("CUB", _cub, _read_cub),
        Reader("folders of classes", _classes, _read_classes),
        Reader("results", by(_results), _read_results, (f"{RESULTS}/run.json", f"{RESULTS}/claims.json", REFERENCE)),
        Reader("submissions", _handed_in, _read_notebooks),
    ]  # fmt: skip
