"""Occlusion maps {cite}`zeiler2014visualizing`."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerview.attribution.alterations import altered_scores, background
from innerview.attribution.targets import Target, scoring
from innerview.core.errors import BadInput
from innerview.core.types import Images, LayerMaps, ResizedMaps

Sides = int | tuple[int, int]
"""Height and width in pixels, or one number for both."""


def occlusion(
    model: nn.Module,
    images: Images,
    target: Target = None,
    *,
    patch: Sides = 32,
    stride: Sides | None = None,
    baseline: float | Tensor = 0.5,
    batch: int | None = None,
) -> LayerMaps:
    r"""Measure how far the score falls when a window of the image is covered {cite}`zeiler2014visualizing`.

    $$L_{ij} = S(x) - S(x \text{ with window } (i, j) \text{ covered})$$

    Window $(i, j)$ begins ``i * stride`` pixels below the top and ``j * stride`` pixels right of the left side. There
    are as many as the image needs, ``1 + ceil((side - patch) / stride)`` each way: the last is the first that reaches
    the image's edge, and what stands over the edge is cut off. `spread` brings the map to pixels.

    Args:
        model: Classifier; images ``(b, 3, h, w)`` in [0, 1] to logits ``(b, classes)``.
        images: What is explained.
        target: A class, one for each image, None for the predicted one, or any score; see `scoring`.
        patch: Height and width of the window.
        stride: From window to window, at most `patch`; None for half the patch.
        baseline: What covers it: a grey value in [0, 1], or images such as a blurred copy, one for all or one each.
        batch: Images a pass; None for 4 on a processor and 32 elsewhere.

    Returns:
        ``(b, rows, columns)``, a number for each window, in the unit of the score (logits); positive where the window
        holds evidence for the target.

    Raises:
        BadInput: a patch larger than the image, a stride that leaves pixels uncovered, a baseline outside [0, 1].
    """
    score = scoring(model, images, target)
    rows, columns = _windows(_size(images), patch, stride)
    source, cover = images.detach(), background(images, baseline)
    nothing = (slice(0, 0), slice(0, 0))
    windows = [nothing, *((row, column) for row in rows for column in columns)]

    def covered(which: range, part: slice) -> Tensor:
        altered = source[part].repeat(len(which), 1, 1, 1, 1)
        for images_of_window, number in zip(altered, which, strict=True):
            place = (..., *windows[number])
            images_of_window[place] = cover[part][place]
        return altered

    scores = altered_scores(model, source, score, len(windows), covered, batch)
    return (scores[:, :1] - scores[:, 1:]).reshape(-1, len(rows), len(columns))


def spread(maps: LayerMaps, size: tuple[int, int], *, patch: Sides = 32, stride: Sides | None = None) -> ResizedMaps:
    """Give each pixel the mean over the windows that cover it.

    Args:
        maps: Of `occlusion`, ``(b, rows, columns)``.
        size: Height and width of the images, in pixels.
        patch: As `occlusion` had it.
        stride: As `occlusion` had it.

    Returns:
        ``(b, h, w)``.

    Raises:
        BadInput: the maps have another number of windows than these settings make.
    """
    rows, columns = _windows(size, patch, stride)
    if tuple(maps.shape[1:]) != (len(rows), len(columns)):
        found = "x".join(map(str, maps.shape[1:]))
        raise BadInput(f"maps of {found} windows, not {len(rows)}x{len(columns)}; give the patch and stride they had")
    down, across = _covering(rows, size[0]).to(maps), _covering(columns, size[1]).to(maps)
    # The windows are a grid, so how many cover a pixel, and their sum, are products of one direction each.
    return torch.einsum("hr,brc,wc->bhw", down, maps, across) / torch.outer(down.sum(1), across.sum(1))


def _covering(windows: list[slice], side: int) -> Tensor:
    """Tell which windows cover a place, along one direction: ``(side, windows)`` of 0 and 1."""
    covering = torch.zeros(side, len(windows))
    for number, window in enumerate(windows):
        covering[window, number] = 1
    return covering


def _windows(size: tuple[int, int], patch: Sides, stride: Sides | None) -> tuple[list[slice], list[slice]]:
    """Return the rows and the columns that the windows take."""
    patches = _pair(patch)
    strides = tuple(max(1, side // 2) for side in patches) if stride is None else _pair(stride)
    (height, width), (down, across) = patches, strides
    if min(patches) < 1 or min(strides) < 1:
        raise BadInput(f"patch and stride must be positive, not {height}x{width} and {down}x{across}")
    if height > size[0] or width > size[1]:
        raise BadInput(f"a patch of {height}x{width} pixels is larger than images of {size[0]}x{size[1]}; shrink it")
    if down > height or across > width:
        raise BadInput(f"a stride of {down}x{across} leaves pixels between patches of {height}x{width}; shorten it")
    along = [list(_along(*each)) for each in zip(size, patches, strides, strict=True)]
    return along[0], along[1]


def _along(side: int, patch: int, stride: int) -> Iterator[slice]:
    for start in range(0, side - patch + stride, stride):
        yield slice(start, min(start + patch, side))


def _pair(sides: Sides) -> tuple[int, int]:
    return (sides, sides) if isinstance(sides, int) else sides


def _size(images: Images) -> tuple[int, int]:
    return (images.shape[-2], images.shape[-1])
