"""What is measured of maps: boxes at three kinds of thresholds, pixels inside the boxes, classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from innerview.core.types import Boxes, Heatmaps, Values
from innerview.localization import BoxAccuracy, Judged, PixelCurve, box_coverage, judge, marked, pixel_curve
from replication.zhang2018_acol.data import labels_of
from replication.zhang2018_acol.trained import Lab, Outcome, Which, file_name, truth

GUESSES = 5


@dataclass(frozen=True)
class Measured:
    """One kind of maps of all photographs with boxes.

    Args:
        heatmaps: ``(n, h, w)`` in [0, 1].
        true: The true boxes of each photograph.
        judged: Boxes and classes.
    """

    heatmaps: Heatmaps
    true: list[Boxes]
    judged: Judged

    @cached_property
    def coverage(self) -> tuple[Values, Values]:
        """Recall and precision of the pixels above the fixed threshold, for each photograph."""
        return box_coverage(marked(self.heatmaps, self.judged.fixed), self.true)

    @cached_property
    def curve(self) -> PixelCurve:
        """Recall and precision of the pixels inside the boxes over all thresholds."""
        return pixel_curve(self.heatmaps, self.true)

    def numbers(self) -> dict[str, float]:
        """Return what the study keeps: errors and shares in %, thresholds as shares of the map's range."""
        judged, (recall, precision) = self.judged, self.coverage
        errors = {
            f"{name} {how}": judged.error(guesses, how)
            for name, guesses in (("top-1", 1), ("top-5", 5), ("GT-known", None))
            for how in ("fixed", "tuned", "best")
        }
        return errors | {
            "V2 tuned": judged.box_accuracy_v2("tuned"),
            "V2 best": judged.box_accuracy_v2("best"),
            "best threshold": judged.threshold("best"),
            "recall": 100 * float(recall.mean()),
            "precision": 100 * float(precision.mean()),
            "PxAP": 100 * self.curve.average_precision,
            "class error": judged.classification_error(1),
        }


def measured(lab: Lab, name: str, found: Outcome, which: Which = "fused") -> Measured:
    """Measure A's, B's or the fused maps of a training."""
    return measured_maps(lab, f"{name}-{which}", found.heatmaps(which, lab.config.size), found.logits)


def measured_maps(lab: Lab, name: str, heatmaps: Heatmaps, logits: Tensor) -> Measured:
    """Measure maps of the true classes, and the classes that are guessed."""
    config, true = lab.config, truth(lab)
    labels = labels_of(lab.photographs.boxed)
    guesses = logits.topk(min(GUESSES, logits.shape[1]), 1).indices

    def compute() -> dict[str, Tensor]:
        found = judge(heatmaps, true, labels, guesses, fixed=config.threshold, steps=config.steps)
        kinds = {"first": found.first, "second": found.second}
        return {"ranks": found.ranks} | {
            f"{kind}/{field}": torch.as_tensor(getattr(boxes, field), dtype=torch.float64)
            for kind, boxes in kinds.items()
            for field in ("thresholds", "overlaps", "levels")
        }

    part = lab.keep(f"judged-{file_name(name)}", compute, heatmaps, true, guesses, config.threshold, config.steps)
    return Measured(
        heatmaps,
        true,
        Judged(part["ranks"], guesses.shape[1], _boxes(part, "first"), _boxes(part, "second"), config.threshold),
    )


def _boxes(part: Mapping[str, Tensor], kind: str) -> BoxAccuracy:
    levels = tuple(part[f"{kind}/levels"].tolist())
    return BoxAccuracy(part[f"{kind}/thresholds"], part[f"{kind}/overlaps"], levels)


def middle_maps(lab: Lab) -> Heatmaps:
    """Return maps that know nothing: a cone whose top is in the middle of the photograph."""
    size, count = lab.config.size, len(lab.photographs.boxed)
    side = torch.linspace(-1, 1, size)
    cone = 1 - torch.maximum(side.abs()[:, None], side.abs()[None])
    return cone.expand(count, size, size)


def overlap(found: Outcome) -> Values:
    """Return how much of what B marks above half of its range A marks so, too, for each photograph, in [0, 1]."""
    assert found.maps.b is not None
    a, b = (marked(maps, 0.5) for maps in (found.maps.a, found.maps.b))
    return (a & b).sum((1, 2)) / b.sum((1, 2)).clamp(min=1)
