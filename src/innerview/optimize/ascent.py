"""The ascent: change images until they excite what the objective names {cite}`olah2017feature`."""

from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator
from innerview.core.types import Images, Values
from innerview.optimize.objectives import Objective
from innerview.optimize.parameterizations import Fourier, Parameterization
from innerview.optimize.relu import redirected_relu
from innerview.optimize.specs import parse_objective
from innerview.optimize.transforms import RELEASED, Transform, transformed


@dataclass(frozen=True)
class Recipe:
    """How to ascend; the defaults are the released library's.

    Args:
        steps: Steps of the optimiser.
        learning_rate: Of Adam.
        parameterization: What is changed, and how it becomes images.
        transforms: Random changes before the network looks; those of step k depend on the recipe and k alone.
        redirected_steps: Steps at the start in which dead units let gradients through; see `redirected_relu`.
    """

    steps: int = 512
    learning_rate: float = 0.05
    parameterization: Parameterization = field(default_factory=Fourier)
    transforms: tuple[Transform, ...] = RELEASED
    redirected_steps: int = 16


@dataclass(frozen=True)
class Visualization:
    """What an ascent found.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1], detached.
        values: ``(b,)``, the objective of these images, untransformed.
        history: ``(steps, b)``, the objective of the transformed images before each step.
        objective: Its name.
    """

    images: Images
    values: Values
    history: Tensor
    objective: str


class Diverged(NotFinite):
    """An objective became NaN or infinite; `images` holds the last good ones."""

    def __init__(self, message: str, images: Images) -> None:
        super().__init__(message)
        self.images = images


def visualize(
    model: nn.Module,
    objective: Objective | str,
    *,
    size: int | tuple[int, int] = 128,
    steps: int | None = None,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: bool = False,
) -> Visualization:
    """Make images that maximise an objective.

    Args:
        model: Takes images ``(b, 3, h, w)`` in [0, 1].
        objective: One of `innerview.optimize.objectives`, or its text such as ``channel:inception_4c:10``.
        size: Height and width in pixels, or one number for both.
        steps: Instead of the recipe's.
        seed: Image i starts from noise of seed + i.
        recipe: How to ascend.
        progress: Whether to show a bar.

    Raises:
        LayerNotFound: the model lacks a layer of the objective.
        BadInput: a channel out of range, images too small for the layer or the transforms, or a bad number of steps.
        Diverged: the objective became NaN or infinite; the message says at which step.
    """
    recipe = recipe or Recipe()
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 1 or recipe.steps < 0:
        raise BadInput(f"size ({height}x{width}) and steps ({recipe.steps}) must be positive")
    objective = parse_objective(objective) if isinstance(objective, str) else objective
    seeds = range(seed, seed + (objective.count or 1))
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    parameterization = recipe.parameterization.start(seeds, (height, width)).to(device)
    history, good = _ascend(model, objective, parameterization, recipe, progress)
    with torch.no_grad():
        images = parameterization().clone()
        values = objective(model, images)
    _check_finite(objective, "at the end", good, values)
    return Visualization(images, values, history, objective.name)


def _ascend(
    model: nn.Module, objective: Objective, parameterization: nn.Module, recipe: Recipe, show: bool
) -> tuple[Tensor, Images]:
    """Return the history and the last images whose objective is known to be finite."""
    parameters = list(parameterization.parameters())
    optimizer = torch.optim.Adam(parameters, lr=recipe.learning_rate, maximize=True)
    history: list[Tensor] = []
    good = parameterization().detach()
    for step in bar(range(recipe.steps), objective.name, show):
        images = parameterization()
        seen = transformed(images, recipe.transforms, generator("transforms", step))
        with redirected_relu(model) if step < recipe.redirected_steps else nullcontext():
            values = objective(model, seen)
        _check_finite(objective, f"at step {step}", good, values)
        good = images.detach()
        gradients = torch.autograd.grad(values.sum(), parameters)
        _check_finite(objective, f"in its gradient at step {step}", good, *gradients)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
        history.append(values.detach())
    return torch.stack(history) if history else good.new_zeros((0, len(good))), good


def _check_finite(objective: Objective, where: str, good: Images, *numbers: Tensor) -> None:
    if not all(torch.isfinite(number).all() for number in numbers):
        raise Diverged(f"{objective.name} became NaN or infinite {where}; lower the learning rate", good)
