r"""Network dissection {cite}`bau2017dissection`: which concepts the units of a layer agree with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.maps import enlarged
from innerview.core.store import fingerprint
from innerview.core.types import AnyImages
from innerview.core.work import Work
from innerview.dissection.alignment import MINIMUM_IOU, Dissection
from innerview.dissection.concepts import ConceptMasks, Concepts, checked_masks
from innerview.dissection.pictures import Pictures, Span, UnitMaps, Units, pictures_of
from innerview.dissection.survey import Directions
from innerview.dissection.thresholds import QUANTILE, Thresholds, check_quantile, lit_units, thresholds_of

STRETCH: Final = 8
"""Batches that are counted as one unit of work."""
GROUP: Final = 16
"""Units of work whose counts are in memory at once."""
EXAMPLES: Final = 10
"""Images that are remembered for each unit."""


CODE: Final = (Units, thresholds_of, checked_masks, enlarged)
"""What stored counts were computed by."""


def dissect(
    model: nn.Module,
    images: AnyImages | Sequence[str | Path] | Pictures,
    layer: str,
    concepts: Concepts,
    *,
    quantile: float = QUANTILE,
    minimum_iou: float = MINIMUM_IOU,
    directions: Directions | None = None,
    work: Work | None = None,
) -> Dissection:
    r"""Measure how well the masks of units and of concepts agree, over a whole data set.

    $$\mathrm{IoU}_{k,c} = \frac{\sum_x |M_k(x) \cap L_c(x)|}{\sum_x |M_k(x) \cup L_c(x)|}$$ (Eq. 1)

    $M_k$ are the pixels at which the enlarged map of unit $k$ is above its threshold, $L_c$ those that show concept
    $c$. The sums are over the images annotated for the category of $c$. Two passes: one for the thresholds, one for
    the counts; images and activations need not fit into memory, but where these do the network runs once.

    With a store in `work`, an interrupted pass of counts goes on where it stopped; that of the thresholds begins anew.

    Args:
        model: The network.
        images: Images ``(n, 3, h, w)``, paths, or `Pictures` that also say the size and the batch.
        layer: Puts out ``(b, c, rows, columns)``.
        concepts: Such as `PixelConcepts`, `GivenMasks`, `BrodenConcepts`.
        quantile: Share of the positions at which a unit is above its threshold.
        minimum_iou: Above it a unit detects a concept.
        directions: ``(k, c)``, in place of channels; `rotation` makes them.
        work: Store, executor, progress; by default none.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no images, none that can be read, another number of images than the concepts know, masks of another
            size than the images, a layer without rows and columns, `quantile` or `minimum_iou` out of range.
        NotFinite: a response is NaN or infinite.
    """
    settings = {"quantile": quantile, "minimum_iou": minimum_iou}
    return dissect_units(Units(model, layer, directions), pictures_of(images), concepts, **settings, work=work)


def dissect_units(
    units: Units,
    pictures: Pictures,
    concepts: Concepts,
    *,
    quantile: float = QUANTILE,
    minimum_iou: float = MINIMUM_IOU,
    work: Work | None = None,
) -> Dissection:
    """Do what `dissect` does, for units that read their maps in a way of their own."""
    work = work or Work()
    units = units.remembered() if work.executor is None else units
    check_quantile(quantile)
    if not 0 <= minimum_iou < 1:
        raise BadInput(f"an IoU is at least 0 and at most 1; a minimum of {minimum_iou} makes no detectors")
    if concepts.count not in (None, len(pictures)):
        raise BadInput(f"the concepts know {concepts.count} images, {len(pictures)} are given; give the same ones")
    made_from = fingerprint(units.identity(), pictures.identity(), quantile, *CODE) if work.store else ""
    (found,) = work.each(
        f"thresholds-{units.layer}", _Quantiles(units, pictures, work.progress), [quantile], lambda _: made_from
    )
    shows = work.progress and work.executor is None
    counting = _Counting(units, pictures, concepts, found["thresholds"], shows)
    totals = _counted(counting, work, made_from)
    return _dissection(totals, counting, minimum_iou)


@dataclass(frozen=True)
class _Quantiles:
    """Computes all thresholds, as a unit of work."""

    units: Units
    pictures: Pictures
    progress: bool

    def __call__(self, quantile: float) -> dict[str, Tensor]:
        return {"thresholds": thresholds_of(self.units, self.pictures, quantile, progress=self.progress)}


def _counted(counting: "_Counting", work: Work, made_from: str) -> dict[str, Tensor]:
    """Count all stretches and return the sums."""
    stretch = STRETCH * counting.pictures.batch
    starts = range(0, len(counting.pictures), stretch)
    spans = [(start, min(start + stretch, len(counting.pictures))) for start in starts]
    told = [made_from, counting.concepts.identity(), _Counting] if work.store else []
    totals = _zeros(len(counting.thresholds), len(counting.concepts.names))
    for first in range(0, len(spans), GROUP):
        group = spans[first : first + GROUP]
        parts = work.each(f"dissection-{counting.units.layer}", counting, group, lambda span: [told, list(span)])
        for part in parts:
            for name in ("both", "lit", "pixels"):
                totals[name] += part[name]
            _keep_examples(totals, part["maxima"], part["examples"])
    return totals


@dataclass(frozen=True)
class _Counting:
    """Counts pixels in a stretch of the pictures, as a unit of work."""

    units: Units
    pictures: Pictures
    concepts: Concepts
    thresholds: Thresholds
    progress: bool

    def __call__(self, span: Span) -> dict[str, Tensor]:
        """Return the counts; see `_zeros`."""
        totals = _zeros(len(self.thresholds), len(self.concepts.names))
        for part in self.pictures.batches(span, progress="counting pixels" if self.progress else ""):
            maps = self.units.maps(part)
            masks = checked_masks(self.concepts, part)
            _add(totals, maps, masks, self.thresholds.to(maps))
            maxima = maps.amax((2, 3)).T.cpu()
            _keep_examples(totals, maxima, torch.tensor(part.indices).expand(len(maxima), -1))
        return totals


def _zeros(units: int, concepts: int) -> dict[str, Tensor]:
    """Return the sums before any image.

    ``both``: pixels of unit and concept, ``lit``: pixels of the unit in images annotated for the concept, ``pixels``:
    of the concept; ``maxima`` and ``examples``: the highest responses and their images.
    """
    counts = {"both": (units, concepts), "lit": (units, concepts), "pixels": (concepts,), "examples": (units, 0)}
    zeros = {name: torch.zeros(shape, dtype=torch.int64) for name, shape in counts.items()}
    return zeros | {"maxima": torch.zeros(units, 0)}


def _add(totals: dict[str, Tensor], maps: UnitMaps, found: ConceptMasks, thresholds: Thresholds) -> None:
    """Count the pixels of some images; sums of ones are exact in float32 up to 16 million pixels."""
    size = (found.masks.shape[-2], found.masks.shape[-1])
    for image, masks, known in zip(maps, found.masks, found.known, strict=True):
        shown = (masks & known[:, None, None]).to(maps.device).flatten(1).float()
        active, marked = lit_units(image, thresholds, size)
        pixels, place = marked.flatten(1).float(), active.cpu()
        totals["both"][place] += (pixels @ shown.T).cpu().long()
        totals["lit"][place] += pixels.sum(1).cpu().long()[:, None] * known.cpu()
        totals["pixels"] += shown.sum(1).cpu().long()


def _keep_examples(totals: dict[str, Tensor], maxima: Float[Tensor, "k n"], numbers: Int[Tensor, "k n"]) -> None:
    """Keep the images of the highest responses; of equal ones the earlier."""
    values = torch.cat([totals["maxima"], maxima], 1)
    order = values.argsort(dim=1, descending=True, stable=True)[:, :EXAMPLES]
    totals["maxima"] = values.gather(1, order)
    totals["examples"] = torch.cat([totals["examples"], numbers], 1).gather(1, order)


def _dissection(totals: dict[str, Tensor], counting: _Counting, minimum_iou: float) -> Dissection:
    union = totals["lit"] + totals["pixels"] - totals["both"]
    iou = totals["both"].double() / union.clamp(min=1)  # Eq. 1
    return Dissection(
        layer=counting.units.layer,
        names=counting.concepts.names,
        categories=counting.concepts.categories,
        iou=iou.numpy(),
        thresholds=counting.thresholds.numpy(),
        pixels=totals["pixels"].numpy(),
        examples=totals["examples"].numpy(),
        minimum_iou=minimum_iou,
    )
