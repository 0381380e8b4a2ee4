"""The descent: change an image's pixels until a loss is small."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Final, Literal, get_args

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite
from innerview.core.images import check_images
from innerview.core.progress import progress as bar
from innerview.core.types import Images
from innerview.synthesis.losses import Loss
from innerview.synthesis.memory import check_memory

LEVEL: Final = 1 / 255
"""The smallest difference of a pixel that a file holds."""

FIRST_STEP: Final = 0.01 * LEVEL
"""By how much a pixel changes in the first step of L-BFGS, in the mean. That step has the length 1, summed over all
pixels, in whatever unit these are: in that of images it would be no step at all."""

Optimizer = Literal["lbfgs", "adam"]


class StoppedEarly(UserWarning):
    """A descent ended before its last step; the best image that it saw is kept."""


@dataclass(frozen=True)
class Descent:
    """How to descend.

    Args:
        steps: How often the loss and its gradient are computed.
        optimizer: ``lbfgs`` as in the papers, or ``adam``, which takes more steps and remembers none.
        learning_rate: Of Adam, in levels of 255 a step; L-BFGS finds its own.
        history: Steps that L-BFGS remembers, each at the cost of two images of memory.
    """

    steps: int = 300
    optimizer: Optimizer = "lbfgs"
    learning_rate: float = 4.0
    history: int = 100

    def __post_init__(self) -> None:
        if self.optimizer not in get_args(Optimizer):
            raise BadInput(f"images descend by one of {', '.join(get_args(Optimizer))}, not {self.optimizer!r}")
        for name, least in {"steps": 1, "history": 1}.items():
            if getattr(self, name) < least:
                raise BadInput(f"{name} of a descent is at least {least}, not {getattr(self, name)}")
        if not 0 < self.learning_rate < inf:
            raise BadInput(f"the learning rate of a descent is positive, not {self.learning_rate}")


@dataclass(frozen=True)
class Synthesis:
    """What a descent made.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1], detached: of all that were looked at, those with the smallest loss.
        loss: ``(b,)``, theirs.
        history: ``(b, steps)``, the loss at each step; after an early stop its last value to the end.
        parts: The terms of the loss, with their weights: name -> ``(b,)``.
    """

    images: Images
    loss: Tensor
    history: Tensor
    parts: dict[str, Tensor]

    def tensors(self) -> dict[str, Tensor]:
        """Return all of it by name, as it is kept in a file; `from_tensors` is the way back."""
        return {"images": self.images, "loss": self.loss, "history": self.history, **self.parts}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "Synthesis":
        """Return what `tensors` was made of."""
        parts = dict(tensors)
        return cls(parts.pop("images"), parts.pop("loss"), parts.pop("history"), parts)


def descend(
    model: nn.Module, loss: Loss, start: Images, recipe: Descent | None = None, *, progress: bool = False
) -> Synthesis:
    """Change images, each on its own, until a loss is small. Pixels stay in [0, 1].

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        loss: What to minimise.
        start: Where to begin, ``(b, 3, h, w)`` in [0, 1].
        recipe: How to descend.
        progress: Whether to show a bar.

    Warns:
        StoppedEarly: no step leads further down; the message says why.

    Raises:
        LayerNotFound: the model lacks a layer.
        BadInput: all weights are zero, or the memory would not suffice; the message says which size would fit.
        NotFinite: the loss of the start is NaN or infinite.
    """
    recipe = recipe or Descent()
    check_images(start)
    if not any(term.weight for term in loss.terms):
        raise BadInput("all weights of the loss are zero, so any picture would do; give at least one a weight")
    check_room(model, loss.layers, start, recipe)
    made = []
    with bar(range(len(start) * recipe.steps), "descent", progress) as steps:
        for image in start.detach().split(1):
            unit = FIRST_STEP * image.numel() if recipe.optimizer == "lbfgs" else LEVEL
            path = _Path(model, loss, image, unit)
            walk = _lbfgs if recipe.optimizer == "lbfgs" else _adam
            walk(path, recipe, steps.update)
            path.close(recipe.steps)
            made.append(path)
    images = torch.cat([path.best for path in made])
    with torch.no_grad():
        split = [loss.parts(model, image) for image in images.split(1)]
    parts = {name: torch.cat([one[name] for one in split]) for name in split[0]}
    history = torch.tensor([path.losses for path in made])
    return Synthesis(images, torch.stack(list(parts.values())).sum(0), history, parts)


def check_room(model: nn.Module, layers: Iterable[str], image: Images, recipe: Descent) -> None:
    """Refuse an image too large for the memory before anything is computed; see `innerview.synthesis.memory`.

    Raises:
        BadInput: it is; the message says which size would fit.
    """
    history = recipe.history if recipe.optimizer == "lbfgs" else 2
    check_memory(model, list(layers), (image.shape[-2], image.shape[-1]), history)


@dataclass
class _Path:
    """The way of one image: its pixels, and the best of what was seen."""

    model: nn.Module
    loss: Loss
    start: Images
    unit: float
    """Of the numbers that are changed, in that of images."""
    losses: list[float] = field(default_factory=list)
    why: str = ""
    """What was wrong at the last look; the reason, if the walk ended there."""

    def __post_init__(self) -> None:
        self.pixels = (self.start / self.unit).requires_grad_()
        self.best, self.least, self.scale = self.start.clamp(0, 1), inf, 0.0

    def look(self) -> Tensor:
        """Compute the loss, and its gradient along which the pixels may move: not out of their range."""
        with torch.no_grad():
            self.pixels.clamp_(0, 1 / self.unit)
        with torch.enable_grad():
            value = self.loss(self.model, self.pixels * self.unit).sum()
        (gradient,) = torch.autograd.grad(value, self.pixels)
        self.why = ""
        self._note(float(value.detach()))
        size = float(gradient.abs().mean())
        self.scale = self.scale or (1 / size if size > 0 else 0.0)
        if size == 0:
            self.why = "the gradient is zero"
        gradient = gradient.contiguous()
        outward = ((self.pixels <= 0) & (gradient > 0)) | ((self.pixels >= 1 / self.unit) & (gradient < 0))
        self.pixels.grad = gradient.masked_fill_(outward, 0).mul_(self.scale)
        return value.detach() * self.scale

    def _note(self, value: float) -> None:
        if not self.losses and not isfinite(value):
            raise NotFinite(f"the loss of the start is {value}; check the weights of the loss and of the network")
        self.losses.append(value)
        if value < self.least:
            self.least, self.best = value, (self.pixels.detach() * self.unit).clamp(0, 1)
        if not isfinite(value):
            self.why = f"the loss became {value}"

    def rewind(self) -> None:
        """Go back to the best image."""
        with torch.no_grad():
            self.pixels.copy_(self.best / self.unit)

    def close(self, steps: int) -> None:
        """Warn of an early stop, and fill the history up."""
        if len(self.losses) < steps:
            why = self.why or "nothing that L-BFGS tries is better"
            warnings.warn(
                f"the descent stopped after {len(self.losses)} of {steps} steps: {why}; the best image so far is kept",
                StoppedEarly,
                stacklevel=3,
            )
        self.losses += [self.losses[-1]] * (steps - len(self.losses))


class _Diverged(ArithmeticError):
    """Ends a walk at a loss that is NaN or infinite."""


def _lbfgs(path: _Path, recipe: Descent, update: Callable[[], object]) -> None:
    """Walk by L-BFGS; where it finds no way on, begin anew at the best image, as long as that helps."""

    def look() -> Tensor:
        value = path.look()
        update()
        if not isfinite(path.losses[-1]):
            raise _Diverged
        return value

    while (left := recipe.steps - len(path.losses)) > 0:
        before, least = len(path.losses), path.least
        optimizer = torch.optim.LBFGS(
            [path.pixels], max_iter=left, max_eval=left, history_size=recipe.history, tolerance_grad=0,
            tolerance_change=0,
        )  # fmt: skip
        with suppress(_Diverged):
            optimizer.step(look)  # pyright: ignore[reportArgumentType]
        path.rewind()
        if len(path.losses) < before + 2 or path.least >= least:
            return


def _adam(path: _Path, recipe: Descent, update: Callable[[], object]) -> None:
    optimizer = torch.optim.Adam([path.pixels], lr=recipe.learning_rate)
    for _ in range(recipe.steps):
        path.look()
        update()
        if not isfinite(path.losses[-1]):
            return
        optimizer.step()
