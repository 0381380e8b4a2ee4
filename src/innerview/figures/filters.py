"""Filters of a first layer, and feature maps: weights and activations as pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from innerview.core.errors import BadInput
from innerview.core.images import contact_sheet
from innerview.figures.coloring import Map, finite
from innerview.figures.panels import MOST_COLUMNS
from innerview.figures.sheets import sheet

UNSIGNED: Final = "magma"
SIGNED: Final = "RdBu_r"
CELL: Final = 224
"""Pixels of the figure that the longer side of a feature map gets, or as many as make each value whole pixels."""


def filter_pictures(weights: Map, scale: int = 1) -> np.ndarray:
    """Turn filters into pictures, as in {cite}`krizhevsky2012imagenet`: each by itself, grey where it is zero.

    Args:
        weights: ``(n, 3, rows, columns)``.
        scale: Pixels for each weight.

    Returns:
        ``(n, rows * scale, columns * scale, 3)`` bytes; a filter's largest absolute value is at one end of the range.

    Raises:
        BadInput: weights of another shape, none, or a scale below 1.
        NotFinite: a weight is NaN or infinite.
    """
    numbers = finite(weights)
    if numbers.ndim != 4 or numbers.shape[1] != 3 or not numbers.size or scale < 1:
        raise BadInput(f"filters are (n, 3, rows, columns), drawn at a scale from 1, not {numbers.shape} at {scale}")
    largest = np.abs(numbers).max((1, 2, 3), keepdims=True)
    shares = numbers / np.where(largest > 0, largest, 1)
    pictures = np.round(127.5 + 127.5 * shares).astype(np.uint8).transpose(0, 2, 3, 1)
    return pictures.repeat(scale, 1).repeat(scale, 2)


def filter_sheet(weights: Map, *, columns: int | None = None, scale: int = 10) -> np.ndarray:
    """Lay filters out on a white sheet, row by row; see `filter_pictures`.

    Returns:
        ``(h, w, 3)`` bytes.
    """
    pictures = filter_pictures(weights, scale)
    return contact_sheet(pictures, columns, gap=max(2, pictures.shape[1] // 12))


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """What a layer puts out for one image.

    Args:
        maps: ``(c, rows, columns)``.
        channels: Which are shown; the strongest by default.
    """

    maps: Map
    channels: Sequence[int] | None = None


def feature_maps(layers: Mapping[str, LayerMaps], *, count: int = MOST_COLUMNS) -> Figure:
    """Draw feature maps, a row or more for each layer, each on its own scale, which its title tells.

    Args:
        layers: Name -> maps. Those that are nowhere negative run from black, 0, to their largest value; others from
            blue through white, 0, to red.
        count: Channels of each layer that names none: those with the largest absolute value anywhere.

    Raises:
        BadInput: nothing to draw, maps of another shape, or a channel that is not there.
        NotFinite: a map holds NaN or infinite values.
    """
    if not layers or count < 1:
        raise BadInput(f"{len(layers)} layers with {count} channels each make no sheet; give at least one of each")
    drawn: list[tuple[str, np.ndarray]] = []
    columns = min(MOST_COLUMNS, max(len(one.channels) if one.channels else count for one in layers.values()))
    for name, one in layers.items():
        panels = _panels(name, one, count)
        blank = -len(panels) % columns
        drawn += [*panels, *[("", np.full((1, 1, 3), 255, np.uint8))] * blank]
    return sheet(drawn, columns, 1)


def strongest(maps: Map, count: int) -> list[int]:
    """Return the channels with the largest absolute value anywhere, the largest first; all, if there are no more."""
    peaks = np.abs(finite(maps)).max((1, 2))
    return np.argsort(-peaks, kind="stable")[:count].tolist()


def _panels(name: str, one: LayerMaps, count: int) -> list[tuple[str, np.ndarray]]:
    maps = finite(one.maps)
    if maps.ndim != 3 or not maps.size:
        raise BadInput(f"the maps of {name} to be drawn are (c, rows, columns), not {maps.shape}")
    chosen = strongest(maps, count) if one.channels is None else list(one.channels)
    missing = next((channel for channel in chosen if not 0 <= channel < len(maps)), None)
    if missing is not None:
        raise BadInput(f"{name} has the channels 0 to {len(maps) - 1}; {missing} is out of range")
    signed = bool(maps.min() < 0)
    scale = max(1, round(CELL / max(maps.shape[1:])))
    peaks = [float(np.abs(maps[channel]).max()) for channel in chosen]
    numbers = [f"{peak:.0f}" if peak >= 100 else f"{peak:.3g}" for peak in peaks]
    return [
        (f"{name}: {channel}, to {number}", _colored(maps[channel], signed, scale))
        for channel, number in zip(chosen, numbers, strict=True)
    ]


def _colored(numbers: np.ndarray, signed: bool, scale: int) -> np.ndarray:
    shares = numbers / (np.abs(numbers).max() or 1.0)
    colors = mpl.colormaps[SIGNED if signed else UNSIGNED](0.5 + 0.5 * shares if signed else shares)[..., :3]
    return np.round(255 * colors).astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
