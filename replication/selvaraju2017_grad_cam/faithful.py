"""Faithfulness: do maps agree with what happens when parts of the image are covered? And sanity."""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from innerview.attribution import occlusion
from innerview.core.types import Images
from innerview.evaluation import SanityCheck, deletion, insertion, rank_correlation, sanity_check, weighted_layers
from innerview.replicate import Run
from replication.selvaraju2017_grad_cam.explaining import batches, chunks, heatmaps, names_of, random_maps
from replication.selvaraju2017_grad_cam.localized import maps_of
from replication.selvaraju2017_grad_cam.photographs import Photo, boxed, read

CORRELATED: Final = ("guided_grad_cam", "grad_cam", "guided_backprop", "cam", "saliency")
CURVED: Final = ("grad_cam", "guided_grad_cam", "guided_backprop")
SANE: Final = ("grad_cam", "guided_backprop", "saliency")


def occluded(run: Run) -> Tensor:
    """Return how far each true class's logit falls where the photograph is covered: ``(b, rows, columns)``."""
    config, found = run.config, []
    for number, some in enumerate(chunks(boxed(run, config.occluded), 10)):

        def compute(some: list[Photo] = some) -> dict[str, Tensor]:
            labels = torch.tensor([one.label for one in some])
            model, images = run.model(config.model), read(run, some)
            return {"maps": occlusion(model, images, labels, patch=config.patch, stride=config.patch)}

        asked = config.model, config.size, config.patch, names_of(some)
        found.append(run.part(f"occluded-{number:02}", compute, *asked)["maps"])
    return torch.cat(found)


def correlations(run: Run, pixels: int | None = None) -> dict[str, Tensor]:
    """Return the rank correlation of each method's map with the occlusion map, one for each photograph.

    Args:
        run: The run.
        pixels: Side of the squares over which both maps are averaged first; None for those that were covered.
    """
    config, photos = run.config, boxed(run, run.config.occluded)
    grid = None if pixels is None else (config.size // pixels, config.size // pixels)

    def compute() -> dict[str, Tensor]:
        covered = occluded(run)
        return {method: rank_correlation(maps_of(run, method, photos), covered, grid) for method in CORRELATED}

    asked = config.model, config.layer, config.size, config.patch, pixels, names_of(photos)
    return run.part(f"correlations-{'coarse' if pixels is None else 'fine'}", compute, *asked)


def curves(run: Run, kind: str) -> dict[str, Mapping[str, Tensor]]:
    """Return deletion or insertion curves: method -> ``shares``, ``scores`` of each photograph and ``area``."""
    config, photos = run.config, boxed(run, run.config.curves)
    measure = {"deletion": deletion, "insertion": insertion}[kind]
    labels = torch.tensor([one.label for one in photos])
    found = {}
    for method in (*CURVED, "random"):

        def compute(method: str = method) -> dict[str, Tensor]:
            maps = random_maps(run, len(photos)) if method == "random" else maps_of(run, method, photos)
            parts, start = [], 0
            for some in batches(photos):
                stop = start + len(some)
                order = maps[start:stop].to(run.device)
                model, images = run.model(config.model), read(run, some)
                parts.append(measure(model, images, order, labels[start:stop], steps=config.curve_steps))
                start = stop
            scores, area = (torch.cat([getattr(part, name) for part in parts]) for name in ("scores", "area"))
            return {"shares": parts[0].shares, "scores": scores, "area": area}

        asked = config.model, config.layer, config.size, config.curve_steps, names_of(photos)
        found[method] = run.part(f"{kind}-{method}", compute, *asked)
    return found


def sanity(run: Run, method: str, order: str) -> SanityCheck:
    """Return how a method's maps change as the network's layers become random {cite}`adebayo2018sanity`.

    Args:
        run: The run.
        method: One of `SANE`.
        order: ``cascading`` from the last layer down, or ``independent``, one layer at a time.
    """
    config, model = run.config, run.model(run.config.model)
    photos = boxed(run, config.sane)
    images, labels = read(run, photos), torch.tensor([one.label for one in photos])
    layers = weighted_layers(model)

    def explain(network: nn.Module, some: Images, target: Sequence[int]) -> Tensor:
        return heatmaps(network, method, some, target, config.layer)

    def compute() -> dict[str, Tensor]:
        found = sanity_check(model, images, explain, labels, layers=layers, order=order, seed=run.seed)
        return {"signed": found.signed, "absolute": found.absolute, "similarity": found.similarity}

    asked = config.model, config.layer, config.size, names_of(photos)
    part = run.part(f"sanity-{order}-{method}", compute, *asked)
    return SanityCheck(layers, part["signed"], part["absolute"], part["similarity"])
