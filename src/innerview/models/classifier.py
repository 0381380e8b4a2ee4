"""Any network as one of ours: images in [0, 1] in, logits out."""

import math
import re
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, near
from innerview.core.types import Images
from innerview.models.layers import aliases
from innerview.models.normalization import Normalize

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Model = TypeVar("Model", bound=nn.Module)


class Classifier(nn.Module):
    """A network with the normalization that it was trained with; see `as_classifier`."""

    def __init__(
        self, module: nn.Module, mean: Sequence[float], std: Sequence[float], labels: Sequence[str] | None
    ) -> None:
        super().__init__()
        self.normalize = Normalize(mean, std)
        self.module = module
        self.labels = None if labels is None else tuple(labels)
        own = {name: f"module.{name}" for name, _ in module.named_modules() if name}
        self.aliases = own | {alias: f"module.{name}" for alias, name in aliases(module).items()}

    def forward(self, images: Images) -> Tensor:
        return self.module(self.normalize(images))


def as_classifier(
    module: nn.Module,
    *,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    labels: Sequence[str] | None = None,
) -> Classifier:
    """Make any classifier (torchvision's, timm's, your own) take images in [0, 1] as all of Innerview does.

    The network's weights are frozen and it is put into evaluation mode. Layers keep the names they have in `module`.

    Args:
        module: Takes normalised images ``(b, 3, h, w)``, puts out ``(b, classes)``.
        mean: Per RGB channel, in units of [0, 1]; ImageNet's usual by default.
        std: Likewise.
        labels: The classes' names, by index.

    Raises:
        BadInput: `mean` or `std` are not one or three numbers, or not finite, or a standard deviation is not positive.
    """
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, 3):
            raise BadInput(f"{name} has {len(values)} numbers; give one for each of the 3 RGB channels")
    if not all(math.isfinite(value) for value in mean):
        raise BadInput(f"mean must be finite, not {tuple(mean)}")
    if not all(0 < value < math.inf for value in std):
        raise BadInput(f"std must be positive, not {tuple(std)}")
    return frozen(Classifier(module, mean, std, labels))


def frozen(model: Model) -> Model:
    """Put a model into evaluation mode, without gradients of its weights, which are laid out channels last."""
    model.requires_grad_(False).eval()
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def class_labels(model: nn.Module) -> tuple[str, ...]:
    """Return the names of a model's classes by index; none if it has none."""
    return tuple(getattr(model, "labels", None) or ())


def class_index(model: nn.Module, target: int | str) -> int:
    """Return the index of a class given as index, name, or an unmistakable part of a name.

    Raises:
        BadInput: no class, several classes, or an index outside the model's classes.
    """
    labels = class_labels(model)
    if isinstance(target, int) or re.fullmatch(r"\s*-?[0-9]+\s*", target):
        return _checked_index(int(target), labels)
    if not labels:
        raise BadInput(f"the model has no class names, so {target!r} cannot be found; give the class's index")
    wanted = target.casefold().strip()
    names = [label.casefold() for label in labels]
    found = [index for index, name in enumerate(names) if name == wanted]
    found = found or [index for index, name in enumerate(names) if wanted in name]
    if not found:
        raise BadInput(f"no class is called {target!r}{near(target, labels)}")
    if len(found) > 1:
        candidates = ", ".join(f"{index} {labels[index]}" for index in found[:6])
        raise BadInput(f"class name {target!r} is ambiguous: {candidates}{', …' * (len(found) > 6)}; give an index")
    return found[0]


def _checked_index(index: int, labels: Sequence[str]) -> int:
    if index < 0 or (labels and index >= len(labels)):
        last = f"0 to {len(labels) - 1}" if labels else "0 or more"
        raise BadInput(f"class index {index} is out of range; it runs from {last}")
    return index
