"""The pictures made by optimization: each is a part of the run, kept so that an interrupted run continues."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from innerview.core.types import Images
from innerview.dissection import random_directions
from innerview.models import LOGITS, evaluate
from innerview.optimize import (
    Objective,
    Recipe,
    Shared,
    ascend,
    channel,
    class_logit,
    class_probability,
    direction,
    diversity,
    interpolation,
    layer,
    neuron,
    side_by_side,
)
from innerview.replicate import Run
from replication.olah2017_feature_visualization import photographs
from replication.olah2017_feature_visualization.config import Config, Unit


def recipe(config: Config) -> Recipe:
    """Return the article's recipe at the run's number of steps."""
    return Recipe(steps=config.steps, learning_rate=config.learning_rate, transforms=config.transforms)


def made(
    run: Run,
    name: str,
    objective: Objective,
    how: Recipe | None = None,
    *,
    size: int | None = None,
    stages: Sequence[int] = (),
) -> dict[str, Tensor]:
    """Ascend as a part of the run.

    Returns:
        ``images``, ``values``, ``history``, and ``after N`` for each stage.
    """
    config = run.config
    how, side = how or recipe(config), size or config.size

    def compute() -> dict[str, Tensor]:
        found = ascend(
            run.model(config.model), objective, size=side, seed=run.seed, recipe=how, snapshots=stages, progress=True
        )
        shown = {f"after {step}": images for step, images in found.snapshots.items()}
        alpha = {} if found.alpha is None else {"alpha": found.alpha}
        return {"images": found.images, "values": found.values, "history": found.history, **alpha, **shown}

    return run.part(name, compute, config.model, objective.name, how, side, tuple(stages))


def of_units(units: Sequence[Unit]) -> Objective:
    """Return an objective whose image i maximises the i-th of the units, which may lie in several layers."""
    return side_by_side([channel(unit.layer, unit.channel) for unit in units])


def growth(run: Run) -> dict[int, Images]:
    """Return one visualization after some numbers of steps."""
    config = run.config
    part = made(run, "growth", of_units([config.growing]), stages=config.stages)
    return {step: part[f"after {step}"] for step in config.stages}


def objectives(config: Config) -> Mapping[str, Objective]:
    """Panel title -> what is maximised: the article's five kinds."""
    name, index = config.unit
    target = config.classes[0]
    return {
        "Neuron": neuron(name, index),
        "Channel": channel(name, index),
        "Layer": layer(name),
        "Class logit": class_logit(target),
        "Class probability": class_probability(target),
    }


def objective_pictures(run: Run) -> dict[str, Images]:
    """Return a picture for each kind of objective."""
    kinds = objectives(run.config)
    shallow = ("Neuron", "Channel", "Layer")
    first = made(run, "objectives", side_by_side([kinds[title] for title in shallow]))["images"]
    found = {title: first[place : place + 1] for place, title in enumerate(shallow)}
    of_class = {"Class logit": class_pictures(run)["logit"], "Class probability": class_pictures(run)["probability"]}
    return found | {title: images[:1] for title, images in of_class.items()}


def class_pictures(run: Run) -> dict[str, Images]:
    """Return pictures of the classes by logit and by probability, from the same starts."""
    classes = list(run.config.classes)
    return {
        "logit": made(run, "logits", class_logit(classes))["images"],
        "probability": made(run, "probabilities", class_probability(classes))["images"],
    }


def gains(run: Run) -> dict[str, Tensor]:
    r"""Split what each ascent gained of a class's log odds.

    $\log \frac{p_c}{1 - p_c} = z_c - \log \sum_{k \ne c} e^{z_k}$: the class's own logit rises, or the others fall.

    Returns:
        For ``logit`` and ``probability``: ``(classes, 2)``, the gain of the logit and the gain by lowering the others.
    """
    config, model = run.config, run.model(run.config.model)
    start = made(run, "class-start", class_logit(list(config.classes)), replace(recipe(config), steps=0))["images"]
    before = _logit_and_others(evaluate(model, start.to(run.device), [LOGITS])[LOGITS], config.classes)
    return {
        kind: _logit_and_others(evaluate(model, images.to(run.device), [LOGITS])[LOGITS], config.classes) - before
        for kind, images in class_pictures(run).items()
    }


