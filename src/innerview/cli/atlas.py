"""``innerview atlas``: build an activation atlas of a folder of images, open its explorer, say what one will cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from innerview.cli.options import LARGEST, Device, Model, Seed, told_once
from innerview.core.errors import BadInput

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from torch import nn

    from innerview.atlas import AtlasRecipe
    from innerview.atlas.estimate import Estimate
    from innerview.atlas.explore import ExplorerRecipe

atlas_app = typer.Typer(no_args_is_help=True, help="Activation atlases: what a layer sees in many images, as a map.")


Folder = Annotated[Path, typer.Argument(help="Folder of images, searched below, too.")]
Layers = Annotated[list[str] | None, typer.Option(help="One atlas each; the last with rows and columns by default.")]
Count = Annotated[int, typer.Option(min=1, help="Activations of each image, at random positions.")]
Densities = Annotated[
    list[int] | None, typer.Option(min=1, help="Cells along each side, each twice the one before; 10 by default.")
]
Minimum = Annotated[int, typer.Option(min=1, help="Activations that a cell needs.")]
Method = Annotated[str, typer.Option(help="umap, tsne or pca.")]
Size = Annotated[int, typer.Option(min=16, max=LARGEST, help="Of an icon, in pixels.")]
Steps = Annotated[int, typer.Option(min=1, help="Of each icon's ascent.")]
Tries = Annotated[int, typer.Option(min=1, help="Icons of each cell, of which the best is kept.")]


@atlas_app.command("build")
def atlas_build(
    images: Folder,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the explorer, and of what it is made from.")],
    model: Model = "googlenet",
    layer: Layers = None,
    positions: Count = 1,
    density: Densities = None,
    minimum: Minimum = 10,
    class_name: Annotated[
        list[str] | None, typer.Option("--class", help="A class atlas each, of the last layer: name or index.")
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option(help="FIRST/SECOND: what tells two classes apart, in the last layer.")
    ] = None,
    class_count: Annotated[int, typer.Option(min=1, help="Activations of a class in its views.")] = 3000,
    class_density: Annotated[int, typer.Option(min=1, help="Cells along each side of the views of classes.")] = 8,
    method: Method = "umap",
    size: Size = 64,
    steps: Steps = 96,
    tries: Tries = 1,
    aligned: Annotated[bool, typer.Option("--aligned", help="Neighbours in the same orientation.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many images, evenly spread.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes of one thread each; 1 computes here, with all threads.")
    ] = 1,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Build the atlas of a folder of IMAGES. An interrupted call goes on when it is made again."""
    from dataclasses import replace

    from innerview.atlas.explore import build_explorer
    from innerview.core.files import check_writable
    from innerview.core.store import Store
    from innerview.core.work import WINDOW, Work

    pairs = tuple(_pair(one) for one in pair or ())
    full = _full(density, minimum, method, size, steps, tries, seed)
    full = replace(full, icons=replace(full.icons, aligned=aligned))
    check_writable(out / "parts" / "layout")
    paths, network = _opened(images, limit, model, device)
    recipe = replace(
        _recipe(network, layer, positions, full, seed),
        classes=tuple(class_name or ()),
        pairs=pairs,
        narrow=replace(full, densities=(class_density,), minimum=min(minimum, 4)),
        class_count=class_count,
    )
    title = f"Activation atlas of {model}, {len(paths)} images"
    with told_once(), _executor(workers) as executor:
        work = Work(Store(out / "parts"), executor, progress=True, window=max(WINDOW, 2 * workers))
        page = build_explorer(network, paths, out / "explorer", recipe, title=title, work=work)
    print(page)


