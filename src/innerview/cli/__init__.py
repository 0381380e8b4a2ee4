"""The `innerview` command. Everything heavy is imported by the command that uses it, so that `--help` is quick."""

import errno
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from innerview.cli.atlas import atlas_app
from innerview.cli.attack import attack, fool
from innerview.cli.course import course_app
from innerview.cli.dissect import dissect, masks
from innerview.cli.embed import embed, neighbors
from innerview.cli.explain import explain
from innerview.cli.filters import feature_maps, filters
from innerview.cli.generate import dissect_generator, generate
from innerview.cli.options import LARGEST, Device, Model, Output, Seed, checked_picture
from innerview.cli.patches import patches
from innerview.cli.scouter import scouter_app
from innerview.cli.synthesis import invert, style, texture
from innerview.cli.visualize import visualize
from innerview.core.allocator import keep_freed_memory
from innerview.core.errors import InnerviewError, one_line

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Look inside convolutional networks.",
)
assets_app = typer.Typer(no_args_is_help=True, help="Weights and photographs: list, fetch, verify.")
book_app = typer.Typer(no_args_is_help=True, help="The online book.")
app.add_typer(atlas_app, name="atlas")
app.add_typer(assets_app, name="assets")
app.add_typer(book_app, name="book")
app.add_typer(course_app, name="course")
app.add_typer(scouter_app, name="scouter")

Preset = Annotated[str, typer.Option(help="smoke, book, paper or released.")]
Root = Annotated[Path | None, typer.Option(help="The repository; by default found from here.")]


OUTSIDE: Final = {
    errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO,
}  # fmt: skip
"""Errors of the system whose cause lies outside the program, wherever they come up."""


def main() -> None:
    """Run the command. What a person can mend is one line on the standard error, with status 2, as bad usage has."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text, or not this terminal's
    keep_freed_memory()
    try:
        app()
    except InnerviewError as error:
        _end(2, str(error))
    except OSError as error:
        if error.errno not in OUTSIDE or error.filename is None:
            raise
        _end(2, f"cannot use {error.filename}: {error.strerror}; choose another file or folder, or mend this one")
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        _end(2, "the memory does not suffice for that; ask for smaller or fewer images, or close other programs")


def _is_lack_of_memory(error: Exception) -> bool:
    """Tell whether Python, PyTorch's processor or its card had too little memory."""
    told = str(error).lower()
    return isinstance(error, MemoryError) or "allocate memory" in told or "out of memory" in told


def _end(status: int, line: str) -> NoReturn:
    print(f"innerview: {one_line(line)}", file=sys.stderr)
    sys.exit(status)


@app.command()
def models() -> None:
    """List the models."""
    from innerview.assets import status
    from innerview.models import MODELS

    for entry in MODELS.values():
        files = status(entry.assets)
        size = f"{sum(one.asset.bytes for one in files) / 1e6:.0f} MB" if files else "in a package"
        here = "here" if all(one.is_cached for one in files) else "to fetch"
        print(f"{entry.name:20} {entry.title:32} {size:>12}  {here}")
    print("torchvision/NAME     any of torchvision's classifiers, such as torchvision/resnet50")


@app.command()
def layers(
    model: str, all_layers: Annotated[bool, typer.Option("--all", help="Also those inside blocks.")] = False
) -> None:
    """List the layers of a MODEL with the shape of their output for an image of 224 pixels."""
    from innerview.models import aliases, layer_shapes, load_model

    network = load_model(model)
    for name, shape in layer_shapes(network, inside=all_layers).items():
        others = [alias for alias, layer in aliases(network).items() if layer == name]
        print(f"{name:28} {' x '.join(map(str, shape)):>16}  {', '.join(others)}".rstrip())


app.command()(visualize)
app.command()(explain)
app.command()(dissect)
app.command()(masks)
app.command()(filters)
app.command()(feature_maps)
app.command()(patches)
app.command()(embed)
app.command()(neighbors)
app.command()(attack)
app.command()(fool)
app.command()(generate)
app.command()(dissect_generator)


