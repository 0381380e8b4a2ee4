"""What is trained for the replication: a network for photographs, kept at several ages, and one for digits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.images import center_crop, read_image
from innerview.core.seeds import generator
from innerview.core.types import Images
from innerview.dissection import purity, random_directions
from innerview.models import LOGITS, evaluate
from innerview.models.classifier import frozen
from innerview.training import (
    Adam,
    Cosine,
    Flip,
    RandomCrop,
    TensorSamples,
    TrainingRecipe,
    accuracy,
    cross_entropy,
    train,
)
from replication.olah2017_feature_visualization.networks import DigitNet, SmallNet

SIDE = 64
"""Pixels that the small network sees."""

MARGIN = 8
"""Pixels a photograph has more than that, so that each look at it shows another part."""

PHOTOGRAPHS = TrainingRecipe(
    epochs=12,
    batch=64,
    optimizer=Adam(5e-3, weight_decay=0.05),
    schedule=Cosine(warmup=0.15),
    snapshots=(0, 1, 2, 4, 8, 12),
)
DIGITS = TrainingRecipe(epochs=20, batch=50, optimizer=Adam(3e-3), schedule=Cosine())
TRAINING_DIGITS = 1000
"""Of scikit-learn's 1797; the others are for the test."""


class Labelled(NamedTuple):
    """Photographs in bytes ``(n, 3, h, w)``, and the index of each one's class ``(n,)``."""

    images: Tensor
    labels: Tensor


def read_labelled(
    paths: Sequence[Path], names: Sequence[str], classes: Sequence[str] | None = None, size: int = SIDE + MARGIN
) -> Labelled:
    """Read photographs as squares of `size` pixels.

    Args:
        paths: Of the files.
        names: The name of each one's class.
        classes: All names, in the order of their indices; by default those in `names`, sorted.
        size: In pixels.
    """
    places = {name: index for index, name in enumerate(classes or sorted(set(names)))}
    read = [center_crop(read_image(path, size), size).mul(255).round().to(torch.uint8) for path in paths]
    return Labelled(torch.cat(read), torch.tensor([places[name] for name in names]))


def recipe_of(epochs: int, seed: int = 0) -> TrainingRecipe:
    """Return the recipe for photographs with another number of epochs; the snapshots that fit into it stay."""
    kept = {epoch for epoch in PHOTOGRAPHS.snapshots if epoch < epochs} | {epochs}
    return replace(PHOTOGRAPHS, epochs=epochs, snapshots=tuple(sorted(kept)), seed=seed)


