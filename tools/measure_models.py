"""Measure the ImageNet models' errors on the photographs at hand, for the book's page of models.

    python tools/measure_models.py book/data/models.json

Images are resized to a shorter side of 256 pixels and cut to the middle 224; an error is a class that is not the
first (top-1) or not among the first five (top-5).
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

import torch

from innerview.assets import fetch
from innerview.core.files import write_json
from innerview.core.images import center_crop, read_image
from innerview.core.progress import progress
from innerview.models import LOGITS, MODELS, evaluate, imagenet_classes, load_model
from innerview.replicate.machine import machine

SETS = {
    "imagenette160_boxes": "500 ILSVRC-2012 validation images of ten classes, their shorter side 160 pixels",
    "imagenet_sample": "1000 training images, one of each class",
}


def images_and_classes(asset: str) -> list[tuple[Path, int]]:
    """Return the photographs of a set, each with its class: the WordNet id in its path tells it."""
    index = {entry.wnid: number for number, entry in enumerate(imagenet_classes())}
    pairs = []
    for path in fetch(asset, progress=True).values():
        wnid = next(part[:9] for part in reversed(path.parts) if part[:9] in index)
        pairs.append((path, index[wnid]))
    return pairs


def errors(name: str, images: torch.Tensor, classes: torch.Tensor) -> dict[str, float]:
    """Return a model's top-1 and top-5 error in per cent."""
    ranked = evaluate(load_model(name), images, [LOGITS])[LOGITS].topk(5).indices
    hits = ranked == classes[:, None]
    return {"top1": 100 - 100 * float(hits[:, 0].float().mean()), "top5": 100 - 100 * float(hits.any(1).float().mean())}


def main(out: Path) -> None:
    """Measure all models on all sets and write the numbers."""
    names = [entry.name for entry in MODELS.values() if entry.classes]
    rows: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    for asset in SETS:
        pairs = images_and_classes(asset)
        images = torch.cat([center_crop(read_image(path, 256), 224) for path, _ in progress(pairs, asset)])
        classes = torch.tensor([number for _, number in pairs])
        for name in names:
            rows[name][asset] = {kind: round(value, 1) for kind, value in errors(name, images, classes).items()}
    told = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(torch.device("cpu")), "sets": SETS}
    write_json(out, told | {"errors": rows})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
