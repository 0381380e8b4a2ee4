"""Building the online book: sources and results come together in ``book/_generated``, Jupyter Book does the rest."""

import base64
import io
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from innerview.assets import catalog
from innerview.core.errors import BadInput, InnerviewError
from innerview.core.files import written_whole
from innerview.replicate import pages
from innerview.replicate.exhibits import Exhibit, PictureOfNotebook, exhibits, pictures_of
from innerview.replicate.paper import PRESETS
from innerview.replicate.performance import performance_charts, performance_part

BOOK = "book"
STAGED = "_generated"
BUILT = "_build"
GALLERY_WIDTH = 800
"""Pixels: twice what a card is wide."""

EMBEDDED = re.compile(r'data-page=\\"([\w-]+)\\"')
"""In a notebook as JSON: the folder of a page that it shows; see `innerview.replicate.embedding`."""

Sources = dict[str, bytes]
"""Path below the staged folder -> content."""

JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"


class BookFailed(InnerviewError):
    """Jupyter Book met an error or a warning; the message holds the first, and the log's path."""


def build_book(root: Path, preset: str = "book", added: Sources | None = None) -> Path:
    """Build the book from the results of a preset and return the folder of its pages.

    Papers without results are shown as not run yet, with the numbers of their ``reference.json``.

    Args:
        root: The repository.
        preset: Whose results, in ``results/PRESET/``.
        added: What rooms above this one put into the book: path below ``book/_generated`` -> content.

    Returns:
        ``book/_build/html``.

    Raises:
        BadInput: no such preset, no book here, or damaged results.
        BookFailed: Jupyter Book failed or warned.
    """
    check_book(root, preset)
    staged = root / BOOK / STAGED
    synchronise(staged, book_sources(root, preset, added or {}))
    _run_jupyter_book(staged, root)
    return root / BOOK / BUILT / "html"


def check_book(root: Path, preset: str) -> None:
    """Refuse a book that cannot be built, before its sources are made; raises as `build_book` does."""
    if preset not in PRESETS:
        raise BadInput(f"there is no preset {preset!r}; choose one of {', '.join(PRESETS)}")
    if not (root / BOOK / "_config.yml").is_file():
        raise BadInput(f"{root} holds no {BOOK}/_config.yml; name the root of the repository")
    if find_spec("jupyter_book") is None:
        raise InnerviewError("building the book needs jupyter-book: pip install 'innerview[book]'")


