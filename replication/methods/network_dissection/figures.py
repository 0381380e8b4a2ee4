"""The figures of the page: what was measured, drawn."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.folders import Batch
from innerview.core.maps import enlarged
from innerview.dissection import Dissection, Units, lit, threshold_masks
from innerview.figures import AREAS, bars, colored, histograms, lines, panels
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.methods.network_dissection.measures import (
    NOUNS,
    TRUE,
    beyond_chance,
    ceiling,
    chance_level,
    coverage,
    dissected,
    own_and_others,
    turned,
    unique,
)
from replication.methods.network_dissection.scenes import CLASS, OBJECT, PIXELS, photographs

PICTURES: Final = 3
"""Images shown for each unit."""
PER_LAYER: Final = 2
"""Units shown of each layer."""


OUTSIDE: Final = 0.35
"""What is left of the brightness outside a mask."""
SHOWN: Final = {"color": "Colours", "orientation": "Orientations", "frequency": "Frequencies", OBJECT: "Objects",
                CLASS: "Classes"}  # fmt: skip


def true(found: Dissection) -> Dissection:
    """Return a dissection without the control."""
    return found.among(*(category for category in TRUE if category in found.categories))


def steps_figure(run: Run) -> Figure:
    """One unit, one photograph, from the activation to the IoU."""
    found = true(dissected(run, run.config.layers[-1]))
    unit, number = _fitting(run, found)
    images, concepts = photographs(run)
    image, size = images[[number]], (images.shape[-2], images.shape[-1])
    maps = Units(run.model(run.config.model), found.layer).maps(Batch((number,), image))[:, [unit]].cpu()
    marked = threshold_masks(maps, torch.from_numpy(found.thresholds[[unit]]), size)[:, 0]
    name = found.names[found.best[unit]]
    label = enlarged(torch.as_tensor(concepts.found[number][name])[None].float(), size) > 0.5
    warm = enlarged(maps[0].relu(), size)[0]
    here = float((marked & label).sum() / (marked | label).sum())
    return panels(
        {
            "Photograph": image,
            f"Unit {unit}, {maps.shape[-2]} x {maps.shape[-1]}": colored(image, warm, AREAS),
            "Above its threshold": lit(image, marked, OUTSIDE),
            name.capitalize(): lit(image, label, OUTSIDE),
            f"Both; IoU here {here:.2f}": lit(image, marked & label, OUTSIDE),
        }
    )


def _fitting(run: Run, found: Dissection) -> tuple[int, int]:
    """Return the best unit for a thing, and the photograph of that thing that excites it most."""
    _, concepts = photographs(run)
    things = [unit for unit in found.ranked() if found.categories[found.best[unit]] in NOUNS]
    for unit in [*things, *found.ranked()]:
        for number in found.examples[unit].tolist():
            if found.names[found.best[unit]] in concepts.found[number]:
                return unit, number
    raise BadInput(f"no unit of {found.layer} is excited by its concept; give more photographs")


def units_figure(run: Run) -> Figure:
    """The best units of each layer, each with another concept: what they mark in the images that excite them most."""
    shown = [row for layer in run.config.layers for row in best_units(run, layer)]
    return _rows(run, shown, annotated=True)


def renamed_figure(run: Run) -> Figure:
    """The best units for things: what they mark in photographs in which nobody looked for those."""
    found = true(dissected(run, run.config.layers[-1]))
    foreign = [unit for unit in found.ranked(OBJECT) if _numbers(run, found, unit, annotated=False)]
    units = foreign or found.ranked()  # where scikit-image's photographs stand in, none may be left
    return _rows(run, [(unit, found) for unit in units[:PER_LAYER]], annotated=not foreign)


def best_units(run: Run, layer: str) -> list[tuple[int, Dissection]]:
    """Return the units of a layer that agree best with their concept, each with another one."""
    found, names, units = true(dissected(run, layer)), set[str](), list[tuple[int, Dissection]]()
    for unit in found.ranked():
        name = found.names[found.best[unit]]
        if name not in names and len(units) < PER_LAYER:
            names.add(name)
            units.append((unit, found))
    return units


def _rows(run: Run, units: Sequence[tuple[int, Dissection]], *, annotated: bool) -> Figure:
    pictures: dict[str, Tensor] = {}
    for unit, found in units:
        concept = f"{found.names[found.best[unit]]}, IoU {found.best_iou[unit]:.2f}"
        titles = [f"{found.layer} {unit}", concept, *[""] * PICTURES][:PICTURES]
        numbers = _numbers(run, found, unit, annotated=annotated)
        drawn = _lit(run, found, unit, (numbers * PICTURES)[:PICTURES])
        pictures |= {
            f"{title}{' ' * (len(pictures) + place)}": picture
            for place, (title, picture) in enumerate(zip(titles, drawn, strict=True))
        }
    return panels(pictures, columns=PICTURES * PER_LAYER)


def _numbers(run: Run, found: Dissection, unit: int, *, annotated: bool) -> list[int]:
    """Return the photographs that excite a unit most: those with the concept's annotations first, or those without."""
    _, concepts = photographs(run)
    kind = found.categories[found.best[unit]]
    numbers: list[int] = found.examples[unit].tolist()
    within = [number for number in numbers if kind not in concepts.unknown[number]]
    outside = [number for number in numbers if number not in within]
    return within + outside if annotated else outside


