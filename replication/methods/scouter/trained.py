"""Heads on kept features, and what they make of the photographs with boxes."""

import shutil
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from innerview.attribution import Scouter, ScouterClassifier, scouter_loss
from innerview.core.seeds import generator
from innerview.core.types import Boxes, Masks
from innerview.evaluation import box_masks
from innerview.models import Backbone
from innerview.replicate import Run
from innerview.training import Adam, Cosine, Features, Looks, TrainingRecipe, cache_features, cross_entropy, train
from replication.methods.scouter.config import Config
from replication.zhang2018_acol import config as ten
from replication.zhang2018_acol import data
from replication.zhang2018_acol.data import Photographs

GAP = "GAP"
"""The plain head to compare with: the mean of the features over positions, and one linear layer."""


class Pooled(nn.Module):
    """Global average pooling and a linear layer, as a convolution of size 1 whose maps are averaged: CAM's maps."""

    def __init__(self, channels: int, classes: int, seed: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(channels, classes, 1)
        nn.init.normal_(self.maps.weight, std=channels**-0.5, generator=generator("pooled", seed))
        nn.init.zeros_(self.maps.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, features: Tensor) -> Tensor:
        return self.maps(features).mean((2, 3))


@dataclass(frozen=True)
class Outcome:
    """What a head makes of the photographs with boxes.

    Args:
        logits: ``(n, classes)``.
        maps: ``(n, classes, rows, columns)``: attention; of the plain head, CAM's maps.
        weights: Of the trained head, by name.
    """

    logits: Tensor
    maps: Tensor
    weights: dict[str, Tensor]


def photographs(run: Run) -> Photographs:
    """Return ImageNet's ten classes that are at hand; digits where no photographs can be had."""
    config = run.config
    wanted = ten.Config(images=config.images, boxed=config.boxed, size=config.size)
    return data.photographs(wanted, run.folder / "photographs" if run.fallback else None)


def true_classes(run: Run) -> Tensor:
    """Return the class of each photograph with a box, ``(n,)``."""
    return data.labels_of(photographs(run).boxed)


def masks(run: Run) -> Masks:
    """Return where the objects' boxes are, ``(n, size, size)``."""
    size, found = run.config.size, photographs(run).boxed
    boxes: list[Boxes] = data.boxes_of(found, size)
    return torch.stack([box_masks(one, (size, size)) for one in boxes])


def recipe(config: Config, seed: int) -> TrainingRecipe:
    """Return how all heads are trained."""
    return TrainingRecipe(
        epochs=config.epochs, batch=config.batch, optimizer=Adam(config.learning_rate), schedule=Cosine(0.05), seed=seed
    )


@lru_cache(maxsize=1)
def backbone(run: Run) -> Backbone:
    """Return the frozen network below all heads."""
    return Backbone(run.model(run.config.model), run.config.layer)


def features(run: Run, which: str) -> Features:
    """Return the features of the photographs to train on (``training``) or to measure on (``boxed``)."""
    size, chosen = run.config.size, getattr(photographs(run), which)
    return cache_features(backbone(run), data.paths_of(chosen), run.folder / "features", Looks((size, size)))


def outcome(run: Run, explains: str, area_weight: float = 0.0) -> Outcome:
    """Train a head, or find what one made before."""
    config, few = run.config, photographs(run)
    name = explains if explains == GAP else f"{explains}-{area_weight:g}"
    settings = (config.model, config.layer, config.size, recipe(config, run.seed), explains, area_weight)
    names = [path.name for path in (*data.paths_of(few.training), *data.paths_of(few.boxed))]
    part = run.part(f"head-{name}", lambda: _trained(run, explains, area_weight), settings, names)
    weights = {key.removeprefix("head."): value for key, value in part.items() if key.startswith("head.")}
    return Outcome(part["logits"], part["maps"], weights)


def outcomes(run: Run) -> dict[tuple[str, float], Outcome]:
    """Train all heads: what it explains and the weight of the area -> what it makes of the photographs with boxes."""
    pairs = [(kind, weight) for kind in ("positive", "negative") for weight in run.config.area_weights]
    found = {(GAP, 0.0): outcome(run, GAP)} | {pair: outcome(run, *pair) for pair in pairs}
    shutil.rmtree(run.folder / "features", ignore_errors=True)  # 100 MB for a thousand; nothing reads them again
    return found


def head(run: Run, explains: str, area_weight: float) -> Scouter:
    """Return an untrained head."""
    classes = len(photographs(run).classes)
    channels = backbone(run).channels
    return Scouter(channels, classes, explains=explains, area_weight=area_weight, seed=run.seed).to(run.device)


def classifier(run: Run, explains: str, area_weight: float) -> ScouterClassifier:
    """Return a trained head on its network: images to logits."""
    found = head(run, explains, area_weight)
    found.load_state_dict(outcome(run, explains, area_weight).weights)
    model = ScouterClassifier(backbone(run), found, photographs(run).classes)
    return model.to(run.device).eval().requires_grad_(requires_grad=False)


def _trained(run: Run, explains: str, area_weight: float) -> dict[str, Tensor]:
    known, labels = features(run, "training"), data.labels_of(photographs(run).training)
    if explains == GAP:
        plain = Pooled(backbone(run).channels, len(photographs(run).classes), run.seed).to(run.device)
        model = train(plain, known.samples(labels), cross_entropy, recipe(run.config, run.seed)).model
    else:
        first = head(run, explains, area_weight)
        model = train(first, known.samples(labels), scouter_loss, recipe(run.config, run.seed)).model
    read = model.attention if isinstance(model, Scouter) else model.get_submodule("maps")
    with torch.no_grad():
        parts = [part.to(run.device) for part in features(run, "boxed").batches()]
        pairs = [(model(part).cpu(), read(part).cpu()) for part in parts]
    weights = {f"head.{name}": tensor for name, tensor in model.state_dict().items()}
    return {"logits": torch.cat([one for one, _ in pairs]), "maps": torch.cat([one for _, one in pairs])} | weights
