"""The figures and tables, in the notebook's order."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from innerview.attribution import METHODS, RELU_RULES, grad_cam, input_gradient
from innerview.core.images import to_array
from innerview.core.maps import enlarged
from innerview.core.types import Images
from innerview.evaluation import randomized
from innerview.figures import Explained, Look, Marked, bars, colored, gradient_picture, lines, outlines, panels
from innerview.figures import heatmaps as drawn
from innerview.figures.coloring import look
from innerview.models import class_labels, evaluate
from innerview.optimize import neuron
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.selvaraju2017_grad_cam import faithful, localized, objects, robust
from replication.selvaraju2017_grad_cam.explaining import heatmaps, logits_of
from replication.selvaraju2017_grad_cam.paper import REPORTED, known, spread
from replication.selvaraju2017_grad_cam.photographs import boxed, pair_photo, pairs, read, scenes

REPORTED_CORRELATIONS: Final = {
    "guided_grad_cam": 0.261, "grad_cam": 0.254, "c_mwp": 0.220, "cam": 0.208, "guided_backprop": 0.168
}  # fmt: skip
"""Rank correlation with occlusion maps on PASCAL VOC, as reported (Sec. 5.3)."""

SHOWN: Final = 5


def look_of(method: str) -> Look:
    """Return how the maps of a method are coloured."""
    return look(signed=METHODS[method].signed, fine=METHODS[method].fine)


def title_of(method: str) -> str:
    """Return a method's name for people; other names stay as they are."""
    return METHODS[method].title if method in METHODS else method


def name_of(run: Run, index: int) -> str:
    """Return a class's name, the first of its names."""
    return class_labels(run.model(run.config.model))[index].split(",")[0]


def pair_figure(run: Run) -> Figure:
    """Two classes of one photograph, as the paper's Figure 1: guided backpropagation, Grad-CAM, both, occlusion."""
    image, config, model = pair_photo(run), run.config, run.model(run.config.model)
    cells: dict[str, np.ndarray] = {}
    for row, index in enumerate(config.pair):
        name, own = name_of(run, index), to_array(image)[0]
        guided, cam = input_gradient(model, image, index, "guided"), grad_cam(model, image, index, config.layer)
        both = guided * enlarged(cam, (image.shape[-2], image.shape[-1]))[:, None]
        covered = METHODS["occlusion"].explain(model, image, index)
        cells |= {
            " " * row + "Photograph": own,
            f"Guided backprop, {name}": gradient_picture(guided[0].cpu()),
            f"Grad-CAM, {name}": colored(own, cam[0].cpu()),
            f"Guided Grad-CAM, {name}": gradient_picture(both[0].cpu()),
            f"Occlusion, {name}": colored(own, covered[0].relu().cpu()),
        }
    return panels(cells, columns=5)


def methods_figure(run: Run) -> Figure:
    """One class of one photograph by every method."""
    image, config, model = pair_photo(run), run.config, run.model(run.config.model)
    index = config.pair[1]

    def compute() -> dict[str, Tensor]:
        return {
            name: METHODS[name].explain(model, image, index, config.layer, seed=run.seed) for name in config.methods
        }

    asked = config.model, config.layer, config.photo, config.size, config.methods, index
    maps = run.part("methods", compute, *asked)
    shown = [Explained("Photograph", image.cpu())]
    shown += [Explained(METHODS[name].title, image.cpu(), maps[name][0], look_of(name)) for name in config.methods]
    return drawn(shown, columns=4)


