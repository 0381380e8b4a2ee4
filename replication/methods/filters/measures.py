"""What the page measures: of filters, and of what layers put out for photographs."""

from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from innerview.assets import fetch
from innerview.core.folders import spread
from innerview.core.images import center_crop, square, write_image
from innerview.core.types import Images
from innerview.dissection import Filters, Firing, Traits, firing, first_filters, traits
from innerview.models import evaluate
from innerview.replicate import Run
from innerview.replicate.photos import photo

SECTORS: Final = 8
"""Parts of the half circle in which orientations are counted."""

STAND_INS: Final = ("skimage/astronaut", "skimage/chelsea", "skimage/coffee", "skimage/rocket")
"""Photographs where no data set can be had."""


def filters(run: Run) -> dict[str, tuple[Filters, Traits]]:
    """Return the first filters of each network, and what they are like."""
    found = {name: first_filters(run.model(name)) for name in (run.config.model, *run.config.others)}
    return {name: (one, traits(one.weights)) for name, one in found.items()}


def kinds(run: Run, like: Traits) -> dict[str, Tensor]:
    """Return which filters are grey, which coloured: name -> ``(n,)`` of bool."""
    return {"grey": like.color < run.config.grey, "coloured": like.color > run.config.colored}


def median_frequencies(run: Run) -> dict[str, float]:
    """Return the median peak frequency of the grey and of the coloured filters, in cycles per pixel."""
    _, like = filters(run)[run.config.model]
    return {kind: float(like.frequency[those].median()) for kind, those in kinds(run, like).items()}


def sectors(run: Run) -> list[int]:
    """Count the grey filters with stripes in each sector of orientations."""
    _, like = filters(run)[run.config.model]
    striped = kinds(run, like)["grey"] & (like.frequency > 0)
    places = ((like.orientation[striped] + 180 / SECTORS / 2) % 180 // (180 / SECTORS)).long()
    return places.bincount(minlength=SECTORS).tolist()


def image(run: Run) -> Images:
    """Return the photograph that is shown."""
    return square(photo(run.config.photo), run.config.size).to(run.device)


def maps(run: Run, layers: tuple[str, ...]) -> dict[str, Tensor]:
    """Return what layers put out for the photograph, ``(c, rows, columns)``."""
    read = evaluate(run.model(run.config.model), image(run), layers)
    return {name: one[0].cpu() for name, one in read.items()}


def counted(run: Run) -> dict[str, Firing]:
    """Count zeros over photographs, layer by layer."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        found = firing(run.model(config.model), paths(run), config.layers, size=config.size)
        return {name: one.zeros for name, one in found.items()} | {"images": torch.tensor(len(paths(run)))}

    kept = run.part("zeros", compute, config.model, config.layers, config.size, config.photographs)
    return {name: Firing(kept[name], int(kept["images"])) for name in config.layers}


def paths(run: Run) -> list[Path]:
    """Return photographs, evenly spread over ten classes."""
    if run.fallback:
        return _stand_ins(run)
    return spread(sorted(fetch("imagenette160_train").values()), run.config.photographs)


def _stand_ins(run: Run) -> list[Path]:
    """Write the corners and the middle of a few photographs as files."""
    folder, size, found = run.folder / "photographs", run.config.size, []
    for name in STAND_INS:
        whole = square(photo(name), 2 * size)
        cuts = {"middle": center_crop(whole, size), "first": whole[..., :size, :size], "last": whole[..., size:, size:]}
        for which, cut in cuts.items():
            path = folder / f"{name.rpartition('/')[2]}-{which}.png"
            write_image(path, cut)
            found.append(path)
    return found
