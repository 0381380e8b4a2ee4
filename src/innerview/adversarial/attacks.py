r"""Images changed a little, so that a model sees something else: FGSM and PGD.

Both stay in the ball $\|x' - x\|_\infty \leq \epsilon$ and in [0, 1], and take steps along the sign of a gradient.
"""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from innerview.adversarial.goals import AwayFrom, Classes, Goal
from innerview.core.errors import BadInput, NotFinite
from innerview.core.gradients import differentiable, gradient
from innerview.core.images import check_images
from innerview.core.seeds import generator
from innerview.core.types import Images, Logits
from innerview.models import check_evaluated, class_logits
from innerview.optimize import Objective


@dataclass(frozen=True)
class Attack:
    """How far an attack may go and how it goes there; the numbers are those of {cite}`madry2018towards`, Sec. 5.

    Args:
        epsilon: The most that a value may change, in units of [0, 1].
        steps: How many gradients are taken; 0 leaves the images at their start.
        step_size: How much one step changes a value, in units of [0, 1].
        seed: Image i starts anywhere in its ball, drawn from seed + i; None starts it at the image itself.
    """

    epsilon: float = 8 / 255
    steps: int = 7
    step_size: float = 2 / 255
    seed: int | None = 0

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1:
            raise BadInput(f"epsilon must lie in [0, 1], the range of the images' values, not {self.epsilon}")
        if self.steps < 0 or not 0 <= self.step_size <= 1:
            raise BadInput(f"{self.steps} steps of {self.step_size} are none; give 0 or more, of a size in [0, 1]")


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


def fgsm(model: nn.Module, images: Images, goal: Goal = UNTARGETED, *, epsilon: float = 8 / 255) -> Attacked:
    r"""Take one step to the edge of the ball: the fast gradient sign method {cite}`goodfellow2015explaining`.

    $$x' = x + \epsilon\, \mathrm{sign}(\nabla_x J(\theta, x, y))$$ (Sec. 4)

    The result is cut to [0, 1]; $J$ is the cross entropy for `AwayFrom`, its negative for `Towards`.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: What is changed.
        goal: What the model shall say of them; by default any other class than it says now.
        epsilon: The most that a value may change, in units of [0, 1].

    Raises:
        BadInput, NotFinite: as for `pgd`.
    """
    return pgd(model, images, goal, Attack(epsilon, steps=1, step_size=epsilon, seed=None))


def pgd(model: nn.Module, images: Images, goal: Goal = UNTARGETED, attack: Attack = MADRY) -> Attacked:
    r"""Take many small steps, back into the ball after each: projected gradient {cite}`madry2018towards`.

    $$x^{t+1} = \Pi_{x+S}\big(x^t + \alpha\, \mathrm{sign}(\nabla_x L(\theta, x^t, y))\big)$$ (Sec. 2.1)

    The ball is kept exactly: its ends are rounded inwards.

    Args:
        model: See `fgsm`.
        images: See `fgsm`.
        goal: See `fgsm`.
        attack: Size of the ball, number and size of the steps, start.

    Raises:
        BadInput: images that are not ``(b, 3, h, w)`` or leave [0, 1], a model in training mode or without logits, a
            class that it lacks, another number of classes than images, or no gradient reaches the images.
        NotFinite: a pixel or a gradient is NaN or infinite.
    """
    _check(model, images)
    logits = _logits(model, images)
    before = logits.argmax(1)
    classes = goal.classes(model, before)
    if int(classes.max()) >= logits.shape[1]:
        raise BadInput(f"class index {int(classes.max())} is out of range; it runs from 0 to {logits.shape[1] - 1}")
    objective = goal.objective(classes)
    low, high = _ball(images, attack.epsilon)
    changed = _start(images, attack).clamp(low, high)
    for _ in range(attack.steps):
        step = attack.step_size * _gradient(objective, model, changed).sign()
        changed = (changed + step).clamp(low, high)
    after = _logits(model, changed).argmax(1)
    return Attacked(changed, before, after, goal.reached(after, classes))


def _ball(images: Images, epsilon: float) -> tuple[Images, Images]:
    """Return the least and the greatest values allowed: within epsilon in exact numbers, and in [0, 1]."""
    exact = images.detach().cpu().double()  # not every device has float64
    wanted_low, wanted_high = (exact - epsilon).clamp(min=0), (exact + epsilon).clamp(max=1)
    low, high = wanted_low.to(images.dtype), wanted_high.to(images.dtype)
    upwards, downwards = torch.full_like(low, torch.inf), torch.full_like(low, -torch.inf)
    low = torch.where(low.double() < wanted_low, torch.nextafter(low, upwards), low)
    high = torch.where(high.double() > wanted_high, torch.nextafter(high, downwards), high)
    return low.to(images.device), high.to(images.device)


def _start(images: Images, attack: Attack) -> Images:
    if attack.seed is None:
        return images.detach().clone()
    seeds = range(attack.seed, attack.seed + len(images))
    shares = [torch.rand(images.shape[1:], generator=generator("adversarial start", seed)) for seed in seeds]
    return images.detach() + attack.epsilon * (2 * torch.stack(shares) - 1).to(images)


def _gradient(objective: Objective, model: nn.Module, images: Images) -> Images:
    with differentiable():
        leaf = images.clone().requires_grad_()
        found = gradient(objective(model, leaf), leaf, "the images")
    if not torch.isfinite(found).all():
        raise NotFinite(f"the gradient of {objective} is NaN or infinite; check the model's weights")
    return found


def _logits(model: nn.Module, images: Images) -> Logits:
    with torch.no_grad():
        return class_logits(model, images)


def _check(model: nn.Module, images: Images) -> None:
    check_images(images)
    check_evaluated(model)
    if images.min() < 0 or images.max() > 1:
        raise BadInput(f"images must lie in [0, 1], not in [{images.min():.8g}, {images.max():.8g}]; clamp them")