def rules_figure(run: Run) -> Figure:
    """The three ways back through a ReLU, from a class and from a neuron in the middle of the network."""
    image, config, model = pair_photo(run), run.config, run.model(run.config.model)
    middle = config.layers[len(config.layers) // 2]
    strongest = int(_at_middle(run, image, middle).argmax())
    targets = {
        name_of(run, config.pair[1]): config.pair[1],
        f"neuron {strongest} of {middle}": neuron(middle, strongest),
    }
    cells = {"Photograph": to_array(image)[0]}
    for row, (name, target) in enumerate(targets.items()):
        if row:
            cells[" "] = to_array(image)[0]
        for rule in RELU_RULES:
            cells[f"{rule}, {name}"] = gradient_picture(input_gradient(model, image, target, rule)[0].cpu())
    return panels(cells, columns=4)


def _at_middle(run: Run, image: Images, layer: str) -> Tensor:
    """Return the activations at a layer's middle position."""
    read_ = evaluate(run.model(run.config.model), image, layer)[layer]
    return read_[0, :, read_.shape[2] // 2, read_.shape[3] // 2]


def error_table(run: Run) -> Table:
    """Table 1: our errors beside the paper's and a reproduction's."""
    found, rows = localized.table(run), []
    for name, (classification, first, five, again) in REPORTED.items():
        measured = found.get(name)
        guessed = None if measured is None else measured.guessed
        network = name.removeprefix("torchvision/")
        kinds = (
            ("class, top-1", classification, None, guessed and ~guessed.classified[:, 0]),
            ("localization, top-1", first, again, guessed and ~guessed.correct(1)),
            ("localization, top-5", five, None, guessed and ~guessed.correct(5)),
        )
        for kind, paper, reproduction, wrong in kinds:
            cells = {"network": network, "error": kind, "paper": paper, "again": reproduction}
            rows.append(cells | {"measured": None if wrong is None else _with_interval(wrong)})
            network = ""
    columns = {
        "network": "Network", "error": "Error", "paper": "Paper", "again": "Reproduction", "measured": "Measured"
    }  # fmt: skip
    return Table(rows, columns, "Table 1: errors in %, with 95 % intervals over photographs")


def _with_interval(values: Tensor) -> str:
    """Write a share in % with its interval."""
    found = spread(100 * values.double())
    return f"{found.middle:.1f} ({found.low:.1f} to {found.high:.1f})"


def examples_figure(run: Run) -> Figure:
    """Photographs with true boxes and the box around what Grad-CAM marks."""
    photos = boxed(run, 2 * SHOWN)
    images, maps, boxes = localized.example_boxes(run, photos, [one.label for one in photos])
    shown = [
        Marked(name_of(run, photo.label), colored(image[None], one), {"True": photo.boxes, "Found": box[None]})
        for image, one, box, photo in zip(images, maps, boxes, photos, strict=True)
    ]
    return outlines(shown, columns=SHOWN)


def failures_figure(run: Run) -> Figure:
    """Photographs that are classified wrongly: what Grad-CAM marks for the class predicted, and for the true one."""
    photos = boxed(run, run.config.compared)
    predicted = logits_of(run.model(run.config.model), read(run, photos)).argmax(1).tolist()
    wrong = [place for place, one in enumerate(photos) if predicted[place] != one.label]
    few = wrong[:: max(1, len(wrong) // SHOWN)][:SHOWN] or [0]
    both = [photos[place] for place in few] * 2
    classes = [predicted[place] for place in few] + [photos[place].label for place in few]
    kinds = ["predicted"] * len(few) + ["true"] * len(few)
    titles = [f"{kind}: {name_of(run, index)}" for kind, index in zip(kinds, classes, strict=True)]
    images, maps, _ = localized.example_boxes(run, both, classes)
    shown = [
        Marked(title, colored(image[None], one), {"True": photo.boxes} if kind == "true" else {})
        for title, image, one, photo, kind in zip(titles, images, maps, both, kinds, strict=True)
    ]
    return outlines(shown, columns=len(few))


def classes_figure(run: Run) -> Figure:
    """How many boxes are right in each class, beside the share of the photograph that its objects take."""
    photos, found = boxed(run), localized.table(run)[run.config.model].told.correct()
    right: dict[str, list[float]] = {}
    area: dict[str, list[float]] = {}
    for one, correct in zip(photos, found.tolist(), strict=True):
        name = name_of(run, one.label)
        largest = ((one.boxes[:, 2] - one.boxes[:, 0]) * (one.boxes[:, 3] - one.boxes[:, 1])).max()
        right.setdefault(name, []).append(100.0 * correct)
        area.setdefault(name, []).append(100 * float(largest) / run.config.size**2)
    order = sorted(right, key=lambda name: np.mean(right[name]))
    groups = {"Right boxes": right, "Area of the largest true box": area}
    means = {title: {name: float(np.mean(of[name])) for name in order} for title, of in groups.items()}
    return bars(means, "% of the boxes, % of the photograph", xlim=(0, 100))


def likeness_figure(run: Run) -> Figure:
    """How alike the maps of two classes in one photograph are, by method."""
    alike = {title_of(method): float(known(found).mean()) for method, found in objects.likeness(run).items()}
    return bars({"Likeness": alike}, "Rank correlation of the maps of two classes in one photograph", xlim=(0, 1))


def compared_table(run: Run) -> Table:
    """Methods by their boxes, the class being told."""
    rows = [
        {
            "method": title_of(method),
            "rule": _with_interval(found.boxes.correct()),
            "first": None if found.first is None else f"{found.first.accuracy:.1f}",
            "at": None if found.first is None else found.first.best_thresholds[0],
            "second": None if found.second is None else f"{found.second.accuracy:.1f}",
        }
        for method, found in localized.compared(run).items()
    ]
    columns = {
        "method": "Method", "rule": "Right, %", "first": "MaxBoxAcc, %", "at": "at", "second": "V2, %"
    }  # fmt: skip
    title = f"Boxes around the true class, cut at {run.config.threshold:.0%} of the maximum, and at the best threshold"
    return Table(rows, columns, title)


def thresholds_figure(run: Run) -> Figure:
    """How many boxes are right over the threshold, for each method."""
    series = {
        title_of(method): (found.first.thresholds.numpy(), found.first.curves[0].numpy())
        for method, found in localized.compared(run).items()
        if found.first is not None
    }
    return lines(series, "Threshold, share of the map's range", "Right boxes, %")


def correlations_table(run: Run) -> Table:
    """Rank correlation with occlusion maps, ours beside the paper's."""
    rows = []
    coarse, fine = faithful.correlations(run), faithful.correlations(run, 1)
    for method in dict.fromkeys([*REPORTED_CORRELATIONS, *coarse]):
        cells: dict[str, object] = {"method": "c-MWP" if method == "c_mwp" else title_of(method)}
        cells |= {"paper": REPORTED_CORRELATIONS.get(method), "coarse": None, "fine": None}
        if method in coarse:
            for name, found in (("coarse", coarse), ("fine", fine)):
                measured = spread(known(found[method]))
                cells[name] = f"{measured.middle:.3f} ({measured.low:.3f} to {measured.high:.3f})"
        rows.append(cells)
    columns = {
        "method": "Method", "paper": "Paper, PASCAL VOC", "coarse": "Measured, on the occlusion map's grid",
        "fine": "Measured, by pixel",
    }  # fmt: skip
    return Table(rows, columns, "Rank correlation with occlusion maps, with 95 % intervals over photographs")


def curves_figure(run: Run, kind: str) -> Figure:
    """The true class's probability as pixels go or come in the order of each method."""
    series = {
        title_of(method): (100 * found["shares"].numpy(), found["scores"].mean(0).numpy())
        for method, found in faithful.curves(run, kind).items()
    }
    did = {"deletion": "turned grey", "insertion": "sharpened"}[kind]
    return lines(series, f"Pixels {did}, %", "Probability of the true class")


def scenes_figure(run: Run) -> Figure:
    """Two objects of one photograph, by Grad-CAM and by guided backpropagation."""
    of = scenes(run)
    by_method = {method: objects.object_maps(run, method) for method in ("grad_cam", "guided_backprop")}
    shown: list[Explained | None] = []
    for first, second in _telling_pairs(run):
        image = of.images[of.owners[first]][None]
        shown.append(Explained("Photograph", image))
        for method, maps in by_method.items():
            for one in (first, second):
                title = f"{title_of(method)}, {of.categories[one]}"
                shown.append(Explained(title, image, maps[one], look_of(method)))
    return drawn(shown, columns=5)


def _telling_pairs(run: Run, count: int = 3) -> list[tuple[int, int]]:
    """Return pairs of objects in different photographs that are both large."""
    of = scenes(run)
    areas = of.masks.float().mean((1, 2))
    best: dict[int, tuple[float, tuple[int, int]]] = {}
    for first, second in pairs(of):
        apart = float((of.masks[first] & of.masks[second]).float().mean())
        worth = float(min(areas[first], areas[second])) - apart
        owner = int(of.owners[first])
        best[owner] = max(best.get(owner, (-1.0, (0, 0))), (worth, (first, second)))
    return [pair for _, pair in sorted(best.values(), reverse=True)[:count]]


def discrimination_figure(run: Run) -> Figure:
    """How often each method's maps tell two classes of a photograph apart."""
    shares = {title_of(m): 100 * float(found.float().mean()) for m, found in objects.discrimination(run).items()}
    return bars({"Pairs told apart": shares}, "Pairs of objects told apart, %", xlim=(0, 100))


def pointing_table(run: Run) -> Table:
    """The pointing game by method."""
    rows = [
        {
            "method": title_of(method),
            "categories": f"{objects.category_mean(hits):.1f}",
            "objects": _with_interval(torch.cat(list(hits.values()))),
        }
        for method, hits in objects.pointing(run).items()
    ]
    of = scenes(run)
    columns = {"method": "Method", "categories": "Mean over categories, %", "objects": "Over objects, %"}
    told = f"{len(of.categories)} objects of {len(set(of.categories))} categories"
    return Table(rows, columns, f"Pointing game: hits among {told}, with 95 % intervals")


def cuts_figure(run: Run) -> Figure:
    """Objects with their outlines and the masks that were cut out."""
    of, few, shown = scenes(run), objects.segmented(run), []
    made = {title: objects.cut(run, title) for title in objects.CUTS}
    large = of.masks[few].float().mean((1, 2)).argsort(descending=True)
    chosen = large[: len(large) // 2][:: max(1, len(large) // (2 * SHOWN))][:SHOWN].tolist()
    for title, masks in made.items():
        for one in chosen:
            number = int(few[one])
            picture, true = of.images[of.owners[number]][None], of.masks[number]
            name = f"{title}: {of.categories[number]}"
            shown.append(Marked(name, picture, masks={"True": true, "Cut": masks[one]}))
    return outlines(shown, columns=len(chosen))


def segmentation_table(run: Run) -> Table:
    """How well the masks fit the objects."""
    rows = [{"way": title, "iou": _with_interval(values)} for title, values in objects.segmentation(run).items()]
    return Table(rows, {"way": "Mask", "iou": "Intersection over union, %"}, "Weak segmentation of the objects")


def counterfactual_figure(run: Run) -> Figure:
    """What speaks for and against the two classes, and the photograph without the one and the other."""
    image, config = pair_photo(run), run.config
    shown = []
    for index in config.pair:
        maps = robust.marks(run, image, torch.tensor([index]))
        shown.append(Explained(_seen(run, image, index), image.cpu()))
        for way, word in (("Grad-CAM", "For"), ("counterfactual", "Against")):
            without = robust.covered(image, robust.marked(maps[way], config.removed_share))
            shown.append(Explained(f"{word} {name_of(run, index)}", image.cpu(), maps[way][0]))
            shown.append(Explained(f"Without it: {_seen(run, without, index)}", without.cpu()))
    return drawn(shown, columns=5)


def _seen(run: Run, image: Images, index: int) -> str:
    """Say how likely a class is in an image."""
    chance = logits_of(run.model(run.config.model), image).softmax(1)[0, index]
    return f"{name_of(run, index)} {chance:.2g}"


def attacked_figure(run: Run) -> Figure:
    """Photographs before and after the attack, with the true class's map."""
    model, shown = run.model(run.config.model), []
    found = robust.attacked(run, "towards")
    photos = boxed(run, run.config.attacked)
    fooled = found["fooled"].nonzero()[:, 0].tolist() or [0]
    few = fooled[:: max(1, len(fooled) // 3)][:3]
    images = read(run, [photos[place] for place in few])
    labels = torch.tensor([photos[place].label for place in few])
    noisy = robust.attack(run, images, labels, "towards")
    for word, some in (("before", images), ("after", noisy)):
        chances = logits_of(model, some).softmax(1).cpu()
        maps = heatmaps(model, "grad_cam", some, labels, run.config.layer).cpu()
        for image, one, chance, label in zip(some.cpu(), maps, chances, labels.tolist(), strict=True):
            top = int(chance.argmax())
            shown.append(Explained(f"{word}: {name_of(run, top)} {chance[top]:.2f}", image[None]))
            shown.append(Explained(f"Map of {name_of(run, label)}, {chance[label]:.2g}", image[None], one))
    return drawn(shown, columns=2 * len(few))


def layers_figure(run: Run) -> Figure:
    """Both classes' maps at layers from low to high."""
    image, config, model = pair_photo(run), run.config, run.model(run.config.model)
    layers = config.layers[:: max(1, len(config.layers) // 5)][-5:]
    shown = [
        Explained(f"{name_of(run, index)}, {layer.removeprefix('inception_')}", image.cpu(), maps[0].cpu())
        for index in config.pair
        for layer in layers
        for maps in [grad_cam(model, image, index, layer)]
    ]
    return drawn(shown, columns=len(layers))


def layers_chart(run: Run) -> Figure:
    """How many boxes are right by layer."""
    found = {
        layer.removeprefix("inception_"): 100 * float(result.correct().float().mean())
        for layer, result in localized.by_layer(run).items()
    }
    return bars({"Right boxes": found}, "Right boxes, the class being told, %", xlim=(0, 100))


def sanity_figure(run: Run) -> Figure:
    """The maps of one photograph as more and more layers are random, from the last down."""
    image, config, model = pair_photo(run), run.config, run.model(run.config.model)
    index, shown = config.pair[1], []
    steps = [("trained", model), *randomized(model, seed=run.seed)]
    few = [steps[place] for place in np.linspace(0, len(steps) - 1, 6).round().astype(int)]
    for method in ("grad_cam", "guided_backprop", "saliency"):
        for name, network in few:
            title = f"{title_of(method)}, {name.removeprefix('inception_')}"
            maps = METHODS[method].explain(network, image, index, config.layer)
            shown.append(Explained(title, image.cpu(), maps[0].cpu(), look_of(method)))
    return drawn(shown, columns=len(few))


def sanity_chart(run: Run, order: str) -> Figure:
    """How alike the maps stay by layer that was made random."""
    series: dict[str, tuple[Sequence[float], np.ndarray]] = {}
    for method in faithful.SANE:
        found = faithful.sanity(run, method, order)
        series[title_of(method)] = (list(range(1, len(found.layers) + 1)), found.absolute.nanmean(1).numpy())
    return lines(series, "Layers that are random, from the last", "Rank correlation with the trained maps")
