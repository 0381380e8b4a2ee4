"""Patch attacks: a picture pasted on part of an image, so that a model sees something else.

The patch is no optimised pattern but any picture, such as a photograph that an activation atlas suggests
{cite}`carter2019atlas`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from innerview.adversarial.goals import ClassChoice, chosen
from innerview.adversarial.pasting import PLACES, Place, check_pictures, pasted, placed, scaled
from innerview.core.errors import BadInput, NotFinite
from innerview.core.images import check_images
from innerview.core.types import AnyImages, Images
from innerview.models import check_evaluated, class_index, class_logits
from innerview.models.activations import device_of


@dataclass(frozen=True)
class PatchAttack:
    """What became of each image with each patch at each place; the first place is the fixed one.

    Args:
        target: The class that the patches shall bring.
        predicted_before: ``(n,)``, the class predicted for each image without a patch.
        probabilities_before: ``(n,)``, the target's probability then.
        predicted: ``(n, k, places)``, the class predicted with a patch.
        probabilities: ``(n, k, places)``, the target's probability then.
    """

    target: int
    predicted_before: Int[Tensor, " n"]
    probabilities_before: Float[Tensor, " n"]
    predicted: Int[Tensor, "n k places"]
    probabilities: Float[Tensor, "n k places"]

    @property
    def success_before(self) -> float:
        """Share of the images that are predicted as the target without a patch."""
        return _share(self.predicted_before == self.target)

    @property
    def success_fixed(self) -> float:
        """Share of images and patches predicted as the target with the patch at the fixed place."""
        return _share(self.predicted[..., 0] == self.target)

    @property
    def success_best(self) -> float:
        """Share of images and patches predicted as the target with the patch at one of the places or more."""
        return _share((self.predicted == self.target).any(-1))

    @property
    def probability_before(self) -> float:
        """The target's mean probability without a patch."""
        return float(self.probabilities_before.double().mean())

    @property
    def probability_fixed(self) -> float:
        """The target's mean probability with the patch at the fixed place."""
        return float(self.probabilities[..., 0].double().mean())

    @property
    def probability_best(self) -> float:
        """The target's mean probability with the patch at the place where it is highest."""
        return float(self.probabilities.amax(-1).double().mean())


@dataclass(frozen=True)
class SizeSweep:
    """What a model sees while a patch grows.

    Args:
        shares: Widths of the patch, as fractions of the images' shorter side.
        classes: The classes watched.
        probabilities: ``(shares, classes)``, their mean probabilities over images and patches.
        predicted: ``(shares, n, k)``, the class predicted for each image with each patch.
    """

    shares: tuple[float, ...]
    classes: tuple[int, ...]
    probabilities: Float[Tensor, "shares classes"]
    predicted: Int[Tensor, "shares n k"]


def patch_attack(
    model: nn.Module,
    images: Images,
    patches: AnyImages,
    target: int | str,
    *,
    share: float = 0.4,
    places: Sequence[Place | str] = tuple(PLACES),
    outline: str = "square",
    batch: int = 16,
) -> PatchAttack:
    """Paste every patch on every image at every place, and ask the model what it sees.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: ``(n, 3, h, w)``, what the patches are pasted on: images that the model classifies correctly, if the
            success shall be the patches' own; see `correctly_classified`.
        patches: ``(k, 3, p, p)``.
        target: The class that they shall bring: index, name or an unmistakable part of it.
        share: Width of the patch as a fraction of the images' shorter side; {cite}`carter2019atlas` shows 0.4.
        places: Where the patch is tried, the fixed place first.
        outline: See `paste`.
        batch: Images that the model sees at once; only so many are held.

    Raises:
        BadInput: as for `paste`; no places, a batch below 1, a model in training mode or without logits, a class that
            it lacks.
        NotFinite: a pixel is NaN or infinite.
    """
    wanted = class_index(model, target)
    _check(model, images, batch)
    check_pictures(images, patches)
    if not places:
        raise BadInput(f"no place for the patches; give one or more of {', '.join(PLACES)}")
    there = [placed(place) for place in places]
    before, alone = _seen(model, images.split(batch), (wanted,))
    seen, probabilities = _seen(model, _grid(images, scaled(patches, images, share), there, outline, batch), (wanted,))
    shape = (len(images), len(patches), len(there))
    return PatchAttack(wanted, before, alone[:, 0], seen.view(shape), probabilities.view(shape))


