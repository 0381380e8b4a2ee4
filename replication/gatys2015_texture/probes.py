"""Linear classifiers on Gram matrices: what they tell about objects; Sec. 4.3 of the paper."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.svm import SVC
from torch import Tensor

from innerview.core.types import Images
from innerview.models import evaluate
from innerview.replicate import Run
from innerview.replicate.photos import photo
from innerview.synthesis import gram_matrix
from replication.gatys2015_texture.config import Config
from replication.gatys2015_texture.textures import probe_photographs, read_squares

BATCH = 50
KINDS = ("gram", "positions")


def accuracies(run: Run) -> dict[str, dict[str, float]]:
    """Return the share of test photographs that are classified rightly: kind -> layer -> %.

    ``gram`` sees the correlations of channels alone, ``positions`` the activations with their places, as the network's
    own classifier does.
    """
    config: Config = run.config

    def compute() -> dict[str, Tensor]:
        return {name: torch.tensor(value) for name, value in _measured(run).items()}

    found = run.part(
        "probes", compute, config.model, config.probe_layers, config.training, config.testing, config.probe_size
    )
    return {kind: {layer: float(found[f"{kind} {layer}"]) for layer in config.probe_layers} for kind in KINDS}


def _measured(run: Run) -> dict[str, float]:
    """Fit one classifier for each layer and kind of features, on kernels: as many numbers as pairs of photographs."""
    config: Config = run.config
    training, labels = _photographs(run, config.training, "train")
    testing, answers = _photographs(run, config.testing, "val")
    known = _features(run, training)
    asked = _features(run, testing)
    found = {}
    for name, features in known.items():
        own, other = features @ features.T, asked[name] @ features.T
        scale = own.diagonal().mean()
        classifier = SVC(kernel="precomputed", C=10.0).fit(own / scale, labels)
        found[name] = 100 * float((classifier.predict(other / scale) == answers.numpy()).mean())
    return found


def _photographs(run: Run, count: int, split: str) -> tuple[Sequence[Any], Tensor]:
    if run.fallback:
        names = ("coffee", "chelsea", "astronaut", "rocket")
        places = range(count)
        return [(f"skimage/{names[place % 4]}", place) for place in places], torch.tensor([p % 4 for p in places])
    return probe_photographs(count, split)


def _batches(run: Run, photographs: Sequence[Any]) -> Iterator[Images]:
    size = run.config.probe_size
    for start in range(0, len(photographs), BATCH):
        some = photographs[start : start + BATCH]
        if run.fallback:
            yield torch.cat([_window(name, place, size) for name, place in some])
        else:
            yield read_squares(some, size)


def _window(name: str, place: int, size: int) -> Images:
    """Cut a window from a photograph of scikit-image: what stands in for photographs of a class."""
    image = photo(name)
    top, left = (place * 37 % (image.shape[-2] - size), place * 53 % (image.shape[-1] - size))
    return image[..., top : top + size, left : left + size]


def _features(run: Run, photographs: Sequence[Any]) -> dict[str, np.ndarray]:
    config: Config = run.config
    model = run.model(config.model)
    rows: dict[str, list[Tensor]] = {}
    for images in _batches(run, photographs):
        read = evaluate(model, images.to(run.device), config.probe_layers, batch=BATCH)
        for layer, activations in read.items():
            for kind in KINDS:
                rows.setdefault(f"{kind} {layer}", []).append(_of_kind(kind, activations).cpu())
    return {name: torch.cat(found).numpy() for name, found in rows.items()}


def _of_kind(kind: str, activations: Tensor) -> Tensor:
    """Return one row of features for each image, of length one."""
    if kind == "positions":
        side = min(8, *activations.shape[-2:])
        rows = torch.nn.functional.adaptive_avg_pool2d(activations, side).flatten(1)
    else:
        grams = gram_matrix(activations)
        above = torch.triu_indices(grams.shape[-1], grams.shape[-1], device=grams.device)
        rows = grams[:, above[0], above[1]]
    # Correlations are squares: their roots are as evenly spread as the activations.
    rows = rows.clamp(min=0).sqrt() if kind == "gram" else rows
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-12)
