r"""Texture optimisation {cite}`kwatra2005texture`: a picture all of whose patches look like patches of a sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator
from innerview.core.types import Images, ResizedImages

Rows = Float[Tensor, "patches numbers"]
"""Patches, each as one row: ``numbers`` is ``3 * side**2``."""

NUMBERS_AT_ONCE: Final = 2**24
"""How many numbers a piece of the search may hold: 64 MiB."""

PATCHES_PER_SIGMA: Final = 4
"""A patch is so many standard deviations of its Gaussian wide."""

SMALLEST_DISTANCE: Final = 1e-3
"""Of a patch from its match, in the weights: a patch that is matched exactly would weigh infinitely much."""


@dataclass(frozen=True)
class PatchRecipe:
    """How to optimise a texture.

    Args:
        patches: Sides in pixels of the patches, one after another at each level. Those larger than two thirds of the
            sample, or than the picture, are left out at that level.
        levels: Sizes at which the picture is made, each twice the one before.
        rounds: At most so many at each level and side; fewer where no patch finds another match.
        overlap: Patches lie `side // overlap` pixels apart; 4 in the paper.
        power: $r$ of the distance between a patch and its match; 2 averages, less lets the
            good matches decide. The paper takes 0.8.
    """

    patches: tuple[int, ...] = (32, 16, 8)
    levels: int = 3
    rounds: int = 5
    overlap: int = 4
    power: float = 0.8

    def __post_init__(self) -> None:
        for name in ("levels", "rounds", "overlap"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} of a patch texture is at least 1, not {getattr(self, name)}")
        if not self.patches or min(self.patches) < max(2, self.overlap):
            raise BadInput(
                f"patches of a texture are at least 2 and at least `overlap` ({self.overlap}) pixels wide, "
                f"not {self.patches}"
            )
        if not 0 < self.power <= 2:
            raise BadInput(f"power of a patch texture is above 0 and at most 2, not {self.power}")


def patch_texture(
    sample: Images,
    size: int | tuple[int, int],
    *,
    recipe: PatchRecipe | None = None,
    seed: int = 0,
    progress: bool = False,
) -> ResizedImages:
    r"""Make a texture whose patches look like the sample's.

    $$E(x) = \sum_p \min_{z} \|x_p - z\|^r$$ (Eq. 1, where $r$ is 2)

    over the patches $x_p$ on a grid of the picture and all patches $z$ of the sample; the norm counts the middle of a
    patch more than its edge, by a Gaussian. From the coarsest level to the finest, at each from the largest patches to
    the smallest, two steps alternate, and neither raises $E$: every patch finds its nearest $z$, and the picture
    becomes the average of these where they overlap, each weighing $\|x_p - z\|^{r-2}$. The picture starts as
    patches taken at random, pasted one over the other; the paper's start, their average, ends more often in one flat
    colour.

    Args:
        sample: ``(1, 3, h, w)`` in [0, 1].
        size: Of the picture in pixels, one side or ``(height, width)``.
        recipe: How.
        seed: Of the patches at the start, the only thing that is random.
        progress: Whether to show a bar.

    Returns:
        ``(1, 3, height, width)`` in [0, 1].

    Raises:
        BadInput: more than one sample, or one (or a picture) too small for the smallest patch at the coarsest level.
    """
    recipe = recipe or PatchRecipe()
    size = (size, size) if isinstance(size, int) else size
    _check(sample, size, recipe)
    picture = None
    plan = list(_plan(sample.detach(), size, recipe))
    with bar(range(len(plan) * recipe.rounds), "patch texture", progress) as rounds:
        for example, here, side in plan:
            grid = _Grid(here, side, side // recipe.overlap)
            if picture is None:
                picture = _random(example, grid, seed)
            if picture.shape[-2:] != here:
                picture = F.interpolate(picture, here, mode="bilinear", align_corners=False)
            picture = _settled(picture, example, grid, recipe)
            rounds.update(recipe.rounds)
    assert picture is not None
    return picture.clamp(0, 1)


def _check(sample: Images, size: tuple[int, int], recipe: PatchRecipe) -> None:
    check_images(sample)
    if len(sample) != 1:
        raise BadInput(f"a texture is made from one sample, not from {len(sample)}; give one image (1, 3, h, w)")
    shrink = 2 ** (recipe.levels - 1)
    least = min(recipe.patches)
    for what, sides, times in (("sample", sample.shape[-2:], 2), ("picture", size, 1)):
        if min(sides) < least * times * shrink:
            raise BadInput(
                f"a {what} of {sides[0]}x{sides[1]} pixels is too small for {recipe.levels} levels with patches of "
                f"{least}: it needs {least * times * shrink} a side; use fewer levels or smaller patches"
            )


def _plan(sample: Images, size: tuple[int, int], recipe: PatchRecipe) -> Iterator[tuple[Images, tuple[int, int], int]]:
    """Yield what is done one after another: the sample and the picture's size at a level, and a patch's side."""
    for level in reversed(range(recipe.levels)):
        example, here = _shrunk(sample, 2**level), (size[0] >> level, size[1] >> level)
        for side in recipe.patches:
            if 3 * side <= 2 * min(example.shape[-2:]) and side <= min(here):
                yield example, here, side


def _shrunk(sample: Images, times: int) -> ResizedImages:
    size = [side // times for side in sample.shape[-2:]]
    return F.interpolate(sample, size, mode="bilinear", align_corners=False, antialias=True)


class _Grid:
    """Patches on a grid of the picture; the last ones lie at its far edges."""

    def __init__(self, size: tuple[int, int], side: int, spacing: int) -> None:
        self.size, self.side = size, side
        tops, lefts = (torch.tensor(sorted({*range(0, length - side + 1, spacing), length - side})) for length in size)
        corners = (tops[:, None] * size[1] + lefts).flatten()
        within = (torch.arange(side)[:, None] * size[1] + torch.arange(side)).flatten()
        self.pixels = corners[:, None] + within  # (patches, side side), in the flat picture
        offsets = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
        falloff = torch.exp(-0.5 * (offsets * PATCHES_PER_SIGMA / side) ** 2)
        self.gaussian = (falloff[:, None] * falloff).flatten()

    def cut(self, picture: Images) -> Rows:
        """Return the patches of the picture."""
        return picture.flatten(2)[0][:, self.pixels.to(picture.device)].transpose(0, 1).flatten(1)

    def joined(self, patches: Rows, weights: Float[Tensor, " patches"]) -> Images:
        """Return the picture whose patches come closest to these: their average, weighted."""
        places = self.pixels.flatten().to(patches.device)
        shares = weights[:, None] * self.gaussian.to(patches)
        colours = (patches.unflatten(1, (3, -1)) * shares[:, None]).transpose(0, 1).flatten(1)
        total = patches.new_zeros(3, self.size[0] * self.size[1]).index_add_(1, places, colours)
        weight = patches.new_zeros(total.shape[1]).index_add_(0, places, shares.flatten())
        return (total / weight).unflatten(1, self.size)[None]

    def distances(self, one: Rows, other: Rows) -> Float[Tensor, " patches"]:
        """Return how far each patch is from its match, as a root mean square weighted by the Gaussian."""
        weights = (self.gaussian / self.gaussian.sum()).to(one)
        return ((one - other).square().unflatten(1, (3, -1)).mean(1) @ weights).sqrt()


def _random(example: Images, grid: _Grid, seed: int) -> ResizedImages:
    """Return patches taken at random, pasted one over the other: their average would be grey, and stay grey."""
    windows = _windows(example, grid.side)
    draw = generator("patch_texture", seed)
    rows, columns = (torch.randint(side, (len(grid.pixels),), generator=draw) for side in windows.shape[:2])
    picture = example.new_empty(3, grid.size[0] * grid.size[1])
    for pixels, row, column in zip(grid.pixels.to(example.device), rows.tolist(), columns.tolist(), strict=True):
        picture[:, pixels] = windows[row, column].flatten(1)
    return picture.unflatten(1, grid.size)[None]


def _settled(picture: ResizedImages, example: Images, grid: _Grid, recipe: PatchRecipe) -> ResizedImages:
    """Match and average until no patch finds another match, or the rounds are over."""
    before = None
    for _ in range(recipe.rounds):
        patches = grid.cut(picture)
        matches = _nearest(patches, example, grid)
        if before is not None and torch.equal(matches, before):
            break
        before = matches
        found = _taken(example, matches, grid.side)
        distances = grid.distances(patches, found)
        picture = grid.joined(found, distances.clamp(min=SMALLEST_DISTANCE) ** (recipe.power - 2))
    return picture


def _windows(example: Images, side: int) -> Float[Tensor, "rows columns 3 side side"]:
    """Return all patches of the sample, as a view."""
    return example[0].unfold(1, side, 1).unfold(2, side, 1).movedim(0, 2)


def _taken(example: Images, matches: Int[Tensor, " patches"], side: int) -> Rows:
    windows = _windows(example, side)
    columns = windows.shape[1]
    return windows[matches // columns, matches % columns].flatten(1)


def _nearest(patches: Rows, example: Images, grid: _Grid) -> Int[Tensor, " patches"]:
    """Return the number of the sample's nearest patch for each patch, by the distance weighted by the Gaussian.

    The sample's patches are cut out a few rows at a time: all of them at once would be hundreds of times the sample.
    """
    windows = _windows(example, grid.side)
    rows, columns = windows.shape[:2]
    scale = grid.gaussian.sqrt().to(patches).repeat(3)
    middle = patches.mean(0)  # closer to zero, differences survive rounding
    queries = (patches - middle) * scale
    step = max(1, NUMBERS_AT_ONCE // (columns * max(queries.shape)))
    least = patches.new_full((len(patches),), torch.inf)
    nearest = torch.zeros(len(patches), dtype=torch.long, device=patches.device)
    for top in range(0, rows, step):
        keys = (windows[top : top + step].reshape(-1, queries.shape[1]) - middle) * scale
        distances = torch.addmm(keys.square().sum(1), queries, keys.T, alpha=-2)
        value, place = distances.min(1)
        closer = value < least
        least = torch.where(closer, value, least)
        nearest = torch.where(closer, place + top * columns, nearest)
    return nearest
