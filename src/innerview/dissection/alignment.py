"""What a dissection found: how well units and concepts agree."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from innerview.core.errors import BadInput

MINIMUM_IOU: Final = 0.04  # Sec. 2.2 of the paper


@dataclass(frozen=True, eq=False)
class Dissection:
    """How well each unit of a layer agrees with each concept; made by `innerview.dissection.dissect`.

    Args:
        layer: Name of the layer.
        names: Of the concepts.
        categories: Of each concept.
        iou: Intersection over union of a unit's masks and a concept's, over the whole data set, in [0, 1].
        thresholds: Of the units.
        pixels: How many pixels of the data set show each concept.
        examples: For each unit the numbers of the images with its highest responses, highest first.
        minimum_iou: Above it a unit detects a concept.
    """

    layer: str
    names: tuple[str, ...]
    categories: tuple[str, ...]
    iou: Float[np.ndarray, "units concepts"]
    thresholds: Float[np.ndarray, " units"]
    pixels: Int[np.ndarray, " concepts"]
    examples: Int[np.ndarray, "units few"]
    minimum_iou: float = MINIMUM_IOU

    @property
    def best(self) -> Int[np.ndarray, " units"]:
        """The concept that agrees with each unit best, by number."""
        return self.iou.argmax(1)

    @property
    def best_iou(self) -> Float[np.ndarray, " units"]:
        """How well it does."""
        return self.iou.max(1)

    @property
    def detectors(self) -> Int[np.ndarray, " few"]:
        """The units that detect a concept, by number."""
        return np.flatnonzero(self.best_iou > self.minimum_iou)

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the concepts that no pixel shows; their IoU is 0."""
        return tuple(name for name, count in zip(self.names, self.pixels, strict=True) if count == 0)

    def ranked(self, category: str | None = None) -> list[int]:
        """Return the units by how well they agree with their best concept, best first.

        Args:
            category: Only units whose best concept is of this category.

        Raises:
            BadInput: no concept is of this category.
        """
        if category is not None:
            self._check(category)
        order = np.argsort(-self.best_iou, kind="stable").tolist()
        return [unit for unit in order if category in (None, self.categories[self.best[unit]])]

    def among(self, *categories: str) -> "Dissection":
        """Return the same dissection as if there were only the concepts of some categories.

        Raises:
            BadInput: no concept is of one of them.
        """
        for category in categories:
            self._check(category)
        places = [place for place, category in enumerate(self.categories) if category in categories]
        return replace(
            self,
            names=tuple(self.names[place] for place in places),
            categories=tuple(self.categories[place] for place in places),
            iou=self.iou[:, places],
            pixels=self.pixels[places],
        )

    def _check(self, category: str) -> None:
        if category not in self.categories:
            raise BadInput(f"no concept is of category {category!r}; there are {', '.join(self._kinds)}")

    @property
    def _kinds(self) -> list[str]:
        return list(dict.fromkeys(self.categories))

    def detected(self) -> dict[str, list[str]]:
        """Return the concepts that some unit detects as its best: category -> names."""
        found = set(self.best[self.detectors].tolist())
        return {
            kind: [self.names[number] for number in sorted(found) if self.categories[number] == kind]
            for kind in self._kinds
        }

    def unique_detectors(self) -> dict[str, int]:
        """Return how many different concepts of each category units detect, each unit its best.

        The measure of a layer's interpretability, Sec. 2.2 of {cite}`bau2017dissection`.
        """
        return {kind: len(names) for kind, names in self.detected().items()}

    def rows(self) -> Iterator[dict[str, str | int | float]]:
        """Give a line of a table for each unit: its best concept, that one's category, IoU, threshold."""
        for unit, (concept, iou) in enumerate(zip(self.best.tolist(), self.best_iou.tolist(), strict=True)):
            yield {
                "unit": unit,
                "concept": self.names[concept],
                "category": self.categories[concept],
                "iou": iou,
                "threshold": float(self.thresholds[unit]),
            }
