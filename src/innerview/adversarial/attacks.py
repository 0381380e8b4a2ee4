r"""Images changed a little, so that a model sees something else: FGSM, the basic iterative method and PGD.

All stay in the ball $\|x' - x\| \leq \epsilon$ and in [0, 1], in the largest norm or the Euclidean one, and take steps
in the direction that is steepest for it: along the sign of a gradient, or along the gradient.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from innerview.adversarial.balls import ball, check_epsilon, direction_for
from innerview.adversarial.goals import AwayFrom, Classes, Goal
from innerview.core.errors import BadInput, NotFinite
from innerview.core.gradients import differentiable, gradient
from innerview.core.images import check_images
from innerview.core.types import Images, Logits
from innerview.models import check_evaluated, class_logits
from innerview.optimize import Objective


@dataclass(frozen=True)
class Attack:
    """How far an attack may go and how it goes there; the numbers are those of {cite}`madry2018towards`, Sec. 5.

    Args:
        epsilon: The most that an image may change: a value of it under ``linf``, in units of [0, 1]; the root of the
            sum of the squares of all changes under ``l2``.
        steps: How many gradients are taken; 0 leaves the images at their start.
        step_size: How much one step changes an image, in the same norm. None: 2 / 255 under ``linf``; under ``l2``,
            where the paper names none, 2.5 `epsilon` / `steps`.
        seed: Image i starts anywhere in its ball, drawn from seed + i; None starts it at the image itself.
        norm: ``linf`` or ``l2``.
    """

    epsilon: float = 8 / 255
    steps: int = 7
    step_size: float | None = None
    seed: int | None = 0
    norm: str = "linf"

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon, self.norm)
        most = 1 if self.norm == "linf" else math.inf
        if self.steps < 0 or not 0 <= self.step <= most:
            within = "[0, 1]" if self.norm == "linf" else "[0, inf)"
            raise BadInput(f"{self.steps} steps of {self.step_size} are none; give 0 or more, of a size in {within}")

    @property
    def step(self) -> float:
        """The size of one step."""
        if self.step_size is not None:
            return self.step_size
        return 2 / 255 if self.norm == "linf" else 2.5 * self.epsilon / max(self.steps, 1)


@dataclass(frozen=True)
class Attacked:
    """What became of an attack.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1], the changed images.
        before: ``(b,)``, the class that each image was predicted to be.
        after: ``(b,)``, the class that each changed image is predicted to be.
        success: ``(b,)``, whether `after` is what the attack wanted.
    """

    images: Images
    before: Classes
    after: Classes
    success: Bool[Tensor, " b"]


UNTARGETED: Final = AwayFrom()
MADRY: Final = Attack()


def fgsm(
    model: nn.Module, images: Images, goal: Goal = UNTARGETED, *, epsilon: float = 8 / 255, norm: str = "linf"
) -> Attacked:
    r"""Take one step to the edge of the ball: the fast gradient sign method {cite}`goodfellow2015explaining`.

    $$x' = x + \epsilon\, \mathrm{sign}(\nabla_x J(\theta, x, y))$$ (Sec. 4)

    The result is cut to [0, 1]; $J$ is the cross entropy for `AwayFrom`, its negative for `Towards`. Under ``l2`` the
    step goes along the gradient, $\epsilon\, \nabla J / \|\nabla J\|_2$.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: What is changed.
        goal: What the model shall say of them; by default any other class than it says now.
        epsilon: The most that an image may change; see `Attack`.
        norm: See `Attack`.

    Raises:
        BadInput, NotFinite: as for `pgd`.
    """
    return pgd(model, images, goal, Attack(epsilon, steps=1, step_size=epsilon, seed=None, norm=norm))


def iterative(
    model: nn.Module,
    images: Images,
    goal: Goal = UNTARGETED,
    *,
    epsilon: float = 8 / 255,
    steps: int = 10,
    norm: str = "linf",
) -> Attacked:
    r"""Take the step of `fgsm` in many small ones: the basic iterative method {cite}`kurakin2017physical`.

    $$x^{t+1} = \mathrm{Clip}_{x, \epsilon}\big(x^t + \alpha\, \mathrm{sign}(\nabla_x J(x^t, y))\big)$$ (Sec. 2.2)

    It is `pgd` from the image itself. The paper's steps have $\alpha$ = 1 / 255, and for a small $\epsilon$ there are
    so many that they add up to 1.25 $\epsilon$. Here any number of steps adds up to that; the default is the paper's.

    Args:
        model: See `fgsm`.
        images: See `fgsm`.
        goal: See `fgsm`.
        epsilon: See `fgsm`.
        steps: How many gradients are taken.
        norm: See `Attack`.

    Raises:
        BadInput, NotFinite: as for `pgd`.
    """
    size = min(1.25 / max(steps, 1), 1) * epsilon
    return pgd(model, images, goal, Attack(epsilon, steps, size, seed=None, norm=norm))


def pgd(model: nn.Module, images: Images, goal: Goal = UNTARGETED, attack: Attack = MADRY) -> Attacked:
    r"""Take many small steps, back into the ball after each: projected gradient {cite}`madry2018towards`.

    $$x^{t+1} = \Pi_{x+S}\big(x^t + \alpha\, \mathrm{sign}(\nabla_x L(\theta, x^t, y))\big)$$ (Sec. 2.1)

    Under ``l2`` the step goes along the gradient, $\alpha\, \nabla L / \|\nabla L\|_2$. Ball and range are kept
    exactly: what cannot be represented is rounded inwards.

    Args:
        model: See `fgsm`.
        images: See `fgsm`.
        goal: See `fgsm`.
        attack: Size of the ball, number and size of the steps, start.

    Raises:
        BadInput: images that are not ``(b, 3, h, w)`` or leave [0, 1], a ball wider than that range, a model in
            training mode or without logits, a class that it lacks, another number of classes than images, or no
            gradient reaches the images.
        NotFinite: a pixel or a gradient is NaN or infinite.
    """
    check_attackable(model, images)
    around = ball(images, attack.epsilon, attack.norm)
    logits = logits_of(model, images)
    before = logits.argmax(1)
    classes = goal.classes(model, before)
    if int(classes.max()) >= logits.shape[1]:
        raise BadInput(f"class index {int(classes.max())} is out of range; it runs from 0 to {logits.shape[1] - 1}")
    objective, direction = goal.objective(classes), direction_for(attack.norm)
    changed = images.detach().clone() if attack.seed is None else around.start(attack.seed)
    for _ in range(attack.steps):
        step = attack.step * direction(_gradient(objective, model, changed))
        changed = around.project(changed + step)
    after = logits_of(model, changed).argmax(1)
    return Attacked(changed, before, after, goal.reached(after, classes))


def _gradient(objective: Objective, model: nn.Module, images: Images) -> Images:
    with differentiable():
        leaf = images.clone().requires_grad_()
        found = gradient(objective(model, leaf), leaf, "the images")
    if not torch.isfinite(found).all():
        raise NotFinite(f"the gradient of {objective} is NaN or infinite; check the model's weights")
    return found


def logits_of(model: nn.Module, images: Images) -> Logits:
    """Return the logits of images, without a graph."""
    with torch.no_grad():
        return class_logits(model, images)


def check_attackable(model: nn.Module, images: Images) -> None:
    """Raise an error unless these are images in [0, 1] and the model is ready to answer.

    Raises:
        BadInput: another shape, values outside [0, 1], or a model in training mode.
        NotFinite: a pixel is NaN or infinite.
    """
    check_images(images)
    check_evaluated(model)
    if images.min() < 0 or images.max() > 1:
        raise BadInput(f"images must lie in [0, 1], not in [{images.min():.8g}, {images.max():.8g}]; clamp them")
