"""The figures and tables, in the notebook's order."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from innerview.core.images import to_array
from innerview.core.maps import unit_range
from innerview.figures import Arrow, Block, Marked, colored, diagram, dots, lines, outlines
from innerview.localization import Acol, AcolHeads, Threshold, box_from_heatmap
from innerview.models import Backbone, recorded
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.zhang2018_acol import study
from replication.zhang2018_acol.config import REPORTED, REVISITED
from replication.zhang2018_acol.data import read
from replication.zhang2018_acol.measures import Measured, measured
from replication.zhang2018_acol.trained import Which, of_run, outcomes, truth

SHOWN: Final = 5
KINDS: Final[tuple[Which, ...]] = ("a", "b", "fused")
BRANCH: Final = ("conv6", "conv7", "maps", "mean", "logits")
TITLES: Final[Mapping[str, str]] = {"a": "A's map", "b": "B's map", "fused": "Fused map"}
STUDIED: Final[Mapping[str, str]] = {
    "top-1 fixed": "Top-1, fixed", "top-1 tuned": "Top-1, tuned", "GT-known fixed": "GT-known, fixed",
    "GT-known tuned": "GT-known, tuned", "class error": "Class",
}  # fmt: skip
"""Numbers of the study that the table shows -> heading."""


def architecture_figure(run: Run) -> Figure:
    """The network as it is built: names, sizes and channels are read off the module while it runs."""
    config, lab = run.config, of_run(run)
    backbone = Backbone(lab.model, config.layer, config.dense)
    heads = AcolHeads(backbone.channels, len(lab.photographs.classes), width=config.width, delta=config.delta)
    model = Acol(backbone, heads).to(run.device)
    layers = [f"heads.{branch}.{layer}" for branch in "ab" for layer in ("conv6", "conv7", "maps")]
    image = torch.full((1, 3, config.size, config.size), 0.5, device=run.device)
    with torch.no_grad(), recorded(model, ["backbone", *layers]) as record:
        logits = model(image, torch.zeros(1, dtype=torch.long, device=run.device))
    _, channels, rows, columns = record["backbone"].shape
    blocks = [
        Block("image", 0, 0.5, "Image", f"RGB\n{config.size} x {config.size}"),
        Block("backbone", 1, 0.5, "Backbone", f"up to\n{config.layer}"),
        Block("features", 2, 0.5, "Features", f"{channels} channels\n{rows} x {columns}"),
        *(block for row, branch in enumerate("ab") for block in _branch(heads, record, branch, row, logits.shape[-1])),
        Block("erase", 3, 1, "Erase", f"where A\n≥ {heads.delta}", 1),
        Block("fused", 7, 0.5, "Fused map", "maximum of both", 2, columns=2),
    ]
    before = ["image", "backbone", "features"]
    return diagram(
        blocks,
        [
            *_chain(*before, *(f"a.{name}" for name in BRANCH)),
            *_chain("features", "erase", *(f"b.{name}" for name in BRANCH)),
            Arrow("a.maps", "erase", "A's map of the true class"),
            Arrow("a.maps", "fused"),
            Arrow("b.maps", "fused"),
        ],
        width=7.2,
    )


def _branch(heads: AcolHeads, record: Mapping[str, Tensor], branch: str, row: int, classes: int) -> list[Block]:
    """Return the blocks of classifier A or B."""
    found = []
    for column, name in enumerate(("conv6", "conv7", "maps"), 4):
        side = heads.get_submodule(f"{branch}.{name}").kernel_size[0]  # pyright: ignore[reportIndexIssue]
        title = f"Maps {branch.upper()}" if name == "maps" else name
        detail = f"{side} x {side}\nto {record[f'heads.{branch}.{name}'].shape[1]}"
        found.append(Block(f"{branch}.{name}", column, row, title, detail, row))
    found.append(Block(f"{branch}.mean", 7, row, "GAP", "mean of\neach map", row))
    return [*found, Block(f"{branch}.logits", 8, row, f"Logits {branch.upper()}", f"{classes} classes", row)]


def _chain(*names: str) -> list[Arrow]:
    return [Arrow(start, end) for start, end in pairwise(names)]


def curves_figure(run: Run) -> Figure:
    """The loss of both trainings, averaged over fifty steps."""
    series = {}
    for name, found in outcomes(run).items():
        window = min(50, len(found.history))
        smooth = found.history.unfold(0, window, max(1, window // 2)).mean(1)
        epochs = torch.linspace(0, run.config.epochs, len(smooth))
        series[_branches(name)] = (epochs.numpy(), smooth.numpy())
    return lines(series, "Epoch", "Loss, nats", log="y")


def _branches(name: str) -> str:
    return f"{name}, both classifiers together" if name == "ACoL" else f"{name}, one classifier"


def accuracy_table(run: Run) -> Table:
    """The share of the tuning photographs that are classified rightly after each epoch."""
    found = outcomes(run)
    rows = [
        {"epoch": epoch + 1} | {name: f"{100 * float(one.accuracy[epoch]):.1f}" for name, one in found.items()}
        for epoch in range(len(found["GAP"].accuracy))
    ]
    columns = {"epoch": "Epoch", "GAP": "GAP, %", "ACoL": "ACoL's classifier A, %"}
    return Table(rows, columns, f"Right classes among {len(of_run(run).photographs.tuning)} other photographs")


def maps_figure(run: Run) -> Figure:
    """Photographs with A's map, what is erased, B's map and the fused map, and the boxes that these give."""
    lab, found, config = of_run(run), outcomes(run)["ACoL"], run.config
    few, true = examples(run), truth(lab)
    images = read([lab.photographs.boxed[place] for place in few], config.size)
    maps = {kind: found.heatmaps(kind, config.size) for kind in KINDS}
    shown = []
    for image, place in zip(images, few, strict=True):
        kept = unit_range(found.maps.a[place][None])[0] < config.delta
        name = lab.photographs.classes[lab.photographs.boxed[place].label]
        marks = {
            title: Marked(title, colored(image[None], maps[kind][place]), _boxes(run, true[place], maps[kind][place]))
            for kind, title in (("a", f"A: {name}"), ("b", "B"), ("fused", "Fused"))
        }
        first, *others = marks.values()
        shown += [first, Marked(f"Left for B: {kept.float().mean():.0%}", _left(image, kept)), *others]
    return outlines(shown, columns=4)


def examples(run: Run) -> list[int]:
    """Return photographs of different classes, not chosen but evenly spread."""
    count = len(of_run(run).photographs.boxed)
    return [(2 * place + 1) * count // (2 * SHOWN) for place in range(min(SHOWN, count))]


def _left(image: Tensor, kept: Tensor) -> np.ndarray:
    """Return a photograph whose erased positions are grey."""
    pixels = to_array(image[None])[0]
    rows, columns = (side // length for side, length in zip(pixels.shape, kept.shape, strict=False))
    mask = np.kron(kept.numpy(), np.ones((rows, columns), dtype=bool))
    return np.where(mask[..., None], pixels, np.uint8(235))


def _boxes(run: Run, true: Tensor, heatmap: Tensor) -> Mapping[str, Tensor]:
    return {"True": true, "Found": box_from_heatmap(unit_range(heatmap[None]), run.config.threshold)}


def precision_figure(run: Run) -> Figure:
    """Precision over recall of the pixels inside the boxes, as the threshold falls."""
    return lines(
        {
            title: (100 * found.curve.recall.numpy(), 100 * found.curve.precision.numpy())
            for title, found in _kinds(run)
        },
        "Recall: of the box, %", "Precision: of what is marked, %",
    )  # fmt: skip


def _kinds(run: Run) -> list[tuple[str, Measured]]:
    lab, found = of_run(run), outcomes(run)["ACoL"]
    return [(TITLES[kind], measured(lab, "ACoL", found, kind)) for kind in KINDS]


def thresholds_figure(run: Run) -> Figure:
    """How many boxes are right over the threshold, for GAP and ACoL, the class being told."""
    lab, found = of_run(run), outcomes(run)
    kinds: dict[str, Which] = {"GAP": "a", "ACoL": "fused"}
    series = {name: measured(lab, name, found[name], kind).judged.first for name, kind in kinds.items()}
    return lines(
        {name: (boxes.thresholds.numpy(), boxes.curves[0].numpy()) for name, boxes in series.items()},
        "Threshold, share of the map's range", "Right boxes, %",
    )  # fmt: skip


OWN: Final[Mapping[str, tuple[str, Which]]] = {
    "GAP": ("GAP", "a"), "ACoL, A": ("ACoL", "a"), "ACoL, B": ("ACoL", "b"), "ACoL, fused": ("ACoL", "fused")
}  # fmt: skip
"""The maps of this run: title -> training and kind."""


def boxes_table(run: Run) -> Table:
    """What this run measured of boxes: one seed."""
    lab, found = of_run(run), outcomes(run)
    thresholds: tuple[Threshold, ...] = ("fixed", "tuned", "best")
    rows = []
    for title, (name, kind) in OWN.items():
        judged = measured(lab, name, found[name], kind).judged
        located = {how: f"{judged.error(None, how):.1f}" for how in thresholds}
        further = {"at": judged.threshold("best"), "v2": f"{judged.box_accuracy_v2():.1f}"}
        rows.append({"map": title} | located | further)
    columns = {
        "map": "Map", "fixed": "Fixed, %", "tuned": "Tuned, %", "best": "Best, %", "at": "Best threshold",
        "v2": "MaxBoxAccV2, %",
    }  # fmt: skip
    return Table(rows, columns, f"Wrong boxes of {len(lab.photographs.boxed)} photographs, the class told")


def pixels_table(run: Run) -> Table:
    """What this run measured of pixels inside the true boxes."""
    lab, found = of_run(run), outcomes(run)
    rows = []
    for title, (name, kind) in OWN.items():
        one = measured(lab, name, found[name], kind)
        recall, precision = (f"{100 * values.mean():.0f}" for values in one.coverage)
        average = f"{100 * one.curve.average_precision:.1f}"
        rows.append({"map": title, "recall": recall, "precision": precision, "average": average})
    cut = f"at {run.config.threshold:.0%}"
    columns = {
        "map": "Map", "recall": f"Recall {cut}, %", "precision": f"Precision {cut}, %",
        "average": "Average precision, %",
    }  # fmt: skip
    return Table(rows, columns, "Pixels inside the true boxes")


# The study


def study_line() -> None:
    """Say when the study ran, on what, and with what."""
    told = study.numbers()
    machine, config = told["machine"], told["config"]
    print(f"Study of {told['date'][:10]}, {machine['cpu']}, {machine['cores']} cores")
    print(f"torch {told['versions']['torch']}, seeds {', '.join(map(str, told['seeds']))}")
    print(f"{told['training']} training photographs, {config['epochs']} epochs, width {config['width']}")
    print(f"measured on {told['boxed']} photographs")


def study_table() -> Table:
    """Localization errors of all ways to train, in the mean over seeds."""
    rows, last = [], ""
    for trained, name in _ways():
        own = study.rows_of(name, trained=trained)
        cells = {key: _mean_and_spread([row[key] for row in own]) for key in STUDIED}
        rows.append({"trained": "" if trained == last else trained, "name": name} | cells)
        last = trained
    columns = {"trained": "Trained", "name": "Method"} | STUDIED
    title = "Errors in %: mean over three seeds (two for ACoL but 0.6), ± half of their range"
    return Table(rows, columns, title)


def _ways() -> list[tuple[str, str]]:
    """Return how much is trained and the method, as the study's rows have them, those of one part together."""
    kept = [row for row in study.numbers()["rows"] if row["name"] != "middle"]
    order = ["nothing", *study.PARTS]
    return sorted(dict.fromkeys((row["trained"], row["name"]) for row in kept), key=lambda way: order.index(way[0]))


