"""Configurations and claims of the page on SCOUTER.

The paper's tables were not at hand, so no claim carries a number of its own: thresholds are ours, set after a trial of
the two heads, part of whose photographs are among those shown, and before the runs that are shown.
"""

from dataclasses import replace

import torch

from innerview.core.intervals import bootstrap
from innerview.models import recorded
from innerview.replicate import Measurement, Paper, Run
from replication.methods.scouter.config import Config
from replication.methods.scouter.measures import accuracy, areas, areas_by_rank, curves, precision
from replication.methods.scouter.trained import GAP, classifier, masks, outcomes, photographs, true_classes
from replication.zhang2018_acol.data import every, read

PAPER_CONFIG = Config()
BOOK = replace(PAPER_CONFIG, images=800, boxed=200, curves=10, steps=12)
SMOKE = replace(BOOK, area_weights=(0.0, 10.0), epochs=2, batch=20, images=60, boxed=20, curves=2, steps=3, shown=2)


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, on generated images of digits."""
    return replace(config, model="efficientnet_lite0", layer="blocks.10")


PAPER = Paper(
    citation="li2021scouter",
    title="SCOUTER: Slot Attention-Based Classifier for Explainable Image Recognition",
    presets={"paper": PAPER_CONFIG, "book": BOOK, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: (
        ["bvlc_googlenet", "wsol_ilsvrc", *(f"imagenette160_{name}" for name in ("train", "val", "boxes"))]
        if config.model == "googlenet"
        else []
    ),
)


@PAPER.claim("score-is-explanation", source="Sec. 3", unit="share of the logits' range", at_most=1e-5)
def score_is_explanation(run: Run) -> float:
    """A class's score is the sum of its map times a mass that all classes share: nothing else enters."""
    model = classifier(run, "negative", run.config.area_weights[-1])
    images = read(every(photographs(run).boxed, 4), run.config.size).to(run.device)
    with torch.no_grad(), recorded(model, ["backbone", "head.reduce"]) as record:
        logits = model(images)
        maps = model.head.attention(record["backbone"])
    mass = record["head.reduce"].relu().mean(1, keepdim=True)
    apart = (logits + (maps * mass).sum((2, 3))).abs().max()  # a negative head takes away
    return float(apart / (logits.max() - logits.min()))


def _strongest(run: Run, explains: str) -> tuple[str, float]:
    return explains, run.config.area_weights[-1]


def _accuracy_gain(run: Run, explains: str) -> Measurement:
    found, labels = outcomes(run), true_classes(run)
    ours, plain = (accuracy(found[pair], labels) for pair in (_strongest(run, explains), (GAP, 0.0)))
    return Measurement(ours - plain, f"right: {ours:.1f} %, plain head {plain:.1f} %; {len(labels)} photographs")


@PAPER.claim("accuracy-kept", source="as reported", unit="percentage points", at_least=-3)
def accuracy_kept(run: Run) -> Measurement:
    """The positive head, with the greatest weight of the area, is about as often right as a plain one."""
    return _accuracy_gain(run, "positive")


@PAPER.claim("accuracy-kept-negative", source="as reported", unit="percentage points", at_least=-3)
def accuracy_kept_negative(run: Run) -> Measurement:
    """So is the negative head."""
    return _accuracy_gain(run, "negative")


def _shrinks(run: Run, explains: str, place: int) -> Measurement:
    low, high = run.config.area_weights[-2:]
    found, labels = outcomes(run), true_classes(run)
    one, other = (areas(found[explains, weight], labels)[place] for weight in (low, high))
    return Measurement(other / one, f"{one:.2f} % with weight {low:g}, {other:.2f} % with {high:g}")


@PAPER.claim("area-shrinks", source="as reported", unit="times", at_most=0.5)
def area_shrinks(run: Run) -> Measurement:
    """A greater weight of the area makes positive explanations of the own class smaller."""
    return _shrinks(run, "positive", 0)


@PAPER.claim("area-shrinks-negative", source="as reported", unit="times", at_most=0.5)
def area_shrinks_negative(run: Run) -> Measurement:
    """And negative explanations of other classes."""
    return _shrinks(run, "negative", 1)


