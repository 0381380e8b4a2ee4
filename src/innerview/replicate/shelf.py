"""The papers of a repository: where they lie, and which there are."""

import importlib
import sys
from pathlib import Path

from innerview.core.errors import BadInput, InnerviewError, near
from innerview.replicate.paper import Paper

PACKAGE = "replication"
"""The folder of a repository that holds one package a paper."""


class ReplicationFailed(Exception):
    """A paper's own code failed; the message is one line that says where. The command line exits with status 1."""


def find_root(root: str | Path | None = None) -> Path:
    """Return the repository: `root`, or the nearest parent of the working directory that holds ``replication/``.

    Raises:
        BadInput: there is none.
    """
    if root is not None:
        if not (Path(root) / PACKAGE).is_dir():
            raise BadInput(f"{root} holds no folder {PACKAGE}/; name the root of the repository")
        return Path(root).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PACKAGE).is_dir():
            return folder.resolve()
    raise BadInput(f"no folder {PACKAGE}/ in {here} or above it; go to the repository or name it with --root")


def paper_names(root: Path) -> list[str]:
    """Return the names of all papers: the folders with a ``paper.py``."""
    return sorted(path.parent.name for path in (root / PACKAGE).glob("*/paper.py"))


def papers(root: Path) -> list[Paper]:
    """Return all papers of the repository."""
    return [load_paper(root, name) for name in paper_names(root)]


def load_paper(root: Path, name: str) -> Paper:
    """Return ``PAPER`` of ``replication/NAME/paper.py``.

    Raises:
        BadInput: no such paper; the message names near ones.
        ReplicationFailed: its code cannot be imported.
    """
    known = paper_names(root)
    if name not in known:
        raise BadInput(f"no paper is called {name!r}{near(name, known)}; `innerview papers` lists them")
    root = root.resolve()
    _forget_others(root)
    importlib.invalidate_caches()
    sys.path.insert(0, str(root))
    try:
        paper = importlib.import_module(f"{PACKAGE}.{name}.paper").PAPER
    except InnerviewError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise ReplicationFailed(f"cannot import {PACKAGE}/{name}/paper.py: {type(error).__name__}: {said}") from error
    finally:
        sys.path.remove(str(root))
    return paper


def _forget_others(root: Path) -> None:
    """Drop the modules of another repository's papers, which would stand in for ours."""
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == PACKAGE}
    places = [Path(place).resolve() for module in loaded.values() for place in getattr(module, "__path__", [])]
    if any(not place.is_relative_to(root) for place in places):
        for name in loaded:
            del sys.modules[name]