@app.command()
def dream(
    image: Path,
    out: Output,
    model: Model = "googlenet",
    objective: Annotated[
        str | None, typer.Option(help="As for `visualize`; layer:LAYER of the model by default.")
    ] = None,
    guide: Annotated[Path | None, typer.Option(help="An image that says what to dream of.")] = None,
    octaves: Annotated[int, typer.Option(min=1, help="Sizes at which the image is changed.")] = 4,
    steps: Annotated[int, typer.Option(min=0, help="Steps at each size.")] = 10,
    jitter: Annotated[int, typer.Option(min=0, help="Pixels of random shift before each step.")] = 32,
    tile: Annotated[
        int, typer.Option(min=64, help="Side in pixels of the pieces that are computed one after another.")
    ] = 1024,
    size: Annotated[
        int | None, typer.Option(min=32, max=LARGEST, help="Shorter side in pixels; that of the file by default.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="More than one: an endless zoom, written as an animation.")] = 1,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Dream on IMAGE. An interrupted dream continues after its last finished octave."""
    from innerview.synthesis import DreamRecipe
    from innerview.synthesis.dream_files import DreamFiles, dream_file

    checked_picture(out)
    recipe = DreamRecipe(octaves=octaves, steps=steps, jitter=jitter, tile=tile, seed=seed)
    dream_file(DreamFiles(image, out, guide), model, objective, recipe, size=size, frames=frames, device=device)
    print(out)


app.command()(style)
app.command()(texture)
app.command()(invert)


@app.command()
def replicate(
    papers: Annotated[list[str] | None, typer.Argument(help="Folders under replication/.")] = None,
    all_papers: Annotated[bool, typer.Option("--all", help="Every paper.")] = False,
    preset: Preset = "book",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="field=value of the paper's configuration.")
    ] = None,
    device: Device = "auto",
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; results/PRESET by default.")] = None,
    imagenet: Annotated[
        Path | None, typer.Option(help="Folder of the full ILSVRC validation set, for papers that can use it.")
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Compare with the numbers of our last full run.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what is complete and unchanged.")] = False,
    write_reference: Annotated[
        bool, typer.Option("--write-reference", help="Keep the numbers as the paper's reference.json.")
    ] = False,
    root: Root = None,
) -> None:
    """Run PAPERS: notebook, figures and measured claims."""
    from innerview.core.errors import BadInput
    from innerview.replicate import (
        Job,
        ReplicationFailed,
        comparison_table,
        find_root,
        load_paper,
        paper_names,
        replicate,
    )
    from innerview.replicate import write_reference as keep
    from innerview.replicate.settings import parse_settings

    home = find_root(root)
    if bool(papers) == all_papers:
        raise BadInput(f"name papers, or give --all; there are {', '.join(paper_names(home))}")
    names = paper_names(home) if all_papers else papers or []
    chosen = [*(settings or []), *([] if imagenet is None else [f"imagenet={imagenet.resolve()}"])]
    job = Job(preset, out, parse_settings(chosen), device, seed, force)
    try:
        outcomes = replicate(names, job, root=home)
    except ReplicationFailed as error:
        _end(1, str(error))
    for outcome in outcomes:
        paper = load_paper(home, outcome.paper)
        if write_reference:
            print(keep(paper, outcome.folder))
        if compare:
            print(comparison_table(paper, outcome.folder))


@app.command()
def papers(root: Root = None) -> None:
    """List the papers that are replicated."""
    from innerview.replicate import find_root
    from innerview.replicate import papers as shelf

    for paper in shelf(find_root(root)):
        print(f"{paper.name:32} {paper.title} [{', '.join(paper.presets)}]")


@app.command()
def claims(
    as_json: Annotated[bool, typer.Option("--json", help="Print the claims as JSON.")] = False,
    preset: Annotated[str | None, typer.Option(help="Only results of this preset.")] = None,
    root: Root = None,
) -> None:
    """List the claims of all results at hand, with their verdicts."""
    import json

    from innerview.replicate import collect_claims, find_root

    rows = collect_claims(find_root(root), preset)
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        measured = "" if row["measured"] is None else f"{_shown(row['measured'])} {row['unit']}".strip()
        print(f"{row['replication']} {row['preset']:6} {row['id']:34} {row['verdict']:16} {measured}")
    if not rows:
        print("no results yet; `innerview replicate --all` makes them")


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@assets_app.command("list")
def assets_list() -> None:
    """List all assets: size, what of it is here, license."""
    from innerview.assets import cache_state, status

    for one in status():
        share = f"{one.cached_bytes / 1e6:.1f} of {one.asset.bytes / 1e6:.1f} MB"
        print(f"{one.asset.name:22} {len(one.asset.files):5} files {share:>20}  {one.asset.license}")
    state = cache_state()
    print(f"cache: {state.folder}, {state.bytes / 1e6:.1f} MB")


@assets_app.command("fetch")
def assets_fetch(
    names: list[str],
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="Accept the terms of ImageNet's photographs.")
    ] = False,
) -> None:
    """Bring assets into the cache."""
    from innerview.assets import fetch

    for name in names:
        files = fetch(name, progress=True, accept_terms=accept_terms)
        print(f"{name}: {len(files)} files")


@assets_app.command("verify")
def assets_verify() -> None:
    """Hash everything in the cache again."""
    from innerview.assets import verify
    from innerview.core.errors import BadInput

    checks = verify(progress=True)
    for check in checks:
        print(f"{check.asset.name:22} {check.whole:5} whole {len(check.damaged):5} damaged {check.missing:5} missing")
    damaged = [str(path) for check in checks for path in check.damaged]
    if damaged:
        raise BadInput(f"damaged: {', '.join(damaged)}; `innerview assets fetch` replaces them")


@book_app.command("build")
def book_build(preset: Preset = "book", root: Root = None) -> None:
    """Build the book from the results at hand, to book/_build/html."""
    from innerview.course.pages import course_sources
    from innerview.replicate import find_root
    from innerview.replicate.book import build_book, check_book

    home = find_root(root)
    check_book(home, preset)
    print(build_book(home, preset, course_sources(home)))


@book_app.command("serve")
def book_serve(port: int = 8000, root: Root = None) -> None:
    """Show the built book at http://127.0.0.1:PORT."""
    from innerview.replicate import find_root
    from innerview.replicate.book import serve_book

    serve_book(find_root(root), port)


@app.command()
def doctor() -> None:
    """Say what is installed, which weights can be had from where, device and threads."""
    from innerview.replicate.doctor import examine

    for topic, finding in examine():
        print(f"{topic:24} {finding}")
