"""What a unit marks in the images that excite it most."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.folders import Batch
from innerview.core.types import AnyImages, Images, Masks
from innerview.dissection.alignment import Dissection
from innerview.dissection.pictures import Pictures, Units, pictures_of
from innerview.dissection.survey import Directions
from innerview.dissection.thresholds import threshold_masks


def unit_examples(
    model: nn.Module,
    images: AnyImages | Sequence[str | Path] | Pictures,
    found: Dissection,
    unit: int,
    count: int = 4,
    *,
    directions: Directions | None = None,
) -> tuple[Images, Masks]:
    """Return the images that excite a unit most, and what it marks in them.

    Args:
        model: The network that was dissected.
        images: What it was dissected with.
        found: The dissection.
        unit: Its number.
        count: Images, at most 10 and no more than there are.
        directions: Those that were dissected, if not the channels.

    Returns:
        ``(count, 3, h, w)``, the highest response first, and ``(count, h, w)``, on the processor.

    Raises:
        BadInput: no such unit, or so many images are not remembered.
    """
    units, few = found.examples.shape
    if not 0 <= unit < units:
        raise BadInput(f"layer {found.layer!r} was dissected into the units 0 to {units - 1}; {unit} is out of range")
    if not 1 <= count <= few:
        raise BadInput(f"{few} images are remembered for each unit; {count} cannot be shown")
    numbers = tuple(found.examples[unit, :count].tolist())
    shown = pictures_of(images).read(numbers)
    maps = Units(model, found.layer, directions).maps(Batch(numbers, shown))[:, [unit]].cpu()
    threshold = torch.from_numpy(found.thresholds[[unit]])
    return shown, threshold_masks(maps, threshold, (shown.shape[-2], shown.shape[-1]))[:, 0]
