r"""One change for all images {cite}`moosavi2017universal`."""

from dataclasses import dataclass, field
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from innerview.adversarial.attacks import check_attackable, logits_of
from innerview.adversarial.balls import check_epsilon, inwards, limited
from innerview.adversarial.deepfool import Course, walked
from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator
from innerview.core.types import AnyImages, Images

Perturbation = Float[Tensor, "1 3 h w"]
"""A change of images of one size, in units of [0, 1]."""


@dataclass(frozen=True)
class Search:
    """How a universal perturbation is sought; the numbers are those of the paper and its released code.

    Args:
        epsilon: The most that an image may change; see `innerview.adversarial.Attack`.
        norm: ``linf`` or ``l2``.
        wanted: Fooling rate at which the search ends, in [0, 1].
        epochs: At most so often through all images.
        course: How DeepFool goes from each image.
        seed: Of the order of the images.
    """

    epsilon: float = 10 / 255
    norm: str = "linf"
    wanted: float = 0.8
    epochs: int = 5
    course: Course = field(default_factory=lambda: Course(steps=10))
    seed: int = 0

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon, self.norm)
        if not 0 <= self.wanted <= 1 or self.epochs < 0:
            raise BadInput(
                f"a fooling rate of {self.wanted} after {self.epochs} epochs cannot be had; give a share, and 0 or more"
            )


@dataclass(frozen=True)
class Universal:
    """A universal perturbation.

    Args:
        perturbation: ``(1, 3, h, w)``, no longer than epsilon.
        rates: Fooling rate on the images that it was made with, after each epoch.
    """

    perturbation: Perturbation
    rates: tuple[float, ...]


SEARCH: Final = Search()


def universal_perturbation(
    model: nn.Module, images: Images, search: Search = SEARCH, *, progress: bool = False
) -> Universal:
    r"""Find one change that makes a model see another class in most images, also in images that it was not made with.

    $$\Delta v_i = \arg\min_r \|r\|_2 \ \mathrm{s.t.}\ \hat{k}(x_i + v + r) \neq \hat{k}(x_i), \qquad
    v \leftarrow P_{p, \xi}(v + \Delta v_i)$$ (Algorithm 1)

    for each image that is not fooled yet, in a new random order each epoch; the least change is DeepFool's.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: The images that it is made with; the classes that the model predicts for them are the ones to leave.
        search: Size and norm of the ball, when to end.
        progress: Whether to show a bar.

    Raises:
        BadInput, NotFinite: as for `deepfool`; or the ball is wider than the range of such images.
    """
    check_attackable(model, images)
    check_epsilon(search.epsilon, search.norm, images[0].numel())
    given = images.detach()
    predicted = _predicted(model, given)
    found, rates = torch.zeros_like(given[:1]), []
    for epoch in range(search.epochs):
        order = torch.randperm(len(given), generator=generator("universal", search.seed, epoch)).tolist()
        for index in bar(order, f"universal perturbation, epoch {epoch + 1}", progress):
            found = _led_on(model, given[index : index + 1], int(predicted[index]), found, search)
        rates.append(float((_predicted(model, perturbed(given, found)) != predicted).double().mean()))
        if rates[-1] >= search.wanted:
            break
    return Universal(found, tuple(rates))


def perturbed(images: Images, perturbation: AnyImages) -> Images:
    """Add one change to all images; the results lie in [0, 1] and no farther away than the change is long.

    Args:
        images: ``(b, 3, h, w)`` in [0, 1].
        perturbation: ``(1, 3, h, w)``.

    Raises:
        BadInput: another shape, or the perturbation is of another size.
        NotFinite: a value is NaN or infinite.
    """
    check_images(images)
    check_images(perturbation)
    if perturbation.shape[1:] != images.shape[1:]:
        sizes = ["x".join(map(str, some.shape[-2:])) for some in (perturbation, images)]
        raise BadInput(f"a perturbation of {sizes[0]} pixels does not fit images of {sizes[1]}; resize the images")
    return inwards(images, (images.detach().cpu().double() + perturbation.cpu().double()).clamp(0, 1))


def fooled(model: nn.Module, images: Images, perturbation: Perturbation, *, batch: int = 16) -> Bool[Tensor, " b"]:
    """Return for which images another class is predicted with the perturbation than without.

    Args:
        model: See `universal_perturbation`.
        images: ``(b, 3, h, w)`` in [0, 1].
        perturbation: ``(1, 3, h, w)``.
        batch: Images that the model sees at once.

    Raises:
        BadInput, NotFinite: as for `perturbed`; or a model in training mode or without logits, images outside [0, 1].
    """
    check_attackable(model, images)
    changed = perturbed(images, perturbation)
    return _predicted(model, images, batch) != _predicted(model, changed, batch)


def _led_on(model: nn.Module, image: Images, own: int, found: Perturbation, search: Search) -> Perturbation:
    """Add what one image needs beyond the perturbation found so far, unless it is fooled or cannot be."""
    seen = perturbed(image, found)
    if int(logits_of(model, seen).argmax()) != own:
        return found
    walk = walked(model, seen, search.course)
    if not walk.arrived:
        return found
    wanted = (found.cpu().double() + walk.image.cpu().double() - seen.cpu().double()).clamp(-1, 1)
    return inwards(torch.zeros_like(found), limited(wanted, search.epsilon, search.norm))


def _predicted(model: nn.Module, images: Images, batch: int = 16) -> Tensor:
    return torch.cat([logits_of(model, part).argmax(1) for part in images.split(batch)])
