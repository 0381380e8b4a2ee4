"""Configurations and claims of the page about network dissection.

The paper's numbers are of Broden, with 1,197 concepts in 63,305 images, which is not at hand; so every claim states a
threshold of ours, decided before it was measured.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.stats import spearmanr

from innerview.replicate import Measurement, Paper, Run
from replication.methods.network_dissection.config import Config
from replication.methods.network_dissection.measures import NOUNS, dissected, own_and_others, planted, turned, unique
from replication.methods.network_dissection.scenes import PIXELS

BOOK = Config()
PAPER_CONFIG = replace(BOOK, per_class=50, rotations=3)
SMOKE = replace(
    BOOK, layers=("conv2_3x3", "inception_5b"), size=96, masks=48, scenes=9, per_class=1, rarest=2, orientations=4,
    alphas=(0.0, 1.0), quantile=0.02,
)  # fmt: skip

STAND_INS: Final = {
    "conv2_3x3": "blocks.0", "inception_3b": "blocks.4", "inception_4c": "blocks.8", "inception_5b": "blocks.15",
}  # fmt: skip


def embedded(config: Config) -> Config:
    """The same study of EfficientNet-Lite0, on crops of scikit-image's photographs."""
    layers = tuple(STAND_INS[layer] for layer in config.layers)
    crops = min(config.scenes, 24)
    return replace(
        config, model="efficientnet_lite0", layers=layers, rotated=STAND_INS[config.rotated], scenes=crops
    )  # fmt: skip


PAPER = Paper(
    citation="bau2017dissection",
    title="Network Dissection: Quantifying Interpretability of Deep Visual Representations",
    presets={"paper": PAPER_CONFIG, "book": BOOK, "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: (
        ["bvlc_googlenet", "coco128_seg", "imagenette160_boxes", "wsol_ilsvrc"] if config.model == "googlenet" else []
    ),
)


@PAPER.claim("planted-unit-is-found", source="ours", unit="IoU", at_least=0.99)
def planted_unit_is_found(run: Run) -> Measurement:
    """A unit that was built to be red has an IoU of 1 with red."""
    found = planted(run)
    return Measurement(found["planted"], f"the best unit of a rotated basis {found['rotated']:.2f}")


@PAPER.claim("pixels-early", source="Sec. 3.3", unit="share of the unique detectors", at_least=0.75)
def pixels_early(run: Run) -> Measurement:
    """What units of the first layer detect are colours, orientations and frequencies."""
    found = dissected(run, run.config.layers[0])
    low, whole = unique(found, PIXELS), unique(found)
    return Measurement(low / max(whole, 1), f"{low} of {whole} in {found.layer}")


@PAPER.claim("objects-late", source="Sec. 3.3", unit="times", at_least=3.0)
def objects_late(run: Run) -> Measurement:
    """The last layer detects several times as many kinds of things as the first."""
    first, last = (unique(dissected(run, layer), NOUNS) for layer in (run.config.layers[0], run.config.layers[-1]))
    return Measurement(last / max(first, 1), f"{first} and {last}")


@PAPER.claim(
    "rotation-costs-detectors", source="Sec. 3.2", unit="share of the unique detectors", at_most=0.6, tolerance=0.2
)
def rotation_costs_detectors(run: Run) -> Measurement:
    """In a basis rotated at random, far fewer concepts have a unit: concepts lie along the network's own axes."""
    counts = _counts(run)
    first, last = counts[min(counts)], counts[max(counts)]
    return Measurement(last / max(first, 1), f"{first:g} unique detectors, {last:g} after the rotation")


@PAPER.claim("rotation-costs-gradually", source="Sec. 3.2", unit="rank correlation", at_most=-0.9, tolerance=0.2)
def rotation_costs_gradually(run: Run) -> Measurement:
    """The further the basis is rotated, the fewer concepts have a unit."""
    counts = _counts(run)
    told = ", ".join(f"{count:g}" for count in counts.values())
    if len(set(counts.values())) < 2:
        return Measurement(None, f"the same number everywhere: {told}")
    return Measurement(np.asarray(spearmanr(list(counts), list(counts.values())))[0], told)


@PAPER.claim("own-outlines-beat-others", source="ours", unit="times", at_most=0.5, tolerance=0.25)
def own_outlines_beat_others(run: Run) -> Measurement:
    """With the outlines of another photograph, units of the last layer detect far fewer things."""
    own, others = own_and_others(dissected(run, run.config.layers[-1]))
    return Measurement(
        others / max(own, 1), f"{own} kinds of things with their own outlines, {others} with those of another"
    )


PAPER.unmeasured(
    "rotation-costs-80-percent",
    source="Sec. 3.2, as reported",
    statement="A random rotation of AlexNet's conv5 leaves 80 % fewer unique detectors.",
    reason="of AlexNet trained on Places205, with Broden; neither is at hand",
    paper=80.0,
    unit="% fewer",
)


def _counts(run: Run) -> dict[float, float]:
    """Return how many unique detectors there are at each share of the rotation, as the mean over the draws."""
    return {alpha: sum(map(unique, found)) / len(found) for alpha, found in turned(run).items()}
