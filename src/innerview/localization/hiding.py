"""Augmentations that hide parts of the pictures, so that a classifier has to look at more than the best part.

Baselines for weakly supervised localization: they change what a network is trained on, not the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.models.classifier import IMAGENET_MEAN
from innerview.training.samples import Pictures

Fill = tuple[float, float, float] | float
"""A colour in RGB, or a grey, in [0, 1]."""

Hidden = Bool[Tensor, "b h w"]

TRIES: Final = 1000
"""How often a rectangle is drawn anew; with the paper's settings about one in four fits a square picture."""


@dataclass(frozen=True)
class HideAndSeek:
    """Cut each picture into squares and hide some of them {cite}`singh2017hide`.

    Args:
        grids: Sides of the squares in pixels; each picture draws one. 0 hides nothing. Squares at the right and at the
            lower edge may be smaller. These are the released code's for mixed sizes.
        chance: That a square is hidden.
        fill: Colour of hidden pixels. The mean of all training pixels keeps the mean of the first layer's activations
            (Sec. 3.2).

    Raises:
        BadInput: no size, a negative one, a chance or a colour outside [0, 1]; later, pictures without three channels
            for a colour of three.
    """

    grids: tuple[int, ...] = (0, 16, 32, 44, 56)
    chance: float = 0.5
    fill: Fill = IMAGENET_MEAN

    def __post_init__(self) -> None:
        if not self.grids or min(self.grids) < 0:
            raise BadInput(f"squares of {self.grids} pixels cannot be cut; give one side or more, 0 to hide nothing")
        _check(self.chance, self.fill)

    def __call__(self, pictures: Pictures, generator: torch.Generator) -> Pictures:
        count, _, *size = pictures.shape
        drawn = torch.randint(len(self.grids), (count,), generator=generator)
        hidden = torch.zeros(count, *size, dtype=torch.bool)
        for mask, place in zip(hidden, drawn.tolist(), strict=True):
            side = self.grids[place]
            if side:
                rows, columns = (-(-length // side) for length in size)
                squares = torch.rand(rows, columns, generator=generator) < self.chance
                whole = squares.repeat_interleave(side, 0).repeat_interleave(side, 1)
                mask[:] = whole[: size[0], : size[1]]
        return _filled(pictures, hidden, self.fill)


@dataclass(frozen=True)
class RandomErasing:
    """Erase a rectangle of each picture {cite}`zhong2020random`, Algorithm 1.

    Area, ratio and place are drawn anew until the rectangle lies in the picture. The paper has real numbers; here sides
    are rounded to whole pixels, places down.

    Args:
        chance: That a picture loses a rectangle.
        area: Least and largest share of the picture's area.
        ratio: Least and largest ratio of height to width.
        fill: Colour of erased pixels; None: each pixel and channel a random value, the paper's choice.

    Raises:
        BadInput: a range that is empty or not positive, an area above 1, a chance or a colour outside [0, 1]; later, a
            picture in which hardly any such rectangle fits, or as `HideAndSeek`.
    """

    chance: float = 0.5
    area: tuple[float, float] = (0.02, 0.4)
    ratio: tuple[float, float] = (0.3, 1 / 0.3)
    fill: Fill | None = None

    def __post_init__(self) -> None:
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise BadInput(f"areas {self.area} are no range of shares; give 0 < least <= largest <= 1")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise BadInput(f"ratios {self.ratio} are no range; give 0 < least <= largest")
        _check(self.chance, self.fill)

    def __call__(self, pictures: Pictures, generator: torch.Generator) -> Pictures:
        count, _, height, width = pictures.shape
        chosen = torch.rand(count, generator=generator) < self.chance
        boxes = torch.zeros(count, 4, dtype=torch.int64)
        boxes[chosen] = self._drawn(int(chosen.sum()), (height, width), generator)
        x0, y0, x1, y1 = boxes.T[..., None]
        rows, columns = torch.arange(height), torch.arange(width)
        down, across = (rows >= y0) & (rows < y1), (columns >= x0) & (columns < x1)
        erased = down[:, :, None] & across[:, None, :]
        if self.fill is None:
            return _with_noise(pictures, erased, generator)
        return _filled(pictures, erased, self.fill)

    def _drawn(self, count: int, size: tuple[int, int], generator: torch.Generator) -> Int[Tensor, "n 4"]:
        """Draw rectangles that lie in the picture, as corners x0, y0, x1, y1."""
        boxes = torch.zeros(count, 4, dtype=torch.int64)
        waiting = torch.arange(count)
        limit = torch.tensor([size[1], size[0]])
        for _ in range(TRIES):
            if not len(waiting):
                return boxes
            drawn = self._rectangles(torch.rand(len(waiting), 4, generator=generator, dtype=torch.float64), size)
            fit = (drawn[:, 2:] <= limit).all(1)
            boxes[waiting[fit]] = drawn[fit]
            waiting = waiting[~fit]
        raise BadInput(
            f"none of {TRIES} rectangles of area {self.area} and ratio {self.ratio} fits into {size[0]}x{size[1]} "
            "pixels; erase smaller or less narrow ones"
        )

    def _rectangles(self, draws: Float[Tensor, "n 4"], size: tuple[int, int]) -> Int[Tensor, "n 4"]:
        """Turn numbers in [0, 1) for area, ratio, x and y into rectangles; they may reach beyond the picture."""
        least, largest = torch.tensor([self.area, self.ratio], dtype=draws.dtype).T
        area, ratio = (least + draws[:, :2] * (largest - least)).T
        sides = torch.stack([(area / ratio).sqrt(), (area * ratio).sqrt()], 1) * (size[0] * size[1]) ** 0.5
        start = (draws[:, 2:] * torch.tensor([size[1], size[0]])).long()
        return torch.cat([start, start + sides.round().long().clamp(min=1)], 1)


def _check(chance: float, fill: Fill | None) -> None:
    if not 0 <= chance <= 1:
        raise BadInput(f"a chance lies in [0, 1], not {chance}")
    colour = fill if isinstance(fill, Sequence) else (0.0 if fill is None else fill,)
    if len(colour) not in {1, 3} or not all(0 <= part <= 1 for part in colour):
        raise BadInput(f"{fill} is no colour; give three numbers in [0, 1], or one for a grey")


def _filled(pictures: Pictures, hidden: Hidden, fill: Fill) -> Pictures:
    colour = torch.tensor(fill, dtype=torch.float32).reshape(-1, 1, 1)
    if len(colour) not in {1, pictures.shape[1]}:
        raise BadInput(f"a colour of {len(colour)} channels cannot fill pictures of {pictures.shape[1]}; give one grey")
    if not pictures.is_floating_point():
        colour = (255 * colour).round()
    return torch.where(hidden[:, None].to(pictures.device), colour.to(pictures), pictures)


def _with_noise(pictures: Pictures, erased: Hidden, generator: torch.Generator) -> Pictures:
    """Give each erased value a random one; only those are drawn."""
    everywhere = erased[:, None].expand_as(pictures)
    count = int(everywhere.sum())
    if pictures.is_floating_point():
        noise = torch.rand(count, generator=generator)
    else:
        noise = torch.randint(256, (count,), generator=generator)
    return pictures.masked_scatter(everywhere.to(pictures.device), noise.to(pictures))
