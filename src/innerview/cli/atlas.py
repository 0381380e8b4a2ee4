"""``innerview atlas``: build an activation atlas of a folder of images, and open its explorer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from innerview.cli.options import Device, Model, Seed, told_once
from innerview.core.errors import BadInput

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from torch import nn

atlas_app = typer.Typer(no_args_is_help=True, help="Activation atlases: what a layer sees in many images, as a map.")


@atlas_app.command("build")
def atlas_build(
    images: Annotated[Path, typer.Argument(help="Folder of images, searched below, too.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the explorer, and of what it is made from.")],
    model: Model = "googlenet",
    layer: Annotated[
        list[str] | None, typer.Option(help="One atlas each; the last with rows and columns by default.")
    ] = None,
    positions: Annotated[int, typer.Option(min=1, help="Activations of each image, at random positions.")] = 1,
    density: Annotated[
        list[int] | None, typer.Option(min=1, help="Cells along each side, each twice the one before; 10 by default.")
    ] = None,
    minimum: Annotated[int, typer.Option(min=1, help="Activations that a cell needs.")] = 10,
    class_name: Annotated[
        list[str] | None, typer.Option("--class", help="A class atlas each, of the last layer: name or index.")
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option(help="FIRST/SECOND: what tells two classes apart, in the last layer.")
    ] = None,
    class_count: Annotated[int, typer.Option(min=1, help="Activations of a class in its views.")] = 3000,
    method: Annotated[str, typer.Option(help="umap, tsne or pca.")] = "umap",
    size: Annotated[int, typer.Option(min=16, help="Of an icon, in pixels.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Of each icon's ascent.")] = 96,
    tries: Annotated[int, typer.Option(min=1, help="Icons of each cell, of which the best is kept.")] = 1,
    aligned: Annotated[bool, typer.Option("--aligned", help="Neighbours in the same orientation.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many images, evenly spread.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of one thread each; 1 uses this one.")] = 1,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Build the atlas of a folder of IMAGES. An interrupted call goes on when it is made again."""
    from dataclasses import replace

    from innerview.atlas import AtlasRecipe, IconRecipe, Reduction, Sampling
    from innerview.atlas.explore import ExplorerRecipe, build_explorer
    from innerview.core.devices import choose_device
    from innerview.core.files import check_writable
    from innerview.core.folders import image_paths
    from innerview.core.store import Store
    from innerview.core.work import Work
    from innerview.models import load_model
    from innerview.optimize.icons import ICON

    check_writable(out / "parts" / "layout")
    paths = _spread(image_paths(images), limit)
    network = load_model(model).to(choose_device(device))
    icons = IconRecipe(size, replace(ICON, steps=steps), tries=tries, aligned=aligned, seed=seed)
    full = AtlasRecipe(tuple(density or (10,)), minimum, reduction=Reduction(method, seed=seed), icons=icons)
    recipe = ExplorerRecipe(
        tuple(layer or (_last_layer(network),)),
        tuple(class_name or ()),
        tuple(_pair(one) for one in pair or ()),
        Sampling(positions, seed=seed),
        full,
        replace(full, densities=(8,), minimum=min(minimum, 4)),
        class_count,
    )
    title = f"Activation atlas of {model}, {len(paths)} images"
    with told_once(), _executor(workers) as executor:
        work = Work(Store(out / "parts"), executor, progress=True)
        page = build_explorer(network, paths, out / "explorer", recipe, title=title, work=work)
    print(page)


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


def _spread(paths: list[Path], limit: int | None) -> list[Path]:
    count = min(limit or len(paths), len(paths))
    return [paths[place * len(paths) // count] for place in range(count)]


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
    """Give a pool of processes with one thread each; or None, to compute here, with one thread as they have."""
    if workers == 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from torch import set_num_threads

    with ProcessPoolExecutor(workers, get_context("spawn"), set_num_threads, (1,)) as pool:
        yield pool
