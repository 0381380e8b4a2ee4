"""``innerview visualize``: everything that feature visualization makes, from the command line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from innerview.cli.many import MANY, Request
from innerview.cli.options import LARGEST, Device, Output, Seed, checked_picture
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

LEARNED: Final = ("gan", "vae")


def visualize(
    model: str,
    subject: Annotated[str, typer.Argument(help=SUBJECT_HELP)],
    out: Output,
    steps: Annotated[int | None, typer.Option(min=0, help="Of the ascent; 512, or 96 for icons.")] = None,
    size: Annotated[
        int | None, typer.Option(min=1, max=LARGEST, help="Height and width in pixels; 128, or 64 for icons.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Images of one objective, each from its own noise; or neuron groups."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Another objective: as many images as --count lead from the first to it.")
    ] = None,
    parameterization: Annotated[
        str,
        typer.Option(
            help="fourier, pixels, raw, laplacian, shared, cppn, maco, transparent; gan or vae: a learned prior."
        ),
    ] = "fourier",
    transforms: Annotated[str, typer.Option(help="released, article, maco or none.")] = "released",
    metric: Annotated[
        str, typer.Option(help="adam, or steepest ascent of raw pixels under l2, linf, decorrelated or smoothed.")
    ] = "adam",
    learning_rate: Annotated[float | None, typer.Option(help="0.05; 0.003 for cppn, 0.2 for maco.")] = None,
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
    _check_options(kind, request)
    network = load_model(model).to(choose_device(device))
    draw = MANY.get(kind)
    if draw is None:
        _one(network, subject, request)
    else:
        draw(network, rest, request)


def _check_options(kind: str, request: Request) -> None:
    """Refuse options that a picture of many would ignore."""
    counted = kind in ("groups", "examples")
    given = {"--to": request.to, "--stages": request.stages or None, "--count": None if counted else request.count}
    ignored = [option for option, value in given.items() if value is not None]
    if kind in MANY and ignored:
        raise BadInput(f"{kind}: takes no {ignored[0]}; leave it out, or name an objective")


def _stages(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(step) for step in text.split(",") if step.strip())
    except ValueError as error:
        raise BadInput(f"{text!r} are no numbers of steps; write such as 1,32,512") from error


def _recipe(parameterization: str, transforms: str, metric: str, learning_rate: float | None) -> "Recipe":
    from innerview import optimize as known

    spaces: dict[str, Any] = {
        "fourier": known.Fourier(), "pixels": known.Pixels(), "raw": known.RawPixels(), "cppn": known.CPPN(),
        "laplacian": known.Laplacian(), "shared": known.Shared(), "maco": known.Maco(),
        "transparent": known.Transparent(),
    }  # fmt: skip
    if parameterization in LEARNED:
        from innerview.synthesis import GeneratorPrior, load_generator

        spaces[parameterization] = GeneratorPrior(load_generator(parameterization))
    changes = {"released": known.RELEASED, "article": known.ARTICLE, "maco": known.MACO, "none": ()}
    metrics = {
        "adam": None, "l2": known.L2(), "linf": known.LInf(), "decorrelated": known.Decorrelated(),
        "smoothed": known.Smoothed(),
    }  # fmt: skip
    rates = {"cppn": 0.003, "maco": 0.2}
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
    from innerview.optimize import Diverged, visualize

    objective = _objective(subject, request)
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


def _objective(subject: str, request: Request) -> "Objective":
    from dataclasses import replace

    from innerview.optimize import interpolation

    first = _parsed(subject)
    if request.to is not None:
        return interpolation(first, _parsed(request.to), request.count or 6)
    if request.count is None:
        return first
    if first.count not in (None, request.count):
        raise BadInput(f"{first.name} asks for {first.count} images, not {request.count}; leave --count out")
    return replace(first, count=request.count)


def _parsed(text: str) -> "Objective":
    from innerview.optimize import parse_objective

    try:
        return parse_objective(text)
    except BadInput as error:
        kind = text.strip().partition(":")[0]
        also = f"; {kind}: makes a picture of many" if kind in MANY else near(kind, MANY)
        raise BadInput(f"{error}{also}") from error
