r"""Thresholds of units over a data set, and the masks that units draw with them {cite}`bau2017dissection`."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.maps import enlarged
from innerview.core.types import AnyImages, Images
from innerview.dissection.pictures import Pictures, UnitMaps, Units, pictures_of
from innerview.dissection.survey import Directions

QUANTILE = 0.005  # Sec. 2.2 of the paper

Thresholds = Float[Tensor, " k"]
"""One number per unit."""

AnyThresholds = Float[Tensor, " _k"]
"""Thresholds of which may be more or fewer than units."""


class Largest:
    """The largest values of each unit among all that were added, whatever the order.

    Args:
        count: Values that are kept for each unit.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen = 0
        self._parts: list[Tensor] = []

    def add(self, values: Float[Tensor, "k n"]) -> None:
        """Add values of every unit."""
        self.seen += values.shape[1]
        self._parts.append(values)
        if sum(part.shape[1] for part in self._parts) > 4 * self.count + values.shape[1]:
            self._parts = [self.values()]

    def values(self) -> Float[Tensor, "k m"]:
        """Return what is kept, ``(k, m)``, the largest first."""
        joined = torch.cat(self._parts, 1)
        return joined.topk(min(self.count, joined.shape[1]), dim=1).values


def unit_thresholds(
    model: nn.Module,
    images: AnyImages | Sequence[str | Path] | Pictures,
    layer: str,
    quantile: float = QUANTILE,
    *,
    directions: Directions | None = None,
    progress: bool = False,
) -> Thresholds:
    r"""Find how strong a unit's strongest responses to a data set are {cite}`bau2017dissection`, Sec. 2.2.

    The threshold $T_k$ is the smallest response such that $P(a_k > T_k) \le$ `quantile` over all positions of all
    images: exact, not estimated. Kept are so many of the largest responses, at most five times as many at once; images
    and activations need not fit into memory.

    Args:
        model: The network.
        images: Images ``(n, 3, h, w)``, paths, or `Pictures` that also say the size and the batch.
        layer: Puts out ``(b, c, rows, columns)``.
        quantile: Share of the positions above the threshold, in (0, 1).
        directions: ``(k, c)``, in place of channels.
        progress: Whether to show a bar.

    Returns:
        ``(k,)``, on the processor.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no images, none that can be read, a layer without rows and columns, a quantile out of range, or
            directions of another number of channels.
        NotFinite: a response is NaN or infinite.
    """
    return thresholds_of(Units(model, layer, directions), pictures_of(images), quantile, progress=progress)


def thresholds_of(units: Units, pictures: Pictures, quantile: float, *, progress: bool = False) -> Thresholds:
    """Do what `unit_thresholds` does."""
    check_quantile(quantile)
    kept: Largest | None = None
    for part in pictures.batches(progress=f"thresholds of {units.layer}" if progress else ""):
        maps = units.maps(part)
        if kept is None:
            kept = Largest(_rank(quantile, len(pictures) * maps[0, 0].numel()) + 1)
        kept.add(maps.flatten(2).transpose(0, 1).flatten(1))
    if kept is None:
        raise BadInput(f"none of {len(pictures)} files can be read as an image; give others")
    return kept.values()[:, _rank(quantile, kept.seen)].cpu().clone()


def _rank(quantile: float, count: int) -> int:
    """Return how many of `count` values may lie above the threshold."""
    return math.floor(quantile * count + 1e-9)  # 0.29 * 100 is 28.999999999999996


def check_quantile(quantile: float) -> None:
    """Raise `BadInput` unless a share is above 0 and below 1."""
    if not 0 < quantile < 1:
        raise BadInput(f"the quantile is a share of the positions, above 0 and below 1; {quantile} is not")


def threshold_masks(maps: UnitMaps, thresholds: AnyThresholds, size: tuple[int, int]) -> Bool[Tensor, "b k H W"]:
    r"""Mark where units respond above their thresholds: $M_k(x) \equiv S_k(x) > T_k$, $S_k$ the enlarged map.

    $T_k$ itself does not belong to the strongest responses, so "above" excludes it: else a unit that is silent nearly
    everywhere, whose threshold is 0, would mark all.

    Args:
        maps: ``(b, k, rows, columns)``, such as `innerview.models.activations` returns.
        thresholds: ``(k,)``.
        size: Height and width of the masks, those of the image.

    Raises:
        BadInput: another number of thresholds than units, or a size that is not positive.
    """
    if len(thresholds) != maps.shape[1]:
        raise BadInput(f"{maps.shape[1]} units have {len(thresholds)} thresholds; give one for each")
    if min(size) < 1:
        raise BadInput(f"masks cannot be {size[0]}x{size[1]} pixels; give a positive height and width")
    masks = torch.zeros((*maps.shape[:2], *size), dtype=torch.bool, device=maps.device)
    for image, place in zip(maps, masks, strict=True):
        active, lit = lit_units(image, thresholds.to(maps), size)
        place[active] = lit
    return masks


def lit_units(
    maps: Float[Tensor, "k rows columns"], thresholds: Thresholds, size: tuple[int, int]
) -> tuple[Int[Tensor, " m"], Bool[Tensor, "m H W"]]:
    """Return the units of one image that mark anything, and their masks: enlarging makes no value larger."""
    active = (maps.amax((1, 2)) > thresholds).nonzero()[:, 0]
    if not len(active):
        return active, torch.zeros((0, *size), dtype=torch.bool, device=maps.device)
    return active, enlarged(maps[active], size) > thresholds[active, None, None]


def lit(images: Images, masks: Bool[Tensor, "b h w"], outside: float = 0.25) -> Images:
    """Darken images outside masks.

    Args:
        images: ``(b, 3, h, w)``.
        masks: ``(b, h, w)``.
        outside: What is left of the brightness there, in [0, 1].
    """
    return torch.where(masks[:, None], images, outside * images)
