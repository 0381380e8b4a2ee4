"""The figures of the page: what was measured, drawn."""

from typing import Final

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from innerview.core.folders import Batch
from innerview.core.maps import enlarged
from innerview.dissection import Dissection, Pictures, Units, lit, unit_examples
from innerview.figures import AREAS, bars, colored, histograms, lines, panels
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.methods.network_dissection.measures import (
    NOUNS,
    TRUE,
    ceiling,
    coverage,
    dissected,
    own_and_others,
    turned,
    unique,
)
from replication.methods.network_dissection.scenes import PIXELS, photographs

PICTURES: Final = 3
"""Images shown for each unit."""
PER_LAYER: Final = 2
"""Units shown of each layer."""


def true(found: Dissection) -> Dissection:
    """Return a dissection without the control."""
    return found.among(*(category for category in TRUE if category in found.categories))


def steps_figure(run: Run) -> Figure:
    """One unit, one photograph, from the activation to the IoU."""
    found = true(dissected(run, run.config.layers[-1]))
    things = [unit for unit in found.ranked() if found.categories[found.best[unit]] in NOUNS]
    unit = (things or found.ranked())[0]
    images, concepts = photographs(run)
    number = int(found.examples[unit, 0])
    image, size = images[[number]], (images.shape[-2], images.shape[-1])
    maps = Units(run.model(run.config.model), found.layer).maps(Batch((number,), image))[0, [unit]].cpu()
    _, marked = unit_examples(run.model(run.config.model), Pictures(images), found, unit, 1)
    name = found.names[found.best[unit]]
    shown = concepts.found[number].get(name, torch.zeros(concepts.size or size, dtype=torch.bool))
    label = enlarged(torch.as_tensor(shown)[None].float(), size) > 0.5
    both = float((marked & label).sum() / (marked | label).sum())
    return panels(
        {
            "Photograph": image,
            f"Unit {unit}, {maps.shape[-2]} x {maps.shape[-1]}": colored(image, enlarged(maps.relu(), size)[0], AREAS),
            "Above its threshold": lit(image, marked),
            name.capitalize(): lit(image, label),
            f"Both; IoU here {both:.2f}": lit(image, marked & label),
        }
    )


def units_figure(run: Run) -> Figure:
    """The best units of each layer, each with another concept: what they mark in the images that excite them most."""
    pictures: dict[str, Tensor] = {}
    for layer in run.config.layers:
        for unit, found in best_units(run, layer):
            shown = _row(run, found, unit)
            pictures |= {title + " " * len(pictures): picture for title, picture in shown.items()}
    return panels(pictures, columns=PICTURES * PER_LAYER)


def best_units(run: Run, layer: str) -> list[tuple[int, Dissection]]:
    """Return the units of a layer that agree best with their concept, each with another one."""
    found, names, units = true(dissected(run, layer)), set[str](), list[tuple[int, Dissection]]()
    for unit in found.ranked():
        name = found.names[found.best[unit]]
        if name not in names and len(units) < PER_LAYER:
            names.add(name)
            units.append((unit, found))
    return units


def _row(run: Run, found: Dissection, unit: int) -> dict[str, Tensor]:
    images, _ = photographs(run)
    shown, marked = unit_examples(run.model(run.config.model), Pictures(images), found, unit, PICTURES)
    titles = [
        f"{found.layer} {unit}", f"{found.names[found.best[unit]]}, IoU {found.best_iou[unit]:.2f}",
        *[" " * place for place in range(1, PICTURES)],
    ]  # fmt: skip
    return dict(zip(titles, lit(shown, marked).split(1), strict=False))


def layers_figure(run: Run) -> Figure:
    """How many different concepts of each category the units of each layer detect."""
    counts = {layer: true(dissected(run, layer)).unique_detectors() for layer in run.config.layers}
    groups = {
        category: {layer: counts[layer][category] for layer in counts} for category in next(iter(counts.values()))
    }
    return bars(groups, "Unique detectors")


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
                "pixels": ", ".join(name for kind in PIXELS for name in names[kind]) or "-",
                "things": ", ".join(name for kind in NOUNS for name in names.get(kind, ())) or "-",
                "control": f"{own} / {others}",
            }
        )
    columns = {
        "layer": "Layer", "units": "Units", "detectors": "Units that detect a concept",
        "pixels": "Colours, orientations, frequencies", "things": "Things",
        "control": "Things by their own outlines / by those of another photograph",
    }  # fmt: skip
    return Table(rows, columns, f"What units detect: IoU above {run.config.minimum_iou:g}")


def rotation_figure(run: Run) -> Figure:
    """Unique detectors against the share of the rotation."""
    found = turned(run)

    def curve(categories: tuple[str, ...]) -> tuple[list[float], list[float]]:
        means = [sum(unique(true(one), categories) for one in draws) / len(draws) for draws in found.values()]
        return list(found), means

    groups = {"All": TRUE, "Colours, orientations, frequencies": PIXELS, "Things": NOUNS}
    series = {title: curve(categories) for title, categories in groups.items()}
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
