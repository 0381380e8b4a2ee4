"""Dissecting what makes images: units of a generator against what its images show {cite}`bau2019gan`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.folders import Batch
from innerview.core.types import Images
from innerview.dissection.alignment import MINIMUM_IOU, Dissection
from innerview.dissection.concepts import Concepts, checked_masks
from innerview.dissection.dissect import dissect_units
from innerview.dissection.interventions import Positions, switched
from innerview.dissection.pictures import Pictures, UnitMaps, Units
from innerview.models import check_evaluated, find_layer
from innerview.models.activations import device_of

QUANTILE: Final = 0.05
"""Ours. The paper chooses a threshold for each unit and concept; colours cover more of an image than objects do."""

BATCH: Final = 50

Codes = Float[Tensor, "n code"]
Shares = Float[Tensor, "n concepts"]


@dataclass(frozen=True, eq=False)
class CodedUnits(Units):
    """Units of a generator; their maps are those of the codes that the pictures were made of.

    Args:
        codes: ``(n, code)``, in the order of the pictures.
    """

    codes: Codes | None = None

    def maps(self, batch: Batch) -> UnitMaps:
        """Return the units' maps for the codes of some pictures."""
        if self.codes is None:
            raise BadInput("the units of a generator need the codes that the pictures were made of")
        return self.checked(coded_maps(self.model, self.codes[list(batch.indices)], self.layer), batch)

    def identity(self) -> Any:
        """Return what the maps depend on."""
        return [*super().identity(), self.codes]


def coded_maps(generator: nn.Module, codes: Codes, layer: str) -> Tensor:
    """Return what a layer of a generator puts out for codes, on the generator's device.

    Raises:
        LayerNotFound: the generator has no such layer.
    """
    found: list[Tensor] = []
    handle = find_layer(generator, layer).register_forward_hook(lambda *read: found.append(read[-1]))
    try:
        with torch.no_grad():
            generator(codes.to(device_of(generator)))
    finally:
        handle.remove()
    return found[0]


def dissect_generator(
    generator: nn.Module,
    codes: Codes,
    layer: str,
    concepts: Concepts,
    *,
    quantile: float = QUANTILE,
    minimum_iou: float = MINIMUM_IOU,
) -> Dissection:
    """Measure how well units of a generator agree with what its images show.

    A unit that fires where the image becomes green is a unit for green. Whether it brings green about only switching
    tells; see `switched` and `concept_shares`.

    Args:
        generator: From codes to images ``(b, 3, h, w)`` in [0, 1].
        codes: ``(n, code)``.
        layer: Puts out ``(b, c, rows, columns)``.
        concepts: Such as `PixelConcepts`.
        quantile: Share of the positions at which a unit is above its threshold.
        minimum_iou: Above it a unit detects a concept.

    Raises:
        LayerNotFound: the generator has no such layer.
        BadInput: no codes, a layer without rows and columns, a quantile out of range, a generator in training mode.
    """
    images = generated(generator, codes)
    units = CodedUnits(generator, layer, codes=codes)
    return dissect_units(units, Pictures(images, batch=BATCH), concepts, quantile=quantile, minimum_iou=minimum_iou)


@torch.no_grad()
def generated(generator: nn.Module, codes: Codes) -> Images:
    """Return the images of codes, on the processor, batch by batch.

    Raises:
        BadInput: no codes, or a generator in training mode.
    """
    check_evaluated(generator)
    if not len(codes):
        raise BadInput("there are no codes to make images of; give at least one")
    device = device_of(generator)
    return torch.cat([generator(few.to(device)).cpu() for few in codes.split(BATCH)])


def concept_shares(images: Images, concepts: Concepts, where: Bool[Tensor, "h w"] | None = None) -> Shares:
    """Return which share of each image shows each concept, in [0, 1].

    Args:
        images: ``(n, 3, h, w)`` in [0, 1].
        concepts: That can be read off any image, such as `PixelConcepts`.
        where: Only these pixels count; by default all.

    Raises:
        BadInput: as for `dissect_generator`; or `where` marks no pixel.
    """
    if where is not None and not where.any():
        raise BadInput("no pixel is marked where concepts shall be counted; mark some, or give no `where`")
    shares = []
    for start in range(0, len(images), BATCH):
        few = images[start : start + BATCH]
        masks = checked_masks(concepts, Batch(tuple(range(start, start + len(few))), few)).masks.float()
        kept = torch.ones(masks.shape[-2:]) if where is None else where.float()
        shares.append((masks * kept).sum((2, 3)) / kept.sum())
    return torch.cat(shares)


@dataclass(frozen=True)
class Effect:
    """What switching units does to a concept.

    Args:
        before: ``(n,)``, the share of each image that shows the concept.
        after: ``(n,)``, with the units switched.
    """

    before: Float[Tensor, " n"]
    after: Float[Tensor, " n"]

    @property
    def change(self) -> float:
        """By how much the concept's mean share changes, relative to what it was; -1: nothing is left of it."""
        before = float(self.before.double().mean())
        return (float(self.after.double().mean()) - before) / max(before, 1e-12)


def effect(
    generator: nn.Module,
    codes: Codes,
    layer: str,
    units: Sequence[int],
    count: Callable[[Images], Float[Tensor, " n"]],
    *,
    value: float | Float[Tensor, " units"] = 0.0,
    where: Positions | None = None,
) -> Effect:
    """Measure what switching units of a generator does to its images {cite}`bau2019gan`, Sec. 3.2.

    Args:
        generator: From codes to images.
        codes: ``(n, code)``.
        layer: Whose units are switched.
        units: Channels.
        count: From images to a number each, such as the share of pixels that are green.
        value: See `switched`: 0 switches units off.
        where: See `switched`.

    Raises:
        LayerNotFound, BadInput: as for `switched` and `dissect_generator`.
    """
    before = count(generated(generator, codes))
    with switched(generator, layer, units, value, where):
        return Effect(before, count(generated(generator, codes)))
