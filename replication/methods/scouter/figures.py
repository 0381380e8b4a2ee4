"""The figures and tables, in the notebook's order."""

from typing import Final

import torch
from matplotlib.figure import Figure
from torch import Tensor

from innerview.core.folders import spread
from innerview.figures import Arrow, Block, Explained, bars, diagram, heatmaps, lines
from innerview.models import recorded
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.methods.scouter.measures import accuracy, areas, areas_by_rank, curves, precision
from replication.methods.scouter.trained import GAP, classifier, masks, outcomes, photographs, true_classes
from replication.zhang2018_acol.data import read

KINDS: Final = ("positive", "negative")


def architecture_figure(run: Run) -> Figure:
    """The head as it is built; sizes are read off the module while it runs."""
    config = run.config
    model = classifier(run, "positive", config.area_weights[-1])
    image = torch.full((1, 3, config.size, config.size), 0.5, device=run.device)
    with torch.no_grad(), recorded(model, ["backbone", "head.reduce"]) as record:
        logits = model(image)
    channels, rows, columns = record["backbone"].shape[1:]
    width, classes = record["head.reduce"].shape[1], logits.shape[1]
    blocks = [
        Block("image", 0, 0.5, "Image", f"{config.size} x {config.size}"),
        Block("backbone", 1, 0.5, "Backbone", f"frozen, up to\n{config.layer}"),
        Block("features", 2, 0.5, "Features F'", f"{channels} to {width}\nchannels, ReLU"),
        Block("keys", 3, 0, "Keys", "F' and places,\none layer", 0),
        Block("slots", 4, 1, "Slots", f"{classes} classes\nx {width}", 1),
        Block("attention", 4, 0, "Attention A", f"{classes} maps of\n{rows} x {columns}", 0),
        Block("mass", 5, 1, "Mass m", "mean of F'\nat each place"),
        Block("logits", 5, 0, "Scores", "sum of A m,\nor less it", 2),
    ]
    arrows = [
        Arrow("image", "backbone"), Arrow("backbone", "features"), Arrow("features", "keys"),
        Arrow("keys", "attention"), Arrow("slots", "attention"), Arrow("attention", "logits"),
        Arrow("features", "mass"), Arrow("mass", "logits"),
    ]  # fmt: skip
    return diagram(blocks, arrows, width=6.6)


def shown(run: Run) -> list[int]:
    """Return the places of photographs of different classes, the middle one of each: not chosen by their looks."""
    labels = true_classes(run)
    own = [torch.nonzero(labels == one).flatten().tolist() for one in labels.unique().tolist()]
    return [places[len(places) // 2] for places in spread(own, run.config.shown)]


def maps_figure(run: Run, explains: str) -> Figure:
    """Photographs with the maps of the own class, of the likest other class and of the least like."""
    found, data, panels = outcomes(run), photographs(run), []
    maps, labels = found[explains, run.config.area_weights[-1]].maps, true_classes(run)
    places = shown(run)
    images = read([data.boxed[place] for place in places], run.config.size)
    for image, place in zip(images, places, strict=True):
        own = int(labels[place])
        panels.append(Explained(data.classes[own].capitalize(), image[None]))
        for one in (own, *_likest_and_least(found[GAP, 0.0].logits[place], own)):
            title = "Own class" if one == own else data.classes[one].capitalize()
            heat = maps[place, one]
            panels.append(Explained(f"{title}: {100 * heat.mean():.1f}%", image[None], heat))
    return heatmaps(panels, unit="Attention", columns=4)


def _likest_and_least(logits: Tensor, own: int) -> tuple[int, int]:
    """Return the other class with the highest logit of the plain head, and the class with the lowest."""
    order = [one for one in logits.argsort(descending=True).tolist() if one != own]
    return order[0], order[-1]


def numbers_table(run: Run) -> Table:
    """Accuracy, area and precision of all heads."""
    labels, boxes, rows = true_classes(run), masks(run), []
    for (kind, weight), found in outcomes(run).items():
        plain = kind == GAP
        own, others = areas(found, labels)
        rows.append(
            {
                "head": "Plain (GAP), CAM's maps" if plain else f"{kind.capitalize()}, weight {weight:g}",
                "accuracy": f"{accuracy(found, labels):.1f}",
                "own": "-" if plain else f"{own:.2f}",
                "others": "-" if plain else f"{others:.2f}",
                "inside": f"{precision(found, labels, boxes).nanmean():.1f}",
                "others inside": f"{precision(found, labels, boxes, 'others').nanmean():.1f}",
            }
        )
    columns = {
        "head": "Head", "accuracy": "Right, %", "own": "Area, own class, %", "others": "Area, other classes, %",
        "inside": "Inside the box, own class, %", "others inside": "Inside the box, other classes, %",
    }  # fmt: skip
    title = f"{len(labels)} photographs, whose boxes cover {100 * boxes.double().mean():.1f} %"
    return Table(rows, columns, title)


def areas_figure(run: Run) -> Figure:
    """Area of the own class's map and of the others', for each head."""
    labels, found = true_classes(run), outcomes(run)
    rows = {
        f"{kind.capitalize()}, weight {weight:g}": areas(found[kind, weight], labels)
        for kind in KINDS
        for weight in run.config.area_weights
    }
    groups = {
        "Own class": {row: own for row, (own, _) in rows.items()},
        "Other classes": {row: others for row, (_, others) in rows.items()},
    }
    return bars(groups, "Mean attention, %", xscale="log")


def likeness_figure(run: Run) -> Figure:
    """Area of a class's map over how like the class is to the photograph."""
    found, strongest = outcomes(run), run.config.area_weights[-1]
    series = {}
    for kind in KINDS:
        values = areas_by_rank(found[kind, strongest], true_classes(run), found[GAP, 0.0].logits)
        series[f"{kind.capitalize()} head"] = (list(range(len(values))), values.tolist())
    return lines(series, "Rank of the class by the plain head; 0 is the own", "Mean attention, %", markers=True)


def curves_table(run: Run) -> Table:
    """Areas under the curves of deletion and insertion."""
    rows = [
        {"order": order, "deletion": f"{deleted.mean():.1f}", "insertion": f"{inserted.mean():.1f}"}
        for order, (deleted, inserted) in curves(run).items()
    ]
    columns = {"order": "Pixels in the order of", "deletion": "Deletion, % (low is good)",
               "insertion": "Insertion, % (high is good)"}  # fmt: skip
    return Table(rows, columns, f"Positive head, {run.config.curves} photographs, {run.config.steps} steps")
