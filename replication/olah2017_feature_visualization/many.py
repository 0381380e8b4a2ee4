"""Many at once: a sheet of channels, a photograph place by place, neuron groups; and one unit in many spaces."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch.nn import functional as F

from innerview.core.images import center_crop
from innerview.core.types import Images
from innerview.core.work import Work
from innerview.embedding import neuron_groups
from innerview.models import activations
from innerview.optimize import (
    CPPN,
    ActivationGrid,
    Laplacian,
    Maco,
    Pixels,
    Recipe,
    Spritemap,
    Transparent,
    activation_grid,
    channel,
    direction,
    icons,
    opacity,
    spritemap,
)
from innerview.replicate import Run
from innerview.replicate.photos import photo
from replication.olah2017_feature_visualization.config import Config
from replication.olah2017_feature_visualization.visuals import made, recipe


def icon_recipe(config: Config) -> Recipe:
    """Return the recipe of icons."""
    return Recipe(steps=min(96, config.steps))


def work(run: Run) -> Work:
    """Return where icons are kept."""
    return Work(run.store, progress=True)


def sprites(run: Run) -> Spritemap:
    """Return the first channels of a layer as icons."""
    config = run.config
    model = run.model(config.model)
    return spritemap(
        model, config.sprites_layer, range(config.sprites), recipe=icon_recipe(config), seed=run.seed, work=work(run)
    )


def photograph(run: Run) -> Images:
    """Return the photograph that is looked at, 224 pixels a side."""
    image = photo(run.config.photo)
    shorter = min(image.shape[-2:])
    size = [round(side * 224 / shorter) for side in image.shape[-2:]]
    return center_crop(F.interpolate(image, size, mode="bicubic", antialias=True).clamp(0, 1), 224)


def grid(run: Run) -> ActivationGrid:
    """Return what a layer sees at every place of the photograph."""
    config = run.config
    return activation_grid(
        run.model(config.model), photograph(run), config.directions_layer, places=config.places,
        recipe=icon_recipe(config), work=work(run),
    )  # fmt: skip


def groups(run: Run) -> tuple[Images, Images]:
    """Return a picture of each neuron group, and the photograph lit where the group is."""
    config, image = run.config, photograph(run)
    with torch.no_grad():
        read = activations(run.model(config.model), image.to(run.device), [config.directions_layer])
    found = neuron_groups(read[config.directions_layer].clamp(min=0), config.groups)
    make = partial(direction, config.directions_layer, cosine_power=1.0)
    drawn = icons(
        run.model(config.model), make, found.vectors, size=96, recipe=icon_recipe(config), work=work(run)
    ).images
    maps = F.interpolate(found.maps.movedim(1, 0), (96, 96), mode="bilinear")
    light = maps / maps.amax((2, 3), keepdim=True).clamp(min=1e-12)
    small = F.interpolate(image, (96, 96), mode="bicubic", antialias=True).clamp(0, 1)
    return drawn, small * (0.3 + 0.7 * light)


def spaces(config: Config) -> Mapping[str, Recipe]:
    """Title -> recipe: the parameterizations that stand beside Fourier and pixels."""
    full = recipe(config)
    return {
        "Pixels": replace(full, parameterization=Pixels()),
        "Fourier": full,
        "Laplacian pyramid": replace(full, parameterization=Laplacian()),
        "CPPN": replace(full, parameterization=CPPN(), learning_rate=0.003),
        "MACO": replace(full, parameterization=Maco(), learning_rate=0.2),
    }


def parameterizations(run: Run) -> dict[str, Images]:
    """Return one unit's picture in each of them, and with a transparent background over white."""
    unit = channel(*run.config.plain)
    pictures: dict[str, Images] = {
        title: made(run, f"space-{title.split()[0].lower()}", unit, how)["images"]
        for title, how in spaces(run.config).items()
    }
    clear = replace(recipe(run.config), parameterization=Transparent())
    part = made(run, "transparent", unit * (1 - opacity()), clear)
    over_white = torch.lerp(torch.ones_like(part["images"]), part["images"], part["alpha"])
    return pictures | {"Transparent, over white": over_white}
