"""The ascent: change images until they excite what the objective names {cite}`olah2017feature`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator
from innerview.core.types import Images, Opacity, ResizedOpacity, Values
from innerview.models import activations
from innerview.optimize.composed import over_background
from innerview.optimize.metrics import Metric
from innerview.optimize.objectives import Objective, Reading
from innerview.optimize.parameterizations import Fourier, Parameterization
from innerview.optimize.relu import redirected_relu
from innerview.optimize.specs import parse_objective
from innerview.optimize.transforms import RELEASED, Scheduled, Transform, resolved, transformed


@dataclass(frozen=True)
class Recipe:
    """How to ascend; the defaults are the released library's.

    Args:
        steps: Steps of the optimiser.
        learning_rate: Of Adam, or of the steps under `metric`.
        parameterization: What is changed, and how it becomes images.
        transforms: Random changes before the network looks; those of step k depend on the recipe and k alone.
        redirected_steps: Steps at the start in which dead units let gradients through; see `redirected_relu`.
        metric: None ascends with Adam. A metric ascends steepest under it: the pixels of a parameterization of one
            number for each pixel and colour move by `learning_rate` times its direction.
        pieces: Images that go through the network at once; None for the whole batch. With 1 an image comes out the
            same to the last bit alone and in any batch, at the price of speed.
    """

    steps: int = 512
    learning_rate: float = 0.05
    parameterization: Parameterization = field(default_factory=Fourier)
    transforms: tuple[Transform | Scheduled, ...] = RELEASED
    redirected_steps: int = 16
    metric: Metric | None = None
    pieces: int | None = None


@dataclass(frozen=True)
class Visualization:
    """What an ascent found.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1], detached.
        values: ``(b,)``, the objective of these images, untransformed.
        history: ``(steps, b)``, the objective of the transformed images before each step.
        objective: Its name.
        dead: ``(b,)``, whether the objective stayed exactly 0 from the first step to the last: a dead unit.
        alpha: ``(b, 1, h, w)`` in [0, 1], how opaque the images are, if the parameterization is transparent.
        snapshots: The images after the steps that were asked for, by the number of steps.
    """

    images: Images
    values: Values
    history: Tensor
    objective: str
    dead: Bool[Tensor, " b"]
    alpha: Opacity | None = None
    snapshots: Mapping[int, Images] = field(default_factory=dict)


class Diverged(NotFinite):
    """An objective became NaN or infinite; `images` holds the last good ones."""

    def __init__(self, message: str, images: Images) -> None:
        super().__init__(message)
        self.images = images


class DeadUnit(BadInput):
    """No image raised the objective above 0: the unit is dead."""


def visualize(
    model: nn.Module,
    objective: Objective | str,
    *,
    size: int | tuple[int, int] = 128,
    steps: int | None = None,
    seed: int = 0,
    recipe: Recipe | None = None,
    snapshots: Sequence[int] = (),
    progress: bool = False,
) -> Visualization:
    """Make images that maximise an objective.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        objective: One of `innerview.optimize`'s, or its text such as ``channel:inception_4c:10``.
        size: Height and width in pixels, or one number for both.
        steps: Instead of the recipe's.
        seed: Image i starts from noise of seed + i.
        recipe: How to ascend.
        snapshots: Numbers of steps after which the images are kept, too.
        progress: Whether to show a bar.

    Raises:
        LayerNotFound: the model lacks a layer of the objective.
        BadInput: a channel out of range, images too small for the layer or the transforms, or a bad number of steps.
        DeadUnit: every image's objective stayed exactly 0.
        Diverged: the objective became NaN or infinite; the message says at which step.
    """
    objective = parse_objective(objective) if isinstance(objective, str) else objective
    recipe = recipe or Recipe()
    recipe = recipe if steps is None else replace(recipe, steps=steps)
    found = ascend(model, objective, size=size, seed=seed, recipe=recipe, snapshots=snapshots, progress=progress)
    if found.dead.all():
        raise DeadUnit(
            f"{objective.name} stayed 0 at all {recipe.steps} steps: a dead unit, which no image here raises; "
            "choose another, a layer before its ReLU, or another seed"
        )
    return found


def ascend(
    model: nn.Module,
    objective: Objective,
    *,
    size: int | tuple[int, int],
    seed: int,
    recipe: Recipe,
    snapshots: Sequence[int] = (),
    progress: bool = False,
) -> Visualization:
    """Do what `visualize` does, and leave dead units to the caller: in a batch of many they are no error."""
    height, width = (size, size) if isinstance(size, int) else size
    _check(recipe, height, width, snapshots)
    seeds = range(seed, seed + (objective.count or 1))
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    parameterization = recipe.parameterization.start(seeds, (height, width)).to(device)
    ascent = _Ascent(model, objective, parameterization, recipe)
    kept = ascent.run(frozenset(snapshots), progress)
    with torch.no_grad():
        last = parameterization().clone()
        values = ascent.measure(*_opaque(last))
    ascent.check_finite("at the end", values)
    history = torch.stack(ascent.history) if ascent.history else values.new_zeros((0, len(values)))
    dead = (history == 0).all(0) & (values == 0) & (recipe.steps > 0)
    images, alpha = last[:, :3], last[:, 3:] if last.shape[1] == 4 else None
    return Visualization(images, values, history, objective.name, dead, alpha, kept)


def _check(recipe: Recipe, height: int, width: int, snapshots: Sequence[int]) -> None:
    if min(height, width) < 1 or recipe.steps < 0:
        raise BadInput(f"size ({height}x{width}) and steps ({recipe.steps}) must be positive")
    if not 0 < recipe.learning_rate < torch.finfo(torch.float32).max:
        raise BadInput(f"a learning rate is a positive number, not {recipe.learning_rate}")
    beyond = [step for step in snapshots if not 0 <= step <= recipe.steps]
    if beyond:
        raise BadInput(f"no snapshot can be taken after {beyond[0]} steps; the ascent has {recipe.steps}")


class _Ascent:
    """One ascent while it runs: `history` of the objective, and `good`, the last images known to have a finite one."""

    def __init__(self, model: nn.Module, objective: Objective, parameterization: nn.Module, recipe: Recipe) -> None:
        self.model, self.objective = model, objective
        self.parameterization, self.recipe = parameterization, recipe
        self.history: list[Tensor] = []
        self.good: Tensor = parameterization().detach()

    def run(self, snapshots: frozenset[int], show: bool) -> dict[int, Images]:
        """Take all steps; return the images after some of them."""
        recipe, kept = self.recipe, {}
        parameters = [one for one in self.parameterization.parameters() if one.requires_grad]
        move = _steps_of(parameters, recipe)
        for step in bar(range(recipe.steps), self.objective.name, show):
            images = self.parameterization()
            if step in snapshots:
                kept[step] = images.detach()[:, :3].clone()
            values = self._values(images, step)
            self.check_finite(f"at step {step}", values)
            self.good = images.detach()
            gradients = self._gradients(values, parameters)
            self.check_finite(f"in its gradient at step {step}", *gradients)
            move(gradients)
            self.history.append(values.detach())
        if recipe.steps in snapshots:
            kept[recipe.steps] = self.parameterization().detach()[:, :3].clone()
        return kept

    def _gradients(self, values: Values, parameters: list[nn.Parameter]) -> list[Tensor]:
        found = torch.autograd.grad(values.sum(), parameters, allow_unused=True) if values.requires_grad else [None]
        if all(gradient is None for gradient in found):
            raise BadInput(
                f"no gradient of {self.objective.name} reaches the image; the model detaches it or runs under no_grad"
            )
        pairs = zip(found, parameters, strict=True)
        return [torch.zeros_like(one) if gradient is None else gradient for gradient, one in pairs]

    def _values(self, images: Tensor, step: int) -> Values:
        draws, share = generator("transforms", step), step / self.recipe.steps
        seen, alpha = _opaque(images, draws)
        with redirected_relu(self.model) if step < self.recipe.redirected_steps else nullcontext():
            return self.measure(transformed(seen, resolved(self.recipe.transforms, share), draws), alpha)

    def measure(self, images: Images, alpha: ResizedOpacity | None) -> Values:
        """Return the objective of each image."""
        names = self.objective.layers
        read = activations(self.model, images, names, pieces=self.recipe.pieces) if names else {}
        return self.objective.measure(Reading(images, read, self.model, alpha))

    def check_finite(self, where: str, *numbers: Tensor) -> None:
        """Raise `Diverged` unless all numbers are finite."""
        if not all(torch.isfinite(number).all() for number in numbers):
            raise Diverged(
                f"{self.objective.name} became NaN or infinite {where}; lower the learning rate", self.good[:, :3]
            )


def _opaque(images: Tensor, draws: torch.Generator | None = None) -> tuple[Images, Opacity | None]:
    """Lay transparent images over a random background, or over grey; return the images and how opaque they were."""
    if images.shape[1] == 3:
        return images, None
    colors, alpha = images[:, :3], images[:, 3:]
    seen = colors * alpha + 0.5 * (1 - alpha) if draws is None else over_background(images, draws)
    return seen, alpha


def _steps_of(parameters: list[nn.Parameter], recipe: Recipe) -> Callable[[Sequence[Tensor]], None]:
    """Return what moves the parameters along their gradients."""
    if recipe.metric is not None:
        return _steepest(parameters, recipe.metric, recipe.learning_rate)
    optimizer = torch.optim.Adam(parameters, lr=recipe.learning_rate, maximize=True)

    def move(gradients: Sequence[Tensor]) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()

    return move


def _steepest(parameters: list[nn.Parameter], metric: Metric, rate: float) -> Callable[[Sequence[Tensor]], None]:
    if len(parameters) != 1 or parameters[0].ndim != 4 or parameters[0].shape[1] != 3:
        raise BadInput("a metric moves pixels; use it with the parameterization Pixels or RawPixels")

    def move(gradients: Sequence[Tensor]) -> None:
        with torch.no_grad():
            parameters[0].add_(metric(gradients[0]), alpha=rate)

    return move
