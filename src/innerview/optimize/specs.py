"""Objectives as text, for the command line: ``channel:inception_4c:10 - 0.5*class:tabby``."""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from tokenize import TokenError
from typing import Final
from zipfile import BadZipFile

import numpy as np

from innerview.core.errors import BadInput, InnerviewError, near
from innerview.optimize import batch, directions, penalties, units
from innerview.optimize.objectives import Objective

_INDICES: Final = re.compile(r"-?[0-9]+(?:\s*,\s*-?[0-9]+)*")
_DAMAGED: Final = (ValueError, EOFError, MemoryError, OverflowError, SyntaxError, TokenError, TypeError, BadZipFile)
"""What `numpy.load` raises for a file that is cut off, changed, or something else altogether."""


def _named(make: Callable[[str], Objective], form: str) -> Callable[[str], Objective]:
    def parse(rest: str) -> Objective:
        if not rest.strip():
            raise BadInput(f"nothing stands behind the colon; write {form}")
        return make(rest.strip())

    return parse


def _indices(text: str) -> int | list[int] | None:
    """Read one number or several, ``97`` or ``97,97``; None for anything else."""
    if not _INDICES.fullmatch(text.strip()):
        return None
    numbers = [int(number) for number in text.split(",")]
    return numbers if len(numbers) > 1 else numbers[0]


def _channel(rest: str) -> Objective:
    name, _, text = rest.rpartition(":")
    index = _indices(text)
    if not name.strip() or index is None:
        raise BadInput(f"{rest!r} is not LAYER:INDEX, such as inception_4c:10")
    return units.channel(name.strip(), index)


def _neuron(rest: str) -> Objective:
    unit, at, text = rest.partition("@")
    name, _, number = unit.rpartition(":")
    index, spot = _indices(number), _indices(text) if at else None
    if not name.strip() or index is None:
        raise BadInput(f"{rest!r} is not LAYER:INDEX or LAYER:INDEX@ROW,COLUMN, such as inception_4c:10@3,4")
    match spot:
        case int():
            return units.neuron(name.strip(), index, spot)
        case [row, column]:
            return units.neuron(name.strip(), index, (row, column))
        case None if not at:
            return units.neuron(name.strip(), index)
        case _:
            raise BadInput(f"{text!r} is no position; write @ROW,COLUMN, or @TOKEN in a layer of tokens")


def _along(make: Callable[[str, np.ndarray], Objective]) -> Callable[[str], Objective]:
    def parse(rest: str) -> Objective:
        name, _, file = (part.strip() for part in rest.partition(":"))
        if not name or not file:
            raise BadInput(f"{rest!r} is not LAYER:FILE.npy, such as inception_4c:direction.npy")
        array = _array(file)
        try:
            return make(name, array)
        except InnerviewError as error:
            raise BadInput(f"{file}: {error}") from error

    return parse


def _array(file: str) -> np.ndarray:
    """Read the vector, or the map of vectors, that a file holds."""
    try:
        with Path(file).open("rb") as stream:
            array = np.load(stream, allow_pickle=False)
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror or error}; give a .npy file of numbers") from error
    except _DAMAGED as error:
        raise BadInput(f"{file} holds no array as numpy.save writes it; write one of numbers again") from error
    if not isinstance(array, np.ndarray) or array.ndim not in (1, 3):
        found = f"the shape {array.shape}" if isinstance(array, np.ndarray) else "several arrays"
        raise BadInput(f"{file} has {found}; a direction is one array, (c,) or (c, h, w)")
    return array


KINDS: Final[Mapping[str, tuple[str, Callable[[str], Objective]]]] = {
    "channel": ("channel:LAYER:INDEX", _channel),
    "neuron": ("neuron:LAYER:INDEX[@ROW,COLUMN]", _neuron),
    "layer": ("layer:LAYER", _named(units.layer, "layer:LAYER")),
    "class": ("class:NAME_OR_INDEX", _named(units.class_logit, "class:NAME_OR_INDEX")),
    "probability": ("probability:NAME_OR_INDEX", _named(units.class_probability, "probability:NAME_OR_INDEX")),
    "direction": ("direction:LAYER:FILE.npy", _along(directions.direction)),
    "cosine": ("cosine:LAYER:FILE.npy", _along(directions.cosine)),
    "diversity": ("diversity:LAYER", _named(batch.diversity, "diversity:LAYER")),
    "alignment": ("alignment:LAYER", _named(batch.alignment, "alignment:LAYER")),
}
"""What stands before a colon; an INDEX of channel and neuron may be several, ``97,97,97``, one for each image."""
PENALTIES: Final[Mapping[str, Callable[[], Objective]]] = {
    "total_variation": penalties.total_variation,
    "l1": penalties.l1,
    "l2": penalties.l2,
    "blur": penalties.blur,
    "bilateral": penalties.bilateral,
    "opacity": penalties.opacity,
}
"""What stands alone."""
_FACTOR: Final = r"\s*(?:[\d.]+(?:[eE][+-]?\d+)?\s*\*\s*)?"
_KIND, _PENALTY = f"(?:{'|'.join(KINDS)}):", f"(?:{'|'.join(PENALTIES)})"
_END: Final = rf"(?=\s*$|\s*[+-]{_FACTOR}(?:{_KIND}|{_PENALTY}\b))"  # `-l2` may stand in a file's or a class's name
_TERM: Final = re.compile(rf"(?:^|\s*[+-]){_FACTOR}(?:{_KIND}|{_PENALTY}{_END})")


def parse_objective(text: str) -> Objective:
    """Read an objective from text: terms ``[NUMBER*]KIND:…`` or ``[NUMBER*]PENALTY`` joined by ``+`` and ``-``.

    Raises:
        BadInput: an unknown kind, a term that is not of its kind's form, or a file that cannot be read.
    """
    text = text.strip()
    cuts = sorted({0, *(found.start() for found in _TERM.finditer(text))})
    first, *rest = [text[start:end].strip() for start, end in zip(cuts, [*cuts[1:], None], strict=True)]
    total = -_term(first[1:]) if first.startswith("-") else _term(first.removeprefix("+"))
    for signed in rest:
        term = _term(signed[1:])
        total = total + term if signed.startswith("+") else total - term
    return total


def _term(text: str) -> Objective:
    factor, star, term = (part.strip() for part in text.rpartition("*"))
    objective = _unscaled(term, text)
    if not star:
        return objective
    try:
        number = float(factor)
    except ValueError as error:
        raise BadInput(f"{factor!r} in {text!r} is not a number; write such as 0.5*{term}") from error
    if not isfinite(number):
        raise BadInput(f"{factor!r} in {text!r} is not finite; write such as 0.5*{term}")
    return number * objective


def _unscaled(term: str, text: str) -> Objective:
    kind, colon, rest = term.partition(":")
    if not colon and kind in PENALTIES:
        return PENALTIES[kind]()
    if not colon or kind not in KINDS:
        forms = ", ".join([*(form for form, _ in KINDS.values()), *PENALTIES])
        raise BadInput(
            f"{text!r} is not an objective{near(kind, [*KINDS, *PENALTIES])}; write {forms}, joined by + and -"
        )
    return KINDS[kind][1](rest)
