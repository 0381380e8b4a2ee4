"""Configurations and claims of the page on GAN dissection.

The paper tells of objects, found by a segmentation network in images of progressive GANs. Here the concepts
are computed from the pixels, so every claim states a threshold of ours, written down before anything was measured.
"""

from dataclasses import replace

import torch

from innerview.dissection import PixelConcepts
from innerview.replicate import Measurement, Paper, Run
from replication.methods.gan_dissection.config import Config
from replication.methods.gan_dissection.measures import chosen, dissection, insertion, removal

BOOK = Config()
PAPER_CONFIG = replace(BOOK, images=10_000, tried=2000, draws=20)
SMOKE = replace(BOOK, images=16, tried=4, layers=("block8", "block16"), switched=4, draws=1, shown=3, units=2)


def embedded(config: Config) -> Config:
    """The same generator; EfficientNet-Lite0 tells how real images look."""
    return replace(config, model="efficientnet_lite0", feature_layer="pool")


PAPER = Paper(
    citation="bau2019gan",
    title="GAN Dissection",
    presets={"book": BOOK, "paper": PAPER_CONFIG, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: ["bvlc_googlenet"] if config.model == "googlenet" else [],
)


@PAPER.claim("units-agree-with-concepts", source="Bau et al., Sec. 4.1", unit="share of units", at_least=0.25)
def units_agree_with_concepts(run: Run) -> Measurement:
    """Many units of a middle layer agree with something that the images show, though nobody told the generator."""
    found = dissection(run, run.config.layer)
    names = [name for few in found.detected().values() for name in few]
    return Measurement(len(found.detectors) / len(found.best), f"{len(names)} concepts: {', '.join(names)}")


@PAPER.claim("middle-layers-agree-best", source="Bau et al., Sec. 4.1", at_least=1)
def middle_layers_agree_best(run: Run) -> Measurement:
    """The first layer's units agree with concepts less than those of layers in the middle."""
    means = {layer: float(dissection(run, layer).best_iou.mean()) for layer in run.config.layers}
    first, *rest = means.values()
    note = ", ".join(f"{layer} {value:.3f}" for layer, value in means.items())
    return Measurement(max(rest[:-1] or rest) / first, f"mean IoU with the best concept: {note}")


@PAPER.claim("switching-off-removes", source="Bau et al., Sec. 4.2", unit="share", at_least=0.3, tolerance=0.2)
def switching_off_removes(run: Run) -> Measurement:
    """Switching off the units that agree with a concept removes much of it from the images."""
    gone = {concept: _gone(run, concept)[0] for concept in chosen(run)}
    return Measurement(_mean(gone), "; ".join(f"{name} {100 * share:.0f} %" for name, share in gone.items()))


@PAPER.claim("random-units-remove-less", source="Bau et al., Sec. 4.2", unit="share", at_most=0.15)
def random_units_remove_less(run: Run) -> Measurement:
    """As many random units remove little of it."""
    gone = {concept: _gone(run, concept)[1] for concept in chosen(run)}
    return Measurement(_mean(gone), "; ".join(f"{name} {100 * share:.0f} %" for name, share in gone.items()))


@PAPER.claim("removal-is-specific", source="Bau et al., Sec. 4.2", unit="times", at_most=0.5)
def removal_is_specific(run: Run) -> Measurement:
    """Other concepts of the same kind change less than the one whose units are off."""
    names, kinds = PixelConcepts().names, PixelConcepts().categories
    ratios = []
    for concept in chosen(run):
        found, place = removal(run, concept), names.index(concept)
        at = found.counts.index(run.config.switched)
        change = (found.own[at] - found.own[0]).abs()
        others = [number for number, kind in enumerate(kinds) if kind == kinds[place] and number != place]
        ratios.append(change[others].mean() / change[place].clamp(min=1e-6))
    told = ", ".join(f"{concept} {float(ratio):.2f}" for concept, ratio in zip(chosen(run), ratios, strict=True))
    return Measurement(torch.stack(ratios).mean(), f"mean change of the others, relative: {told}")


@PAPER.claim("switching-on-brings", source="Bau et al., Sec. 4.3", unit="times", at_least=2.0, tolerance=0.5)
def switching_on_brings(run: Run) -> Measurement:
    """Switched on in the middle of the images, the units bring the concept there."""
    found = {concept: insertion(run, concept) for concept in chosen(run)}
    ratios = [one.after / max(one.before, 1e-6) for one in found.values()]
    note = "; ".join(
        f"{name} {100 * one.before:.0f} to {100 * one.after:.0f} %, random units {100 * one.other.mean():.0f} %"
        for name, one in found.items()
    )
    return Measurement(sum(ratios) / len(ratios), note)


PAPER.unmeasured(
    "objects-depend-on-their-place",
    source="Bau et al., Sec. 4.3",
    statement="Doors are brought about on buildings and not in the sky: the context decides.",
    reason="a generator of 64 pixels makes no doors, and no segmentation network is at hand that would see them",
)


def _gone(run: Run, concept: str) -> tuple[float, float]:
    """Return which share of a concept goes when its units are off, and when random ones are."""
    found, place = removal(run, concept), PixelConcepts().names.index(concept)
    at = found.counts.index(run.config.switched)
    own = 1 - found.own[at, place] / found.own[0, place]
    other = 1 - found.random[:, at, place].mean() / found.random[:, 0, place].mean()
    return float(own), float(other)


def _mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)
