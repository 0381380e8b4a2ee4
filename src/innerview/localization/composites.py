"""Composite images: objects made of handwritten digits, laid on a ground, with masks and boxes that are exact.

They need no data but the digits inside scikit-learn. An object may have several parts, of which the first is the
easiest to see: a classifier can do with it alone, and then its map covers only that part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.seeds import generator
from innerview.core.types import Boxes, Images, Masks
from innerview.localization.boxes import BoxSets

Digits = Literal["all", "training", "test"]

Image = Float[Tensor, "3 size size"]

SHORTEST: Final = 8
"""Pixels: the height of scikit-learn's digits; lower ones could not be read."""

HEIGHTS: Final = (0.3, 0.45)
"""Of digits, in sides of the image; lower where the parts would not fit side by side."""

EDGE: Final = 0.35
"""A pixel with less ink than this stays ground, so that objects end somewhere."""

GROUND: Final = 0.5
"""How bright grounds get at most."""

INK: Final = 0.75
"""How bright ink is at least, in each colour."""


@dataclass(frozen=True, eq=False)
class Composites:
    """Images with one object each, all of whose pixels are known.

    Args:
        images: ``(n, 3, size, size)`` in [0, 1].
        labels: ``(n,)``, the objects' classes.
        masks: ``(n, size, size)``, the objects' pixels: they are brighter than the ground in each colour, and all other
            pixels are the ground itself.
    """

    images: Images
    labels: Int[Tensor, " b"]
    masks: Masks

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def boxes(self) -> Boxes:
        """The smallest boxes that hold all of the objects' pixels: ``(n, 4)``."""
        (x0, x1), (y0, y1) = _ends(self.masks.any(1)), _ends(self.masks.any(2))
        return torch.stack([x0, y0, x1, y1], dim=1).float()

    @property
    def truth(self) -> BoxSets:
        """The same boxes as `judge` takes them: one set an image."""
        return list(self.boxes[:, None])


def composites(
    count: int,
    *,
    size: int = 64,
    classes: int = 10,
    parts: Sequence[float] = (1.0,),
    backgrounds: Images | None = None,
    digits: Digits = "all",
    seed: int = 0,
) -> Composites:
    """Make images of objects: one or several digits side by side, at random places, in random sizes and colours.

    The first part shows the digit of the object's class c, part p the digit ``(c + s p) % 10``. Where ten digits are
    enough for all parts of all classes, s is the number of classes, so that no two share a digit; else s is 3.

    Args:
        count: Number of images. Image i depends on the seed and on i, not on how many there are.
        size: Height and width in pixels.
        classes: How many of the ten digits are classes.
        parts: Contrast of each part, in (0, 1]: how much the ink covers of the ground.
        backgrounds: ``(n, 3, h, w)`` in [0, 1]; grounds are cut from them at random places and darkened by half. None:
            smooth coloured noise.
        digits: Which of scikit-learn's digits are used: all, or one of two halves by different writers.
        seed: Of all that is drawn.

    Raises:
        BadInput: no images, a size, a contrast, a number of classes or a half out of range; an object that does not fit
            into the image; backgrounds of another shape, or smaller than the image.
        NotFinite: a pixel of the backgrounds is NaN or infinite.
    """
    _check(count, classes, parts, digits)
    scene = _Scene(size, classes, tuple(parts), digits, backgrounds)
    made = [_composite(scene, seed, index) for index in range(count)]
    images, labels, masks = zip(*made, strict=True)
    return Composites(torch.stack(images), torch.tensor(labels), torch.stack(masks))


def _check(count: int, classes: int, parts: Sequence[float], digits: str) -> None:
    if count < 1 or not 1 <= classes <= 10:
        raise BadInput(f"{count} images of {classes} classes cannot be made; ask for at least 1, of 1 to 10 classes")
    if not parts or not all(0 < contrast <= 1 for contrast in parts):
        raise BadInput(f"an object needs parts with a contrast in (0, 1] each, not {tuple(parts)}")
    if digits not in get_args(Digits):
        raise BadInput(f"digits are one of {', '.join(get_args(Digits))}, not {digits!r}")


