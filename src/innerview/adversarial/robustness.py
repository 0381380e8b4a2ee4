"""How well models stand attacks: accuracy against epsilon, and examples made on one model shown to others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from innerview.adversarial.attacks import Attack, Attacked, fgsm, iterative, logits_of, pgd
from innerview.adversarial.goals import AwayFrom, ClassChoice, Classes, Goal, Towards, chosen
from innerview.adversarial.patches import correctly_classified
from innerview.core.errors import BadInput, near
from innerview.core.images import check_images
from innerview.core.types import Images

Perturb = Callable[[nn.Module, Images, Goal, float], Attacked]
"""An attack of which all but the model, the images, the goal and epsilon is settled."""

ATTACKS: Final = ("fgsm", "iterative", "pgd")
"""Names of the attacks that stay in a ball."""


@dataclass(frozen=True)
class AccuracyCurve:
    """How accurate a model is under attack.

    Args:
        epsilons: Sizes of the ball.
        accuracy: Attack -> share of the images that are predicted as their class, at each epsilon.
        confidence: Attack -> mean probability of the class that is predicted, right or wrong, at each epsilon.
    """

    epsilons: tuple[float, ...]
    accuracy: Mapping[str, tuple[float, ...]]
    confidence: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Transfer:
    """What models say of examples that were made on other models.

    Args:
        names: Of the models.
        errors: ``(makers, judges)``, the share of the images wrongly classified by each judge once each maker has
            changed them, among the images that the judge had right; NaN if it had none right.
        counts: ``(judges,)``, how many images each judge had right.
    """

    names: tuple[str, ...]
    errors: Float[Tensor, "makers judges"]
    counts: Int[Tensor, " judges"]


def attack_named(name: str, norm: str = "linf", steps: int | None = None, seed: int = 0) -> Perturb:
    """Return an attack that stays in a ball.

    Args:
        name: ``fgsm``, ``iterative`` or ``pgd``.
        norm: ``linf`` or ``l2``.
        steps: Gradients that are taken, by default 10; ``fgsm`` takes one. Those of ``pgd`` are 2.5 epsilon / `steps`
            long, so that they can cross the ball.
        seed: Of the random start of ``pgd``.

    Raises:
        BadInput: no such attack, no positive number of steps, or steps for ``fgsm``.
    """
    if name not in ATTACKS:
        raise BadInput(f"no attack is called {name!r}{near(name, ATTACKS)}; choose one of {', '.join(ATTACKS)}")
    if name == "fgsm" and steps not in (None, 1):
        raise BadInput(f"fgsm takes one step, not {steps}; choose iterative for more")
    count = 10 if steps is None else steps
    if count < 1:
        raise BadInput(f"an attack takes 1 step or more, not {count}")

    def perturb(model: nn.Module, images: Images, goal: Goal, epsilon: float) -> Attacked:
        if name == "fgsm":
            return fgsm(model, images, goal, epsilon=epsilon, norm=norm)
        if name == "iterative":
            return iterative(model, images, goal, epsilon=epsilon, steps=count, norm=norm)
        return pgd(model, images, goal, Attack(epsilon, count, min(2.5 / count, 1) * epsilon, seed, norm))

    return perturb


def accuracy_curve(
    model: nn.Module,
    images: Images,
    labels: ClassChoice,
    attacks: Mapping[str, Perturb],
    epsilons: Sequence[float],
    *,
    target: ClassChoice | None = None,
    batch: int = 16,
) -> AccuracyCurve:
    """Measure how accurate a model is under attacks of several sizes.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: What is attacked.
        labels: Their classes: one for all, or one for each.
        attacks: Name -> attack; see `attack_named`.
        epsilons: Sizes of the ball.
        target: The class that the attacks aim at, for all images or each; None leads away from `labels`.
        batch: Images that are attacked at once.

    Raises:
        BadInput: no attack or epsilon, a batch below 1, a target that is an image's own class; and as the attacks do.
        NotFinite: as the attacks do.
    """
    check_images(images)
    if not attacks or not epsilons or batch < 1:
        raise BadInput(
            f"{len(attacks)} attacks of {len(epsilons)} sizes on batches of {batch} make no curve; give one of each"
        )
    true, goals = _goals(model, images, labels, target, batch)
    accuracy, confidence = ({name: [] for name in attacks} for _ in range(2))
    for name, perturb in attacks.items():
        for epsilon in epsilons:
            chances = torch.cat(
                [
                    logits_of(model, perturb(model, part, goal, epsilon).images).softmax(1)
                    for part, goal in zip(images.split(batch), goals, strict=True)
                ]
            )
            accuracy[name].append(float((chances.argmax(1) == true).double().mean()))
            confidence[name].append(float(chances.amax(1).double().mean()))
    frozen = [{name: tuple(values) for name, values in of.items()} for of in (accuracy, confidence)]
    return AccuracyCurve(tuple(epsilons), *frozen)


def transfer(
    models: Mapping[str, nn.Module],
    images: Images,
    labels: ClassChoice,
    perturb: Perturb,
    epsilon: float,
    *,
    batch: int = 16,
) -> Transfer:
    """Make adversarial examples on each model, and show them to all.

    Args:
        models: Name -> classifier; all have the same classes.
        images: ``(b, 3, h, w)`` in [0, 1].
        labels: Their classes: one for all, or one for each. The attacks lead away from them.
        perturb: The attack; see `attack_named`.
        epsilon: Its size.
        batch: Images that a model sees at once.

    Raises:
        BadInput: no models, a batch below 1; and as the attack does.
        NotFinite: as the attack does.
    """
    check_images(images)
    if not models or batch < 1:
        raise BadInput(f"{len(models)} models and batches of {batch} show nothing; give 1 or more of each")
    judges = list(models.values())
    right = torch.stack([correctly_classified(judge, images, labels, batch=batch).cpu() for judge in judges])
    errors = torch.stack(
        [
            _errors(judges, right, _changed(maker, images, labels, perturb, epsilon, batch), labels, batch)
            for maker in judges
        ]
    )
    return Transfer(tuple(models), errors, right.sum(1))


def _changed(
    model: nn.Module, images: Images, labels: ClassChoice, perturb: Perturb, epsilon: float, batch: int
) -> Images:
    _, goals = _goals(model, images, labels, None, batch)
    parts = zip(images.split(batch), goals, strict=True)
    return torch.cat([perturb(model, part, goal, epsilon).images for part, goal in parts])


def _errors(
    judges: Sequence[nn.Module], right: Bool[Tensor, "judges b"], changed: Images, labels: ClassChoice, batch: int
) -> Float[Tensor, " judges"]:
    """Return the share of the images that each judge had right and has wrong now."""
    still = torch.stack([correctly_classified(judge, changed, labels, batch=batch).cpu() for judge in judges])
    return (right & ~still).sum(1) / right.sum(1)


def _goals(
    model: nn.Module, images: Images, labels: ClassChoice, target: ClassChoice | None, batch: int
) -> tuple[Classes, list[Goal]]:
    """Return the class of each image, and what the attack on each batch wants."""
    places = torch.zeros(len(images), dtype=torch.long, device=images.device)
    true = chosen(model, labels, places)
    if target is None:
        return true, [AwayFrom(part) for part in true.split(batch)]
    wanted = chosen(model, target, places)
    return true, [Towards(part, own) for part, own in zip(wanted.split(batch), true.split(batch), strict=True)]
