"""What the book shows of each paper: its executed notebook and its claims, or what stands in for them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from innerview.core.errors import BadInput
from innerview.replicate.ledger import RESULTS, reference_path
from innerview.replicate.results import read_claims, read_reference, read_run
from innerview.replicate.shelf import METHODS, load_paper, paper_folder, paper_names

Origin = Literal["run", "reference", "nothing"]
Kind = Literal["replications", "methods", "lessons"]

COMPLETE = ("notebook.ipynb", "run.json", "claims.json")
"""Files of a run that came to its end."""

PICTURES = ("image/png", "image/jpeg", "image/gif")


@dataclass(frozen=True)
class Exhibit:
    """One paper as the book shows it."""

    name: str
    title: str
    """Of the page: the notebook's first heading."""
    origin: Origin
    """Where the claims come from: a run at hand, our last full run, or nowhere."""
    told: Mapping[str, Any]
    """How they came about: ``run.json``, or ``reference.json``; empty if nowhere."""
    claims: Sequence[Mapping[str, Any]]
    folder: Path
    """Of the results, there or not."""
    kind: Kind = "replications"

    @property
    def page(self) -> str:
        """Where its page lies in the book, without suffix."""
        return f"{self.kind}/{self.name}"

    @property
    def year(self) -> str:
        """The four digits of the name, by which papers are sorted."""
        found = re.search(r"\d{4}", self.name)
        return found[0] if found else ""


@dataclass(frozen=True)
class PictureOfNotebook:
    """A picture that a notebook shows, with what it says about it."""

    data: str
    """The file, base64."""
    suffix: str
    alt: str
    caption: str


def exhibits(root: Path, preset: str) -> list[Exhibit]:
    """Return all papers of a repository, the oldest first, then all methods by their names.

    Raises:
        BadInput: a file of results is damaged.
    """
    found = [_exhibit(root, name, root / RESULTS / preset / name) for name in paper_names(root)]
    return sorted(found, key=lambda exhibit: (exhibit.kind == "methods", exhibit.year, exhibit.name))


def _exhibit(root: Path, name: str, folder: Path) -> Exhibit:
    home = paper_folder(root, name)
    kind: Kind = "methods" if home.parent.name == METHODS else "replications"
    script = home / "notebook.py"
    title = title_of(script.read_text(encoding="utf-8")) if script.is_file() else None
    if all((folder / file).is_file() for file in COMPLETE):
        told, claims = read_run(folder), read_claims(folder / "claims.json")
        return Exhibit(name, title or name, "run", told, claims, folder, kind)
    paper = load_paper(root, name)
    known = {claim.id: {"source": claim.source, "statement": claim.statement} for claim in paper.claims}
    try:
        told = read_reference(reference_path(paper))
    except BadInput:
        claims = [{"id": key, **words, "verdict": "not measured"} for key, words in known.items()]
        return Exhibit(name, title or paper.title, "nothing", {}, claims, folder, kind)
    claims = [{"source": "", "statement": claim["id"]} | known.get(claim["id"], {}) | claim for claim in told["claims"]]
    return Exhibit(name, title or paper.title, "reference", told, claims, folder, kind)


def title_of(script: str) -> str | None:
    """Return the first heading of a percent script."""
    found = re.search(r"^# # +(.+?)\s*$", script, re.MULTILINE)
    return found[1] if found else None


def pictures_of(notebook: Mapping[str, Any]) -> list[PictureOfNotebook]:
    """Return the pictures that the book shows as figures, those of cells tagged ``gallery`` first."""
    cells = sorted(notebook["cells"], key=lambda cell: "gallery" not in cell["metadata"].get("tags", []))
    return [picture for cell in cells for picture in _pictures_of_cell(cell)]


def _pictures_of_cell(cell: Mapping[str, Any]) -> list[PictureOfNotebook]:
    words = cell["metadata"].get("mystnb", {})
    alt = words.get("image", {}).get("alt")
    caption = words.get("figure", {}).get("caption", "")
    bundles = [output["data"] for output in cell.get("outputs", []) if "data" in output]
    kinds = [(bundle, kind) for bundle in bundles for kind in PICTURES if kind in bundle]
    return [PictureOfNotebook(bundle[kind], f".{kind[6:]}", alt, caption) for bundle, kind in kinds if alt]
