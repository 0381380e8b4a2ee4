"""The papers of a repository: where they lie, and which there are."""

import importlib
import sys
from pathlib import Path

from innerview.core.errors import BadInput, InnerviewError, near
from innerview.replicate.paper import Paper

PACKAGE = "replication"
"""The folder of a repository that holds one package a paper."""

METHODS = "methods"
"""The folder in it that holds one package a method: what is no paper's alone, told and measured like a paper."""


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
    """Return the names of all papers and methods: the folders with a ``paper.py``."""
    return sorted(_folders(root))


def paper_folder(root: Path, name: str) -> Path:
    """Return the folder of a paper or method.

    Raises:
        BadInput: no such paper; the message names near ones.
    """
    known = _folders(root)
    if name not in known:
        raise BadInput(f"no paper is called {name!r}{near(name, known)}; `innerview papers` lists them")
    return known[name]


def _folders(root: Path) -> dict[str, Path]:
    """Return the folder of each paper and method by its name."""
    found = [path.parent for place in ("*", f"{METHODS}/*") for path in (root / PACKAGE).glob(f"{place}/paper.py")]
    known = {folder.name: folder for folder in found}
    if len(known) < len(found):
        twice = sorted(folder.name for folder in found if known[folder.name] != folder)
        raise BadInput(f"a paper and a method are both called {', '.join(twice)}; rename one")
    return known


def papers(root: Path) -> list[Paper]:
    """Return all papers and methods of the repository."""
    return [load_paper(root, name) for name in paper_names(root)]


def load_paper(root: Path, name: str) -> Paper:
    """Return ``PAPER`` of ``replication/NAME/paper.py``, or of ``replication/methods/NAME/paper.py``.

    Raises:
        BadInput: no such paper; the message names near ones.
        ReplicationFailed: its code cannot be imported.
    """
    root = root.resolve()
    script = (paper_folder(root, name) / "paper.py").relative_to(root)
    _forget_others(root)
    importlib.invalidate_caches()
    sys.path.insert(0, str(root))
    try:
        paper = importlib.import_module(".".join(script.with_suffix("").parts)).PAPER
    except InnerviewError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise ReplicationFailed(f"cannot import {script.as_posix()}: {type(error).__name__}: {said}") from error
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
