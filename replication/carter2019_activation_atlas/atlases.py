"""What a run computes: collected activations, and the atlases made from them; kept, so that a run continues."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from innerview.assets import fetch
from innerview.atlas import (
    Atlas,
    AtlasRecipe,
    Collection,
    DataSet,
    IconRecipe,
    ImageFiles,
    Level,
    Sampling,
    Whitening,
    build_atlas,
    cell_icons,
    collect,
    of_class,
    two_classes,
    whitening,
)
from innerview.atlas.explore import class_names
from innerview.atlas.sources import ImageSource
from innerview.core.folders import image_paths, spread
from innerview.core.seeds import generator
from innerview.core.types import Images
from innerview.core.work import Work
from innerview.models import class_index
from innerview.replicate import Run
from innerview.replicate.photos import photo

SKIMAGE = ("astronaut", "chelsea", "coffee", "rocket")
"""Photographs that are there on every machine; where no others can be had, crops of them stand in."""


def work(run: Run) -> Work:
    """Return where units of work are kept."""
    return Work(run.store, progress=True)


def labels(run: Run, name: str | None = None) -> list[str]:
    """Return the classes' names."""
    return list(class_names(run.model(name or run.config.model), 1000))


def indices(run: Run, names: tuple[str, ...]) -> list[int]:
    """Return the indices of classes."""
    return [class_index(run.model(run.config.model), name) for name in names]


@cache
def photographs(run: Run) -> ImageSource:
    """Return the photographs of a thousand classes, one of each."""
    config = run.config
    if run.fallback:
        return DataSet(crops(SKIMAGE, config.limit, run.seed), "crops of scikit-image's photographs")
    paths = image_paths(config.imagenet) if config.imagenet else sorted(fetch("imagenet_sample").values())
    return _spread(paths, config.limit)


@cache
def ten_classes(run: Run) -> ImageSource:
    """Return the photographs of ten classes, class by class."""
    if run.fallback:
        return DataSet(crops(("coffee",), run.config.limit, run.seed + 1), "crops of one photograph")
    return _spread(sorted(fetch(run.config.ten).values()), run.config.limit)


def _spread(paths: list[Path], limit: int | None) -> ImageFiles:
    """Return all files, or so many of them, evenly spread."""
    return ImageFiles(tuple(spread(paths, limit or len(paths))))


def crops(names: tuple[str, ...], count: int, seed: int, side: int = 224) -> list[Tensor]:
    """Cut squares out of photographs, ``(3, side, side)`` each."""
    draws, cut = generator("crops", seed), []
    wholes = [photo(f"skimage/{name}") for name in names]
    for number in range(count):
        whole = wholes[number % len(wholes)]
        top, left = (int(torch.randint(extent - side + 1, (), generator=draws)) for extent in whole.shape[-2:])
        cut.append(whole[0, :, top : top + side, left : left + side])
    return cut


@cache
def collection(run: Run, layer: str) -> Collection:
    """Collect activations of a layer from the photographs."""
    return _collected(run, run.config.model, photographs(run), layer, run.config.sampling)


@cache
def other_collection(run: Run) -> Collection:
    """Collect activations of another network from the same photographs."""
    return _collected(run, run.config.other_model, photographs(run), run.config.other_layer, run.config.sampling)


@cache
def ten_collection(run: Run) -> Collection:
    """Collect activations of the classes' layer from the photographs of ten classes."""
    return _collected(run, run.config.model, ten_classes(run), run.config.class_layer, run.config.ten_sampling)


def _collected(run: Run, model: str, images: ImageSource, layer: str, sampling: Sampling) -> Collection:
    return collect(run.model(model), images, layer, replace(sampling, seed=run.seed), work=work(run))


@cache
def whitened(run: Run, layer: str) -> Whitening:
    """Measure how the channels of a layer go together."""
    return _whitening(run, collection(run, layer))


def _whitening(run: Run, found: Collection) -> Whitening:
    return whitening(found.activations, run.config.ridge)


def recipe(run: Run, densities: tuple[int, ...], minimum: int | None = None) -> AtlasRecipe:
    """Return how atlases of some densities are made."""
    atlas: AtlasRecipe = run.config.atlas
    seeded = replace(atlas.reduction, seed=run.seed), replace(atlas.icons, seed=run.seed)
    return replace(atlas, densities=densities, minimum=minimum or atlas.minimum, reduction=seeded[0], icons=seeded[1])


