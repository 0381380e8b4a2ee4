"""Many small visualizations: an icon for every channel of a layer, every direction, every place of a photograph."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor, nn

from innerview.core.errors import BadInput
from innerview.core.files import write_json
from innerview.core.images import check_images, contact_sheet, from_array, to_array, write_image
from innerview.core.store import fingerprint
from innerview.core.types import Images, Values
from innerview.core.work import Work
from innerview.models import activations, channels_first
from innerview.optimize.ascent import Recipe, ascend
from innerview.optimize.objectives import Objective
from innerview.optimize.units import channel

ICON: Final = Recipe(steps=96)
"""Steps enough for an icon of 64 pixels."""

HERE: Final = Work()

Items = Sequence[Any] | Tensor


@dataclass(frozen=True)
class Icons:
    """Many small visualizations.

    Args:
        images: ``(n, 3, s, s)`` in [0, 1].
        values: ``(n,)``, the objective of each.
        dead: ``(n,)``, whether its objective stayed 0: a dead unit.
    """

    images: Images
    values: Values
    dead: Bool[Tensor, " n"]


def icons(
    model: nn.Module,
    make: Callable[[Any], Objective],
    items: Items,
    *,
    size: int = 64,
    seed: int = 0,
    recipe: Recipe = ICON,
    batch: int = 16,
    work: Work = HERE,
) -> Icons:
    """Visualize one thing after another, `batch` of them at once.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        make: From some of the items to an objective with an image for each, such as ``partial(channel, layer)``.
        items: What to visualize: numbers of channels, or directions ``(n, c)``.
        size: Height and width in pixels.
        seed: Icon i starts from noise of seed + i.
        recipe: How to ascend.
        batch: Images in a unit of work.
        work: Where units are computed and kept.

    Raises:
        BadInput: nothing to visualize, or a batch below 1; and what `visualize` raises, except for dead units.
    """
    if len(items) == 0 or batch < 1:
        raise BadInput(f"{len(items)} icons in batches of {batch} cannot be made; give at least one of each")
    units = [(items[start : start + batch], seed + start) for start in range(0, len(items), batch)]
    network = fingerprint(model) if work.store else ""
    compute = _unit if work.executor is None else _unit_apart
    parts = work.each(
        "icons",
        partial(compute, model, make, size, recipe),
        units,
        lambda unit: (network, make(unit[0]).name, unit[1], size, recipe, ascend),
    )
    return Icons(*(torch.cat([part[name] for part in parts]) for name in ("images", "values", "dead")))


def _unit(
    model: nn.Module, make: Callable[[Any], Objective], size: int, recipe: Recipe, unit: tuple[Items, int]
) -> dict[str, Tensor]:
    items, seed = unit
    found = ascend(model, make(items), size=size, seed=seed, recipe=recipe)
    return {"images": found.images.cpu(), "values": found.values.cpu(), "dead": found.dead.cpu()}


def _unit_apart(model: nn.Module, *settings: Any) -> dict[str, Tensor]:
    """Do the same with a copy of the model: an ascent hangs hooks on it, which threads must not share."""
    return _unit(deepcopy(model), *settings)


@dataclass(frozen=True)
class Spritemap:
    """The channels of a layer as icons of one picture.

    Args:
        layer: Name of the layer.
        channels: Of which the icons are, in their order.
        icons: One for each of them.
    """

    layer: str
    channels: tuple[int, ...]
    icons: Icons

    @property
    def columns(self) -> int:
        """Icons a row: the picture is about as wide as high."""
        return int(np.ceil(np.sqrt(len(self.channels))))

    def sheet(self) -> np.ndarray:
        """Return the picture ``(h, w, 3)`` as bytes, icon beside icon without a gap."""
        return contact_sheet(to_array(self.icons.images), self.columns, gap=0)

    def index(self) -> dict[str, Any]:
        """Return where each channel's icon lies in the picture, in pixels from its top left corner."""
        size = self.icons.images.shape[-1]
        entries = [
            {
                "channel": number,
                "left": place % self.columns * size,
                "top": place // self.columns * size,
                "value": round(float(self.icons.values[place]), 4),
                "dead": bool(self.icons.dead[place]),
            }
            for place, number in enumerate(self.channels)
        ]
        return {"layer": self.layer, "size": size, "columns": self.columns, "icons": entries}

    def write(self, path: str | Path) -> None:
        """Write the picture, and the index beside it with the ending .json."""
        write_image(path, from_array(self.sheet()))
        write_json(Path(path).with_suffix(".json"), self.index())


def spritemap(
    model: nn.Module,
    layer: str,
    channels: Sequence[int] | None = None,
    *,
    size: int = 64,
    seed: int = 0,
    recipe: Recipe = ICON,
    batch: int = 16,
    work: Work = HERE,
) -> Spritemap:
    """Visualize the channels of a layer, all by default.

    Raises:
        LayerNotFound: the model has no such layer.
        BadInput: a channel out of range.
    """
    if channels is None:
        channels = range(read_layer(model, torch.full((1, 3, size, size), 0.5), layer).shape[1])
    chosen = tuple(channels)
    made = icons(model, partial(channel, layer), chosen, size=size, seed=seed, recipe=recipe, batch=batch, work=work)
    return Spritemap(layer, chosen, made)


def read_layer(model: nn.Module, images: Images, layer: str) -> Tensor:
    """Return a layer's activations, channels first, on the model's device and without a graph."""
    check_images(images)
    device = next((tensor.device for tensor in model.parameters()), images.device)
    with torch.no_grad():
        return channels_first(activations(model, images.to(device), [layer])[layer])
