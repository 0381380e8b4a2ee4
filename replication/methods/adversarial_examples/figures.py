"""The figures and tables, in the notebook's order."""

from matplotlib.figure import Figure
from torch import Tensor

from innerview.adversarial import Transfer, distances
from innerview.core.images import to_array
from innerview.core.types import Images
from innerview.figures import dots, histograms, lines, panels
from innerview.figures.changes import amplified
from innerview.models import class_labels
from innerview.replicate import Run
from innerview.replicate.tables import Table
from replication.methods.adversarial_examples import attacked, basis, nothing

TITLES = {"fgsm": "One step", "iterative": "Iterative", "pgd": "PGD"}

SHORT = ("FGSM", "Iterative", "PGD", "PGD, L2", "DeepFool")
"""Attacks on one photograph that lead away from its class."""

KINDS = {
    "photograph": "Photograph", "adversarial": "Adversarial example", "noise": "From noise", "grey": "From grey",
    "unregularised": "Picture, unregularised", "regularised": "Picture, regularised",
}  # fmt: skip

NETWORKS = {"googlenet": "GoogLeNet", "squeezenet1_1": "SqueezeNet 1.1", "efficientnet_lite0": "EfficientNet-Lite0"}


def seen(run: Run, images: Images) -> list[str]:
    """Return what the network sees in each image: the first name of the class, and its probability."""
    model = run.model(run.config.model)
    likely = attacked.chances(model, images.to(run.device)).max(1)
    names = class_labels(model)
    return [
        f"{names[index].split(',')[0]} {chance:.0%}"
        for index, chance in zip(likely.indices.tolist(), likely.values.tolist(), strict=True)
    ]


def targeted_figure(run: Run) -> Figure:
    """A photograph, a change, and their sum."""
    found = attacked.one_photograph(run)
    image, changed = found["Photograph"], found["targeted"]
    change, times = amplified(image, changed)
    before, after = (seen(run, some)[0] for some in (image, changed))
    return panels({before: to_array(image)[0], f"Change, times {times}": change, after: to_array(changed)[0]}, scale=2)


def attacks_figure(run: Run) -> Figure:
    """One photograph after each attack, and below it the change."""
    found = attacked.one_photograph(run)
    image, made = found["Photograph"], {name: found[name] for name in ("Photograph", *SHORT)}
    above = {f"{name}: {seen(run, one)[0]}": to_array(one)[0] for name, one in made.items()}
    below = {}
    for place, one in enumerate(made.values()):
        change, times = amplified(image, one)
        below[f"Change, times {times}" + " " * place if place else "No change"] = change
    return panels(above | below, columns=len(made))


def attacks_table(run: Run) -> Table:
    """How long the change of each attack is."""
    found = attacked.one_photograph(run)
    image, rows = found["Photograph"], []
    for name in (*SHORT, "targeted"):
        one = found[name]
        rows.append(
            {
                "attack": f"PGD to {run.config.led_to}, {run.config.led_levels:g} levels"
                if name == "targeted"
                else name,
                "seen": seen(run, one)[0],
                "levels": f"{255 * float(distances(image, one)):.3g}",
                "length": f"{float(distances(image, one, 'l2')):.3g}",
            }
        )
    columns = {
        "attack": "Attack", "seen": "What the network sees", "levels": "Largest change, levels of 255",
        "length": "Euclidean length",
    }  # fmt: skip
    return Table(rows, columns, "The same photograph")


def accuracy_figure(run: Run, norm: str) -> Figure:
    """Accuracy against epsilon, each attack a curve."""
    found = attacked.curve(run, norm)
    curves = {TITLES[name]: (one.epsilons[1:], one.accuracy[name][1:]) for name, one in found.items()}
    clean = next(one.accuracy[name][0] for name, one in found.items())
    x = "Epsilon, levels of 255" if norm == "linf" else "Epsilon, Euclidean length"
    return lines(curves, x, "Share of photographs right", log="x", reference={"No attack": clean}, markers=True)


def accuracy_table(run: Run) -> Table:
    """Accuracy and confidence at the far end of each curve."""
    rows = []
    for norm in attacked.KINDS:
        for name, one in attacked.curve(run, norm).items():
            size = f"{one.epsilons[-1]:g} levels" if norm == "linf" else f"length {one.epsilons[-1]:g}"
            right, sure = (f"{values[name][-1]:.2f}" for values in (one.accuracy, one.confidence))
            rows.append({"attack": TITLES[name], "epsilon": size, "accuracy": right, "confidence": sure})
    start = attacked.curve(run, "linf")["fgsm"]
    right, sure = (values["fgsm"][0] for values in (start.accuracy, start.confidence))
    columns = {
        "attack": "Attack", "epsilon": "Epsilon", "accuracy": "Share right", "confidence": "Mean confidence",
    }  # fmt: skip
    return Table(rows, columns, f"Without attack {right:.2f} are right, with a mean confidence of {sure:.2f}")


def deepfool_table(run: Run) -> Table:
    """How short DeepFool's ways are."""
    found = attacked.pushed(run)
    rows = [
        {"what": what, **{key: f"{float(pick(found[name].double())):.2g}" for key, pick in PICKS.items()}}
        for name, what in LENGTHS.items()
    ]
    fooled, undone = (int(found[name].sum()) for name in ("success", "undone"))
    title = f"{fooled} of {len(found['success'])} photographs fooled; rounding to 8 bits undoes {undone}"
    return Table(rows, {"what": "", "least": "Least", "mean": "Mean", "most": "Most"}, title)


