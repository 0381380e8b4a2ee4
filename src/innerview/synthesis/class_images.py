r"""Class images by plain gradient ascent {cite}`simonyan2014deep,yosinski2015understanding`: what a class looks like.

No transforms, no preconditioning: pixels move along their own gradient, and at most are regularised after each step.
The arithmetic is in the pixel units of the papers' networks, levels of 255 relative to the mean that the network
subtracts, since step sizes and penalties are meant for these. Images come in and go out in [0, 1] as everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from innerview.core.errors import BadInput, NotFinite
from innerview.core.gradients import differentiable, gradient
from innerview.core.images import check_images
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator
from innerview.core.types import Images, Values
from innerview.models import as_classes, check_evaluated, class_index, class_logits
from innerview.models.normalization import Normalize
from innerview.optimize import Objective, class_logit
from innerview.synthesis.class_recipes import SIMONYAN, ClassRecipe, Offsets, regularized

LEVELS: Final = 255
GREY: Final = 0.5
"""Stands in for the mean of a network of unknown normalization."""

ClassTarget = int | str | Objective


@dataclass(frozen=True)
class ClassImage:
    """What an ascent found.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1], detached.
        values: ``(b,)``, the score of these images that was raised: the target's logit, or the objective.
        probabilities: ``(b, classes)``, the softmax of their logits.
        history: ``(steps, b)``, the score before each step.
    """

    images: Images
    values: Values
    probabilities: Float[Tensor, "b classes"]
    history: Float[Tensor, "steps b"]


def class_image(
    model: nn.Module,
    target: ClassTarget | Sequence[int | str],
    *,
    recipe: ClassRecipe | None = None,
    start: Images | None = None,
    size: int = 224,
    seed: int = 0,
    progress: bool = False,
) -> ClassImage:
    r"""Make images that a classifier takes for a class, by gradient ascent on pixels.

    Equation 1 of {cite}`simonyan2014deep` and Eq. 2 of {cite}`yosinski2015understanding`:

    $$\arg\max_I S_c(I) - \lambda \|I\|_2^2$$

    $$x \leftarrow r_\theta\big(x + \eta \tfrac{\partial S_c}{\partial x}\big)$$

    with $S_c$ the class's logit, before the softmax. A start other than the mean leads to another kind of image of the
    class {cite}`nguyen2016multifaceted`; so does an objective such as `innerview.optimize.direction` towards the mean
    features of some of its photographs {cite}`wei2015intraclass`.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        target: Class by index or name; a list of these, one image each; or an objective to raise in a logit's stead.
        recipe: How; `SIMONYAN` by default.
        start: Where to begin, ``(b, 3, h, w)`` or ``(1, 3, h, w)`` in [0, 1], in place of the network's mean.
        size: Height and width in pixels, where `start` does not tell.
        seed: Image i starts from noise of seed + i, if the recipe has any.
        progress: Whether to show a bar.

    Raises:
        BadInput: no such class, a size that the model cannot take, another number of starts than of targets, no class
            logits, or a model in training mode.
        NotFinite: score or gradient became NaN or infinite; the message says at which step.
    """
    check_evaluated(model)
    recipe = recipe or SIMONYAN
    objective = _objective(model, target)
    begin, mean = _begin(model, objective, start, size)
    with torch.no_grad():
        class_logits(model, begin[:1])  # a model without logits, or images that it cannot take, are refused at once
    ascent = _Ascent(model, objective, recipe, mean)
    x = (begin - mean) * LEVELS + _noise(begin, recipe.noise, seed)
    history = []
    for step in bar(range(recipe.steps), objective.name, progress):
        x = ascent.in_range(x)
        values, slope = ascent.look(x, step)
        history.append(values)
        x = regularized(ascent.moved(x, slope), slope, recipe, step)
    images = (mean + ascent.in_range(x) / LEVELS).clamp(0, 1)
    with torch.no_grad():
        values, logits = objective(model, images), class_logits(model, images)
    _check_finite("after the last step", values, logits)
    return ClassImage(
        images, values, logits.softmax(1), torch.stack(history) if history else values.new_zeros(0, len(x))
    )


def _objective(model: nn.Module, target: ClassTarget | Sequence[int | str]) -> Objective:
    if isinstance(target, Objective):
        return target
    if isinstance(target, int | str):
        return class_logit(class_index(model, target))
    classes = as_classes(target)
    if not classes:
        raise BadInput("there is no target; give a class, or a list of at least one")
    return class_logit([class_index(model, one) for one in classes])


def _begin(model: nn.Module, objective: Objective, start: Images | None, size: int) -> tuple[Tensor, Tensor]:
    """Return the images to begin with, ``(b, 3, h, w)``, and the network's mean, both in units of [0, 1]."""
    weight = next(model.parameters(), torch.empty(0))
    precise = torch.promote_types(weight.dtype, torch.float32)  # steps would be lost in half precision
    mean = network_mean(model).to(weight.device, precise)
    if start is None:
        if size < 1:
            raise BadInput(f"the size of a class image must be positive, not {size}")
        return mean.expand(objective.count or 1, 3, size, size), mean
    check_images(start)
    count = objective.count or len(start)
    if len(start) not in (1, count):
        raise BadInput(f"{len(start)} images to start from do not fit {count} targets; give one, or one for each")
    return start.detach().to(mean).expand(count, -1, -1, -1), mean


