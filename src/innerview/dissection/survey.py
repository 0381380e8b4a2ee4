"""A survey: how strongly, and where, each image of a data set excites each channel of a layer.

The numbers lie on disk, a row for each image, and are read from there as they are needed: neither the images nor
their activations have to fit into memory.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite
from innerview.core.files import file_identity
from innerview.core.folders import read_batches
from innerview.core.progress import progress as bar
from innerview.core.store import fingerprint
from innerview.core.types import Activations
from innerview.dissection.examples import Survey, sampled_places
from innerview.dissection.rows import RowFile
from innerview.models import channels_first, evaluate, find_layer

Directions = Float[Tensor, "k c"]
"""One direction among a layer's c channels a row."""


def survey(
    model: nn.Module,
    paths: Sequence[str | Path],
    layer: str,
    *,
    out: str | Path,
    size: int = 224,
    batch: int = 32,
    directions: Directions | None = None,
    progress: bool = False,
) -> Survey:
    """Find how each image excites each channel of a layer: the extremes over all positions, and where.

    An interrupted survey goes on where it stopped. A finished one is read from `out`. If the model, the layer, the
    settings, or the name, size or time of any file differ, it starts anew.

    Args:
        model: Takes images ``(b, 3, size, size)`` in [0, 1].
        paths: Image files; their middle squares are shown.
        layer: Puts out ``(b, c, h', w')``, tokens ``(b, n, c)``, or ``(b, c)``.
        out: Folder for ``survey.rows``, 24 bytes for each image and channel, and ``survey.json``.
        size: Height and width of the images, in pixels.
        batch: Images at a time.
        directions: ``(k, c)``; in place of channels, the dot product of the activations with each, position by
            position. Rows of the identity matrix are the channels.
        progress: Whether to show a bar.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: no paths, none that can be read, or directions of another number of channels.
        OutputError: `out` cannot be written to.
        NotFinite: an activation is NaN or infinite.
    """
    paths = tuple(Path(path) for path in paths)
    if not paths:
        raise BadInput("a survey needs at least one image; give paths")
    find_layer(model, layer)
    files = [file_identity(path) for path in paths]
    rows = RowFile(out, fingerprint(model, layer, size, batch, directions, files, survey, read_batches))
    if rows.done < len(paths):
        rows.check_writable()
        _fill(rows, model, layer, directions, _Reading(paths, size, batch, progress))
    return Survey(paths, layer, size, rows.grid, rows.read())


@dataclass(frozen=True)
class _Reading:
    """Which images are read, and how."""

    paths: tuple[Path, ...]
    size: int
    batch: int
    progress: bool


def _fill(rows: RowFile, model: nn.Module, layer: str, directions: Directions | None, reading: _Reading) -> None:
    """Write the rows that are missing. Each batch holds the same images, whether or not the survey was interrupted."""
    first, total = rows.done, len(reading.paths)
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    with closing(read_batches(reading.paths[first:], reading.size, reading.batch)) as batches:
        for part in bar(batches, f"survey of {layer}", reading.progress, total=-(-(total - first) // reading.batch)):
            activations = evaluate(model, part.images.to(device), [layer], reading.batch)[layer]
            responses = responses_of(activations, directions)
            indices = first + np.array(part.indices)
            grid = tuple(responses.shape[2:])
            columns = _columns(responses, sampled_places(total, grid)[indices])
            _check_finite(columns, layer, [reading.paths[index] for index in indices])
            rows.channels, rows.grid = responses.shape[1], grid
            stop = first + (part.indices[-1] // reading.batch + 1) * reading.batch
            rows.extend(min(total, stop), indices, columns)
    if rows.done == 0:
        raise BadInput(f"none of {total} files can be read as an image, the first is {reading.paths[0]}; give others")
    if rows.done < total:  # nothing of the last batches could be read
        rows.extend(total, np.zeros(0, np.int64), {})


def responses_of(activations: Activations, directions: Directions | None) -> Tensor:
    """Return the channels, or the dot products with directions: ``(b, channels or directions, *positions)``.

    Raises:
        BadInput: directions of another number of channels.
    """
    maps = channels_first(activations)
    if directions is None:
        return maps
    if directions.shape[1] != maps.shape[1]:
        raise BadInput(
            f"directions have {directions.shape[1]} numbers, but the layer {maps.shape[1]} channels; "
            f"give rows of {maps.shape[1]}"
        )
    return torch.einsum("kc,bc...->bk...", directions.to(maps), maps)


def _columns(responses: Tensor, sampled: Int[Tensor, " b"]) -> dict[str, np.ndarray]:
    flat = responses.float().flatten(2) if responses.ndim > 2 else responses.float().unsqueeze(2)
    highest, lowest = flat.max(2), flat.min(2)
    columns = {
        "maxima": highest.values,
        "max_places": highest.indices,
        "minima": lowest.values,
        "min_places": lowest.indices,
        "means": flat.mean(2),
        "samples": flat[torch.arange(len(flat)), :, sampled.to(flat.device)],
    }
    return {name: column.cpu().numpy() for name, column in columns.items()}


def _check_finite(columns: dict[str, np.ndarray], layer: str, paths: list[Path]) -> None:
    finite = np.isfinite(columns["maxima"]).all(1) & np.isfinite(columns["minima"]).all(1)
    if not finite.all():
        path = paths[int(np.flatnonzero(~finite)[0])]
        raise NotFinite(
            f"layer {layer!r} becomes NaN or infinite for {path}; leave the file out, or run the model in float32"
        )