def train_small_net(
    training: Labelled,
    validation: Labelled,
    recipe: TrainingRecipe = PHOTOGRAPHS,
    *,
    folder: Path,
    progress: bool = False,
) -> dict[str, Tensor]:
    """Train a `SmallNet` and keep its weights at several ages.

    Args:
        training: Photographs larger than 64 pixels; each look at one shows another part, mirrored or not.
        validation: Others of the same classes; their middle counts.
        recipe: How to train; its seed is the weights' too.
        folder: For the training's files; an interrupted one goes on.
        progress: Whether to show a bar.

    Returns:
        ``epochs`` ``(s,)`` of the snapshots, ``accuracy`` ``(s,)`` over the validation's photographs,
        ``training accuracy`` ``(s,)`` over as many of the others, ``history`` ``(steps,)`` of the loss, and the weights
        of each snapshot as ``EPOCH/NAME`` for `small_net`.
    """
    model = SmallNet(int(training.labels.max()) + 1, recipe.seed)
    samples = TensorSamples(tuple(training), (RandomCrop(SIDE), Flip()))
    result = train(model, samples, cross_entropy, recipe, folder=folder, progress=progress)
    found = {"epochs": torch.tensor(recipe.snapshots, dtype=torch.float64), "history": result.history}
    for epoch in recipe.snapshots:
        found |= {f"{epoch:g}/{name}": tensor for name, tensor in result.snapshot(epoch).items()}
    models = [small_net(found, epoch) for epoch in recipe.snapshots]
    every = max(1, len(training.images) // len(validation.images))
    seen = Labelled(training.images[::every], training.labels[::every])
    for name, (images, labels) in {"accuracy": validation, "training accuracy": seen}.items():
        found[name] = torch.tensor([accuracy(model, middle(images), labels) for model in models])
    return found


def middle(images: Tensor) -> Tensor:
    """Return the middle of photographs, of the size that the small network sees."""
    margins = [(length - SIDE) // 2 for length in images.shape[-2:]]
    return images[..., margins[0] : margins[0] + SIDE, margins[1] : margins[1] + SIDE]


def small_net(found: Mapping[str, Tensor], epoch: float) -> SmallNet:
    """Return the network of one of the snapshots of `train_small_net`.

    Raises:
        BadInput: there is no snapshot of this epoch.
    """
    prefix = f"{epoch:g}/"
    weights = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
    if not weights:
        raise BadInput(f"there are snapshots of the epochs {found['epochs'].tolist()}, none of {epoch:g}")
    model = SmallNet(len(weights["logits.bias"]))
    model.load_state_dict(weights)
    return frozen(model)


def digits() -> tuple[Images, Tensor]:
    """Return scikit-learn's 1797 handwritten digits, ``(n, 3, 8, 8)`` in [0, 1] and mixed, and which they are."""
    from sklearn.datasets import load_digits  # noqa: PLC0415  (slow to import)

    pixels, answers = load_digits(return_X_y=True)
    chosen = torch.randperm(len(pixels), generator=generator("digits"))
    images = torch.from_numpy(pixels).float().reshape(-1, 1, 8, 8).expand(-1, 3, -1, -1) / 16
    return images[chosen], torch.from_numpy(answers).long()[chosen]


def train_digits(
    recipe: TrainingRecipe = DIGITS, *, networks: int = 3, units: int = 64, top: int = 8
) -> dict[str, Tensor]:
    """Compare units of the last hidden layer with random directions in the same space {cite}`szegedy2014intriguing`.

    The measure is the purity of the digits of the test that excite each most: the share of the most common class.

    Args:
        recipe: How to train.
        networks: How many are trained, each from weights and an order of its own.
        units: Of the last hidden layer; as many directions are drawn.
        top: How many digits at the top.

    Returns:
        ``accuracy`` ``(networks,)`` in the test; ``units``, ``directions`` and ``chance`` ``(networks, units)``, the
        purities, NaN for units that fewer than `top` digits excite; ``tests`` ``(m, 3, 8, 8)``, the test's digits;
        ``unit tops``, ``direction tops`` ``(units, top)``, the indices of the digits at the top of the first network;
        and its weights as ``0/NAME`` for `digit_net`.
    """
    images, labels = digits()
    samples = TensorSamples((images[:TRAINING_DIGITS], labels[:TRAINING_DIGITS]))
    tests, answers = images[TRAINING_DIGITS:].contiguous(), labels[TRAINING_DIGITS:]
    found: dict[str, Tensor] = {"tests": tests}
    rows: dict[str, list[Tensor]] = {"accuracy": [], "units": [], "directions": [], "chance": []}
    for number in range(networks):
        seed = recipe.seed + number
        result = train(DigitNet(units, seed), samples, cross_entropy, replace(recipe, seed=seed))
        read = evaluate(result.model, tests, ["relu", LOGITS], batch=128)
        values = _responses(read["relu"], seed)
        rows["accuracy"].append((read[LOGITS].argmax(1) == answers).double().mean())
        for name, responses in values.items():
            rows[name].append(_purity(responses, answers, top, seed))
        if number == 0:
            found |= {f"0/{name}": tensor for name, tensor in result.model.state_dict().items()}
            found["unit tops"], found["direction tops"] = (
                values[name].topk(top, dim=0).indices.T for name in ("units", "directions")
            )
    return found | {name: torch.stack(row) for name, row in rows.items()}


def _responses(hidden: Tensor, seed: int) -> dict[str, Tensor]:
    """Return what each digit excites: the units, as many random directions, and nothing but chance."""
    units = hidden.shape[1]
    noise = torch.rand(hidden.shape, generator=generator("chance", seed))
    return {"units": hidden, "directions": hidden @ random_directions(units, units, seed).T, "chance": noise}


def _purity(responses: Tensor, labels: Tensor, top: int, seed: int) -> Tensor:
    pure = torch.from_numpy(purity(responses.numpy(), labels.numpy(), top, seed))
    told_apart = responses.topk(top, dim=0).values[-1] > responses.amin(0)
    return torch.where(told_apart, pure, torch.nan)


def digit_net(found: Mapping[str, Tensor]) -> DigitNet:
    """Return the first network of `train_digits`."""
    weights = {name.removeprefix("0/"): tensor for name, tensor in found.items() if name.startswith("0/")}
    model = DigitNet(len(weights["hidden.bias"]))
    model.load_state_dict(weights)
    return frozen(model)
