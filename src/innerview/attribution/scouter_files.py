"""Training SCOUTER's heads on a user's photographs, and finding them again in the folder where they were trained.

==========================  ==========================================================================
``scouter.json``            written last: network, layer, classes, settings, accuracy of both heads
``positive``, ``negative``  the trainings, see `innerview.training`; ``state.safetensors`` has the weights
``features``                what the frozen network makes of the photographs; may be removed afterwards
==========================  ==========================================================================
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from innerview.attribution.scouter import SIGNS, Scouter, ScouterClassifier, scouter_loss
from innerview.core.errors import BadInput
from innerview.core.files import check_writable, read_json, write_json
from innerview.models import Backbone, load_model
from innerview.models.classifier import frozen
from innerview.training import (
    Adam,
    Cosine,
    Features,
    FeatureSamples,
    Looks,
    TrainingRecipe,
    cache_features,
    load_weights,
    train,
)

RECIPE: Final = TrainingRecipe(epochs=20, batch=50, optimizer=Adam(1e-3), schedule=Cosine(0.05))
"""Of a head on kept features. The paper trains the backbone along, with smaller steps; these are ours."""

STEPS: Final = 400
"""Of a training, at least: with fewer, heads tell the classes already, but their maps have not come to rest."""

TOLD: Final = "scouter.json"
HELD_OUT: Final = 10
"""Every tenth photograph is kept from the training, to measure on."""


@dataclass(frozen=True)
class ScouterPlan:
    """What is trained.

    Args:
        model: Name of a model of the registry.
        layer: Whose output the heads read.
        labels: The names of the classes.
        area_weight: See `Scouter`.
        epochs: Of each training; None for 20, or more where photographs are so few that these are not 400 steps.
        size: The middle square of this many pixels is seen.
        seed: Of weights and order.
    """

    model: str
    layer: str
    labels: tuple[str, ...]
    area_weight: float = 10.0
    epochs: int | None = None
    size: int = 224
    seed: int = 0


def head_of(backbone: Backbone, plan: ScouterPlan, explains: str) -> Scouter:
    """Return the untrained head of a plan."""
    return Scouter(backbone.channels, len(plan.labels), explains=explains, area_weight=plan.area_weight, seed=plan.seed)


def train_scouter(
    folder: str | Path, plan: ScouterPlan, paths: Sequence[Path], labels: Int[Tensor, " n"], *,
    device: torch.device | None = None, progress: bool = False,
) -> dict[str, float]:  # fmt: skip
    """Train a positive and a negative head; a call that was stopped goes on where it stopped when it is made again.

    Args:
        folder: For all files.
        plan: What is trained.
        paths: Photographs; those that cannot be read are left out, with a warning.
        labels: The class of each.
        device: Where to compute.
        progress: Whether to show bars.

    Returns:
        What a head explains -> the share of the photographs kept from the training whose class it tells, in [0, 1].

    Raises:
        BadInput: too few photographs, as many labels as they are not, or a folder that holds another training.
        LayerNotFound: the model has no such layer.
        OutputError: the folder cannot be written to.
    """
    folder, device = Path(folder), device or torch.device("cpu")
    if len(paths) < HELD_OUT:
        raise BadInput(f"{len(paths)} photographs are too few to train on and to measure; give {HELD_OUT} or more")
    check_writable(folder / TOLD)
    backbone = Backbone(load_model(plan.model), plan.layer).to(device)
    heads = {kind: head_of(backbone, plan, kind).to(device) for kind in SIGNS}
    features = cache_features(backbone, paths, folder / "features", Looks(plan.size), progress=progress)
    training, held_out = divided(features, labels)
    recipe = recipe_of(plan, len(training))
    told = {}
    for kind, head in heads.items():
        result = train(
            head, training, scouter_loss, recipe, folder=folder / kind, progress=progress,
            validate=lambda model: {"accuracy": feature_accuracy(model, held_out)},
        )  # fmt: skip
        told[kind] = feature_accuracy(result.model, held_out)
    write_json(folder / TOLD, {"plan": asdict(plan), "accuracy": told, "held_out": len(held_out)})
    return told


def recipe_of(plan: ScouterPlan, samples: int) -> TrainingRecipe:
    """Return how a head is trained on so many photographs."""
    batch = min(RECIPE.batch, samples)
    enough = max(RECIPE.epochs, math.ceil(STEPS / (samples // batch)))
    return replace(RECIPE, epochs=enough if plan.epochs is None else plan.epochs, batch=batch, seed=plan.seed)


def divided(features: Features, labels: Int[Tensor, " n"]) -> tuple[FeatureSamples, FeatureSamples]:
    """Return what is trained on, and every tenth of the photographs that could be read, to measure on.

    Raises:
        BadInput: another number of labels than photographs.
    """
    every = features.samples(labels)
    measured = np.arange(len(every)) % HELD_OUT == HELD_OUT - 1
    return replace(every, places=every.places[~measured]), replace(every, places=every.places[measured])


def feature_accuracy(model: nn.Module, samples: FeatureSamples, batch: int = 64) -> float:
    """Return the share of samples whose class has the highest logit, in [0, 1]."""
    device, right = next(model.parameters()).device, 0
    for places in np.split(samples.places, range(batch, len(samples), batch)):
        with torch.no_grad():
            guesses = model(samples.features.read(places).to(device)).argmax(1).cpu()
        right += int((guesses == samples.labels[places]).sum())
    return right / max(1, len(samples))


def load_scouter(
    folder: str | Path, explains: str = "positive", *, device: torch.device | None = None
) -> ScouterClassifier:
    """Read a classifier that `train_scouter` left: frozen, in evaluation mode.

    Args:
        folder: Where it was trained.
        explains: ``positive`` or ``negative``.
        device: Where it shall compute.

    Raises:
        BadInput: the folder holds no finished training, or a file in it is damaged.
    """
    folder = Path(folder)
    if not (folder / TOLD).is_file():
        raise BadInput(f"{folder} holds no finished training of SCOUTER; make one with `innerview scouter train`")
    plan = _plan(folder / TOLD, read_json(folder / TOLD, dict))
    try:
        backbone = Backbone(load_model(plan.model), plan.layer)
        head = head_of(backbone, plan, explains)
    except BadInput as error:
        raise BadInput(f"{folder / TOLD} tells of a head that cannot be built: {error}") from error
    load_weights(head, folder / explains / "state.safetensors")
    return frozen(ScouterClassifier(backbone, head, plan.labels)).to(device or torch.device("cpu"))


def _plan(path: Path, told: object) -> ScouterPlan:
    try:
        assert isinstance(told, Mapping)
        return ScouterPlan(**told["plan"] | {"labels": tuple(told["plan"]["labels"])})
    except (AssertionError, KeyError, TypeError) as error:
        raise BadInput(f"{path} does not say what was trained ({error}); train anew into another folder") from error
