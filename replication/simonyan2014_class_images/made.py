"""What a run computes: images, and what networks make of them; kept, so that an interrupted run continues."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from innerview.assets import fetch
from innerview.core.folders import spread
from innerview.core.images import read_image
from innerview.core.seeds import generator
from innerview.core.types import Images, Values
from innerview.embedding.clusters import Clusters, cluster
from innerview.models import LOGITS, class_index, evaluate, imagenet_classes
from innerview.optimize import Objective, direction
from innerview.replicate import Run
from innerview.replicate.photos import photo
from innerview.synthesis.class_images import ClassImage, class_image
from innerview.synthesis.class_recipes import ClassRecipe
from replication.simonyan2014_class_images.config import regularizers

STAND_IN = "skimage/coffee"
"""Where no photographs can be had, crops of this one are the photographs of the class."""

KINDS = ("facets", "random", "centroids")
"""Ways to several images of one class: from mean images, from noise, towards centroids."""


def class_models(run: Run) -> ClassImage:
    """Make an image of each class by the first paper's way."""
    return _made(run, "plain", list(run.config.classes), run.config.plain)


def smooth_models(run: Run) -> ClassImage:
    """Make an image of each class with all four regularisers."""
    return _made(run, "smooth", list(run.config.classes), run.config.smooth)


def regularized(run: Run) -> dict[str, ClassImage]:
    """Make an image of one class with each regulariser: title -> what was made."""
    chosen = regularizers(run.config)
    return {title: _made(run, _slug(title), [run.config.studied], recipe) for title, recipe in chosen.items()}


def _slug(title: str) -> str:
    return f"regularizer-{title.lower().replace(' ', '-')}"


def _made(
    run: Run, name: str, target: list[str] | Objective, recipe: ClassRecipe, start: Images | None = None
) -> ClassImage:
    """Make images as a part of the run."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        model = run.model(config.model)
        found = class_image(model, target, recipe=recipe, start=start, size=config.size, seed=run.seed, progress=True)
        return vars(found)

    told = target.name if isinstance(target, Objective) else target
    begin = () if start is None else (start,)
    return ClassImage(**run.part(name, compute, config.model, config.size, told, recipe, *begin))


def photographs(run: Run, most: int | None = None) -> Images:
    """Return photographs of the class whose facets are sought, evenly spread and squeezed to squares."""
    config, count = run.config, most or run.config.photographs
    if run.fallback:
        return _crops(count, config.size, run.seed)
    index = class_index(run.model(config.model), config.faceted)
    folder = imagenet_classes()[index].wnid
    paths = [path for path in sorted(fetch("imagenette160_train").values()) if path.parent.name == folder]
    return torch.cat([read_image(path, (config.size, config.size)) for path in spread(paths, count)])


def _crops(count: int, size: int, seed: int) -> Images:
    """Cut squares out of one photograph."""
    whole, draws = photo(STAND_IN), generator("crops", seed)
    tops, lefts = (torch.randint(side - size + 1, (count,), generator=draws).tolist() for side in whole.shape[-2:])
    return torch.cat([whole[..., top : top + size, left : left + size] for top, left in zip(tops, lefts, strict=True)])


def features(run: Run, images: Images) -> Tensor:
    """Return what the network's last layer but one makes of images, ``(b, d)``."""
    name = run.config.layer
    return evaluate(run.model(run.config.model), images.to(run.device), name)[name].flatten(1).cpu()


def clusters(run: Run) -> tuple[Clusters, Images, Images]:
    """Group the photographs by their features; return the groups, their mean images, and the few nearest of each.

    The mean images are ``(clusters, 3, h, w)``, the nearest photographs ``(clusters * 5, 3, h, w)``, group by group.
    """
    config = run.config

    def compute() -> dict[str, Tensor]:
        images = photographs(run)
        found = cluster(features(run, images), config.clusters, seed=run.seed)
        nearest = found.nearest(min(config.nearest, int(found.labels.bincount().min())))
        means = torch.stack([images[few].mean(0) for few in nearest])
        shown = torch.cat([images[few[:5]] for few in nearest])
        return vars(found) | {"means": means, "shown": shown}

    settings = (config.model, config.layer, config.faceted, config.photographs, config.clusters, config.nearest)
    kept = run.part("clusters", compute, *settings, config.size)
    return Clusters(kept["labels"], kept["centroids"], kept["distances"]), kept["means"], kept["shown"]


def ways(run: Run) -> Mapping[str, ClassImage]:
    """Make images of one class in three ways, one for each cluster; see `KINDS`."""
    config, (groups, means, _) = run.config, clusters(run)
    targets = [config.faceted] * config.clusters
    towards = direction(config.layer, normalize(groups.centroids, dim=1), cosine_power=1)
    return {
        "facets": _made(run, "facets", targets, config.facet, means),
        "random": _made(run, "random", targets, replace(config.facet, noise=config.noise)),
        "centroids": _made(run, "centroids", towards, config.facet),
    }


def distances(vectors: Tensor) -> Values:
    """Return the cosine distances of all pairs of vectors ``(n, d)``."""
    unit = normalize(vectors, dim=1)
    rows, columns = torch.triu_indices(len(unit), len(unit), offset=1)
    return 1 - (unit[rows] * unit[columns]).sum(1)


def matches(vectors: Tensor, centroids: Tensor) -> Tensor:
    """Return how alike images and clusters are, ``(n, clusters)``: cosines after each side's mean is taken away.

    What all images of a class share, and what all its photographs share, tells no cluster from another.
    """
    own, others = (normalize(rows - rows.mean(0), dim=1) for rows in (vectors, centroids))
    return own @ others.T


def target_probabilities(run: Run, found: ClassImage, classes: tuple[str, ...]) -> Values:
    """Return the probability of each image's own class."""
    model = run.model(run.config.model)
    return torch.stack([row[class_index(model, name)] for row, name in zip(found.probabilities, classes, strict=True)])


def other_ranks(run: Run, images: Images, classes: tuple[str, ...]) -> Values:
    """Return the rank, from 1, that another network gives each image's own class."""
    model = run.model(run.config.other)
    logits = evaluate(model, images.to(run.device), LOGITS)[LOGITS].cpu()
    own = torch.tensor([class_index(model, name) for name in classes])
    return 1 + (logits > logits.gather(1, own[:, None])).sum(1).float()
