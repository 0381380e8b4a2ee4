"""Pictures of many visualizations, as ``innerview visualize`` draws them: channels, places, groups, examples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from innerview.core.errors import BadInput

if TYPE_CHECKING:
    from torch import nn

    from innerview.optimize import Recipe


@dataclass(frozen=True)
class Request:
    """What was asked for, apart from the subject; None where the subject has a default of its own."""

    out: Path
    recipe: "Recipe"
    steps: int | None
    size: int | None
    seed: int
    count: int | None
    to: str | None
    stages: tuple[int, ...]

    @property
    def parts(self) -> Path:
        """Where the parts of a picture of many lie until it is finished: an interrupted one continues from them."""
        return self.out.with_name(f".{self.out.name}.parts")


def _icons(request: Request) -> dict[str, Any]:
    """Return the settings of icons, which continue from files beside the picture after a stop."""
    from dataclasses import replace

    from innerview.core.store import Store
    from innerview.core.work import Work

    steps = 96 if request.steps is None else request.steps
    work = Work(Store(request.parts), progress=True)
    recipe = replace(request.recipe, steps=steps)
    return {"size": request.size or 64, "recipe": recipe, "work": work}


def _finished(request: Request) -> None:
    """Remove the files that an interrupted picture would have continued from."""
    import shutil

    shutil.rmtree(request.parts, ignore_errors=True)


def _sprites(network: "nn.Module", rest: str, request: Request) -> None:
    from innerview.core.files import check_writable
    from innerview.optimize import spritemap

    (layer,) = _fields(rest, "sprites:LAYER")
    check_writable(request.out.with_suffix(".json"))
    found = spritemap(network, layer, seed=request.seed, **_icons(request))
    found.write(request.out)
    _finished(request)
    dead = int(found.icons.dead.sum())
    print(
        f"{request.out}: {len(found.channels)} channels of {layer}, {dead} of them dead; index in the .json beside it"
    )


def _grid(network: "nn.Module", rest: str, request: Request) -> None:
    from innerview.core.images import from_array, read_image, write_image
    from innerview.optimize import activation_grid

    layer, image = _fields(rest, "grid:LAYER:IMAGE")
    found = activation_grid(network, read_image(image, 224), layer, **_icons(request))
    write_image(request.out, from_array(found.sheet(scaled=True)))
    _finished(request)
    print(f"{request.out}: {layer} at {found.vectors.shape[1]}x{found.vectors.shape[2]} places of {image}")


def _groups(network: "nn.Module", rest: str, request: Request) -> None:
    import torch

    from innerview.core.images import read_image, write_image
    from innerview.embedding import neuron_groups
    from innerview.optimize import direction, icons
    from innerview.optimize.icons import read_layer

    layer, path = _fields(rest, "groups:LAYER:IMAGE")
    image = read_image(path, 224)
    read = read_layer(network, image, layer)
    if read.ndim != 4:
        raise BadInput(f"layer {layer!r} has no rows and columns, so there are no groups; choose a convolution's")
    found = neuron_groups(read, request.count or 6)
    make = partial(direction, layer, cosine_power=1.0)
    drawn = icons(network, make, found.vectors, seed=request.seed, **_icons(request)).images
    maps = found.maps[0][:, None] / found.maps[0].amax((1, 2)).clamp(min=1e-12)[:, None, None, None]
    side = drawn.shape[-1]
    where = torch.nn.functional.interpolate(maps, (side, side), mode="bilinear")
    small = torch.nn.functional.interpolate(image, (side, side), mode="bilinear", antialias=True)
    write_image(request.out, torch.cat([drawn, small * where]), columns=len(drawn))
    _finished(request)
    print(f"{request.out}: {len(drawn)} groups of {layer}, above; where they are, below; {found.error:.0%} unexplained")


def _examples(network: "nn.Module", rest: str, request: Request) -> None:
    from innerview.core.folders import image_paths
    from innerview.core.images import write_image
    from innerview.dissection import strongest_patches

    layer, index, folder = _fields(rest, "examples:LAYER:INDEX:FOLDER")
    if not index.isdecimal():
        raise BadInput(f"{index!r} is no channel; write examples:LAYER:INDEX:FOLDER")
    channel, paths = int(index), image_paths(folder)
    found = strongest_patches(
        network, paths, layer, [channel], out=request.parts, count=request.count, side=request.size or 128,
        progress=True,
    )  # fmt: skip
    write_image(request.out, found.images[channel])
    _finished(request)
    print(f"{request.out}: what excites channel {index} of {layer} most among {len(paths)} images")


def _fields(rest: str, form: str) -> list[str]:
    """Split what stands behind the kind into the fields of its form; the last may hold further colons."""
    fields = [field.strip() for field in rest.split(":", form.count(":") - 1)]
    if len(fields) != form.count(":") or not all(fields):
        raise BadInput(f"{rest!r} is incomplete; write {form}")
    return fields


MANY: Final[Mapping[str, Callable[["nn.Module", str, Request], None]]] = {
    "sprites": _sprites,
    "grid": _grid,
    "groups": _groups,
    "examples": _examples,
}
