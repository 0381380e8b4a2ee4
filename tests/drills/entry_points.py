"""The commands of ``innerview`` as its own tree tells them, so that a new command is found by itself."""

import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import typer.main

from innerview import cli


@dataclass(frozen=True)
class Parameter:
    """One argument or option of a command."""

    name: str
    option: str | None
    """As it is written, ``--steps``; None for an argument, which stands by its place."""
    kind: type
    """``bool`` (a flag), ``int``, ``float``, ``str`` or ``Path``."""
    required: bool
    multiple: bool
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Command:
    """One command with all that it takes."""

    words: tuple[str, ...]
    parameters: tuple[Parameter, ...]

    @property
    def name(self) -> str:
        """As one writes it: ``atlas build``."""
        return " ".join(self.words)


def commands() -> list[Command]:
    """All commands, in the order of ``innerview --help``."""
    return list(_below(typer.main.get_command(cli.app), ()))


def _below(node: Any, words: tuple[str, ...]) -> Iterator[Command]:
    for name, child in getattr(node, "commands", {}).items():
        if hasattr(child, "commands"):
            yield from _below(child, (*words, name))
        else:
            yield Command((*words, name), tuple(_parameters(child)))


def _parameters(command: Any) -> Iterator[Parameter]:
    hints = {name: one.annotation for name, one in inspect.signature(command.callback).parameters.items()}
    for told in command.params:
        kind, limits = _kind(hints[told.name])
        option = told.opts[-1] if told.param_type_name == "option" else None
        multiple = bool(told.multiple or told.nargs == -1)
        yield Parameter(told.name, option, kind, bool(told.required), multiple, *limits)


def _kind(hint: Any) -> tuple[type, tuple[float | None, float | None]]:
    """Return the type of one value, without None and list, and the least and the most that it may be."""
    limits: tuple[float | None, float | None] = (None, None)
    if get_origin(hint) is Annotated:
        hint, told = get_args(hint)[:2]
        limits = (getattr(told, "min", None), getattr(told, "max", None))
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (one for one in get_args(hint) if one is not types.NoneType)
    if get_origin(hint) is list:
        (hint,) = get_args(hint)
    if hint not in (bool, int, float, str, Path):
        raise TypeError(f"{hint} is no type that the drill knows how to spoil; tell it in entry_points.py")
    return hint, limits
