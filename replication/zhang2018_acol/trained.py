"""Trainings: the network, its samples, and what it makes of the photographs with boxes."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from innerview.core.maps import enlarged, unit_range
from innerview.core.types import Boxes, Heatmaps, Images, LayerMaps
from innerview.localization import PACES, Acol, AcolHeads, BranchMaps, Example, acol_loss
from innerview.models import Backbone, stage
from innerview.replicate import Run
from innerview.training import (
    SGD,
    Augmentation,
    Flip,
    ImageSamples,
    Looks,
    RandomCrop,
    Samples,
    TrainingRecipe,
    cache_features,
    train,
)
from replication.zhang2018_acol.config import Config, Method, methods
from replication.zhang2018_acol.data import Photographs, boxes_of, labels_of, paths_of, photographs, read

BATCH = 32

Which = Literal["a", "b", "fused"]


class Keep(Protocol):
    """Computes tensors once and finds them again, as `innerview.replicate.Run.part` does."""

    def __call__(self, name: str, compute: Callable[[], dict[str, Tensor]], /, *made_from: object) -> dict[str, Tensor]:
        """Return the tensors."""
        ...


@dataclass(frozen=True)
class Lab:
    """Where trainings happen.

    Args:
        config: What is trained.
        photographs: On what.
        model: The network whose lower layers are shared.
        folder: For features, checkpoints and logs.
        keep: For what comes out of a training.
        progress: Whether to show bars.
    """

    config: Config
    photographs: Photographs
    model: nn.Module
    folder: Path
    keep: Keep
    progress: bool = True


def of_run(run: Run) -> Lab:
    """Return where a run trains."""
    config = run.config
    data = photographs(config, run.folder / "photographs" if run.fallback else None)
    return Lab(config, data, run.model(config.model), run.folder, run.part)


@dataclass(frozen=True)
class Outcome:
    """A trained network and what it makes of the photographs with boxes.

    Args:
        logits: ``(n, classes)``, A's.
        maps: Of the true classes.
        history: ``(steps,)``, the loss.
        accuracy: ``(epochs,)``, the share of the tuning photographs that are classified rightly.
    """

    logits: Tensor
    maps: BranchMaps
    history: Tensor
    accuracy: Tensor

    def heatmaps(self, which: Which, size: int) -> Heatmaps:
        """Return A's, B's or the fused maps, scaled to [0, 1] and enlarged to the photographs."""
        found: LayerMaps | None = getattr(self.maps, which)
        assert found is not None, which
        return enlarged(unit_range(found), (size, size))


def outcome(lab: Lab, name: str, method: Method, seed: int) -> Outcome:
    """Train once, or find what was trained before; an interrupted training goes on."""
    config = lab.config
    names = [path.name for path in paths_of(lab.photographs.training)]
    training = (
        config.model, config.layer, config.dense, config.trained_behind, config.smoothing, config.width, config.size,
        config.read_size, config.views, recipe(config, seed), names,
    )  # fmt: skip
    measured_on = [path.name for path in paths_of(lab.photographs.boxed)]

    def compute() -> dict[str, Tensor]:
        return _trained(lab, f"{file_name(name)}-{seed}", method, seed)

    part = lab.keep(f"trained-{file_name(name)}-{seed}", compute, training, method, measured_on)
    maps = BranchMaps(part["a"], part.get("b"))
    return Outcome(part["logits"], maps, part["history"], part["accuracy"])


def file_name(name: str) -> str:
    """Return a name that may be part of a file's."""
    return "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in name)


def outcomes(run: Run, names: Sequence[str] = ("GAP", "ACoL")) -> dict[str, Outcome]:
    """Train what the book compares: a plain network with global average pooling, and ACoL."""
    lab, ways = of_run(run), methods(run.config)
    found = {name: outcome(lab, name, ways[name], run.seed) for name in names}
    forget_features(lab)
    return found


def forget_features(lab: Lab) -> None:
    """Remove the features, a gigabyte for every 3000 photographs: nothing that is done reads them again."""
    shutil.rmtree(lab.folder / "features", ignore_errors=True)


def recipe(config: Config, seed: int) -> TrainingRecipe:
    """Return how to train: the released code's way."""
    heads_only = config.trained_behind == config.layer
    return TrainingRecipe(
        epochs=config.epochs,
        batch=config.batch,
        optimizer=SGD(config.learning_rate, config.momentum, nesterov=True, weight_decay=config.weight_decay),
        groups=PACES[:2] if heads_only else PACES,
        seed=seed,
        mixed=config.mixed,
    )