@cache
def atlas(run: Run, layer: str) -> Atlas:
    """Return the full atlas of a layer."""
    densities = run.config.main_densities if layer == run.config.main else run.config.densities
    found = collection(run, layer)
    model = run.model(run.config.model)
    return build_atlas(model, found, recipe(run, densities), whitened=whitened(run, layer), work=work(run))


@cache
def other_atlas(run: Run) -> Atlas:
    """Return the atlas of another network, from the same photographs."""
    model, found = run.model(run.config.other_model), other_collection(run)
    made = recipe(run, run.config.densities[:1])
    return build_atlas(model, found, made, whitened=_whitening(run, found), work=work(run))


@cache
def ten_atlas(run: Run) -> Atlas:
    """Return the atlas that the photographs of ten classes make of the classes' layer."""
    found = ten_collection(run)
    model, made = run.model(run.config.model), recipe(run, run.config.densities[:1])
    return build_atlas(model, found, made, whitened=_whitening(run, found), work=work(run))


@cache
def class_atlas(run: Run, name: str, layer: str | None = None) -> Atlas:
    """Return the atlas of one class."""
    config = run.config
    layer = layer or config.class_layer
    found = collection(run, layer)
    chosen = of_class(found.attributed(), *indices(run, (name,)), count=config.class_count)
    made = recipe(run, (config.class_density,), config.class_minimum)
    model = run.model(config.model)
    return build_atlas(model, found[chosen], made, whitened=whitened(run, layer), work=work(run))


@cache
def pair_atlas(run: Run) -> Atlas:
    """Return the atlas of what tells two classes apart."""
    config = run.config
    found, whole = collection(run, config.class_layer), whitened(run, config.class_layer)
    first, second = indices(run, config.pair)
    made = recipe(run, (config.pair_density,), config.class_minimum)
    reduction, where = made.reduction, work(run)
    view = two_classes(found, first, second, whole, count=config.pair_count, reduction=reduction, work=where)
    model, some = run.model(config.model), found[view.chosen]
    return build_atlas(model, some, made, whitened=whole, layout=view.layout, work=where)


@dataclass(frozen=True)
class Objectives:
    """How the icons of one panel are made.

    Args:
        cosine_power: Of `direction`.
        whitened: Whether the directions are.
    """

    cosine_power: float
    whitened: bool


def objectives(config: object) -> Mapping[str, Objectives]:  # noqa: ARG001  (all configurations have the same)
    """Return what the study of the objective compares: title -> how."""
    return {
        "Dot product": Objectives(0, whitened=False),
        "Dot product times cosine": Objectives(1, whitened=False),
        "Cosine to the fourth": Objectives(4, whitened=False),
        "Whitened, cosine to the fourth": Objectives(4, whitened=True),
    }


def studied_cells(run: Run) -> Tensor:
    """Return cells of the main atlas, evenly spread over it."""
    level = atlas(run, run.config.main).levels[0]
    count = min(run.config.objective_cells, len(level.grid))
    return torch.arange(count) * len(level.grid) // count


def objective_icons(run: Run, variants: Mapping[str, Objectives]) -> dict[str, Images]:
    """Make the icons of some cells in several ways: title -> images."""
    config, level = run.config, atlas(run, run.config.main).levels[0]
    directions, whole = level.directions[studied_cells(run)], whitened(run, config.main)
    plain = Whitening(torch.eye(len(whole.root)), torch.eye(len(whole.root)))
    made = {}
    for title, way in variants.items():
        icons = replace(recipe(run, (1,)).icons, cosine_power=way.cosine_power)
        by = whole if way.whitened else plain
        made[title] = cell_icons(run.model(config.model), config.main, directions, by, icons, work=work(run)).images
    return made


@cache
def aligned_level(run: Run) -> Level:
    """Return the main atlas at its coarsest density with icons that all start alike."""
    config, level = run.config, atlas(run, run.config.main).levels[0]
    icons: IconRecipe = replace(recipe(run, (1,)).icons, aligned=True)
    whole = whitened(run, config.main)
    made = cell_icons(run.model(config.model), config.main, level.directions, whole, icons, work=work(run))
    return replace(level, icons=made)
