"""``innerview generate`` and ``dissect-generator``: images of a small generator, and which units make what in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from innerview.cli.dissect import tell, write_table
from innerview.cli.options import Device, Model, Output, Seed, checked_picture, percent
from innerview.core.errors import BadInput, near

if TYPE_CHECKING:
    import torch

    from innerview.synthesis import Generator


Made = Annotated[str, typer.Option(help="gan, vae, or a file of save_generator (.safetensors).")]


def generate(
    out: Output,
    classes: Annotated[
        list[str] | None, typer.Argument(help="Names or indices of classes of --model; none: random images.")
    ] = None,
    generator: Made = "gan",
    count: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Images; 32 random ones, or 4 of each class.")
    ] = None,
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


def dissect_generator(
    layer: Annotated[str, typer.Option(help="start, block8, block16, block32 or block64.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write units.csv and switched.png to.")],
    generator: Made = "gan",
    concept: Annotated[str | None, typer.Option(help="Whose units are switched off; by default the best.")] = None,
    units: Annotated[int, typer.Option(min=1, help="Units that are switched off together.")] = 8,
    count: Annotated[int, typer.Option(min=10, max=100_000, help="Images that are dissected.")] = 200,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Measure which concepts the units of a generator match, and show images without a concept's units."""
    from innerview.core.devices import choose_device
    from innerview.core.files import check_writable
    from innerview.dissection import PixelConcepts, concept_shares, generated, switched
    from innerview.dissection import dissect_generator as dissected
    from innerview.synthesis import load_generator

    names = PixelConcepts().names
    if concept is not None and concept not in names:
        raise BadInput(f"no concept is called {concept!r}{near(concept, names)}; there are {', '.join(names)}")
    check_writable(out / "units.csv")
    made = load_generator(generator).to(choose_device(device))
    codes = made.sample(count, seed)
    found = dissected(made, codes, layer, PixelConcepts())
    name = concept or names[found.best[found.ranked()[0]]]
    place = names.index(name)
    off = (-found.iou[:, place]).argsort(kind="stable")[:units].tolist()
    before = generated(made, codes)
    with switched(made, layer, off):
        after = generated(made, codes)
    write_table(out / "units.csv", found)
    _draw(out / "switched.png", {"As they are": before[:8], f"Units {', '.join(map(str, off))} off": after[:8]})
    tell(out, found)
    shares = [float(concept_shares(images, PixelConcepts())[:, place].mean()) for images in (before, after)]
    print(f"{name}: {shares[0]:.1%} of the images, {shares[1]:.1%} with its best {len(off)} units off")


def _draw(path: Path, rows: "dict[str, torch.Tensor]") -> None:
    from innerview.core.images import from_array, write_image
    from innerview.figures import strips
    from innerview.figures.sheets import rendered

    write_image(path, from_array(rendered(strips(rows, scale=2))))