PICKS = {"least": Tensor.min, "mean": Tensor.mean, "most": Tensor.max}

LENGTHS = {
    "norms": "Euclidean length of the change",
    "ratios": "The same, as a share of the photograph's less the mean colour",
    "plain": "The same, as a share of the photograph's",
    "largest": "Largest change of a value, levels of 255",
    "steps": "Steps",
}


def universal_figure(run: Run) -> Figure:
    """The perturbation, and unseen photographs without and with it."""
    found, count = attacked.universal(run), 4
    grey = found["perturbation"] * 0 + 0.5
    change, times = amplified(grey, grey + found["perturbation"])
    plain, changed = attacked.universal_examples(run, count)
    above, below = {f"Change, times {times}": change}, {" " * 9: to_array(grey * 2)[0]}
    for place in range(len(plain)):
        before, after = plain[[place]], changed[[place]]
        above[seen(run, before)[0] + " " * place] = to_array(before)[0]
        below[seen(run, after)[0] + " " * (10 + place)] = to_array(after)[0]
    return panels(above | below, columns=len(above))


def nothing_figure(run: Run) -> Figure:
    """Images of each kind with the probability of the class that each is to be taken for."""
    cells, found = {}, nothing.pictures(run)
    for row, name in enumerate(run.config.names[:3]):
        for column, (kind, title) in enumerate(KINDS.items()):
            told = f"{title}, {name}" if kind != "photograph" else title
            image, sure = found[kind]["images"][[row]], float(found[kind]["sure"][row])
            cells[f"{told}: {sure:.0%}" + " " * (len(KINDS) * row + column)] = to_array(image)[0]
    return panels(cells, columns=len(KINDS))


def fragile_figure(run: Run) -> Figure:
    """How sure the network is of each kind, before and after small transformations; and another network."""
    found = nothing.pictures(run)
    other = NETWORKS[run.config.others[-1]]
    groups = {"As made": "sure", "Shifted and turned a little": "moved", f"{other}, as made": "other"}
    return dots(
        {group: {KINDS[kind]: _range(one[name]) for kind, one in found.items()} for group, name in groups.items()},
        "Probability of the class: mean, least and most",
    )


def _range(values: Tensor) -> tuple[float, float, float]:
    low, middle, high = (float(pick(values.double())) for pick in (Tensor.min, Tensor.mean, Tensor.max))
    return min(max(middle, low), high), low, high


def fragile_table(run: Run) -> Table:
    """The same numbers, and how fine the images are."""
    rows = [
        {"kind": KINDS[kind], **{name: f"{float(one[name].mean()):.3f}" for name in ("sure", "moved", "other", "fine")}}
        for kind, one in nothing.pictures(run).items()
    ]
    columns = {
        "kind": "Images", "sure": "Probability as made", "moved": "Shifted and turned a little",
        "other": NETWORKS[run.config.others[-1]], "fine": "Share of energy above .25 cycles per pixel",
    }  # fmt: skip
    return Table(rows, columns, f"Means over {len(run.config.names)} images of each kind")


def transfer_table(run: Run) -> Table:
    """Error rates of each network on what was made on each."""
    found = attacked.carried(run)
    titles = {"fgsm": "One step", "iterative": "Iterative", "noise": "Random signs"}
    rows = [row for kind, title in titles.items() for row in _transfer_rows(found[kind], title, made=kind != "noise")]
    names, counts = found["fgsm"].names, found["fgsm"].counts.tolist()
    judges = {name: f"{NETWORKS[name]}, of {count}" for name, count in zip(names, counts, strict=True)}
    title = f"Share of the photographs a network had right and has wrong now; {run.config.carried_levels:g} levels"
    return Table(rows, {"attack": "Attack", "maker": "Made on"} | judges, title)


def _transfer_rows(found: Transfer, title: str, *, made: bool) -> list[dict[str, str]]:
    makers = [NETWORKS[name] for name in found.names] if made else ["-"]
    return [
        {"attack": title, "maker": maker, **{name: f"{rate:.0%}" for name, rate in zip(found.names, row, strict=True)}}
        for maker, row in zip(makers, found.errors.tolist(), strict=True)
    ]


def basis_figure(run: Run) -> Figure:
    """How pure the top photographs of channels and of random directions are, in the last layer but one."""
    found = basis.purities(run)[run.config.layers[-1]]
    groups = {"Channels": "channels", "Random directions": "directions", "Chance": "chance"}
    share = f"Purity: share of the top {run.config.top} that is of one class"
    return histograms({title: found[kind].numpy() for title, kind in groups.items()}, share, "Share of units")


def basis_table(run: Run) -> Table:
    """The means, in both layers."""
    rows = [
        {"layer": layer, **{kind: f"{float(values.double().mean()):.3f}" for kind, values in found.items()}}
        for layer, found in basis.purities(run).items()
    ]
    columns = {
        "layer": "Layer", "channels": "Channels", "directions": "Random directions", "chance": "Chance",
    }  # fmt: skip
    return Table(rows, columns, f"Mean purity of the top {run.config.top}")
