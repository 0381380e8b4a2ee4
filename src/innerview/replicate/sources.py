"""Which source code a result depends on.

A result is stale when code that it was computed with has changed. That code is the file of the function that computes
it and what this imports from the project, followed through; comments, docstrings and layout do not count.
"""

import ast
import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]

NO_RESULT = (
    "innerview.assets", "innerview.cli", "innerview.core.errors", "innerview.core.files", "innerview.core.progress",
)  # fmt: skip
"""Code that changes no result; what it fetches counts by its hash."""

COUNTS = ("innerview.replicate.photos",)
"""Code that counts although what it stands in does not."""

NO_NUMBER = (*NO_RESULT, "innerview.core.store", "innerview.figures", "innerview.replicate")
"""Code that changes no number, only how numbers are kept and shown."""


def source_digest(files: Iterable[Path], replication: Path, without: tuple[str, ...] = NO_NUMBER) -> str:
    """Return a hash of `files` and all that they import from ``innerview`` and ``replication``.

    Args:
        files: Where to begin.
        replication: The folder that holds the papers.
        without: Modules (with all below them) that do not count.
    """
    places = {"innerview": PACKAGE, "replication": replication.resolve()}
    pending, seen = list(files), set[Path]()
    while pending:
        file = pending.pop().resolve()
        if file not in seen:
            seen.add(file)
            pending += [found for module in _imported(file, places) for found in _counted(module, places, without)]
    digest = hashlib.sha256()
    for code in sorted(ast.dump(_tree(file, file.stat().st_mtime_ns)) for file in seen):
        digest.update(code.encode())
    return digest.hexdigest()[:16]


def _counted(module: str, places: Mapping[str, Path], without: tuple[str, ...]) -> list[Path]:
    """Return the files that count when `module` is imported; ``innerview`` itself may give any name of its methods."""
    file = _file(module, places)
    if file is None:
        return []
    if module == "innerview":
        without = (*without, "innerview.replicate", "innerview.course", "innerview.cli")
    files = PACKAGE.rglob("*.py") if module == "innerview" else [file]
    return [each for each in files if _does_count(_module(each, places), without)]


def _does_count(module: str, without: tuple[str, ...]) -> bool:
    return _is_below(module, COUNTS) or not _is_below(module, without)


def _is_below(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def _module(file: Path, places: Mapping[str, Path]) -> str:
    for top, place in places.items():
        if file.is_relative_to(place):
            return ".".join([top, *file.relative_to(place).with_suffix("").parts]).removesuffix(".__init__")
    return file.stem


def _file(module: str, places: Mapping[str, Path]) -> Path | None:
    """Return a module's file, or None where it is not the project's or does not exist."""
    top, *rest = module.split(".")
    if top not in places:
        return None
    path = places[top].joinpath(*rest)
    choices = (path / "__init__.py", path.with_suffix(".py"))
    return next((choice for choice in choices if choice.is_file()), None)


def _imported(file: Path, places: Mapping[str, Path]) -> Iterator[str]:
    """Yield the project's modules whose names `file` imports, each name followed to the module that defines it."""
    for node in ast.walk(_tree(file, file.stat().st_mtime_ns)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, file, places)
            yield from (_origin(base, alias.name, places) for alias in node.names)


def _base(node: ast.ImportFrom, file: Path, places: Mapping[str, Path]) -> str:
    if not node.level:
        return node.module or ""
    for top, place in places.items():
        if file.is_relative_to(place):
            folders = file.relative_to(place).parent.parts
            above = [top, *folders[: len(folders) - node.level + 1]]
            return ".".join([*above, node.module] if node.module else above)
    return ""


def _origin(base: str, name: str, places: Mapping[str, Path]) -> str:
    """Return the module that ``from base import name`` takes the name from, through packages that pass it on."""
    if _file(f"{base}.{name}", places):
        return f"{base}.{name}"
    file = _file(base, places)
    if file is not None and file.name == "__init__.py":
        for node in ast.walk(_tree(file, file.stat().st_mtime_ns)):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _origin(_base(node, file, places), alias.name, places)
    return base


@cache
def _tree(file: Path, changed: int) -> ast.Module:  # noqa: ARG001  (a changed file is parsed again)
    """Parse a file and drop its docstrings."""
    tree = ast.parse(file.read_bytes(), str(file))
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def function_digest(function: Callable[..., Any], replication: Path) -> str:
    """Return a hash of the code that `function` runs: its name, its file and what this imports.

    Of a function that a notebook defines, its own text counts, and the files of what its names refer to.
    """
    while isinstance(function, partial):
        function = function.func
    module = inspect.getmodule(function)
    file = getattr(module, "__file__", None)
    if file:
        return f"{_name(function)} {source_digest([Path(file)], replication)}"
    named = (inspect.getmodule(function.__globals__.get(name)) for name in function.__code__.co_names)
    files = {Path(found.__file__) for found in named if found is not None and found.__file__}
    ours = [file for file in files if file.is_relative_to(PACKAGE) or file.is_relative_to(replication)]
    return f"{inspect.getsource(function)} {source_digest(ours, replication)}"


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)
