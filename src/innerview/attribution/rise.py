"""RISE {cite}`petsiuk2018rise`: which parts of an image, seen through random masks, go with a high score."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerview.attribution.alterations import altered_scores, background, ranges
from innerview.attribution.targets import Target, probabilities, scoring
from innerview.core.errors import BadInput
from innerview.core.seeds import generator
from innerview.core.types import Heatmaps, Images, LayerMaps

GREY = 0.5
AT_A_TIME = 32  # masks that are enlarged together


def rise(
    model: nn.Module,
    images: Images,
    target: Target = None,
    *,
    masks: int = 2000,
    cells: int = 7,
    keep: float = 0.5,
    seed: int = 0,
    batch: int | None = None,
) -> Heatmaps:
    r"""Average random masks, each weighted by the score of the image behind it {cite}`petsiuk2018rise`.

    $$S = \frac{1}{p\,N} \sum_{i=1}^{N} f(I \odot M_i)\,M_i$$ (Eq. 6)

    $f$ is the class's probability, $N$ is `masks` and $p$ is `keep`. The paper's code multiplies images from which the
    mean colour was taken away, so that what a mask hides turns into that colour; here it turns into middle grey.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: What is explained.
        target: A class, one for each image, None for the predicted one, or any score; see `scoring`.
        masks: How many; the paper takes 4000 to 8000.
        cells: Rows and columns of the grids that the masks are enlarged from.
        keep: How likely a cell is to be seen, above 0 and at most 1.
        seed: Of the masks, which are the same for all images and for each `batch`.
        batch: Images a pass; None for 4 on a processor and 32 elsewhere.

    Returns:
        ``(b, h, w)``: the mean score when a pixel is seen, a probability up to the sampling error.

    Raises:
        BadInput: no masks, no cells or more cells than pixels, or `keep` outside (0, 1].
    """
    score = probabilities(scoring(model, images, target))
    size = (images.shape[-2], images.shape[-1])
    drawn = _drawn(masks, cells, keep, size, seed)
    source, cover = images.detach(), background(images, GREY)

    def masked(which: range, part: slice) -> Tensor:
        mask = drawn.enlarged(which, size).to(source)[:, None, None]
        return mask * source[part] + (1 - mask) * cover[part]

    scores = altered_scores(model, source, score, masks, masked, batch)
    heat = scores.new_zeros(len(images), *size)
    for which in ranges(masks, AT_A_TIME):
        heat += torch.einsum("bk,khw->bhw", scores[:, which.start : which.stop], drawn.enlarged(which, size).to(heat))
    return heat / (masks * keep)  # Eq. 6


@dataclass(frozen=True)
class Masks:
    """Random masks before they are enlarged.

    Args:
        grids: Which cells are seen, ``(n, cells, cells)`` of 0 and 1.
        cell: Height and width of a cell, in pixels.
        shifts: How many pixels of the enlarged grid are cut off above and on the left, ``(n, 2)``, less than a cell.
    """

    grids: Tensor
    cell: tuple[int, int]
    shifts: Tensor

    def enlarged(self, which: range, size: tuple[int, int]) -> LayerMaps:
        """Return the masks of these numbers, ``(n, h, w)`` in [0, 1]."""
        part = slice(which.start, which.stop)
        cells = self.grids.shape[-1]
        whole = tuple((cells + 1) * side for side in self.cell)  # one cell more, so that a shift stays inside
        large = F.interpolate(self.grids[part, None], whole, mode="bilinear", align_corners=False)[:, 0]
        shifted = zip(large, self.shifts[part].tolist(), strict=True)
        return torch.stack([one[top : top + size[0], left : left + size[1]] for one, (top, left) in shifted])


def _drawn(masks: int, cells: int, keep: float, size: tuple[int, int], seed: int) -> Masks:
    if masks < 1:
        raise BadInput(f"RISE needs at least one mask, not {masks}")
    if not 1 <= cells <= min(size):
        raise BadInput(f"cells must be from 1 to {min(size)} for images of {size[0]}x{size[1]} pixels, not {cells}")
    if not 0 < keep <= 1:
        raise BadInput(f"keep is a probability above 0 and at most 1, not {keep}")
    random = generator("rise", seed)
    grids = (torch.rand(masks, cells, cells, generator=random) < keep).float()
    cell = (-(-size[0] // cells), -(-size[1] // cells))
    shifts = [torch.randint(0, side, (masks,), generator=random) for side in cell]
    return Masks(grids, cell, torch.stack(shifts, 1))