def serve_book(root: Path, port: int = 8000) -> None:
    """Show the built book at ``http://127.0.0.1:PORT`` until Ctrl-C.

    Raises:
        BadInput: the book is not built, or the port is taken.
    """
    html = root / BOOK / BUILT / "html"
    if not (html / "index.html").is_file():
        raise BadInput("the book is not built yet; `innerview book build` builds it")
    handler = partial(SimpleHTTPRequestHandler, directory=str(html))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except (OSError, OverflowError) as error:
        raise BadInput(f"cannot serve at port {port}: {error}; choose another with --port") from error
    with server:
        print(f"http://127.0.0.1:{server.server_port} shows the book; Ctrl-C ends it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def book_sources(root: Path, preset: str, added: Sources) -> Sources:
    """Return all that the book is made of: what is committed in ``book/``, what is added, what the results say."""
    sources = _committed(root / BOOK) | added
    shown = exhibits(root, preset)
    told = json.loads(sources["data/models.json"])
    parts = {"claims": pages.claims_part(shown, preset), "models": pages.models_part(told)}
    parts["assets"] = pages.assets_part(catalog().values())
    measured = _performance(sources)
    parts["performance"] = performance_part(measured)
    sources |= performance_charts(measured)
    for exhibit in shown:
        sources |= _replication(exhibit, preset)
    parts["gallery"] = gallery([exhibit for exhibit in shown if exhibit.kind == "replications"], sources)
    parts["methods"] = gallery([exhibit for exhibit in shown if exhibit.kind == "methods"], sources)
    sources |= {f"parts/{name}.md": text.encode() for name, text in parts.items()}
    sources |= {name: _with_modules(page) for name, page in sources.items() if name.startswith("api/")}
    sources["changelog.md"] = (root / "CHANGELOG.md").read_bytes()
    listed = [exhibit.page for exhibit in shown] + sorted(name.rpartition(".")[0] for name in added)
    sources["_toc.yml"] = table_of_contents(sources["_toc.yml"].decode(), listed).encode()
    return sources


def _performance(sources: Sources) -> dict[str, Any]:
    """Return the records of the benchmarks, by name."""
    found = sorted(name for name in sources if name.startswith("data/performance/"))
    return {Path(name).stem: json.loads(sources[name]) for name in found}


def _committed(folder: Path) -> Sources:
    left_out = {STAGED, BUILT, "__pycache__"}
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {file.as_posix(): (folder / file).read_bytes() for file in files if left_out.isdisjoint(file.parts)}


def _with_modules(page: bytes) -> bytes:
    return pages.with_modules(page.decode()).encode()


def _replication(exhibit: Exhibit, preset: str) -> Sources:
    """Return the page of a paper: its notebook with a line below the title, the notebook as it is, and pages in it."""
    page = exhibit.page
    if exhibit.origin != "run":
        return {f"{page}.md": pages.not_run_page(exhibit, preset).encode()}
    raw = (exhibit.folder / "notebook.ipynb").read_bytes()
    notebook = json.dumps(with_facts(json.loads(raw), pages.facts(exhibit, preset)))
    sources = {f"notebooks/{exhibit.name}.ipynb": raw}
    for name in sorted(set(EMBEDDED.findall(notebook))):
        if not (exhibit.folder / name / "index.html").is_file():
            raise BadInput(
                f"a notebook shows {exhibit.folder / name / 'index.html'}, which is missing; remove notebook.ipynb "
                f"there and run `innerview replicate {exhibit.name} --preset {preset}` again"
            )
        place = f"static/pages/{exhibit.name}/{name}"
        sources |= {f"{place}/{file}": content for file, content in _committed(exhibit.folder / name).items()}
        notebook = notebook.replace(f'src=\\"{name}/', f'src=\\"../_{place}/')
    return sources | {f"{page}.ipynb": notebook.encode()}


def with_facts(notebook: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return a notebook with Markdown below the heading of its first cell."""
    first, *rest = notebook["cells"]
    heading, _, below = "".join(first["source"]).partition("\n")
    cells = [{**first, "source": source, "id": f"book-{i}"} for i, source in enumerate((heading, text, below))]
    return {**notebook, "cells": [*cells, *rest]}


def gallery(shown: Sequence[Exhibit], sources: Sources) -> str:
    """Return a grid of cards as Markdown, and add its pictures to the sources, which hold the executed notebooks."""
    cards: list[tuple[Exhibit, PictureOfNotebook | None, str]] = []
    for exhibit in shown:
        raw = sources.get(f"notebooks/{exhibit.name}.ipynb")
        pictures = pictures_of(json.loads(raw)) if raw else []
        picture = pictures[0] if pictures else None
        place = f"gallery/{exhibit.name}.jpg"
        if picture is not None:
            sources[place] = _thumbnail(base64.b64decode(picture.data))
        cards.append((exhibit, picture, f"/{place}"))  # from any folder of the book
    return pages.gallery_part(cards)


def _thumbnail(picture: bytes) -> bytes:
    """Return a picture as JPEG, at most `GALLERY_WIDTH` pixels wide."""
    with Image.open(io.BytesIO(picture)) as file:
        small = file.convert("RGB")
    small.thumbnail((GALLERY_WIDTH, 10 * GALLERY_WIDTH), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, "JPEG", quality=90)
    return written.getvalue()


def table_of_contents(text: str, listed: Sequence[str]) -> str:
    """Return the table of contents with the lines ``- glob: FOLDER/*`` replaced by the listed pages, in their order."""

    def entries(found: re.Match[str]) -> str:
        return "\n".join(f"{found[1]}- file: {page}" for page in listed if page.startswith(f"{found[2]}/"))

    return re.sub(r"^([ ]*)- glob: (\w+)/\*$", entries, text, flags=re.MULTILINE)


def synchronise(folder: Path, sources: Sources) -> None:
    """Make a folder hold exactly these files; what is unchanged is not touched, so Sphinx does not read it again."""
    if folder.is_dir():
        for path in folder.rglob("*"):
            if path.is_file() and path.relative_to(folder).as_posix() not in sources:
                path.unlink()
    for name, content in sources.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            with written_whole(path) as temporary:
                temporary.write_bytes(content)


def _run_jupyter_book(staged: Path, root: Path) -> None:
    log = root / BOOK / BUILT / "build.log"
    print(f"building the book; {log.relative_to(root)} tells how far it is", file=sys.stderr)
    options = ["--path-output", str(root / BOOK), "--warningiserror", "--keep-going"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(staged), *options]
        done = subprocess.run(command, cwd=root, stdout=output, stderr=subprocess.STDOUT, check=False)  # noqa: S603
    if done.returncode != 0:
        raise BookFailed(
            f"the book has faults, first: {first_fault(log.read_text(encoding='utf-8'))}; all are in {log}"
        )


def first_fault(log: str) -> str:
    """Return the first line of a log that tells of an error or a warning."""
    lines = re.sub(r"\x1b\[[\d;]*m", "", log).splitlines()
    faults = [line.strip() for line in lines if re.search(r"\b(ERROR|WARNING|CRITICAL|Error|Exception)\b", line)]
    return faults[0] if faults else next((line.strip() for line in reversed(lines) if line.strip()), "no output")
