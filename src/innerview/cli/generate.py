"""``innerview generate``: images of a small generator, at random or of classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from innerview.cli.options import Device, Model, Output, Seed, checked_picture, percent

if TYPE_CHECKING:
    import torch

    from innerview.synthesis import Generator


def generate(
    out: Output,
    classes: Annotated[
        list[str] | None, typer.Argument(help="Names or indices of classes of --model; none: random images.")
    ] = None,
    generator: Annotated[str, typer.Option(help="gan, vae, or a file of save_generator (.safetensors).")] = "gan",
    count: Annotated[int | None, typer.Option(min=1, help="Images; 32 random ones, or 4 of each class.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Of the codes, towards a class.")] = 200,
    model: Model = "googlenet",
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Draw images of a generator; with CLASSES those that MODEL takes for them, a row each (Plug and Play)."""
    from innerview.core.devices import choose_device
    from innerview.synthesis import load_generator

    checked_picture(out)
    place = choose_device(device)
    made = load_generator(generator).to(place)
    if not classes:
        _random(out, made, count or 32, seed)
    else:
        _of_classes(out, made, classes, count or 4, steps, model, seed, place)


def _random(out: "Output", generator: "Generator", count: int, seed: int) -> None:
    from innerview.core.images import write_image
    from innerview.dissection import generated

    write_image(out, generated(generator, generator.sample(count, seed)), columns=8)
    print(f"{out}: {count} random images of 64x64 pixels")


def _of_classes(
    out: "Output",
    generator: "Generator",
    classes: Sequence[str],
    count: int,
    steps: int,
    model: str,
    seed: int,
    place: "torch.device",
) -> None:
    import torch

    from innerview.core.images import write_image
    from innerview.models import class_index, load_model
    from innerview.synthesis import PlugAndPlayRecipe, plug_and_play

    network = load_model(model).to(place)
    for name in classes:
        class_index(network, name)  # all are known before the first is drawn
    recipe = PlugAndPlayRecipe(steps=steps)
    rows = [
        plug_and_play(network, generator, name, count=count, recipe=recipe, seed=seed, progress=True)
        for name in classes
    ]
    write_image(out, torch.cat([row.images for row in rows]), columns=count)
    for name, row in zip(classes, rows, strict=True):
        print(f"{out}: {name}, {', '.join(percent(float(one)) for one in row.probabilities)} by {model}")
