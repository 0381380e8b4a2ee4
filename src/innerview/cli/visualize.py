"""``innerview visualize``: everything that feature visualization makes, from the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from innerview.cli.options import Device, Output, Seed, checked_picture
from innerview.core.errors import BadInput, InnerviewError, near

if TYPE_CHECKING:
    from torch import nn

    from innerview.optimize import Objective, Recipe

SUBJECT_HELP: Final = (
    "An objective: channel:LAYER:INDEX, neuron:LAYER:INDEX[@ROW,COLUMN], layer:LAYER, class:NAME_OR_INDEX, "
    "probability:NAME_OR_INDEX, direction:LAYER:FILE.npy, cosine:LAYER:FILE.npy, diversity:LAYER, alignment:LAYER, or "
    "the penalties total_variation, l1, l2, blur, bilateral, opacity; joined by + and -, with factors such as 0.5*. Or "
    "a picture of many: sprites:LAYER (every channel), grid:LAYER:IMAGE (every place of a photograph), "
    "groups:LAYER:IMAGE (neuron groups), examples:LAYER:INDEX:FOLDER (photographs that excite a channel most)."
)


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


def visualize(
    model: str,
    subject: Annotated[str, typer.Argument(help=SUBJECT_HELP)],
    out: Output,
    steps: Annotated[int | None, typer.Option(min=0, help="Of the ascent; 512, or 96 for icons.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Height and width in pixels; 128, or 64 for icons.")] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Images of one objective, each from its own noise; or neuron groups.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Another objective: as many images as --count lead from the first to it.")
    ] = None,
    parameterization: Annotated[
        str, typer.Option(help="fourier, pixels, raw, laplacian, shared, cppn, maco or transparent.")
    ] = "fourier",
    transforms: Annotated[str, typer.Option(help="released, article, maco or none.")] = "released",
    metric: Annotated[
        str, typer.Option(help="adam, or steepest ascent of raw pixels under l2, linf, decorrelated or smoothed.")
    ] = "adam",
    learning_rate: Annotated[float | None, typer.Option(help="0.05; 0.005 for cppn, 1 for maco.")] = None,
    stages: Annotated[str, typer.Option(help="Numbers of steps, such as 1,32,512: a sheet of the images then.")] = "",
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Make an image that excites what SUBJECT names, or a picture of many such images."""
    from innerview.core.devices import choose_device
    from innerview.models import load_model

    checked_picture(out)
    recipe = _recipe(parameterization, transforms, metric, learning_rate)
    request = Request(out, recipe, steps, size, seed, count, to, _stages(stages))
    kind, _, rest = subject.strip().partition(":")
    network = load_model(model).to(choose_device(device))
    draw = MANY.get(kind)
    if draw is None:
        _one(network, subject, request)
    else:
        draw(network, rest, request)


def _stages(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(step) for step in text.split(",") if step.strip())
    except ValueError as error:
        raise BadInput(f"{text!r} are no numbers of steps; write such as 1,32,512") from error


def _recipe(parameterization: str, transforms: str, metric: str, learning_rate: float | None) -> "Recipe":
    from innerview import optimize as known

    spaces = {
        "fourier": known.Fourier(), "pixels": known.Pixels(), "raw": known.RawPixels(), "cppn": known.CPPN(),
        "laplacian": known.Laplacian(), "shared": known.Shared(), "maco": known.Maco(),
        "transparent": known.Transparent(),
    }  # fmt: skip
    changes = {"released": known.RELEASED, "article": known.ARTICLE, "maco": known.MACO, "none": ()}
    metrics = {
        "adam": None, "l2": known.L2(), "linf": known.LInf(), "decorrelated": known.Decorrelated(),
        "smoothed": known.Smoothed(),
    }  # fmt: skip
    rates = {"cppn": 0.005, "maco": 1.0}
    rate = learning_rate if learning_rate is not None else rates.get(parameterization, 0.05)
    return known.Recipe(
        learning_rate=rate,
        parameterization=_chosen("parameterization", parameterization, spaces),
        transforms=_chosen("transforms", transforms, changes),
        metric=_chosen("metric", metric, metrics),
    )