def network_mean(model: nn.Module) -> Tensor:
    """Return what a network subtracts from its images, ``(1, 3 or 1, 1, 1)`` in units of [0, 1]; grey where unknown."""
    normalize = getattr(model, "normalize", None)
    return normalize.mean if isinstance(normalize, Normalize) else torch.full((1, 1, 1, 1), GREY)


def _noise(images: Images, deviation: float, seed: int) -> Offsets:
    shape = images.shape[1:]
    drawn = [torch.randn(shape, generator=generator("class_image", seed + image)) for image in range(len(images))]
    return deviation * torch.stack(drawn).to(images)


class _Ascent:
    """The model and what is asked of it."""

    def __init__(self, model: nn.Module, objective: Objective, recipe: ClassRecipe, mean: Tensor) -> None:
        self.model, self.objective, self.recipe, self.mean = model, objective, recipe, mean

    def in_range(self, x: Offsets) -> Offsets:
        """Keep pixels where images have them."""
        return torch.minimum(torch.maximum(x, -self.mean * LEVELS), (1 - self.mean) * LEVELS)

    def look(self, x: Offsets, step: int) -> tuple[Values, Offsets]:
        """Return the scores, and their gradients by levels, weighed by the window in the middle."""
        with differentiable():
            leaf = x.detach().clone().requires_grad_()
            values = self.objective(self.model, self.mean + leaf / LEVELS)
            slope = gradient(values, leaf, "the image")
        _check_finite(f"at step {step}", values, slope)
        return values.detach(), slope * _window(slope, self.recipe.center)

    def moved(self, x: Offsets, slope: Offsets) -> Offsets:
        """Take one step; the penalty's gradient is 2 lambda x."""
        recipe, eta = self.recipe, torch.full_like(x[:, :1, :1, :1], self.recipe.step_size)
        if recipe.progress is not None:
            squares = slope.square().sum((1, 2, 3), keepdim=True)
            eta = torch.minimum(eta, recipe.progress / squares.clamp(min=1e-30))
        return x + eta * (slope - 2 * recipe.penalty * x)


def _check_finite(where: str, *numbers: Tensor) -> None:
    if not all(torch.isfinite(number).all() for number in numbers):
        raise NotFinite(f"the score of a class image or its gradient became NaN or infinite {where}; lower step_size")


def _window(images: Tensor, deviation: float | None) -> Tensor:
    """Return a Gaussian around the middle, 1 there ``(h, w)``; 1 everywhere if there is none."""
    if deviation is None:
        return images.new_ones(())
    rows, columns = (torch.exp(-(((torch.arange(side) + 0.5) / side - 0.5) / deviation).square() / 2)
                     for side in images.shape[-2:])  # fmt: skip
    return (rows[:, None] * columns).to(images)
