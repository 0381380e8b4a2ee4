"""``innerview scouter``: train a classifier that explains itself, and ask it why, or why not, a class."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from innerview.cli.options import LARGEST, Device, Model, Output, Seed, checked_picture, percent, told_once

if TYPE_CHECKING:
    from innerview.attribution import ScouterClassifier
    from innerview.core.types import Images
    from innerview.figures import Explained

MOST_AREA: Final = 10
"""The paper's weight; the mean over few classes' maps would let it outweigh what tells the classes apart."""

scouter_app = typer.Typer(no_args_is_help=True, help="A classifier with explanations built in: train it, ask it.")


@scouter_app.command("train")
def scouter_train(
    folder: Annotated[Path, typer.Argument(help="Holds a folder of photographs for each class.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the trained heads.")],
    model: Model = "googlenet",
    layer: Annotated[
        str | None, typer.Option(help="Whose output is explained; the last with rows and columns by default.")
    ] = None,
    area: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Weight of the area: more makes explanations smaller, too much empties them. As many as there are "
            "classes by default, and 10 at most.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="How often every photograph is seen: 20, more if there are few.")
    ] = None,
    size: Annotated[int, typer.Option(min=32, max=LARGEST, help="Of the middle square that is seen, in pixels.")] = 224,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train a positive and a negative head on FOLDER's classes. An interrupted call goes on where it stopped."""
    from innerview.attribution.default_layer import default_layer
    from innerview.attribution.scouter_files import ScouterPlan, train_scouter
    from innerview.core.devices import choose_device
    from innerview.core.images import read_image
    from innerview.localization import class_folders
    from innerview.models import load_model

    place, found = choose_device(device), class_folders(folder)
    if layer is None:
        layer = default_layer(load_model(model), read_image(found.paths[0], (size, size)))
    weight = float(min(MOST_AREA, len(found.classes))) if area is None else area
    plan = ScouterPlan(model, layer, found.classes, weight, epochs, size, seed)
    with told_once():
        accuracy = train_scouter(out, plan, found.paths, found.labels, device=place, progress=True)
    shares = ", ".join(f"{kind} {percent(share)}" for kind, share in accuracy.items())
    print(f"{out}: {model}, {layer}, {len(plan.labels)} classes; right on photographs kept apart: {shares}")


@scouter_app.command("explain")
def scouter_explain(
    folder: Annotated[Path, typer.Argument(help="What `innerview scouter train` wrote.")],
    images: Annotated[list[Path], typer.Argument(help="Photographs.")],
    out: Output,
    target: Annotated[
        str, typer.Option(help="Name or index of a class; none for the class that is predicted, or all.")
    ] = "none",
    negative: Annotated[
        bool, typer.Option("--negative", help="Why an image is not of a class, in place of why it is.")
    ] = False,
    size: Annotated[int, typer.Option(min=32, max=LARGEST, help="Shorter side in pixels; images are not cut.")] = 224,
    device: Device = "auto",
) -> None:
    """Show where a trained head looks in IMAGES for a class; all maps share one scale, on which 1 is full attention."""
    from innerview.attribution.scouter_files import load_scouter
    from innerview.core.devices import choose_device
    from innerview.core.images import from_array, read_image, write_image
    from innerview.figures import heatmaps
    from innerview.figures.sheets import rendered

    checked_picture(out)
    place = choose_device(device)
    model = load_scouter(folder, "negative" if negative else "positive", device=place)
    photos = [read_image(path, size).to(place) for path in images]
    panels = [
        panel for path, photo in zip(images, photos, strict=True) for panel in _panels(model, path, photo, target)
    ]
    columns = len(panels) // len(images)
    write_image(out, from_array(rendered(heatmaps(panels, unit="Attention", columns=min(columns, 7)))))
    print(f"{out}: {'why not' if negative else 'why'}, {len(images)} images")


def _panels(model: "ScouterClassifier", path: Path, photo: "Images", target: str) -> "list[Explained]":
    """Return the photograph under its prediction, and a map for each class that is asked for."""
    import torch

    from innerview.attribution import scouter_attention
    from innerview.figures import Explained
    from innerview.models import class_index, class_labels

    labels = class_labels(model)
    with torch.no_grad():
        likely = model(photo).softmax(1)[0]
    wanted = target.strip().casefold()
    if wanted in ("none", ""):
        classes = [int(likely.argmax())]
    else:
        classes = list(range(len(labels))) if wanted == "all" else [class_index(model, target)]
    maps = scouter_attention(model, photo.expand(len(classes), -1, -1, -1), classes).cpu()
    areas = maps.mean((1, 2)).tolist()
    titles = [
        f"{labels[one]} {percent(float(likely[one]))}, area {area:.3f}"
        for one, area in zip(classes, areas, strict=True)
    ]
    for title in titles:
        print(f"{path}: {title}")
    shown = [Explained(title, photo.cpu(), heat) for title, heat in zip(titles, maps, strict=True)]
    return [Explained(path.name, photo.cpu()), *shown]
