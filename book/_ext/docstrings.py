"""Read the project's docstrings: Google style with pieces of Markdown.

Sphinx expects reStructuredText. Before napoleon reads a docstring, mathematics in dollars, citations and code in
single backticks become roles and directives. In signatures, array types are shown by their names.
"""

import ast
import dataclasses
import inspect
import re
from typing import Any

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.inspect import stringify_signature
from sphinx.util.typing import stringify_annotation

import innerview.core.types as array_types

BEFORE_NAPOLEON = 400
LONGEST_DEFAULT = 40
"""Characters of a default value; a longer one is shown as ``...``."""

PIECE = re.compile(
    r"(?P<literal>``[^`]+``)"
    r"|(?P<role>:[\w:]+:`[^`]+`)"
    r"|\{(?P<directive>[\w:]+)\}`(?P<argument>[^`]+)`"
    r"|(?P<indent>\n?[ ]*)\$\$(?P<display>.+?)\$\$(?:[ ]*\((?P<tag>[^)\n]*)\))?(?P<stop>[.,;]?)"
    r"|\$(?P<inline>[^$\n]+(?:\n[^$\n]+)?)\$"
    r"|`(?P<code>[^`]+)`"
    r"|(?P<sign>\||\b\w+_\b(?!\w))",
    re.DOTALL,
)
NAME = re.compile(r"[A-Za-z_][\w.]*")


def to_rst(docstring: str) -> str:
    """Return a docstring as reStructuredText for napoleon."""
    return PIECE.sub(_piece, docstring)


def _piece(found: re.Match[str]) -> str:
    match found.lastgroup, found.groupdict():
        case (("literal" | "role"), _):
            return found[0]
        case "argument", {"directive": role, "argument": argument}:
            return f":{role}:`{argument}`"
        case "inline", {"inline": formula}:
            return f":math:`{' '.join(formula.split())}`"
        case "code", {"code": code}:
            return f":py:obj:`{code}`" if NAME.fullmatch(code) else f"``{' '.join(code.split())}``"
        case "sign", {"sign": sign}:
            return f"\\{sign}" if sign == "|" else f"{sign[:-1]}\\_"
        case _:
            return _display(found)


def _display(found: re.Match[str]) -> str:
    """Return an equation of its own, with what follows in brackets, such as its number in the paper, beside it."""
    indent = re.sub(r"^\n", "", found["indent"])
    tag = rf" \qquad \text{{({found['tag']})}}" if found["tag"] else ""
    formula = " ".join(found["display"].split()) + tag + found["stop"]
    return f"\n\n{indent}.. math:: {formula}\n\n{indent}"


def read_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Convert the lines of a docstring in place."""
    lines[:] = to_rst("\n".join(lines)).split("\n")


def type_names() -> dict[str, str]:
    """Return how Sphinx writes out each of the project's array types -> the name that shall stand there."""
    types = {name: kind for name, kind in vars(array_types).items() if hasattr(kind, "dims")}
    return {stringify_annotation(kind, "smart"): f"~innerview.core.types.{name}" for name, kind in types.items()}


def name_types(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Replace array types in a signature by their names."""
    if dataclasses.is_dataclass(obj) and signature:
        signature = stringify_signature(_readable(inspect.signature(obj)), unqualified_typehints=True)
    return _named(signature), _named(returns)


def _readable(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature without its return type, in which ``...`` stands for defaults that are long or no Python."""
    parameters = [
        parameter if parameter.default is parameter.empty else parameter.replace(default=_Default(parameter.default))
        for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters, return_annotation=signature.empty)


class _Default:
    """A default value with a short text."""

    def __init__(self, value: Any) -> None:
        self.text = repr(value)

    def __repr__(self) -> str:
        try:
            ast.parse(self.text, mode="eval")
        except SyntaxError:
            return "..."
        return self.text if len(self.text) <= LONGEST_DEFAULT else "..."


def _named(text: str | None) -> str | None:
    for written, name in type_names().items():
        text = text and text.replace(written, name)
    return text


def find_type(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: Element) -> Element | None:
    """Link the name of an array type, which Sphinx looks for among classes only."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("innerview."):
        return None
    found = env.get_domain("py").resolve_any_xref(env, node["refdoc"], app.builder, target, node, text)
    return found[0][1] if found else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", read_docstring, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-signature", name_types)
    app.connect("missing-reference", find_type)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
