"""``innerview filters`` and ``innerview feature-maps``: what the first layer looks for, and what any layer puts out."""

from pathlib import Path
from typing import Annotated

import typer

from innerview.cli.options import LARGEST, Device, Model, Output, checked_picture
from innerview.core.errors import BadInput


def filters(
    model: str,
    out: Output,
    order: Annotated[
        str, typer.Option(help="stored, hue, color, frequency or orientation; by hue, grey filters come first.")
    ] = "stored",
    columns: Annotated[int | None, typer.Option(min=1, help="Filters a row; about as many as rows by default.")] = None,
    scale: Annotated[int, typer.Option(min=1, max=100, help="Pixels for each weight.")] = 10,
) -> None:
    """Draw the filters of MODEL's first layer, each on its own scale around grey."""
    from innerview.core.images import from_array, write_image
    from innerview.dissection import first_filters, traits
    from innerview.figures import filter_sheet
    from innerview.models import load_model

    checked_picture(out)
    found = first_filters(load_model(model))
    like = traits(found.weights)
    weights = found.weights if order == "stored" else found.weights[like.order(order)]
    write_image(out, from_array(filter_sheet(weights, columns=columns, scale=scale)))
    count, _, rows, wide = weights.shape
    steps = "x".join(map(str, found.stride))
    print(f"{out}: {count} filters of {rows}x{wide} pixels, {found.layer} of {model}, a position every {steps}")
    print(
        f"{float(like.grey.float().mean()):.0%} are grey; median of the peak frequencies "
        f"{float(like.frequency.median()):.2f} cycles per pixel"
    )


def feature_maps(
    image: Path,
    out: Output,
    layer: Annotated[list[str], typer.Option(help="Of the model; give it several times for several layers.")],
    channels: Annotated[
        str, typer.Option(help="Indices with commas between, of one layer; the strongest by default.")
    ] = "",
    count: Annotated[int, typer.Option(min=1, help="So many of the strongest.")] = 7,
    model: Model = "googlenet",
    size: Annotated[int, typer.Option(min=8, max=LARGEST, help="Shorter side in pixels; the image is not cut.")] = 224,
    device: Device = "auto",
) -> None:
    """Draw what channels of layers put out for IMAGE, the strongest first."""
    from innerview.core.devices import choose_device
    from innerview.core.images import from_array, read_image, write_image
    from innerview.figures import LayerMaps, feature_maps
    from innerview.figures.sheets import rendered
    from innerview.models import evaluate, load_model

    checked_picture(out)
    chosen = _channels(channels)
    if chosen and len(layer) > 1:
        raise BadInput("--channels are of one layer; name one, or leave --channels out")
    place = choose_device(device)
    photo, network = read_image(image, size).to(place), load_model(model).to(place)
    read = evaluate(network, photo, layer)
    for name, maps in read.items():
        if maps.ndim != 4:
            shape = "x".join(map(str, maps.shape[1:]))
            raise BadInput(f"layer {name!r} puts out {shape} numbers, no maps; choose one with rows and columns")
    drawn = {name: LayerMaps(maps[0], chosen) for name, maps in read.items()}
    write_image(out, from_array(rendered(feature_maps(drawn, count=count))))
    for name, maps in read.items():
        silent = float((maps == 0).float().mean())
        print(f"{out}: {name}, {maps.shape[1]} channels of {maps.shape[2]}x{maps.shape[3]}, {silent:.0%} zeros")


def _channels(text: str) -> list[int] | None:
    try:
        return [int(one) for one in text.split(",") if one.strip()] or None
    except ValueError as error:
        raise BadInput(f"--channels {text!r} are no indices; write such as 3,17") from error