def size_sweep(
    model: nn.Module,
    images: Images,
    patches: AnyImages,
    classes: Sequence[int | str],
    shares: Sequence[float],
    *,
    place: Place | str = "lower right",
    outline: str = "square",
    batch: int = 16,
) -> SizeSweep:
    """Paste patches of growing width at one place, and watch the probabilities of some classes.

    A small patch may bring a class that shares something with it, a large one its own {cite}`carter2019atlas`.

    Args:
        model: See `patch_attack`.
        images: See `patch_attack`.
        patches: See `patch_attack`.
        classes: The classes to watch, such as the images' own, the target and the patches' own.
        shares: Widths as fractions of the images' shorter side; 0 is the image without a patch.
        place: Where the patch lies.
        outline: See `paste`.
        batch: See `patch_attack`.

    Raises:
        BadInput, NotFinite: as for `patch_attack`; or there are no classes or shares.
    """
    watched = tuple(class_index(model, one) for one in classes)
    _check(model, images, batch)
    check_pictures(images, patches)
    if not watched or not shares:
        raise BadInput(
            f"{len(watched)} classes at {len(shares)} shares leave nothing to watch; give one of each or more"
        )
    there, sizes = [placed(place)], [scaled(patches, images, share) for share in shares]
    found = [_seen(model, _grid(images, size, there, outline, batch), watched) for size in sizes]
    shape = (len(shares), len(images), len(patches))
    means = torch.stack([probabilities.double().mean(0).float() for _, probabilities in found])
    return SizeSweep(tuple(shares), watched, means, torch.stack([seen for seen, _ in found]).view(shape))


def correctly_classified(
    model: nn.Module, images: Images, labels: ClassChoice, *, batch: int = 16
) -> Bool[Tensor, " b"]:
    """Return for which images the model predicts their class.

    Args:
        model: See `patch_attack`.
        images: ``(b, 3, h, w)`` in [0, 1].
        labels: A class for all images, or one for each.
        batch: Images that the model sees at once.

    Raises:
        BadInput, NotFinite: as for `patch_attack`; or another number of classes than images.
    """
    _check(model, images, batch)
    seen, _ = _seen(model, images.split(batch), ())
    return seen == chosen(model, labels, seen)


def _grid(images: Images, patches: AnyImages, places: Sequence[Place], outline: str, batch: int) -> Iterator[AnyImages]:
    """Yield every image with every patch at every place, the place changing first, `batch` at once."""
    rows = list(product(range(len(images)), range(len(patches)), places))
    for start in range(0, len(rows), batch):
        yield torch.cat(
            [
                pasted(images[i : i + 1], patches[k : k + 1], place, outline)
                for i, k, place in rows[start : start + batch]
            ]
        )


def _seen(
    model: nn.Module, batches: Iterable[AnyImages], classes: Sequence[int]
) -> tuple[Int[Tensor, " n"], Float[Tensor, "n classes"]]:
    """Return the class predicted for each image, and the probabilities of some classes."""
    device, predicted, probabilities = device_of(model), [], []
    for images in batches:
        with torch.no_grad():
            logits = class_logits(model, images.to(device))
        if not torch.isfinite(logits).all():
            raise NotFinite("the logits are NaN or infinite; check the model's weights")
        if max(classes, default=0) >= logits.shape[1]:
            raise BadInput(f"class index {max(classes)} is out of range; it runs from 0 to {logits.shape[1] - 1}")
        predicted.append(logits.argmax(1).cpu())
        probabilities.append(logits.softmax(1)[:, list(classes)].cpu())
    return torch.cat(predicted), torch.cat(probabilities)


def _share(found: Bool[Tensor, "*any"]) -> float:
    return float(found.double().mean())


def _check(model: nn.Module, images: Images, batch: int) -> None:
    check_images(images)
    check_evaluated(model)
    if batch < 1:
        raise BadInput(f"a batch holds at least one image, not {batch}")
