"""The figures and tables of the page: what a run measured, drawn."""

import torch
from matplotlib.figure import Figure

from innerview.dissection import lit, threshold_masks
from innerview.dissection.pixel_concepts import PixelConcepts
from innerview.figures import bars, lines, strips
from innerview.replicate import Run
from innerview.replicate.tables import Table
from innerview.synthesis.generators import SIZE
from replication.methods.gan_dissection.measures import (
    chosen,
    codes,
    dissection,
    evaluated,
    images,
    insertion,
    levels,
    network,
    random_units,
    realism,
    region,
    removal,
    units_for,
)


def units_figure(run: Run) -> Figure:
    """The units that agree best with a concept each: images in which they are strongest, lit where they are on."""
    config, found = run.config, dissection(run, run.config.layer)
    best: dict[str, int] = {}
    for unit in found.ranked():
        best.setdefault(found.names[found.best[unit]], unit)
    rows = {}
    for concept, unit in list(best.items())[: config.units]:
        some = codes(run)[0][found.examples[unit][: config.shown].tolist()]
        with torch.no_grad():
            maps, made = evaluated(run, some)[:, [unit]], network(run)(some.to(run.device)).cpu()
        masks = threshold_masks(maps, torch.from_numpy(found.thresholds[[unit]]), (SIZE, SIZE))[:, 0]
        rows[f"Unit {unit}: {concept}, IoU {found.best_iou[unit]:.2f}"] = lit(made, masks)
    return strips(rows, scale=2)


def detectors_figure(run: Run) -> Figure:
    """How many units of each layer detect a concept, by category."""
    groups: dict[str, dict[str, float]] = {}
    for layer in run.config.layers:
        found = dissection(run, layer)
        kinds = [found.categories[found.best[unit]] for unit in found.detectors]
        count = len(found.best)
        groups[layer] = {kind: 100 * kinds.count(kind) / count for kind in dict.fromkeys(found.categories)}
    return bars(groups, "Units that agree with a concept, %")


def layers_table(run: Run) -> Table:
    """What each layer's units agree with."""
    rows = []
    for layer in run.config.layers:
        found = dissection(run, layer)
        best = found.ranked()[0]
        rows.append({
            "layer": layer, "units": len(found.best), "detectors": len(found.detectors),
            "concepts": sum(found.unique_detectors().values()), "mean": f"{found.best_iou.mean():.3f}",
            "best": f"{found.names[found.best[best]]}, {found.best_iou[best]:.2f}",
        })  # fmt: skip
    columns = {
        "layer": "Layer", "units": "Units", "detectors": "Agree with a concept", "concepts": "Different concepts",
        "mean": "Mean IoU with the best", "best": "Best concept, IoU",
    }  # fmt: skip
    return Table(rows, columns)


def removal_figure(run: Run) -> Figure:
    """Images as they are, and with the units for each chosen concept off, and with random units off: a row each."""
    some = slice(None, run.config.shown)
    off = run.config.switched
    rows = {"As they are": images(run, [])[some]}
    rows |= {f"Units for {concept} off": images(run, units_for(run, concept)[:off])[some] for concept in chosen(run)}
    rows["As many random units off"] = images(run, random_units(run, 0)[:off])[some]
    return strips(rows, scale=2)


def insertion_figure(run: Run) -> Figure:
    """Images as they are, and with the units for each chosen concept on in the middle: a row each."""
    some, layer = slice(None, run.config.shown), region(run)[0]
    rows = {"As they are": images(run, [])[some]}
    for concept in chosen(run):
        units = units_for(run, concept)[: run.config.switched]
        rows[f"Units for {concept} on in the middle"] = images(run, units, levels(run, units), layer)[some]
    return strips(rows, scale=2)


def curves_figure(run: Run) -> Figure:
    """What is gone of each concept while more and more of its units are off; dashed: with random units off."""
    names, curves, random = PixelConcepts().names, {}, []
    for concept in chosen(run):
        found, place = removal(run, concept), names.index(concept)
        gone = 100 - 100 * found.own[:, place] / found.own[0, place]
        curves[f"{concept[0].upper()}{concept[1:]}"] = (found.counts, gone.tolist())
        other = (
            found.random[:, found.counts.index(run.config.switched), place].mean() / found.random[:, 0, place].mean()
        )
        random.append(100 - 100 * float(other))
    level = {f"Random units, {run.config.switched}": sum(random) / len(random)}
    return lines(curves, "Units switched off", "Gone of the concept, %", markers=True, reference=level)


def effects_table(run: Run) -> Table:
    """What switching does to each chosen concept."""
    names, rows = PixelConcepts().names, []
    for concept in chosen(run):
        found, place = removal(run, concept), names.index(concept)
        at = found.counts.index(run.config.switched)
        before, after = found.own[0, place], found.own[at, place]
        inserted = insertion(run, concept)
        rows.append({
            "concept": concept, "before": f"{100 * before:.1f}", "off": f"{100 * after:.1f}",
            "random": f"{100 * found.random[:, at, place].mean():.1f}", "middle": f"{100 * inserted.before:.1f}",
            "on": f"{100 * inserted.after:.1f}", "other": f"{100 * inserted.other.mean():.1f}",
        })  # fmt: skip
    columns = {
        "concept": "Concept", "before": "Share of the images, %", "off": "Its units off", "random": "Random units off",
        "middle": "Share of the middle, %", "on": "Its units on there", "other": "Random units on",
    }  # fmt: skip
    return Table(rows, columns)


def realism_table(run: Run) -> Table:
    """What switching does to how real the images look, as a network's features tell."""
    rows = [{"images": title, "distance": f"{value:.4f}"} for title, value in realism(run).items()]
    return Table(rows, {"images": "Images", "distance": "Kernel distance to the generator's other images"})
