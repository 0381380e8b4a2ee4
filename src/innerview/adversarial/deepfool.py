r"""DeepFool: the shortest way to another class, taken as if the model were linear {cite}`moosavi2016deepfool`."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from innerview.adversarial.attacks import Attacked, check_attackable, logits_of
from innerview.adversarial.balls import distances
from innerview.core.errors import BadInput, NotFinite
from innerview.core.gradients import differentiable
from innerview.core.types import Images, Values
from innerview.models import class_logits

SHORTEST: Final = 1e-6
"""Length of a step where two classes are equal: the boundary is no distance away, but has to be crossed still."""


@dataclass(frozen=True)
class DeepFooled(Attacked):
    """What became of an attack by DeepFool; `success` is whether another class is predicted.

    Args:
        steps: ``(b,)``, how often the model was taken as linear.
        norms: ``(b,)``, the Euclidean length of each change, in units of [0, 1]; on the processor, in float64.
    """

    steps: Int[Tensor, " b"]
    norms: Values


@dataclass(frozen=True)
class Course:
    """How DeepFool goes; the numbers are the paper's.

    Args:
        classes: So many of the best classes are compared, the predicted one among them.
        overshoot: By how much the way is longer than to the boundary, as a share of it.
        steps: At most.
    """

    classes: int = 10
    overshoot: float = 0.02
    steps: int = 50

    def __post_init__(self) -> None:
        if self.classes < 2 or self.steps < 0 or not 0 <= self.overshoot < float("inf"):
            raise BadInput(
                f"{self.classes} classes, {self.steps} steps and an overshoot of {self.overshoot} lead nowhere; "
                "give 2 or more classes, 0 or more steps, an overshoot >= 0"
            )


PAPERS: Final = Course()


def deepfool(model: nn.Module, images: Images, course: Course = PAPERS) -> DeepFooled:
    r"""Find a change of nearly the least Euclidean length that makes a model see another class.

    $$\hat{l} = \arg\min_{k \neq \hat{k}} \frac{|f'_k|}{\|w'_k\|_2}, \qquad
    r_i = \frac{|f'_{\hat{l}}|}{\|w'_{\hat{l}}\|_2^2}\, w'_{\hat{l}}$$ (Algorithm 2)

    $f'_k$ is the logit of class k less that of the class predicted at first, $w'_k$ its gradient; the steps $r_i$ are
    added up. It ends as soon as the sum, made longer by the overshoot and cut to [0, 1], leads to another class. (The
    released code also computes the steps at the lengthened sum; the boundary is then crossed by much less than the
    overshoot, and rounding can undo it.)

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: What is changed, one after the other.
        course: How many classes and steps, and the overshoot.

    Raises:
        BadInput: images that are not ``(b, 3, h, w)`` or leave [0, 1], a model in training mode or without logits, with
            a single class, or no gradient reaches the images.
        NotFinite: a pixel, a logit or a gradient is NaN or infinite.
    """
    check_attackable(model, images)
    given = images.detach()
    found = [walked(model, image, course) for image in given.split(1)]
    changed = torch.cat([walk.image for walk in found])
    before, after, steps, success = (
        torch.tensor([getattr(walk, name) for walk in found], device=given.device)
        for name in ("before", "after", "steps", "arrived")
    )
    return DeepFooled(changed, before, after, success, steps, distances(given, changed, "l2"))


class Walk(NamedTuple):
    """The way of one image."""

    image: Float[Tensor, "1 3 h w"]
    before: int
    after: int
    steps: int

    @property
    def arrived(self) -> bool:
        """Whether another class is predicted in the end."""
        return self.after != self.before


def walked(model: nn.Module, image: Float[Tensor, "1 3 h w"], course: Course) -> Walk:
    """Lead one image to another class."""
    candidates = _best(logits_of(model, image)[0], course.classes)
    walk, total = Walk(image, candidates[0], candidates[0], 0), torch.zeros_like(image)
    while walk.steps < course.steps and not walk.arrived:
        total = total + _step(model, (image + total).clamp(0, 1), candidates)
        changed = (image + (1 + course.overshoot) * total).clamp(0, 1)
        walk = Walk(changed, walk.before, int(logits_of(model, changed).argmax()), walk.steps + 1)
    return walk


def _best(logits: Float[Tensor, " classes"], count: int) -> list[int]:
    """Return the best classes, the best first."""
    if not torch.isfinite(logits).all():
        raise NotFinite("the logits are NaN or infinite; check the model's weights")
    if len(logits) < 2:
        raise BadInput("the model has a single class, so it cannot be led to another")
    first = int(logits.argmax())  # of equal ones `topk` may name another
    rest = logits.index_fill(0, torch.tensor([first], device=logits.device), torch.inf)
    return rest.topk(min(count, len(logits))).indices.tolist()


def _step(model: nn.Module, image: Float[Tensor, "1 3 h w"], candidates: list[int]) -> Float[Tensor, "1 3 h w"]:
    """Return the step to the nearest boundary of the first candidate, were all of them planes."""
    with differentiable():
        leaf = image.clone().requires_grad_()
        logits = class_logits(model, leaf)[0]
        scores = logits[candidates[1:]] - logits[candidates[0]]
        slopes = torch.stack([_slope(score, leaf) for score in scores])
    steep = slopes.flatten(1).norm(dim=1)
    lengths = torch.where(steep > 0, scores.detach().abs() / steep, torch.inf)  # a flat class is nowhere near
    nearest = int(lengths.argmin())
    direction = slopes[nearest] / steep[nearest].clamp(min=torch.finfo(steep.dtype).tiny)
    return lengths[nearest].clamp(SHORTEST, torch.finfo(steep.dtype).max) * direction


def _slope(score: Tensor, leaf: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(score, leaf, retain_graph=True, allow_unused=True) if score.requires_grad else [None]
    if found is None:
        raise BadInput("no gradient reaches the images; the model detaches them")
    if not torch.isfinite(found).all():
        raise NotFinite("the gradient of a logit is NaN or infinite; check the model's weights")
    return found