def network(lab: Lab, method: Method, seed: int) -> Acol:
    """Return the untrained network over what is computed once: the pixels, or the features of the frozen layers."""
    config, device = lab.config, next(lab.model.parameters()).device
    whole = Backbone(lab.model, config.layer, config.dense)
    heads = AcolHeads(
        whole.channels, len(lab.photographs.classes), width=config.width, delta=method.delta,
        smoothing=config.smoothing, seed=seed,
    )  # fmt: skip
    if config.trained_behind == config.layer:
        trained: nn.Module = nn.Identity()
    elif config.trained_behind:
        trained = stage(lab.model, config.trained_behind, config.layer).requires_grad_()
    else:
        trained = whole.requires_grad_()
    return Acol(trained, heads, lab.photographs.classes).to(device)


class Inputs(Protocol):
    """What a network under training takes: images, or features of its frozen layers."""

    def batches(self, batch: int = 64) -> Iterator[Tensor]:
        """Yield all, in order."""
        ...


@dataclass(frozen=True)
class Pixels:
    """Photographs for a network that is trained from the pixels on, squeezed to squares."""

    examples: Sequence[Example]
    size: int

    def batches(self, batch: int = 64) -> Iterator[Images]:
        """Yield all, in order."""
        for start in range(0, len(self.examples), batch):
            yield read(self.examples[start : start + batch], self.size)


def inputs(lab: Lab, examples: Sequence[Example]) -> Inputs:
    """Return what the network takes to be measured, each photograph whole."""
    size = lab.config.size
    if not lab.config.trained_behind:
        return Pixels(examples, size)
    return cache_features(_frozen(lab), paths_of(examples), lab.folder / "features", Looks((size, size)), batch=BATCH)


def samples(lab: Lab, method: Method) -> Samples:
    """Return what the network is trained on."""
    config, examples = lab.config, lab.photographs.training
    changes: tuple[Augmentation, ...] = (RandomCrop(config.size), Flip()) if config.augmented else ()
    changes += () if method.hiding is None else (method.hiding,)
    if not config.trained_behind:
        return ImageSamples(paths_of(examples), labels_of(examples), config.size, changes, config.read_size)
    looks = Looks(config.read_size, config.views, changes)
    folder = lab.folder / "features"
    found = cache_features(_frozen(lab), paths_of(examples), folder, looks, batch=BATCH, progress=lab.progress)
    return found.samples(labels_of(examples))


def _frozen(lab: Lab) -> Backbone:
    return Backbone(lab.model, lab.config.trained_behind, lab.config.dense)


def _trained(lab: Lab, name: str, method: Method, seed: int) -> dict[str, Tensor]:
    tuning = inputs(lab, lab.photographs.tuning)
    answers = labels_of(lab.photographs.tuning)

    def validate(model: nn.Module) -> Mapping[str, float]:
        right = torch.cat([found.argmax(1).cpu() for found in _through(model, tuning)]) == answers
        return {"accuracy": float(right.double().mean())}

    result = train(
        network(lab, method, seed), samples(lab, method), acol_loss, recipe(lab.config, seed),
        folder=lab.folder / "trainings" / name, validate=validate, progress=lab.progress,
    )  # fmt: skip
    assert isinstance(result.model, Acol)
    told = measured(result.model, inputs(lab, lab.photographs.boxed), labels_of(lab.photographs.boxed))
    return told | {"history": result.history, "accuracy": result.measures["accuracy"]}


def _through(model: nn.Module, given: Inputs) -> Iterator[Tensor]:
    device = next(model.parameters()).device
    for part in given.batches():
        yield model(part.to(device))


def measured(model: Acol, given: Inputs, labels: Tensor) -> dict[str, Tensor]:
    """Return the logits and the maps of the true classes: ``logits``, ``a`` and, if there is a B, ``b``."""
    device, found, start = next(model.parameters()).device, [], 0
    with torch.inference_mode():
        for part in given.batches():
            features = model.backbone(part.to(device))
            maps = model.heads.maps(features, labels[start : start + len(part)].to(device))
            start += len(part)
            kept = {"logits": model.heads(features), "a": maps.a, "b": maps.b}
            found.append({key: value.cpu() for key, value in kept.items() if value is not None})
    return {key: torch.cat([part[key] for part in found]) for key in found[0]}


def truth(lab: Lab) -> list[Boxes]:
    """Return the true boxes of the photographs, in pixels of the squares."""
    return boxes_of(lab.photographs.boxed, lab.config.size)