def _mean_and_spread(values: Sequence[float]) -> str:
    spread = (max(values) - min(values)) / 2
    return f"{np.mean(values):.1f}" + (f" ± {spread:.1f}" if len(values) > 1 else "")


def study_figure() -> Figure:
    """Localization errors with the class told, at a fixed and at a tuned threshold."""
    ways = [(trained, name) for trained, name in _ways() if not name.startswith("ACoL") or name == "ACoL, 0.6"]
    groups = {
        f"{how.capitalize()} threshold": {_title(*way): _low_and_high(way, f"GT-known {how}") for way in ways}
        for how in ("fixed", "tuned")
    }
    return dots(groups, "Wrong boxes, the class told, %")


def _title(trained: str, name: str) -> str:
    return f"{name} ({'no training' if trained == 'nothing' else trained})"


def _low_and_high(way: tuple[str, str], key: str) -> tuple[float, float, float]:
    values = [row[key] for row in study.rows_of(way[1], trained=way[0])]
    return float(np.mean(values)), min(values), max(values)


def deltas_figure() -> Figure:
    """The error of ACoL over the threshold of erasing, beside that of GAP."""
    deltas, most = study.CONFIG.deltas, next(iter(study.PARTS))
    found = {
        how: [_low_and_high((most, f"ACoL, {delta:g}"), f"GT-known {how}") for delta in deltas]
        for how in ("fixed", "tuned")
    }
    series = {f"ACoL, {how} threshold": (deltas, [middle for middle, _, _ in values]) for how, values in found.items()}
    bands = {
        f"ACoL, {how} threshold": ([low for _, low, _ in values], [high for _, _, high in values])
        for how, values in found.items()
    }
    plain = {f"GAP, {how} threshold": _low_and_high((most, "GAP"), f"GT-known {how}")[0] for how in found}
    return lines(
        series, "Threshold of erasing, delta", "Wrong boxes, the class told, %", reference=plain, spread=bands,
        markers=True,
    )  # fmt: skip


