"""``innerview dissect``: which concepts the units of a layer match. ``innerview masks``: what one unit marks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from innerview.cli.options import LARGEST, Device, Model, Output, checked_picture, told_once
from innerview.core.errors import BadInput, near

if TYPE_CHECKING:
    from torch import nn

    from innerview.dissection import Concepts, Dissection, Pictures
    from innerview.figures import Marked

CONCEPTS_HELP: Final = (
    "pixels (colours, orientations, frequencies); masks:DIR, a folder of CONCEPT/IMAGE.png or "
    "CATEGORY/CONCEPT/IMAGE.png; broden:DIR, which brings its own images; several with commas between."
)
Quantile = Annotated[float, typer.Option(help="Share of the positions at which a unit is above its threshold.")]
Size = Annotated[
    int, typer.Option(min=8, max=LARGEST, help="Height and width of the images that are read from folders, in pixels.")
]
Layer = Annotated[str, typer.Option(help="Name of a layer; `innerview layers MODEL` lists them.")]
SHOWN: Final = 4
"""Images a unit on the sheet."""


def dissect(
    folder: Annotated[Path | None, typer.Argument(help="Folder of images; none with broden:DIR.")] = None,
    *,
    layer: Layer,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write units.csv and units.png to.")],
    model: Model = "googlenet",
    concepts: Annotated[str, typer.Option(help=CONCEPTS_HELP)] = "pixels",
    quantile: Quantile = 0.005,
    minimum_iou: Annotated[float, typer.Option(help="IoU above which a unit detects a concept.")] = 0.04,
    units: Annotated[int, typer.Option(min=1, help="Units on the sheet, the best ones.")] = 8,
    size: Size = 224,
    batch: Annotated[int, typer.Option(min=1, help="Images at a time.")] = 16,
    device: Device = "auto",
) -> None:
    """Measure which concepts the units of a layer match over FOLDER: a table and a sheet of the best units."""
    import shutil

    from innerview.core.devices import choose_device
    from innerview.core.files import check_writable
    from innerview.core.store import Store
    from innerview.core.work import Work
    from innerview.dissection import Pictures
    from innerview.dissection import dissect as measure
    from innerview.models import load_model

    table, sheet, parts = out / "units.csv", out / "units.png", out / ".parts"
    check_writable(table)
    checked_picture(sheet)
    paths, sets = _chosen(folder, concepts)
    network = load_model(model).to(choose_device(device))
    pictures, work = Pictures(paths, size, batch), Work(Store(parts), progress=True)
    with told_once():
        found = measure(network, pictures, layer, sets, quantile=quantile, minimum_iou=minimum_iou, work=work)
        write_table(table, found)
        _draw(sheet, network, pictures, found, units)
    shutil.rmtree(parts, ignore_errors=True)
    tell(out, found)


def masks(
    images: Annotated[list[Path], typer.Argument(help="Photographs.")],
    *,
    layer: Layer,
    channel: Annotated[int, typer.Option(min=0, help="Of the layer.")],
    over: Annotated[Path, typer.Option(help="Folder of images, over which the unit's threshold is found.")],
    out: Output,
    quantile: Quantile = 0.005,
    model: Model = "googlenet",
    size: Size = 224,
    device: Device = "auto",
) -> None:
    """Show where in IMAGES one unit is above its threshold; the rest is darkened."""
    from innerview.core.devices import choose_device
    from innerview.core.folders import Batch, image_paths
    from innerview.core.images import from_array, read_image, write_image
    from innerview.dissection import Pictures, Units, lit, threshold_masks, unit_thresholds
    from innerview.figures import panels
    from innerview.figures.sheets import even_columns, rendered
    from innerview.models import load_model

    checked_picture(out)
    paths = image_paths(over)
    photos = [read_image(path, size) for path in images]
    network = load_model(model).to(choose_device(device))
    maps = [Units(network, layer).maps(Batch((number,), photo)) for number, photo in enumerate(photos)]
    if channel >= maps[0].shape[1]:
        raise BadInput(f"layer {layer!r} has the channels 0 to {maps[0].shape[1] - 1}; {channel} is out of range")
    with told_once():
        threshold = unit_thresholds(network, Pictures(paths, size), layer, quantile, progress=True)[[channel]]
    shown = {}
    for number, (path, photo, one) in enumerate(zip(images, photos, maps, strict=True)):
        mask = threshold_masks(one[:, [channel]].cpu(), threshold, (photo.shape[-2], photo.shape[-1]))[:, 0]
        shown[f"{path.name}: {float(mask.float().mean()):.1%}" + " " * number] = lit(photo, mask)
    write_image(out, from_array(rendered(panels(shown, columns=even_columns(len(shown))))))
    print(f"{out}: channel {channel} of {layer} above {float(threshold):.4g}")


def _chosen(folder: Path | None, text: str) -> "tuple[list[Path], Concepts]":
    """Return the images and the concepts that were asked for."""
    from innerview.core.folders import image_paths
    from innerview.dissection import JoinedConcepts, PixelConcepts, read_broden, read_mask_folders

    specs = [spec.strip().partition(":") for spec in text.split(",")]
    for kind, _, place in specs:
        if kind not in ("pixels", "masks", "broden") or (kind == "pixels") == bool(place):
            told = near(kind, ["pixels", "masks", "broden"])
            raise BadInput(f"--concepts {text!r} cannot be read{told}; write pixels, masks:DIR or broden:DIR")
    labelled = {place: read_broden(place) for kind, _, place in specs if kind == "broden"}
    if len(labelled) > 1 or bool(labelled) == (folder is not None):
        raise BadInput("broden:DIR brings its own images; give either that, once, or a folder of images")
    paths = [path for one in labelled.values() for path in one.paths] if folder is None else image_paths(folder)
    size = next((one.size for one in labelled.values()), None)
    sets: dict[str, Any] = {"pixels": lambda _: PixelConcepts(size=size), "broden": labelled.get}
    sets["masks"] = lambda place: read_mask_folders(place, paths)
    return paths, JoinedConcepts(tuple(sets[kind](place) for kind, _, place in specs))


def write_table(path: Path, found: "Dissection") -> None:
    """Write a line for each unit."""
    import csv

    from innerview.core.files import as_text, written_whole

    rows = [
        {name: as_text(cell) if isinstance(cell, str) else cell for name, cell in row.items()} for row in found.rows()
    ]
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "iou": f"{row['iou']:.6f}", "threshold": f"{row['threshold']:.6g}"} for row in rows)


def _draw(path: Path, network: "nn.Module", pictures: "Pictures", found: "Dissection", units: int) -> None:
    """Write the sheet: a row for each of the best units."""
    from innerview.core.images import from_array, write_image
    from innerview.figures import outlines
    from innerview.figures.sheets import rendered

    marked: list[Marked] = []
    for unit in found.ranked()[:units]:
        marked += _row(network, pictures, found, unit)
    columns = len(marked) // min(units, len(found.best))
    write_image(path, from_array(rendered(outlines(marked, columns=columns))))


def _row(network: "nn.Module", pictures: "Pictures", found: "Dissection", unit: int) -> "list[Marked]":
    from innerview.dissection import unit_examples
    from innerview.figures import Marked

    images, marks = unit_examples(network, pictures, found, unit, min(SHOWN, found.examples.shape[1]))
    name = found.names[found.best[unit]]
    titles = [f"{unit}: {name}", f"IoU {found.best_iou[unit]:.3f}", *[""] * SHOWN]
    return [
        Marked(title, image[None], masks={"above the unit's threshold": mask})
        for title, image, mask in zip(titles, images, marks, strict=False)
    ]


def tell(out: Path, found: "Dissection") -> None:
    """Say how many units detect what."""
    counts = ", ".join(f"{count} {kind}" for kind, count in found.unique_detectors().items())
    print(
        f"{out}: {len(found.detectors)} of {len(found.best)} units of {found.layer} detect a concept; unique: {counts}"
    )
    if found.absent:
        print(f"no pixel shows {', '.join(found.absent)}")
