"""Collecting: the activations of a layer at random positions of many images, and what each adds to the classes."""

import warnings
from collections.abc import Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from innerview.atlas.attributions import Attributions, strongest
from innerview.atlas.collection import Collection, Sampling
from innerview.atlas.sources import ImageSource, image_source
from innerview.attribution.positions import Positions, position_attribution
from innerview.core.errors import BadInput, NotFinite
from innerview.core.folders import ahead
from innerview.core.seeds import generator
from innerview.core.store import fingerprint
from innerview.core.types import Images
from innerview.core.work import Work
from innerview.models import LOGITS, evaluate
from innerview.models.activations import device_of
from innerview.optimize.icons import HERE

LARGEST = float(np.finfo(np.float16).max)


def collect(
    model: nn.Module,
    images: Sequence[str | Path] | ImageSource,
    layer: str,
    sampling: Sampling | None = None,
    *,
    work: Work = HERE,
) -> Collection:
    """Collect activations of a layer at random positions of images.

    An interrupted collection goes on where it stopped, if `work` has a store. Images that cannot be read are left out,
    and a warning tells how many.

    Args:
        model: A classifier; any network if no attributions are asked for.
        images: Paths, or a source such as `DataSet`.
        layer: One with rows and columns; see `position_attribution` for what attributions ask of it.
        sampling: Which positions, and what of them.
        work: Where shards are computed and kept.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no images, none that can be read, or a layer without rows and columns.
        NotFinite: an activation is NaN, infinite, or too large for half precision; or an attribution is not finite.
    """
    sampling, source = sampling or Sampling(), image_source(images)
    collector = _Collector(model, source, layer, sampling, _shape(model, layer, sampling))
    units = [(start, min(start + sampling.shard, len(source))) for start in range(0, len(source), sampling.shard)]
    network = fingerprint(model) if work.store else ""
    parts = work.each(
        f"{layer}-activations",
        collector if work.executor is None else collector.apart,
        units,
        lambda unit: (network, layer, sampling, source.identity(*unit), unit, collect, position_attribution),
    )
    whole = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    skipped = tuple(whole["skipped"].tolist())
    _tell(skipped, source, sampling.size)
    classes, extent = collector.shape.classes, (collector.shape.rows, collector.shape.columns)
    found = Attributions(whole["classes"].long(), whole["values"], classes) if classes else None
    images_of, positions = whole["images"].long(), whole["positions"].long()
    return Collection(layer, extent, whole["activations"], images_of, positions, found, skipped)


class _Shape(NamedTuple):
    """Of a layer; and the number of classes, 0 if nothing is attributed to them."""

    channels: int
    rows: int
    columns: int
    classes: int


def _shape(model: nn.Module, layer: str, sampling: Sampling) -> _Shape:
    grey = torch.full((1, 3, sampling.size, sampling.size), 0.5, device=device_of(model))
    read = evaluate(model, grey, [layer, LOGITS] if sampling.keep else layer)
    shape = tuple(read[layer].shape[1:])
    if len(shape) != 3:
        raise BadInput(f"layer {layer!r} puts out {shape}, no rows and columns; choose a convolution's")
    return _Shape(*shape, classes=read[LOGITS].shape[1] if sampling.keep else 0)


def _tell(skipped: Sequence[int], source: ImageSource, size: int) -> None:
    """Warn of images that could not be read; fail if that is all of them."""
    if not skipped:
        return
    reason = source.read(skipped[0], size)
    if len(skipped) == len(source):
        raise BadInput(f"none of {len(source)} images can be read, the first: {reason}; give others")
    warnings.warn(f"skipped {len(skipped)} of {len(source)} images; the first: {reason}", stacklevel=3)


