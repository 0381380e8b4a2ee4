"""Objectives as text, for the command line: ``channel:inception_4c:10 - 0.5*class:tabby``."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from innerview.core.errors import BadInput, near
from innerview.optimize.objectives import Objective, channel, class_logit, layer, neuron


def _unit(make: Callable[[str, int], Objective]) -> Callable[[str], Objective]:
    def parse(rest: str) -> Objective:
        name, _, index = rest.rpartition(":")
        if not name or not index.strip().lstrip("-").isdigit():
            raise BadInput(f"{rest!r} is not LAYER:INDEX, such as inception_4c:10")
        return make(name.strip(), int(index))

    return parse


KINDS: Final[Mapping[str, tuple[str, Callable[[str], Objective]]]] = {
    "channel": ("channel:LAYER:INDEX", _unit(channel)),
    "neuron": ("neuron:LAYER:INDEX", _unit(neuron)),
    "layer": ("layer:LAYER", lambda rest: layer(rest.strip())),
    "class": ("class:NAME_OR_INDEX", lambda rest: class_logit(rest.strip())),
}
_TERM: Final = rf"(?:[\d.]+\s*\*\s*)?(?:{'|'.join(KINDS)}):"
_SIGN: Final = re.compile(rf"\s*([+-])\s*(?={_TERM})")


def parse_objective(text: str) -> Objective:
    """Read an objective from text: terms ``[NUMBER*]KIND:…`` joined by ``+`` and ``-``.

    Raises:
        BadInput: an unknown kind, or a term that is not of its kind's form.
    """
    signs_and_terms = _SIGN.split(text.strip())
    if signs_and_terms[0] == "":
        _, sign, first, *rest = signs_and_terms
        total = _term(first) if sign == "+" else -_term(first)
    else:
        first, *rest = signs_and_terms
        total = _term(first)
    for sign, term in zip(rest[::2], rest[1::2], strict=True):
        total = total + _term(term) if sign == "+" else total - _term(term)
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
        return float(factor) * objective
    except ValueError as error:
        raise BadInput(f"{factor.strip()!r} in {text!r} is not a number") from error