@dataclass(frozen=True, eq=False)
class _Scene:
    """What all images have in common."""

    size: int
    classes: int
    parts: tuple[float, ...]
    digits: Digits
    backgrounds: Images | None

    def __post_init__(self) -> None:
        if self.heights[1] < SHORTEST:
            raise BadInput(
                f"{len(self.parts)} digits of at least {SHORTEST} pixels do not fit into an image of {self.size}; ask "
                "for larger images or fewer parts"
            )
        if self.backgrounds is None:
            return
        check_images(self.backgrounds)
        height, width = self.backgrounds.shape[2:]
        if min(height, width) < self.size:
            raise BadInput(
                f"backgrounds of {height}x{width} pixels are smaller than images of {self.size}; enlarge them"
            )

    @property
    def shift(self) -> int:
        """From a part's digit to that of the next part."""
        return self.classes if self.classes * len(self.parts) <= 10 else 3

    @property
    def heights(self) -> tuple[int, int]:
        """The lowest and the tallest digits, in pixels."""
        lowest, tallest = (int(min(height, 1 / len(self.parts)) * self.size) for height in HEIGHTS)
        return max(lowest, SHORTEST), tallest


def _composite(scene: _Scene, seed: int, index: int) -> tuple[Image, int, Bool[Tensor, "size size"]]:
    random = generator("composite", seed, index)
    label = _below(scene.classes, random)
    cover = _cover(scene, label, random)
    ink = INK + (1 - INK) * torch.rand(3, 1, 1, generator=random)
    ground = GROUND * (_noise(scene.size, random) if scene.backgrounds is None else _cut(scene, random))
    return torch.lerp(ground, ink, cover), label, cover > 0


def _cover(scene: _Scene, label: int, random: torch.Generator) -> Float[Tensor, "size size"]:
    """Draw an object: how much its ink covers of each pixel, in [0, 1]."""
    lowest, tallest = scene.heights
    height = lowest + _below(tallest - lowest + 1, random)
    drawn = [
        contrast * _digit((label + scene.shift * part) % 10, height, scene.digits, random)
        for part, contrast in enumerate(scene.parts)
    ]
    right, below = scene.size - len(drawn) * height, scene.size - height
    x, y = _below(right + 1, random), _below(below + 1, random)
    return F.pad(torch.cat(drawn, dim=1), (x, right - x, y, below - y))


def _digit(digit: int, height: int, digits: Digits, random: torch.Generator) -> Float[Tensor, "height height"]:
    """Draw one of the samples of a digit: how much ink there is at each pixel, in [0, 1]."""
    samples = _samples(digit, digits)
    one = samples[_below(len(samples), random)]
    large = F.interpolate(one[None, None], (height, height), mode="bicubic", align_corners=False)[0, 0].clamp(0, 1)
    return torch.where(large < EDGE, 0, large)


@cache
def _samples(digit: int, digits: Digits) -> Float[Tensor, "n 8 8"]:
    from sklearn.datasets import load_digits  # noqa: PLC0415  (slow to import)

    pixels, answers = load_digits(return_X_y=True)
    half = len(answers) // 2  # the data set goes from writer to writer
    part = {"all": slice(None), "training": slice(half), "test": slice(half, None)}[digits]
    found = pixels[part][answers[part] == digit]
    return torch.from_numpy(found).float().reshape(-1, 8, 8) / 16


def _noise(size: int, random: torch.Generator) -> Image:
    """Draw colours that change slowly over the image, in [0, 1]."""
    cells = torch.rand(1, 3, 5, 5, generator=random)
    return F.interpolate(cells, (size, size), mode="bilinear", align_corners=True)[0]


def _cut(scene: _Scene, random: torch.Generator) -> Image:
    assert scene.backgrounds is not None
    chosen = scene.backgrounds[_below(len(scene.backgrounds), random)].cpu()
    y, x = (_below(side - scene.size + 1, random) for side in chosen.shape[1:])
    return chosen[:, y : y + scene.size, x : x + scene.size].float().clamp(0, 1)


def _below(count: int, random: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=random))


def _ends(marked: Bool[Tensor, "b side"]) -> tuple[Int[Tensor, " b"], Int[Tensor, " b"]]:
    """Return where each row's marks begin, and where they end: one past the last."""
    return marked.int().argmax(1), marked.shape[1] - marked.flip(1).int().argmax(1)