def reported_table() -> Table:
    """The paper's errors and what a later study found, as reported."""
    rows = [{"what": name, "first": f"{first:.2f}", "five": f"{five:.2f}"} for name, (first, five) in REPORTED.items()]
    columns = {"what": "ILSVRC, 1000 classes", "first": "Top-1 error, %", "five": "Top-5 error, %"}
    return Table(rows, columns, "Localization errors as the paper reports them")


def revisited_table() -> Table:
    """By how much ACoL changes MaxBoxAccV2, in a later study as reported, and in ours."""
    rows = [
        {"network": f"{name}, ImageNet", "gain": f"{gain:+.1f}", "who": "as reported"}
        for name, gain in REVISITED.items()
    ]
    for trained in study.PARTS:
        ours, plain = (
            [row["V2 best"] for row in study.rows_of(name, trained=trained)] for name in ("ACoL, 0.6", "GAP")
        )
        gains = [one - other for one, other in zip(ours, plain, strict=True)]
        middle = f"{np.mean(gains):+.1f} ({min(gains):+.1f} to {max(gains):+.1f})"
        rows.append({"network": f"GoogLeNet, ten classes, {trained} trained", "gain": middle, "who": "our study"})
    columns = {"network": "Network", "gain": "MaxBoxAccV2, percentage points", "who": ""}
    return Table(rows, columns, "What the second classifier adds once every method has its best thresholds")