@atlas_app.command("estimate")
def atlas_estimate(
    folder: Folder,
    images: Annotated[
        int | None, typer.Option(min=1, help="Of the atlas to come; as many as there are by default.")
    ] = None,
    model: Model = "googlenet",
    layer: Layers = None,
    positions: Count = 1,
    density: Densities = None,
    minimum: Minimum = 10,
    method: Method = "umap",
    size: Size = 64,
    steps: Steps = 96,
    tries: Tries = 1,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes of one thread each, or cards, beside a single one.")
    ] = 8,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Say what an atlas of many images will take in time and room, from small trials with those in FOLDER."""
    from torch import get_num_threads, set_num_threads

    from innerview.atlas.cost import measure_costs

    full = _full(density, minimum, method, size, steps, tries, seed)
    paths, network = _opened(folder, None, model, device)
    recipe = _recipe(network, layer, positions, full, seed)
    threads = get_num_threads()
    set_num_threads(1)  # as each worker has
    try:
        with told_once():
            costs = measure_costs(network, paths, recipe)
    finally:
        set_num_threads(threads)
    count = images or len(paths)
    print(f"{model}, {', '.join(recipe.layers)}: {count:,} images, measured with one thread on {_device(network)}")
    for line in _table([costs.estimate(count, workers=number) for number in dict.fromkeys((1, workers))], workers):
        print(line)


def _table(estimates: "list[Estimate]", workers: int) -> "Iterator[str]":
    one = estimates[0]
    heads = ["1 worker", f"{workers} workers"][: len(estimates)]
    rows = {
        "": heads,
        "collecting": [_span(each.collecting) for each in estimates],
        "layout": [_span(each.layout) for each in estimates],
        **{
            f"icons of {density}x{density}, {cells:,} cells": [_span(each.icons[density]) for each in estimates]
            for density, cells in one.cells.items()
        },
        "in all": [_span(each.seconds) for each in estimates],
        "on disk": [_room(one.disk)],
        "memory of the layout": [_room(one.memory)],
    }
    for name, values in rows.items():
        yield f"{name:32}" + "".join(f"{value:>12}" for value in values)


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 6000 else f"{seconds / 60:.1f} min"


def _room(size: float) -> str:
    return f"{size / 2**30:.1f} GiB" if size > 2**29 else f"{size / 2**20:.1f} MiB"


@atlas_app.command("explore")
def atlas_explore(
    folder: Annotated[Path, typer.Argument(help="What `innerview atlas build` wrote, or an explorer itself.")],
) -> None:
    """Open the explorer in FOLDER with the browser; nothing is served, nothing leaves this machine."""
    import webbrowser

    pages = [folder / "explorer" / "index.html", folder / "index.html"]
    page = next((page for page in pages if page.is_file()), None)
    if page is None:
        raise BadInput(f"{folder} holds no explorer; `innerview atlas build IMAGES -o {folder}` makes one")
    print(page)
    if not webbrowser.open(page.resolve().as_uri()):
        print("no browser was found; open the file above with one")


def _full(
    densities: list[int] | None, minimum: int, method: str, size: int, steps: int, tries: int, seed: int
) -> "AtlasRecipe":
    from dataclasses import replace

    from innerview.atlas import AtlasRecipe, IconRecipe, Reduction
    from innerview.optimize.icons import ICON

    icons = IconRecipe(size, replace(ICON, steps=steps), tries=tries, seed=seed)
    return AtlasRecipe(tuple(densities or (10,)), minimum, reduction=Reduction(method, seed=seed), icons=icons)


def _recipe(
    model: "nn.Module", layers: list[str] | None, positions: int, full: "AtlasRecipe", seed: int
) -> "ExplorerRecipe":
    from innerview.atlas import Sampling
    from innerview.atlas.explore import ExplorerRecipe

    return ExplorerRecipe(tuple(layers or (_last_layer(model),)), sampling=Sampling(positions, seed=seed), full=full)


def _opened(folder: Path, limit: int | None, model: str, device: str) -> "tuple[list[Path], nn.Module]":
    """Return the images of a folder, and the model on its device."""
    from innerview.core.devices import choose_device
    from innerview.core.folders import image_paths, spread
    from innerview.models import load_model

    paths = image_paths(folder)
    paths = spread(paths, limit or len(paths))
    return paths, load_model(model).to(choose_device(device))


def _device(model: "nn.Module") -> str:
    from innerview.models.activations import device_of

    return str(device_of(model))


def _last_layer(model: "nn.Module") -> str:
    from torch import full

    from innerview.attribution import default_layer
    from innerview.models.activations import device_of

    return default_layer(model, full((1, 3, 224, 224), 0.5, device=device_of(model)))


def _pair(text: str) -> tuple[str, str]:
    first, _, second = text.partition("/")
    if not first.strip() or not second.strip():
        raise BadInput(f"a pair is FIRST/SECOND, such as snorkel/scuba, not {text!r}")
    return first, second


@contextmanager
def _executor(workers: int) -> "Iterator[Executor | None]":
    """Give a pool of processes with one thread each; or None, to compute here."""
    if workers == 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from torch import set_num_threads

    with ProcessPoolExecutor(workers, get_context("spawn"), set_num_threads, (1,)) as pool:
        yield pool
