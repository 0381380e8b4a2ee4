"""Receptive fields in four ways, and the patches that excite units most."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from innerview.assets import fetch
from innerview.core.folders import spread
from innerview.core.images import center_crop, read_image, square, write_image
from innerview.core.types import Images
from innerview.dissection import (
    Box,
    Field,
    Strongest,
    computed_field,
    computed_fields,
    effective_field,
    gradient_field,
    receptive_field,
    strongest_patches,
)
from innerview.models import activations
from innerview.replicate import Run
from innerview.replicate.photos import photo

STAND_INS: Final = ("astronaut", "chelsea", "coffee", "rocket")
"""Photographs of scikit-image, of which pieces stand in where no data set can be had."""

GREY: Final = 0.46
"""Around a patch that is shown alone: ImageNet's mean."""


@dataclass(frozen=True)
class Fields:
    """Of one layer's middle position.

    Args:
        whole: Side of the field in pixels, as if the image had no border.
        reckoned: From kernels, strides and paddings, in an image of the usual size.
        nan: What NaN reaches.
        gradient: What a gradient reaches.
        effective: The squares that hold most of the influence.
    """

    whole: int
    reckoned: Box
    nan: Box
    gradient: Box
    effective: Field

    @property
    def agree(self) -> bool:
        """Whether three ways that have nothing in common give the same."""
        return self.reckoned == self.nan == self.gradient


def photographs(run: Run) -> list[Path]:
    """Return photographs of a thousand classes, evenly spread."""
    if run.fallback:
        return _pieces(run)
    return spread(sorted(fetch("imagenet_sample").values()), run.config.photographs)


def _pieces(run: Run) -> list[Path]:
    folder, side, found = run.folder / "photographs", run.config.size, []
    for name in STAND_INS:
        whole = square(photo(f"skimage/{name}"), 2 * side)
        for number in range(9):
            top, left = side * (number // 3) // 2, side * (number % 3) // 2
            write_image(folder / f"{name}-{number}.png", whole[..., top : top + side, left : left + side])
            found.append(folder / f"{name}-{number}.png")
    return found


def squares(run: Run, count: int) -> Images:
    """Return some of the photographs."""
    size, paths = run.config.size, spread(photographs(run), count)
    return torch.cat([center_crop(read_image(path, size), size) for path in paths]).to(run.device)


def fields(run: Run) -> dict[str, Fields]:
    """Measure the field of each layer."""
    config = run.config

    def compute() -> dict[str, Tensor]:
        model = run.model(config.model)
        draws = torch.Generator().manual_seed(run.seed)
        noise = torch.rand(config.noise, 3, config.size, config.size, generator=draws).to(run.device)
        photos = squares(run, config.measured)
        wholes, reckoned = (computed_fields(model, config.layers, size) for size in (config.large, config.size))
        return {
            name: torch.tensor(
                [
                    wholes[name].right - wholes[name].left,
                    *reckoned[name],
                    *receptive_field(model, name, config.size),
                    *gradient_field(model, name, noise),
                    *_flat(effective_field(model, name, photos, config.share)),
                ],
                dtype=torch.float64,
            )
            for name in config.layers
        }

    kept = run.part("fields", compute)
    return {name: _fields(kept[name].tolist()) for name in config.layers}


def _flat(field: Field) -> tuple[float, ...]:
    return (*field.first, *field.step, field.side, *field.size)


def _fields(numbers: list[float]) -> Fields:
    whole, *rest = numbers
    reckoned, nan, gradient = (Box._make(map(int, rest[start : start + 4])) for start in (0, 4, 8))
    down, right, step_down, step_right, side, height, width = rest[12:]
    effective = Field((down, right), (step_down, step_right), int(side), (int(height), int(width)))
    return Fields(int(whole), reckoned, nan, gradient, effective)


def middle_box(run: Run, layer: str, field: Field) -> Box:
    """Return the effective field of a layer's middle position."""
    image = torch.full((1, 3, run.config.size, run.config.size), 0.5, device=run.device)
    with torch.inference_mode():
        maps = activations(run.model(run.config.model), image, layer)[layer]
    return field.box([extent // 2 for extent in maps.shape[2:]])


def alexnet_field(run: Run) -> Box:
    """Reckon the field of a unit in the middle of AlexNet's `pool5`; its weights do not matter."""
    layers: list[nn.Module] = []
    for place, (kernel, stride, padding) in enumerate(run.config.alexnet):
        is_pool = place in (1, 3, len(run.config.alexnet) - 1)
        convolution = nn.Conv2d(1 if layers else 3, 1, kernel, stride, padding)
        layers.append(nn.MaxPool2d(kernel, stride, padding) if is_pool else convolution)
    model = nn.Sequential(*layers).requires_grad_(requires_grad=False)
    return computed_field(model, str(len(layers) - 1), run.config.alexnet_size)


@lru_cache(maxsize=1)
def strongest(run: Run) -> dict[str, Strongest]:
    """Find the patches that excite the units most, layer by layer."""
    config, paths = run.config, photographs(run)
    model = run.model(config.model)
    return {
        layer: strongest_patches(model, paths, layer, channels, out=run.folder / "surveys" / layer, count=config.count)
        for layer, channels in config.units
    }


def kept_alone(run: Run) -> dict[str, dict[str, float]]:
    """Show patches alone, all else grey, and all but the patch: layer -> share of the response that is left of each."""
    config, model = run.config, run.model(run.config.model)

    def compute() -> dict[str, Tensor]:
        return {layer: _shares(run, model, layer, found) for layer, found in strongest(run).items()}

    kept = run.part("alone", compute)
    return {layer: dict(zip(("inside", "outside"), kept[layer].tolist(), strict=True)) for layer, _ in config.units}


def _shares(run: Run, model: nn.Module, layer: str, found: Strongest) -> Tensor:
    """Return what is left of the summed responses inside and outside the patches, ``(2,)``."""
    size, sums = found.survey.size, torch.zeros(3, dtype=torch.float64)
    for channel, chosen in found.examples.items():
        places = zip(chosen.indices, chosen.values, chosen.positions, strict=True)
        for index, value, (row, column) in list(places)[: run.config.alone]:
            image = center_crop(read_image(found.survey.paths[index], size), size)
            box = found.field.box((row, column))
            area = (..., slice(box.top, box.bottom), slice(box.left, box.right))
            both = torch.cat([torch.full_like(image, GREY), image])
            both[0][area], both[1][area] = image[0][area], GREY
            with torch.inference_mode():
                left = activations(model, both.to(run.device), layer)[layer][:, channel, row, column].cpu()
            sums += torch.tensor([float(left[0]), float(left[1]), float(value)])
    return sums[:2] / sums[2]
