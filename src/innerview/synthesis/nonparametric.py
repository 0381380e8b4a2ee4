r"""Texture by non-parametric sampling {cite}`efros1999texture`: grow a picture pixel by pixel out of a sample."""

from typing import Final

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage
from torch import Tensor

from innerview.core.errors import BadInput
from innerview.core.images import check_images
from innerview.core.progress import progress as bar
from innerview.core.seeds import generator
from innerview.core.types import Images, ResizedImages

SEED_SIDE: Final = 3
"""Pixels; the side of the patch that the picture grows from. Sec. 2.2"""

WINDOWS_PER_SIGMA: Final = 6.4
"""A window is so many standard deviations of its Gaussian wide; from the paper's pseudo-code."""

ROUNDING: Final = 5e-5
"""More than the rounding of a squared distance, computed as a product in float32, of pixels in [0, 1]."""


def efros_leung(
    sample: Images,
    size: int | tuple[int, int],
    *,
    window: int = 11,
    tolerance: float = 0.1,
    seed: int = 0,
    start: Tensor | None = None,
    progress: bool = False,
) -> ResizedImages:
    r"""Grow a texture out of a sample.

    A patch of 3x3 pixels, taken from the sample at random, is put in the middle. Around it the picture grows layer by
    layer: the pixels that touch a filled one, those with the most filled neighbours of eight first and in random order
    among equals. A pixel $p$ is compared with the middle of every whole window of the sample by what is known around
    it, $K$,

    $$d(\omega(p), \omega) = \frac{\sum_{q \in K} G_q\, |\omega(p)_q - \omega_q|^2}{\sum_{q \in K} G_q}$$ (Sec. 2.1)

    with a Gaussian $G$, and takes the middle of one of the windows of $d \le (1 + \epsilon) \min d$, each as likely as
    the other. Every pixel outside the start is therefore a copy of one of the sample's.

    The paper's pseudo-code also puts a pixel off whose best window is further away than 0.3; here it is filled at once.

    Args:
        sample: ``(1, 3, h, w)`` in [0, 1].
        size: Of the picture in pixels, one side or ``(height, width)``.
        window: Side of the window in pixels, odd: the size of the largest regular structure. The search needs
            about ``16 h w window**2`` bytes, and its time a pixel grows with them.
        tolerance: $\epsilon$, how much worse than the best a window may be; 0.1 in the paper.
        seed: Of all that is random. The picture depends on nothing else.
        start: Put this ``(1, 3, h, w)`` in the middle instead: with the sample itself, the sample is continued.
        progress: Whether to show a bar.

    Returns:
        ``(1, 3, height, width)`` in [0, 1].

    Raises:
        BadInput: more than one sample, a window that is even, below 3 or larger than the sample, a picture smaller
            than its start, a negative tolerance, or values outside [0, 1].
    """
    check_images(sample)
    size = (size, size) if isinstance(size, int) else size
    _check_window(sample, window, tolerance)
    if sample.min() < 0 or sample.max() > 1:
        raise BadInput(f"a sample lies in [0, 1], not in [{sample.min():.4g}, {sample.max():.4g}]; clamp it")
    draw = generator("efros_leung", seed)
    start = _random_patch(sample, draw) if start is None else start
    _check_start(start, size)
    canvas = _Canvas(size, window, start[0].numpy(force=True))
    search = _Search(sample[0].numpy(force=True), window, tolerance)
    with bar(range(canvas.missing()), "Efros and Leung", progress) as pixels:
        while len(layer := canvas.layer(draw)):
            for row, column in layer:
                found = search.candidates(*canvas.around(row, column))
                chosen = found[int(torch.randint(len(found), (), generator=draw))]
                canvas.fill(row, column, search.middles[chosen])
                pixels.update()
    return torch.from_numpy(canvas.picture().copy())[None].to(sample)


def _check_window(sample: Images, window: int, tolerance: float) -> None:
    if len(sample) != 1:
        raise BadInput(f"a texture is grown from one sample, not from {len(sample)}; give one image (1, 3, h, w)")
    if window < SEED_SIDE or window % 2 == 0:
        raise BadInput(f"the window has a middle pixel and neighbours: give an odd number from 3 on, not {window}")
    height, width = sample.shape[-2:]
    if window > min(height, width):
        raise BadInput(
            f"a window of {window} pixels does not fit in a sample of {height}x{width}; give a smaller window"
        )
    if not 0 <= tolerance < np.inf:
        raise BadInput(f"tolerance is how much worse than the best a window may be, at least 0, not {tolerance}")


