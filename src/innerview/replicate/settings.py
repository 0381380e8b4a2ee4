"""Variations of a configuration: ``--set field=value``."""

import dataclasses
import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from innerview.core.errors import BadInput, near

C = TypeVar("C")

WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class _Unfit(Exception):
    """A value does not fit a type; the message names what would."""


def parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    """Split ``field=value`` as it stands on the command line.

    Raises:
        BadInput: no ``=``, no field, or one field twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        field, sign, value = pair.partition("=")
        if not sign or not field.strip():
            raise BadInput(f"cannot read the setting {pair!r}; write field=value")
        if field.strip() in settings:
            raise BadInput(f"the setting {field.strip()!r} is given twice; give it once")
        settings[field.strip()] = value.strip()
    return settings


def varied(config: C, settings: Mapping[str, Any]) -> C:
    """Return `config` with some fields replaced; ``a.b`` names field b of the dataclass in field a.

    Args:
        config: A frozen dataclass.
        settings: Field -> value; text is read as the field's type, a tuple's entries stand between commas.

    Raises:
        BadInput: no such field (the message names near ones), or a value that is not of the field's type.
    """
    for path, value in settings.items():
        config = _replaced(config, path, path.split("."), value)
    return config


def _replaced(config: Any, path: str, names: Sequence[str], value: Any) -> Any:
    fields = [field.name for field in dataclasses.fields(config) if field.init]
    name, *rest = names
    if name not in fields:
        raise BadInput(f"no setting is called {path!r}{near(name, fields)}; all: {', '.join(fields)}")
    present = getattr(config, name)
    if rest:
        if not dataclasses.is_dataclass(present):
            raise BadInput(f"no setting is called {path!r}; {name!r} has no parts")
        return dataclasses.replace(config, **{name: _replaced(present, path, rest, value)})
    try:
        return dataclasses.replace(config, **{name: _fitted(value, get_type_hints(type(config))[name])})
    except _Unfit as unfit:
        raise BadInput(f"the setting {path!r} must be {unfit}, not {value!r}") from None


def _fitted(value: Any, kind: Any) -> Any:
    """Return `value` as the type `kind`; text is read."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is Literal:
        return _one_of(value, parts)
    if origin in (Union, types.UnionType):
        return _any_of(value, parts)
    if kind is tuple or kind is list or origin in (tuple, list):
        return _sequence(value, kind, parts)
    return _scalar(value, kind)


def _one_of(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if value == choice or value == str(choice):
            return choice
    raise _Unfit(f"one of {', '.join(map(str, choices))}")


def _any_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    wanted = []
    for kind in sorted(kinds, key=lambda kind: kind is str):  # any text fits str, so that is tried last
        try:
            return _fitted(value, kind)
        except _Unfit as unfit:
            wanted.append(str(unfit))
    raise _Unfit(" or ".join(wanted))


def _sequence(value: Any, kind: Any, parts: tuple[Any, ...]) -> Any:
    if isinstance(value, str):
        value = [entry.strip() for entry in value.strip("()[] ").split(",") if entry.strip()]
    if not isinstance(value, list | tuple):
        raise _Unfit("several values with commas between them")
    build = list if list in (kind, get_origin(kind)) else tuple
    if not parts:
        return build(value)
    kinds = [parts[0]] * len(value) if build is list or parts[-1] is Ellipsis else list(parts)
    if len(kinds) != len(value):
        raise _Unfit(f"{len(kinds)} values with commas between them")
    try:
        return build(_fitted(entry, part) for entry, part in zip(value, kinds, strict=True))
    except _Unfit as unfit:
        raise _Unfit(f"values with commas between them, each {unfit}") from None


def _scalar(value: Any, kind: Any) -> Any:
    if kind is type(None):
        return _none(value)
    if kind is bool:
        return _boolean(value)
    if kind in (int, float):
        return _number(value, kind)
    if isinstance(value, kind):
        return value
    raise _Unfit("text" if kind is str else f"a {kind.__name__}, which text cannot give")


def _none(value: Any) -> None:
    if value is not None and str(value).lower() != "none":
        raise _Unfit("none")


def _boolean(value: Any) -> bool:
    found = value if isinstance(value, bool) else WORDS.get(str(value).lower())
    if found is None:
        raise _Unfit("true or false")
    return found


def _number(value: Any, kind: type[int] | type[float]) -> float:
    said, numbers = ("a whole number", int) if kind is int else ("a number", int | float)
    if isinstance(value, bool) or not isinstance(value, numbers | str):
        raise _Unfit(said)
    try:
        return kind(value)
    except ValueError:
        raise _Unfit(said) from None
