"""``innerview patches``: the places of a folder's images that excite channels most."""

from pathlib import Path
from typing import Annotated

import typer

from innerview.cli.options import Device, Model, Output, checked_picture, told_once


def patches(
    folder: Annotated[Path, typer.Argument(help="Folder of images, searched below, too.")],
    out: Output,
    layer: Annotated[str, typer.Option(help="One with rows and columns; `innerview layers MODEL` lists them.")],
    channel: Annotated[list[int], typer.Option(min=0, help="Give it several times for several channels.")],
    count: Annotated[
        int | None, typer.Option(min=1, help="Patches of each channel; 9, or as many as images could be read.")
    ] = None,
    model: Model = "googlenet",
    size: Annotated[int, typer.Option(min=8, max=1024, help="Of a patch, in pixels.")] = 96,
    device: Device = "auto",
) -> None:
    """Draw the patches of FOLDER's images that excite channels most. An interrupted call goes on where it stopped."""
    import shutil

    from innerview.core.devices import choose_device
    from innerview.core.folders import image_paths
    from innerview.core.images import contact_sheet, from_array, to_array, write_image
    from innerview.dissection import strongest_patches
    from innerview.figures import panels
    from innerview.figures.sheets import rendered
    from innerview.models import load_model

    checked_picture(out)
    channels = list(dict.fromkeys(channel))
    paths, network = image_paths(folder), load_model(model).to(choose_device(device))
    parts = out.with_name(f".{out.name}.parts")
    with told_once():
        found = strongest_patches(network, paths, layer, channels, out=parts, count=count, side=size, progress=True)
    pictures = {f"{layer}: {one}": contact_sheet(to_array(cut)) for one, cut in found.images.items()}
    write_image(out, from_array(rendered(panels(pictures))))
    shutil.rmtree(parts, ignore_errors=True)
    print(
        f"{out}: {layer} of {model}, squares of {found.field.side} pixels of {found.survey.size}, {len(paths)} images"
    )
    for one, chosen in found.examples.items():
        first = found.survey.paths[chosen.indices[0]]
        print(f"channel {one}: {chosen.values[0]:.4g} in {first}, the last shown {chosen.values[-1]:.4g}")
