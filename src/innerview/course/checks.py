"""Checks that a learner runs: where a result is wrong, they name the mistake that makes such a result."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 1e-4
"""Of the largest number that is expected: what rounding may change."""


class Mistake(AssertionError):
    """A result is not the one that is expected; the message says what is most likely the reason.

    A notebook shows the message alone: the lines of the check's own code say nothing to a learner.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet: {self}"]


def check(
    found: Any,
    expected: Any,
    mistakes: Mapping[str, Any] | None = None,
    *,
    name: str = "your result",
    tolerance: float = TOLERANCE,
) -> None:
    """Compare a learner's result with the expected one, and say so if they are equal.

    Of a wrong result it says, in this order: which of the named mistakes gives just this result, what it is not (of the
    right shape, finite), which common mistake gives it (sign, missing ReLU or absolute value, order of axes,
    constant factor or offset), or else where it differs most.

    Args:
        found: The learner's: a tensor, an array or a number.
        expected: The right one.
        mistakes: What to tell the learner -> the result of that mistake.
        name: What the messages call the result.
        tolerance: Of the largest expected number (absolute if that is zero): what still counts as equal.

    Raises:
        Mistake: they differ.
    """
    right = torch.as_tensor(expected).detach().double()
    result = _tensor(found, name)
    for hint, wrong in (mistakes or {}).items():
        made = torch.as_tensor(wrong).detach().double()
        if _equal(result, made, tolerance) and not _equal(result, right, tolerance):
            raise Mistake(f"{name}: {hint}")
    if result.shape != right.shape:
        raise Mistake(_shape_hint(result, right, name, tolerance))
    if not result.isfinite().all():
        count = int((~result.isfinite()).sum())
        raise Mistake(f"{name} has {count} values that are NaN or infinite; is something divided by zero?")
    if not _equal(result, right, tolerance):
        raise Mistake(f"{name}: {_hint(result, right, tolerance)}")
    print(f"{name}: right")


def _tensor(found: Any, name: str) -> Tensor:
    if found is None or found is Ellipsis:
        raise Mistake(f"{name} is {found}; does the function end with `return`?")
    try:
        result = torch.as_tensor(found)
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"{name} is of type {type(found).__name__}; a tensor or a number is expected") from None
    if result.is_complex():
        raise Mistake(f"{name} is complex; real numbers are expected")
    return result.detach().double()


def _equal(found: Tensor, expected: Tensor, tolerance: float) -> bool:
    if found.shape != expected.shape or not found.isfinite().all():
        return False
    largest = float(expected.abs().max()) if expected.numel() else 0.0
    return bool(((found - expected).abs() <= tolerance * (largest or 1.0)).all())


def _shape_hint(found: Tensor, expected: Tensor, name: str, tolerance: float) -> str:
    shapes = f"{name} has shape {tuple(found.shape)}, expected is {tuple(expected.shape)}"
    if _equal(found.squeeze(), expected.squeeze(), tolerance):
        return f"{shapes}: the values are right, but there is an axis of length 1 too many or too few"
    if sorted(found.shape) == sorted(expected.shape):
        return f"{shapes}: are the axes in another order?"
    if found.dim() < expected.dim():
        return f"{shapes}: is one axis too many summed or averaged away?"
    if found.dim() > expected.dim():
        return f"{shapes}: is an axis still to be summed or averaged, or the batch axis to be dropped?"
    return shapes


def _hint(found: Tensor, expected: Tensor, tolerance: float) -> str:
    for hint, turned in COMMON.items():
        if _equal(turned(found), expected, tolerance):
            return hint
    return (
        _axes_hint(found, expected, tolerance)
        or _scale_hint(found, expected, tolerance)
        or _place_hint(found, expected, tolerance)
    )


COMMON: dict[str, Callable[[Tensor], Tensor]] = {
    "the sign is wrong: it is the expected result times -1": torch.neg,
    "negative values are left; is a ReLU forgotten?": torch.relu,
    "negative values are left; is the absolute value forgotten?": torch.abs,
    "it is the square root of what is expected; is a square forgotten?": torch.square,
    "it is the square of what is expected; is a square root forgotten?": lambda found: found.clamp_min(0).sqrt(),
    "it is the exponential of what is expected; is a logarithm forgotten?": lambda found: found.clamp_min(1e-300).log(),
}
"""What to tell a learner -> what turns the result of that mistake into the right one."""


def _axes_hint(found: Tensor, expected: Tensor, tolerance: float) -> str:
    if found.dim() < 2:
        flipped = found.dim() == 1 and _equal(found.flip(0), expected, tolerance)
        return "the values are right, but in reverse order" if flipped else ""
    for first in range(found.dim()):
        if _equal(found.flip(first), expected, tolerance):
            return f"the values are right, but axis {first} is reversed"
        for second in range(first + 1, found.dim()):
            if _equal(found.transpose(first, second), expected, tolerance):
                return f"the values are right, but axes {first} and {second} are exchanged"
    return ""


def _scale_hint(found: Tensor, expected: Tensor, tolerance: float) -> str:
    """Tell of a constant factor or a constant offset; a single number has both, so it has neither."""
    if found.numel() < 2:
        return ""
    at = int(expected.abs().argmax())
    factor = float(found.flatten()[at] / expected.flatten()[at]) if expected.any() else 0.0
    if factor and _equal(found / factor, expected, tolerance):
        return f"it is {factor:.6g} times what is expected; is a normalisation missing or one too many?"
    if found.dim() > 1 and expected.flatten(1).any(1).all() and found.flatten(1).any(1).all():
        rows, right = found.flatten(1), expected.flatten(1)
        factors = (rows * right).sum(1) / right.square().sum(1)
        if factors.abs().min() > 0 and _equal(rows / factors[:, None], right, tolerance):
            return "each item of the first axis is right up to a factor of its own; is it normalised otherwise?"
    offset = float((found - expected).mean())
    if _equal(found - offset, expected, tolerance):
        return f"it is what is expected plus {offset:.6g}; is a constant to be taken away?"
    return ""


def _place_hint(found: Tensor, expected: Tensor, tolerance: float) -> str:
    difference = (found - expected).abs()
    if found.dim() == 0:
        return f"it is {float(found):.6g}, expected is {float(expected):.6g}"
    largest = float(expected.abs().max()) or 1.0
    count = int((difference > tolerance * largest).sum())
    place = tuple(int(i) for i in torch.unravel_index(difference.argmax(), found.shape))
    return (
        f"{count} of {math.prod(found.shape)} values differ, most at index {place}: "
        f"{float(found[place]):.6g}, expected is {float(expected[place]):.6g}"
    )