@PAPER.claim("own-marked-most", source="Sec. 3, why this class", unit="times", at_least=5)
def own_marked_most(run: Run) -> Measurement:
    """A positive map is large for the photograph's own class and all but empty for others."""
    own, others = areas(outcomes(run)[_strongest(run, "positive")], true_classes(run))
    return Measurement(own / others, f"{own:.2f} % and {others:.2f} %")


@PAPER.claim("own-marked-least", source="Sec. 3, why not that class", unit="times", at_most=0.5)
def own_marked_least(run: Run) -> Measurement:
    """A negative map is smaller for the photograph's own class than for others: nothing speaks against it."""
    own, others = areas(outcomes(run)[_strongest(run, "negative")], true_classes(run))
    return Measurement(own / others, f"{own:.2f} % and {others:.2f} %")


@PAPER.claim("unlike-marked-more", source="as reported", unit="times", at_least=1.2)
def unlike_marked_more(run: Run) -> Measurement:
    """The less a class is like the photograph, the more speaks against it: its negative map is larger."""
    heads = outcomes(run)
    found = areas_by_rank(heads[_strongest(run, "negative")], true_classes(run), heads[GAP, 0.0].logits)
    near, far = float(found[1]), float(found[-1])
    return Measurement(far / near, f"{near:.2f} % for the likest other class, {far:.2f} % for the least like")


def _beyond(run: Run, explains: str, which: str, against: torch.Tensor | float, name: str) -> Measurement:
    shares = precision(outcomes(run)[_strongest(run, explains)], true_classes(run), masks(run), which)
    apart = shares.double() - against
    gain = bootstrap(apart[apart.isfinite()])  # a map of CAM may be positive nowhere
    told = f"{shares.nanmean():.1f} % against {name}; 95 % interval {gain.low:.1f} to {gain.high:.1f} over photographs"
    return Measurement(gain.middle, told)


@PAPER.claim("lies-on-the-object", source="Table of precision, as reported", unit="percentage points", at_least=20)
def lies_on_the_object(run: Run) -> Measurement:
    """Positive attention lies inside the object's box, much more than by chance."""
    share = 100 * float(masks(run).double().mean())
    return _beyond(run, "positive", "own", share, f"the boxes' {share:.1f} % of the area")


@PAPER.claim("more-precise-than-cam", source="Table of precision, as reported", unit="percentage points", at_least=0)
def more_precise_than_cam(run: Run) -> Measurement:
    """A larger share of it lies inside than of CAM's map of the plain head."""
    plain = precision(outcomes(run)[GAP, 0.0], true_classes(run), masks(run))
    return _beyond(run, "positive", "own", plain.double(), f"CAM's {plain.nanmean():.1f} %")


@PAPER.claim("negative-on-the-object", source="ours", unit="percentage points", at_least=0)
def negative_on_the_object(run: Run) -> Measurement:
    """What speaks against other classes lies on the object, too, rather than beside it."""
    share = 100 * float(masks(run).double().mean())
    return _beyond(run, "negative", "others", share, f"the boxes' {share:.1f} % of the area")


@PAPER.claim("as-faithful-as-grad-cam", source="Table of IAUC and DAUC, as reported", unit="points", at_least=0)
def as_faithful_as_grad_cam(run: Run) -> Measurement:
    """Insertion less deletion is at least as good in the order of the attention as in Grad-CAM's."""
    found = curves(run)
    gains = {order: (inserted - deleted).double() for order, (deleted, inserted) in found.items()}
    gain = bootstrap(gains["Attention"] - gains["Grad-CAM"])
    means = ", ".join(
        f"{order}: insertion {inserted.mean():.1f}, deletion {deleted.mean():.1f}"
        for order, (deleted, inserted) in found.items()
    )
    return Measurement(gain.middle, f"{means}; 95 % interval {gain.low:.1f} to {gain.high:.1f}")


PAPER.unmeasured(
    "accuracy-of-imagenet",
    source="Tables of accuracy",
    statement="On a hundred classes of ImageNet, backbone and head trained together keep the accuracy of a plain head.",
    reason="needs ImageNet's photographs at full size and a GPU; here the backbone is frozen and there are ten classes",
)