def _check_start(start: Tensor, size: tuple[int, int]) -> None:
    check_images(start)
    height, width = start.shape[-2:]
    if len(start) != 1:
        raise BadInput(f"a texture grows from one start, not from {len(start)}; give one image (1, 3, h, w)")
    if size[0] < height or size[1] < width:
        raise BadInput(
            f"a picture of {size[0]}x{size[1]} pixels does not hold its start of {height}x{width}; give a larger size"
        )


def _random_patch(sample: Tensor, draw: torch.Generator) -> Tensor:
    """Return the patch that a picture grows from."""
    top, left = (int(torch.randint(side - SEED_SIDE + 1, (), generator=draw)) for side in sample.shape[-2:])
    return sample[..., top : top + SEED_SIDE, left : left + SEED_SIDE]


class _Canvas:
    """The picture as far as it is known, with a margin of half a window that never is."""

    def __init__(self, size: tuple[int, int], window: int, start: np.ndarray) -> None:
        self.margin, self.window = window // 2, window
        height, width = (side + 2 * self.margin for side in size)
        self.pixels = np.zeros((3, height, width), start.dtype)
        self.known = np.zeros((height, width), dtype=bool)
        top, left = ((side - part) // 2 for side, part in zip((height, width), start.shape[1:], strict=True))
        inside = (slice(top, top + start.shape[1]), slice(left, left + start.shape[2]))
        self.pixels[:, *inside] = start
        self.known[inside] = True

    def _inside(self, array: np.ndarray) -> np.ndarray:
        return array[..., self.margin : -self.margin, self.margin : -self.margin]

    def picture(self) -> np.ndarray:
        """Return the pixels without the margin."""
        return self._inside(self.pixels)

    def missing(self) -> int:
        """Count the pixels that are not known yet."""
        return int((~self._inside(self.known)).sum())

    def layer(self, draw: torch.Generator) -> list[tuple[int, int]]:
        """Return the unknown pixels that touch a known one, those with the most known neighbours first."""
        known = self._inside(self.known)
        neighbours = ndimage.convolve(known.astype(int), np.ones((3, 3), int), mode="constant")
        rows, columns = np.nonzero(~known & (neighbours > 0))
        shuffled = torch.randperm(len(rows), generator=draw).numpy()
        order = shuffled[np.argsort(-neighbours[rows, columns][shuffled], kind="stable")]
        return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))

    def around(self, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the window around a pixel ``(3, w, w)``, and what of it is known ``(w, w)``."""
        here = (slice(row, row + self.window), slice(column, column + self.window))
        return self.pixels[:, *here], self.known[here]

    def fill(self, row: int, column: int, colour: np.ndarray) -> None:
        self.pixels[:, row + self.margin, column + self.margin] = colour
        self.known[row + self.margin, column + self.margin] = True


class _Search:
    """All whole windows of a sample, and which of them look like a given one.

    Distances are first computed for all windows as one product in float32, then exactly for those near the best: the
    rounding of the product, which differs from machine to machine, decides nothing.
    """

    def __init__(self, sample: np.ndarray, window: int, tolerance: float) -> None:
        middle = window // 2
        views = sliding_window_view(sample, (window, window), axis=(1, 2))
        self.windows = np.moveaxis(views, 0, 2)  # (rows, columns, 3, w, w), no copy
        self.columns = self.windows.shape[1]
        self.middles = self.windows[..., middle, middle].reshape(-1, 3)
        squares = (self.windows.astype(np.float32) ** 2).sum(axis=2)
        parts = [self.windows.reshape(len(self.middles), -1), squares.reshape(len(self.middles), -1)]
        table = np.concatenate(parts, axis=1, dtype=np.float32).T
        self.table = torch.from_numpy(np.ascontiguousarray(table))  # (4 w w, n): read in order, twice as fast
        falloff = np.exp(-0.5 * ((np.arange(window) - middle) * WINDOWS_PER_SIGMA / window) ** 2)
        self.gaussian = np.outer(falloff, falloff)
        self.worse = 1 + tolerance

    def candidates(self, template: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return the numbers of the windows that are nearly as close to the template as the closest."""
        weights = self.gaussian * known
        weights /= weights.sum()
        vector = np.concatenate([(-2 * weights * template).ravel(), weights.ravel()]).astype(np.float32)
        product = torch.from_numpy(vector) @ self.table  # NumPy's product ignores torch's number of threads
        rough = product.numpy() + np.float32((weights * template**2).sum())
        near = np.flatnonzero(rough <= self.worse * (rough.min() + ROUNDING) + ROUNDING)
        windows = self.windows[np.divmod(near, self.columns)].astype(np.float64)
        exact = (weights * (windows - template) ** 2).sum(axis=(1, 2, 3))
        return near[exact <= self.worse * exact.min()]