@dataclass(frozen=True, eq=False)
class _Collector:
    """Collects from the images of one shard after another."""

    model: nn.Module
    source: ImageSource
    layer: str
    sampling: Sampling
    shape: _Shape

    def apart(self, unit: tuple[int, int]) -> dict[str, Tensor]:
        """Use a copy of the model: reading activations hangs hooks on it, which threads must not share."""
        return replace(self, model=deepcopy(self.model))(unit)

    def __call__(self, unit: tuple[int, int]) -> dict[str, Tensor]:
        sampling = self.sampling
        size = max(1, sampling.batch // sampling.positions) if sampling.keep else sampling.batch
        groups = [range(start, min(start + size, unit[1])) for start in range(*unit, size)]
        parts, skipped = [self._nothing()], []
        with closing(ahead(lambda group: [self.source.read(one, sampling.size) for one in group], groups, 1)) as read:
            for group, batch in zip(groups, read, strict=True):
                images = {index: one for index, one in zip(group, batch, strict=True) if isinstance(one, Tensor)}
                skipped += [index for index in group if index not in images]
                if images:
                    parts.append(self._part(torch.cat(list(images.values())), list(images)))
        whole = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        return whole | {"skipped": torch.tensor(skipped, dtype=torch.int32)}

    def _part(self, images: Images, indices: list[int]) -> dict[str, Tensor]:
        places = torch.stack([_places(self.shape, self.sampling, index) for index in indices])
        images = images.to(device_of(self.model))
        activations, attributions = self._read(images, places)
        if not activations.abs().max() <= LARGEST:  # which NaN is not either
            raise NotFinite(
                f"layer {self.layer!r} becomes NaN, infinite or too large for half precision in images {indices[0]} to "
                f"{indices[-1]}; leave them out, or check the network"
            )
        if not torch.isfinite(attributions).all():
            raise NotFinite(
                f"attributions of layer {self.layer!r} become NaN or infinite in images {indices[0]} to {indices[-1]}; "
                "leave them out, or check the network"
            )
        kept = strongest(attributions.flatten(0, 1), self.sampling.keep)
        part = {
            "activations": activations.flatten(0, 1).half(),
            "images": torch.tensor(indices, dtype=torch.int32).repeat_interleave(self.sampling.positions),
            "positions": places.flatten(0, 1).short(),
            "classes": kept.classes.int(),
            "values": kept.values.float(),
        }
        return {name: tensor.cpu() for name, tensor in part.items()}

    def _read(self, images: Images, places: Positions) -> tuple[Tensor, Tensor]:
        """Return activations ``(b, p, c)`` and attributions ``(b, p, classes)``, of no class if none are wanted."""
        if self.sampling.keep:
            read = position_attribution(self.model, images, self.layer, places)
            return read.activations, read.attributions
        maps = evaluate(self.model, images, self.layer, len(images))[self.layer]
        rows, columns = places.to(maps.device).unbind(2)
        found = maps[torch.arange(len(maps), device=maps.device)[:, None], :, rows, columns]
        return found, found[..., :0]

    def _nothing(self) -> dict[str, Tensor]:
        """Return what a shard without readable images gives."""
        kept = min(self.sampling.keep, self.shape.classes)
        return {
            "activations": torch.zeros(0, self.shape.channels, dtype=torch.float16),
            "images": torch.zeros(0, dtype=torch.int32),
            "positions": torch.zeros(0, 2, dtype=torch.int16),
            "classes": torch.zeros(0, kept, dtype=torch.int32),
            "values": torch.zeros(0, kept),
        }


def _places(shape: _Shape, sampling: Sampling, index: int) -> Int[Tensor, "positions 2"]:
    """Draw different positions inside the edges: of one image always the same, whatever stands beside it."""
    extent = (shape.rows, shape.columns)
    edges = [min(sampling.edge, (side - 1) // 2) for side in extent]
    rows, columns = (side - 2 * edge for side, edge in zip(extent, edges, strict=True))
    if rows * columns < sampling.positions:
        raise BadInput(
            f"a layer of {extent[0]}x{extent[1]} without its edges has {rows * columns} positions, fewer than the "
            f"{sampling.positions} to collect from each image; ask for fewer, or enlarge the images"
        )
    draws = generator("atlas", sampling.seed, index)
    flat = torch.randperm(rows * columns, generator=draws)[: sampling.positions]
    return torch.stack([flat // columns + edges[0], flat % columns + edges[1]], 1)