def _lit(run: Run, found: Dissection, unit: int, numbers: Sequence[int]) -> list[Tensor]:
    images, _ = photographs(run)
    shown = images[list(numbers)]
    maps = Units(run.model(run.config.model), found.layer).maps(Batch(tuple(numbers), shown))[:, [unit]].cpu()
    masks = threshold_masks(maps, torch.from_numpy(found.thresholds[[unit]]), (shown.shape[-2], shown.shape[-1]))
    return list(lit(shown, masks[:, 0], OUTSIDE).split(1))


def layers_figure(run: Run) -> Figure:
    """How many different concepts of each category the units of each layer detect."""
    counts = {layer: true(dissected(run, layer)).unique_detectors() for layer in run.config.layers}
    kinds = counts[run.config.layers[0]]
    groups = {SHOWN.get(kind, kind): {layer: found[kind] for layer, found in counts.items()} for kind in kinds}
    return bars(groups, "Unique detectors", width=6.4)


def layers_table(run: Run) -> Table:
    """How many units of each layer detect anything, and which things."""
    rows = []
    for layer in run.config.layers:
        whole = dissected(run, layer)
        found, (own, others) = true(whole), own_and_others(whole)
        names = found.detected()
        rows.append(
            {
                "layer": layer,
                "units": len(found.best),
                "detectors": f"{len(found.detectors)} ({len(found.detectors) / len(found.best):.0%})",
                "pixels": _few([name for kind in PIXELS for name in names[kind]]),
                "control": f"{own} / {others}",
                "level": f"{chance_level(whole):.2f}",
                "sure": _few(_things(beyond_chance(whole))),
            }
        )
    columns = {
        "layer": "Layer", "units": "Units", "detectors": "Units that detect a concept",
        "pixels": "Colours, orientations, frequencies",
        "control": "Things by their own outlines / by those of another photograph",
        "level": "Level of chance, IoU", "sure": "Things above it",
    }  # fmt: skip
    return Table(rows, columns, f"What units detect: IoU above {run.config.minimum_iou:g}")


def _few(names: Sequence[str], most: int = 6) -> str:
    """Return names for a cell of a table, not too many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}" or "-"


def _things(found: Dissection) -> list[str]:
    names = true(found).detected()
    return [name for kind in NOUNS for name in names.get(kind, ())]


def control_figure(run: Run) -> Figure:
    """How many kinds of things the last layer detects, against the IoU that makes a detector."""
    found, levels = dissected(run, run.config.layers[-1]), np.linspace(0.02, 0.4, 39)
    counts = np.array([own_and_others(replace(found, minimum_iou=float(level))) for level in levels])
    series = {"Their own outlines": (levels, counts[:, 0]), "Those of another photograph": (levels, counts[:, 1])}
    return lines(series, "IoU above which a unit detects", f"Kinds of things that {found.layer} detects")


def rotation_figure(run: Run) -> Figure:
    """Unique detectors against the share of the rotation."""
    found = turned(run)

    def curve(count: Callable[[Dissection], int]) -> tuple[list[float], list[float]]:
        return list(found), [sum(map(count, draws)) / len(draws) for draws in found.values()]

    level = chance_level(found[min(found)][0])
    series = {
        f"IoU above {run.config.minimum_iou:g}": curve(unique),
        f"IoU above {level:.2f}, the level of chance": curve(lambda one: unique(replace(one, minimum_iou=level))),
        f"Control, IoU above {run.config.minimum_iou:g}": curve(lambda one: own_and_others(one)[1]),
    }
    return lines(series, "Share of the rotation", f"Unique detectors of {run.config.rotated}", markers=True)


def iou_figure(run: Run) -> Figure:
    """How well each unit agrees with its best concept, for the channels and for the rotated basis."""
    found = turned(run)
    values = {alpha: np.concatenate([true(one).best_iou for one in draws]) for alpha, draws in found.items()}
    return histograms(
        {"Channels": values[min(values)], "Rotated basis": values[max(values)]},
        "IoU with the best concept",
        "Share of the units",
    )


def coverage_table(run: Run) -> Table:
    """How much of the pixels some concepts cover, the IoU that this allows, and the best that a unit has."""
    found = true(dissected(run, run.config.layers[-1]))
    shares = coverage(run, found)
    highest, order = ceiling(shares, run.config.quantile), np.argsort(-shares, kind="stable")
    chosen = [*order[:6], *order[6 :: max(1, len(order) // 8)]]
    rows = [
        {
            "name": found.names[place],
            "category": found.categories[place],
            "share": f"{shares[place]:.2%}",
            "ceiling": f"{highest[place]:.2f}",
            "best": f"{found.iou[:, place].max():.2f}",
        }
        for place in chosen
    ]
    columns = {
        "name": "Concept", "category": "Category", "share": "Share of the pixels",
        "ceiling": "Highest possible IoU, about", "best": f"Best unit of {found.layer}",
    }  # fmt: skip
    return Table(rows, columns, "The six commonest concepts, and some others")


def out_of_reach(run: Run) -> list[str]:
    """Return the concepts that cover so much that no unit can detect them."""
    found = true(dissected(run, run.config.layers[-1]))
    highest = ceiling(coverage(run, found), run.config.quantile)
    return [name for name, most in zip(found.names, highest, strict=True) if most <= run.config.minimum_iou]
