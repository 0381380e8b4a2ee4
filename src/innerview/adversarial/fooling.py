r"""Fooling images: a class seen with confidence in an image that shows nothing {cite}`nguyen2015deep`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from innerview.adversarial.attacks import Attack, logits_of, pgd
from innerview.adversarial.goals import Classes, Towards
from innerview.core.errors import BadInput, near
from innerview.core.seeds import generator
from innerview.core.types import Images, Values
from innerview.models import as_classes, class_index
from innerview.models.activations import device_of

STARTS: Final = ("noise", "grey")

FROM_NOTHING: Final = Attack(epsilon=16 / 255, steps=40, step_size=1 / 255, seed=None)
"""Small enough that an image shows as little afterwards as before."""


@dataclass(frozen=True)
class Fooling:
    """Images that show nothing, and what a model sees in them.

    Args:
        starts: ``(b, 3, h, w)`` in [0, 1], where the ascents began.
        images: ``(b, 3, h, w)`` in [0, 1], where they ended.
        classes: ``(b,)``, the class that each shall be taken for.
        before: ``(b,)``, its probability for the start.
        confidences: ``(b,)``, its probability for the image.
    """

    starts: Images
    images: Images
    classes: Classes
    before: Values
    confidences: Values


def fooling_images(
    model: nn.Module,
    target: int | str | Sequence[int | str],
    *,
    start: str = "noise",
    size: int = 224,
    attack: Attack = FROM_NOTHING,
    seed: int = 0,
) -> Fooling:
    """Change noise, or plain grey, until a model sees a class in it.

    Gradient ascent on the class's probability, as in the paper's Section 3.4. It is a targeted attack whose image shows
    nothing, and feature visualization that changes pixels with no regularisation at all: the three differ in where
    they begin and how far they may go. Here the ball of the attack keeps the image as empty as it was.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        target: Classes, one for each image; or one.
        start: ``noise``: each value is uniform in [0, 1]; ``grey``: all are 0.5.
        size: Height and width in pixels.
        attack: How far and how the ascent goes.
        seed: Image i starts from the noise of seed + i.

    Raises:
        BadInput: no class, no such class or start, a size that is not positive; and as for `pgd`.
        NotFinite: a gradient is NaN or infinite.
    """
    wanted = as_classes(target)
    if start not in STARTS:
        raise BadInput(f"no start is called {start!r}{near(start, STARTS)}; choose one of {', '.join(STARTS)}")
    if size < 1 or not wanted:
        raise BadInput(f"{len(wanted)} classes of {size} pixels make no image; give one or more of each")
    indices = [class_index(model, one) for one in wanted]
    starts = torch.stack([_start(start, size, seed + place) for place in range(len(indices))]).to(device_of(model))
    found = pgd(model, starts, Towards(indices), attack)
    classes = torch.tensor(indices, device=starts.device)
    probabilities = [logits_of(model, some).softmax(1) for some in (starts, found.images)]
    before, after = (some.gather(1, classes[:, None])[:, 0] for some in probabilities)
    return Fooling(starts, found.images, classes, before, after)


def _start(name: str, size: int, seed: int) -> torch.Tensor:
    if name == "grey":
        return torch.full((3, size, size), 0.5)
    return torch.rand(3, size, size, generator=generator("fooling", seed))
