r"""The balls that attacks stay in, $\|x' - x\| \leq \epsilon$ within [0, 1], kept exactly.

A sum of two float32 numbers is rounded, and may so leave a ball by the last bit. Here everything is computed in float64
and rounded towards the image where rounding would lead out.
"""

import math
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.images import check_shape
from innerview.core.seeds import generator
from innerview.core.types import AnyImages, Images, Values
from innerview.optimize import L2, LInf
from innerview.optimize.metrics import Metric

DIRECTIONS: Final[dict[str, Metric]] = {"linf": LInf(), "l2": L2()}
"""Norm -> the direction in which a gradient is steepest for it."""

NORMS: Final = tuple(DIRECTIONS)

LEVELS: Final = 255
"""A value of 1 in a file of 8 bits."""

SLACK: Final = 1e-12
"""Of a ball's radius: more than float64 loses."""


@runtime_checkable
class Ball(Protocol):
    """All images that an attack on some images may make."""

    def project(self, changed: Images) -> Images:
        """Return the nearest images of the ball."""
        ...

    def start(self, seed: int) -> Images:
        """Draw images of the ball; image i from seed + i."""
        ...


def ball(images: Images, epsilon: float, norm: str) -> Ball:
    """Return what lies within epsilon of images in [0, 1], and in [0, 1].

    Raises:
        BadInput: no such norm, or a ball wider than the range of such images.
    """
    check_epsilon(epsilon, norm, images[0].numel())
    if norm == "l2":
        return Sphere(images.detach(), epsilon)
    exact = _exact(images)
    low, high = (inwards(images.detach(), (exact + side * epsilon).clamp(0, 1)) for side in (-1, 1))
    return Box(images.detach(), epsilon, low, high)


@dataclass(frozen=True)
class Box:
    """The ball of the largest norm."""

    images: Images
    epsilon: float
    low: Images
    high: Images

    def project(self, changed: Images) -> Images:
        return changed.clamp(self.low, self.high)

    def start(self, seed: int) -> Images:
        shares = [torch.rand(self.images.shape[1:], generator=draws) for draws in _draws(seed, len(self.images))]
        return self.project(self.images + self.epsilon * (2 * torch.stack(shares) - 1).to(self.images))


@dataclass(frozen=True)
class Sphere:
    """The ball of the Euclidean norm."""

    images: Images
    epsilon: float

    def project(self, changed: Images) -> Images:
        exact = _exact(self.images)
        wanted = exact + limited(_exact(changed) - exact, self.epsilon, "l2")
        return inwards(self.images, wanted.clamp(0, 1))

    def start(self, seed: int) -> Images:
        moves = [self._move(draws) for draws in _draws(seed, len(self.images))]
        return self.project(self.images + torch.stack(moves).to(self.images))

    def _move(self, draws: torch.Generator) -> Tensor:
        """Draw a change uniformly from the ball: any direction, most of them nearly as long as they may be."""
        towards = torch.randn(self.images.shape[1:], generator=draws)
        reach = torch.rand((), generator=draws) ** (1 / towards.numel())
        return self.epsilon * reach * towards / towards.norm()


def direction_for(norm: str) -> Metric:
    """Return what makes a step of length 1 of a gradient: its sign under ``linf``, its direction under ``l2``."""
    return DIRECTIONS[norm]


def check_epsilon(epsilon: float, norm: str, values: int | None = None) -> None:
    """Raise an error unless a ball of this size makes sense for images of so many values.

    Raises:
        BadInput: no such norm; an epsilon that is negative, NaN or infinite, or beyond the range of the images.
    """
    if norm not in NORMS:
        raise BadInput(f"no norm is called {norm!r}; choose one of {', '.join(NORMS)}")
    if norm == "linf" and not 0 <= epsilon <= 1:
        raise BadInput(f"epsilon must lie in [0, 1], the range of the images' values, not {epsilon}")
    most = math.inf if values is None else math.sqrt(values)
    if not (0 <= epsilon <= most and math.isfinite(epsilon)):
        told = "inf)" if values is None else f"{most:.4g}], the root of the number of an image's values"
        raise BadInput(f"under l2 epsilon must lie in [0, {told}, not {epsilon}")


def distances(images: Images, changed: Images, norm: str = "linf") -> Values:
    """Return how far images were changed, in float64.

    Args:
        images: ``(b, 3, h, w)``.
        changed: Likewise.
        norm: ``linf``: the largest change of a value; ``l2``: the root of the sum of the squares.

    Raises:
        BadInput: no such norm, or images of another shape.
    """
    check_epsilon(0, norm)
    for some in (images, changed):
        check_shape(some)
    if images.shape != changed.shape:
        raise BadInput(
            f"images of {tuple(images.shape)} were not changed to {tuple(changed.shape)}; give the same ones"
        )
    moved = (_exact(changed) - _exact(images)).flatten(1)
    return moved.abs().amax(1) if norm == "linf" else moved.norm(dim=1)


def limited(change: Float[Tensor, "b 3 h w"], epsilon: float, norm: str) -> Float[Tensor, "b 3 h w"]:
    """Return the nearest changes that are no longer than epsilon: cut under ``linf``, shortened under ``l2``."""
    if norm == "linf":
        return change.clamp(-epsilon, epsilon)
    lengths = change.flatten(1).norm(dim=1).clamp(min=torch.finfo(change.dtype).tiny)
    return change * ((1 - SLACK) * epsilon / lengths).clamp(max=1)[:, None, None, None]


def inwards(images: AnyImages, wanted: Float[Tensor, "b 3 h w"]) -> Images:
    """Bring float64 images to the precision of `images`, rounded towards these where rounding would lead away.

    Args:
        images: ``(b, 3, h, w)``, or one for all.
        wanted: On the processor.
    """
    given = images.detach().cpu().expand_as(wanted)
    rounded, exact = wanted.to(given.dtype), given.double()
    beyond = (rounded.double() - exact).abs() > (wanted - exact).abs()
    return torch.where(beyond, torch.nextafter(rounded, given), rounded).to(images.device)


def to_levels(images: Images, changed: Images, epsilon: float, norm: str = "linf") -> Images:
    """Round changed images to levels of 255, as a file of 8 bits holds them, and keep them in the ball.

    A value goes to its nearest level; where that leaves the ball, to the one before it. A change by less than half a
    level is undone. The ball is that around the images as a file holds them: if they came from one, around themselves.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1], what was changed.
        changed: ``(b, 3, h, w)`` in [0, 1].
        epsilon: See `Attack`.
        norm: See `Attack`.

    Raises:
        BadInput: no such norm, or epsilon outside its range.
    """
    check_epsilon(epsilon, norm, images[0].numel())
    own, radius = (LEVELS * _exact(images)).round(), LEVELS * epsilon * (1 + SLACK)
    moved = limited(LEVELS * _exact(changed) - own, radius, norm)
    nearest, shorter = moved.round(), moved.trunc()
    far = nearest.abs() if norm == "linf" else nearest.flatten(1).norm(dim=1)[:, None, None, None]
    levels = own + torch.where(far > radius, shorter, nearest)
    return (levels.float() / LEVELS).to(images)


def _exact(images: AnyImages) -> Float[Tensor, "_b 3 _h _w"]:
    return images.detach().cpu().double()  # not every device has float64


def _draws(seed: int, count: int) -> list[torch.Generator]:
    return [generator("adversarial start", one) for one in range(seed, seed + count)]