def _logit_and_others(logits: Tensor, classes: Sequence[int]) -> Tensor:
    """Return the two parts of the log odds, ``(b, 2)``: own logit, and minus the log of the others' sum."""
    places, chosen = torch.arange(len(classes)), torch.tensor(classes)
    own = logits.cpu()[places, chosen]
    others = logits.cpu().clone()
    others[places, chosen] = float("-inf")
    return torch.stack([own, -others.logsumexp(1)], dim=1)


def explained(run: Run) -> dict[Unit, Images]:
    """Return a picture of each unit that is shown beside photographs."""
    images = made(run, "explained", of_units(run.config.explained))["images"]
    return {unit: images[place : place + 1] for place, unit in enumerate(run.config.explained)}


def both_signs(run: Run) -> tuple[Images, Images]:
    """Return what lowers a unit most, and what raises it most."""
    unit = channel(*run.config.signed)
    images = made(run, "signs", side_by_side([-unit, unit]))["images"]
    return images[:1], images[1:]


def variants(run: Run) -> dict[Unit, tuple[Images, Images]]:
    """Return for each unit several pictures without, and with, the diversity term.

    The term is a share of the objective itself. Added with one weight for all units, it does nothing for some, and wins
    over others: their pictures then differ most where nothing excites the unit any more.
    """
    config, found = run.config, {}
    for unit in config.diverse:
        wanted = channel(unit.layer, [unit.channel] * config.variants)
        alike = made(run, f"alike-{unit.channel}", wanted)["images"]
        spread = wanted * (1 + config.diversity * diversity(unit.layer))
        awake = replace(recipe(config), redirected_steps=config.steps)  # the term may silence a unit at any step
        found[unit] = alike, made(run, f"diverse-{unit.channel}", spread, awake)["images"]
    return found


def similarities(run: Run) -> dict[Unit, tuple[float, float]]:
    """Return the mean cosine of the Gram matrices of a unit's pictures, without and with the diversity term."""
    return {
        unit: (_similarity(run, alike, unit.layer), _similarity(run, spread, unit.layer))
        for unit, (alike, spread) in variants(run).items()
    }


def _similarity(run: Run, images: Images, layer: str) -> float:
    with torch.no_grad():
        spread = diversity(layer)(run.model(run.config.model), images.to(run.device))
    return -float(spread.sum()) / (len(images) - 1)


def joint(run: Run) -> dict[str, Images]:
    """Return pictures of two units and of their sum."""
    first, second = run.config.pair
    one, other = channel(*first), channel(*second)
    images = made(run, "joint", side_by_side([one, other, one + other]))["images"]
    titles = (str(first), str(second), f"{first} + {second}")
    return {title: images[place : place + 1] for place, title in enumerate(titles)}


def direction_pictures(run: Run) -> Images:
    """Return pictures of some of the random directions."""
    config = run.config
    vectors = random_directions(config.directions, photographs.channels_of(run, config.directions_layer), run.seed)
    return made(run, "directions", direction(config.directions_layer, vectors[: config.shown_directions]))["images"]


def interpolated(run: Run) -> dict[str, Images]:
    """Return the way from one unit to another: each frame on its own, and with shared low-resolution parts."""
    config = run.config
    (first, one), (second, other) = config.ends
    way = interpolation(channel(first, one), channel(second, other), config.frames)
    shared = replace(recipe(config), parameterization=Shared())
    return {
        "Each frame on its own": made(run, "frames-alone", way)["images"],
        "Shared low-resolution parts": made(run, "frames-shared", way, shared)["images"],
    }
