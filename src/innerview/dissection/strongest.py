"""The patches of a data set that excite channels most: survey, field and cuts in one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.core.images import center_crop, read_image
from innerview.core.types import Images
from innerview.dissection.examples import Examples, Survey
from innerview.dissection.patches import Field, effective_field, patches
from innerview.dissection.survey import survey
from innerview.models.activations import device_of

MEASURED: Final = 4
"""Photographs, those that excite the first channel most, by which the effective field is measured."""


@dataclass(frozen=True)
class Strongest:
    """Patches that excite channels most; made by `strongest_patches`.

    Args:
        survey: How all images excite all channels.
        field: The squares that were cut out.
        examples: Channel -> where the patches come from, the strongest first.
        images: Channel -> the patches, ``(count, 3, side, side)``.
    """

    survey: Survey
    field: Field
    examples: dict[int, Examples]
    images: dict[int, Images]


def strongest_patches(
    model: nn.Module,
    paths: Sequence[str | Path],
    layer: str,
    channels: Sequence[int],
    *,
    out: str | Path,
    count: int | None = None,
    side: int = 96,
    progress: bool = False,
) -> Strongest:
    """Cut out of each image the place that excites a channel most; keep the images that do so most.

    An image gives one patch. What is cut is the effective field: the square that holds four fifths of a position's
    influence, for all of the receptive field covers most of the image in deep layers.

    Args:
        model: The network.
        paths: Image files.
        layer: One with rows and columns.
        channels: Indices.
        out: Folder of the survey, which an interrupted call goes on from; see `survey`.
        count: Patches of each channel; nine by default, or as many as images could be read.
        side: Height and width of the patches, in pixels.
        progress: Whether to show a bar.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no channels, a channel that is not there, fewer images than patches, a layer without rows and columns.
        OutputError: `out` cannot be written to.
    """
    if not channels:
        raise BadInput("patches are of at least one channel; name one")
    found = survey(model, paths, layer, out=out, progress=progress)
    most = len(found.paths) - len(found.skipped)
    examples = {channel: found.top(channel, count or min(9, most)) for channel in channels}
    near = examples[channels[0]].indices[:MEASURED]
    few = [center_crop(read_image(found.paths[one], found.size), found.size) for one in near]
    field = effective_field(model, layer, torch.cat(few).to(device_of(model)))
    images = {channel: patches(found, chosen, field, side) for channel, chosen in examples.items()}
    return Strongest(found, field, examples, images)
