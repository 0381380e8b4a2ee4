"""Objectives as text, for the command line: ``channel:inception_4c:10 - 0.5*class:tabby``."""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final

from innerview.core.errors import BadInput, near
from innerview.optimize.objectives import Objective, channel, class_logit, layer, neuron

_INTEGER: Final = re.compile(r"-?[0-9]+")


def _named(make: Callable[[str], Objective], form: str) -> Callable[[str], Objective]:
    def parse(rest: str) -> Objective:
        if not rest.strip():
            raise BadInput(f"nothing stands behind the colon; write {form}")
        return make(rest.strip())

    return parse


def _unit(make: Callable[[str, int], Objective]) -> Callable[[str], Objective]:
    def parse(rest: str) -> Objective:
        name, _, index = rest.rpartition(":")
        if not name.strip() or not _INTEGER.fullmatch(index.strip()):
            raise BadInput(f"{rest!r} is not LAYER:INDEX, such as inception_4c:10")
        return make(name.strip(), int(index))

    return parse


KINDS: Final[Mapping[str, tuple[str, Callable[[str], Objective]]]] = {
    "channel": ("channel:LAYER:INDEX", _unit(channel)),
    "neuron": ("neuron:LAYER:INDEX", _unit(neuron)),
    "layer": ("layer:LAYER", _named(layer, "layer:LAYER")),
    "class": ("class:NAME_OR_INDEX", _named(class_logit, "class:NAME_OR_INDEX")),
}
_FACTOR: Final = r"[\d.]+(?:[eE][+-]?\d+)?\s*\*\s*"
_TERM: Final = re.compile(rf"(?:^|\s*[+-])\s*(?:{_FACTOR})?(?:{'|'.join(KINDS)}):")


def parse_objective(text: str) -> Objective:
    """Read an objective from text: terms ``[NUMBER*]KIND:…`` joined by ``+`` and ``-``.

    Raises:
        BadInput: an unknown kind, or a term that is not of its kind's form.
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
    factor, star, term = text.rpartition("*")
    kind, colon, rest = term.strip().partition(":")
    if not colon or kind not in KINDS:
        forms = ", ".join(form for form, _ in KINDS.values())
        raise BadInput(f"{text!r} is not an objective{near(kind, KINDS)}; write {forms}, joined by + and -")
    objective = KINDS[kind][1](rest)
    if not star:
        return objective
    try:
        number = float(factor)
    except ValueError as error:
        raise BadInput(f"{factor.strip()!r} in {text!r} is not a number; write such as 0.5*{term.strip()}") from error
    if not isfinite(number):
        raise BadInput(f"{factor.strip()!r} in {text!r} is not finite; write such as 0.5*{term.strip()}")
    return number * objective
