"""Any network as one of ours: images in [0, 1] in, logits out."""

import math
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from innerview.core.errors import BadInput, near
from innerview.core.types import Images
from innerview.models.layers import aliases, find_layer
from innerview.models.normalization import Normalize, luminance, resized

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Model = TypeVar("Model", bound=nn.Module)


class NoLogits(BadInput):
    """A network puts out something else than one tensor of logits."""


@dataclass(frozen=True)
class Intake:
    """What a network wants to be given; see `as_classifier`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int] | None
    greyscale: bool

    def __post_init__(self) -> None:
        wanted, of = ((1,), "the one grey channel") if self.greyscale else ((1, 3), "each of the 3 RGB channels")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in wanted:
                raise BadInput(f"{name} has {len(values)} numbers; give one for {of}")
        if not all(math.isfinite(value) for value in self.mean):
            raise BadInput(f"mean must be finite, not {self.mean}")
        if not all(0 < value < math.inf for value in self.std):
            raise BadInput(f"std must be positive, not {self.std}")
        if self.size is not None and min(self.size) < 1:
            raise BadInput(f"size must be positive, not {self.size[0]}x{self.size[1]}")


class Classifier(nn.Module):
    """A network behind the intake that it was trained with; see `as_classifier`."""

    def __init__(
        self, module: nn.Module, intake: Intake, labels: Sequence[str] | None, channels_last: Sequence[str]
    ) -> None:
        super().__init__()
        self.intake = intake
        self.normalize = Normalize(intake.mean, intake.std)
        self.module = module
        self.labels = None if labels is None else tuple(labels)
        own = {name: f"module.{name}" for name, _ in module.named_modules() if name}
        self.aliases = own | {alias: f"module.{name}" for alias, name in aliases(module).items()}
        for name in channels_last:
            find_layer(self, name)
        self.channels_last = frozenset(self.aliases[name] for name in channels_last)

    def forward(self, images: Images) -> Tensor:
        seen = images if self.intake.size is None else resized(images, self.intake.size)
        seen = luminance(seen) if self.intake.greyscale else seen
        dtype = next((weight.dtype for weight in self.module.parameters() if weight.is_floating_point()), seen.dtype)
        logits = self.module(self.normalize(seen).to(dtype))
        if not isinstance(logits, Tensor):
            raise NoLogits(
                f"{type(self.module).__name__} puts out a {type(logits).__name__}, not logits; "
                "wrap it in a module that returns the logits alone"
            )
        return logits


def as_classifier(
    module: nn.Module,
    *,
    mean: float | Sequence[float] = IMAGENET_MEAN,
    std: float | Sequence[float] = IMAGENET_STD,
    labels: Sequence[str] | None = None,
    size: int | tuple[int, int] | None = None,
    greyscale: bool = False,
    channels_last: Sequence[str] = (),
) -> Classifier:
    """Make any classifier (torchvision's, timm's, your own) take images in [0, 1] as all of Innerview does.

    The network's weights are frozen and it is put into evaluation mode. Layers keep the names they have in `module`.

    Args:
        module: Takes normalised images ``(b, 3, h, w)``, puts out ``(b, classes)``.
        mean: Per RGB channel, in units of [0, 1], or one number for all; ImageNet's usual by default.
        std: Likewise.
        labels: The classes' names, by index.
        size: Of a network that takes one size only: height and width in pixels, or one number for both. Images of
            another size are scaled to it (bilinear, antialiased), inside, and so that gradients pass.
        greyscale: Whether `module` takes one channel: images become their luminance, and `mean` and `std` one number.
        channels_last: Names of layers that put out ``(b, h, w, c)``, as Swin's do; they are read as ``(b, c, h, w)``.

    Raises:
        BadInput: `mean` or `std` are not one or three numbers, or not finite, or a standard deviation is not positive;
            `greyscale` with three numbers; a size that is not positive.
        LayerNotFound: `module` has no layer of `channels_last`.
    """
    mean, std = ((values,) if isinstance(values, int | float) else tuple(values) for values in (mean, std))
    intake = Intake(mean, std, (size, size) if isinstance(size, int) else size, greyscale)
    return frozen(Classifier(module, intake, labels, channels_last))


def frozen(model: Model) -> Model:
    """Put a model into evaluation mode, without gradients of its weights, which are laid out channels last."""
    for weight in model.requires_grad_(False).eval().parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return model


def check_evaluated(model: nn.Module) -> None:
    """Raise `BadInput` if a model is in training mode."""
    if model.training:
        raise BadInput(
            f"{type(model).__name__} is in training mode, where dropout and batch statistics change its answers; "
            "call model.eval()"
        )


def class_labels(model: nn.Module) -> tuple[str, ...]:
    """Return the names of a model's classes by index; none if it has none."""
    return tuple(getattr(model, "labels", None) or ())


def class_index(model: nn.Module, target: int | str) -> int:
    """Return the index of a class given as index, name, or an unmistakable part of a name.

    Raises:
        BadInput: no class, several classes, or an index outside the model's classes.
    """
    labels = class_labels(model)
    if not isinstance(target, str):
        return _checked_index(_whole(target), labels)
    if re.fullmatch(r"\s*-?[0-9]+\s*", target):
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


def as_classes(target: Any) -> list[int | str]:
    """Return what was given as one class or as several, in any kind of sequence, as a list.

    Raises:
        BadInput: it is neither.
    """
    given = target.tolist() if isinstance(target, Tensor | np.ndarray) else target
    if isinstance(given, Iterable) and not isinstance(given, str):
        return list(given)
    return [given if isinstance(given, str) else _whole(given)]


def _whole(target: Any) -> int:
    try:
        return operator.index(target)
    except (TypeError, ValueError) as error:
        raise BadInput(f"a class is an index or a name, not a {type(target).__name__}; give one of these") from error


def _checked_index(index: int, labels: Sequence[str]) -> int:
    if index < 0 or (labels and index >= len(labels)):
        last = f"0 to {len(labels) - 1}" if labels else "0 or more"
        raise BadInput(f"class index {index} is out of range; it runs from {last}")
    return index