def _chosen(option: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise BadInput(f"--{option} {name!r} is unknown{near(name, known)}; choose one of {', '.join(known)}")
    return known[name]


def _one(network: "nn.Module", subject: str, request: Request) -> None:
    """Visualize one objective, or the way from one to another."""
    from dataclasses import replace

    import torch

    from innerview.core.images import write_image
    from innerview.optimize import Diverged, parse_objective, visualize

    objective = parse_objective(subject)
    if request.to is not None:
        objective = _way(objective, parse_objective(request.to), request.count or 6)
    elif request.count is not None:
        objective = replace(objective, count=request.count)
    steps = 512 if request.steps is None else request.steps
    recipe = replace(request.recipe, steps=steps)
    try:
        found = visualize(
            network, objective, size=request.size or 128, seed=request.seed, recipe=recipe, snapshots=request.stages,
            progress=True,
        )  # fmt: skip
    except Diverged as error:
        write_image(request.out, error.images)
        raise InnerviewError(f"{error}; {request.out} holds the last good image") from error
    if request.stages:
        write_image(request.out, torch.cat(list(found.snapshots.values())), columns=len(found.images))
    else:
        write_image(request.out, found.images, alpha=found.alpha)
    values = ", ".join(f"{value:.4g}" for value in found.values.tolist())
    print(f"{request.out}: {found.objective} = {values}")
    if found.dead.any():
        print(f"images {', '.join(map(str, found.dead.nonzero()[:, 0].tolist()))} stayed at 0: dead units")


def _way(first: "Objective", last: "Objective", count: int) -> "Objective":
    from innerview.optimize import interpolation

    return interpolation(first, last, count)


def _icons(request: Request) -> dict[str, Any]:
    """Return the settings of icons, which continue from files beside the picture after a stop."""
    from dataclasses import replace

    from innerview.core.store import Store
    from innerview.core.work import Work

    steps = 96 if request.steps is None else request.steps
    work = Work(Store(request.out.with_name(f".{request.out.name}.parts")), progress=True)
    recipe = replace(request.recipe, steps=steps)
    return {"size": request.size or 64, "recipe": recipe, "work": work}


def _finished(request: Request) -> None:
    """Remove the files that an interrupted picture would have continued from."""
    import shutil

    shutil.rmtree(request.out.with_name(f".{request.out.name}.parts"), ignore_errors=True)


def _sprites(network: "nn.Module", layer: str, request: Request) -> None:
    from innerview.optimize import spritemap

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
    from innerview.models import activations
    from innerview.optimize import direction, icons

    layer, path = _fields(rest, "groups:LAYER:IMAGE")
    image = read_image(path, 224)
    with torch.no_grad():
        read = activations(network, image.to(next(network.parameters()).device), [layer])[layer]
    found = neuron_groups(read, request.count or 6)
    drawn = icons(network, partial(direction, layer, cosine_power=1.0), found.vectors, **_icons(request)).images
    maps = found.maps[0][:, None] / found.maps[0].amax((1, 2)).clamp(min=1e-12)[:, None, None, None]
    side = drawn.shape[-1]
    where = torch.nn.functional.interpolate(maps, (side, side), mode="bilinear")
    small = torch.nn.functional.interpolate(image, (side, side), mode="bilinear", antialias=True)
    write_image(request.out, torch.cat([drawn, small * where]), columns=len(drawn))
    _finished(request)
    print(f"{request.out}: {len(drawn)} groups of {layer}, above; where they are, below; {found.error:.0%} unexplained")


def _examples(network: "nn.Module", rest: str, request: Request) -> None:
    import torch

    from innerview.core.folders import image_paths
    from innerview.core.images import center_crop, read_image, write_image
    from innerview.dissection import effective_field, patches, survey

    layer, index, folder = _fields(rest, "examples:LAYER:INDEX:FOLDER")
    if not index.isdecimal():
        raise BadInput(f"{index!r} is no channel; write examples:LAYER:INDEX:FOLDER")
    kept = request.out.with_name(f".{request.out.name}.parts")
    found = survey(network, image_paths(folder), layer, out=kept, progress=True)
    chosen = found.top(int(index), min(request.count or 9, len(found.paths) - len(found.skipped)))
    images = torch.cat([center_crop(read_image(found.paths[one], found.size), found.size) for one in chosen.indices])
    field = effective_field(network, layer, images[:4].to(next(network.parameters()).device))
    write_image(request.out, patches(found, chosen, field, request.size or 128))
    _finished(request)
    print(f"{request.out}: what excites channel {index} of {layer} most among {len(found.paths)} images")


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
