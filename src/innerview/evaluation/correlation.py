"""How far two maps agree on the order of an image's places."""

import numpy as np
import torch
from scipy.stats import rankdata
from torch.nn import functional as F

from innerview.core.errors import BadInput
from innerview.core.maps import enlarged
from innerview.core.types import LayerMaps, Values
from innerview.evaluation.pairing import OtherMaps, check_as_many, check_finite


def rank_correlation(maps: LayerMaps, others: OtherMaps, size: tuple[int, int] | None = None) -> Values:
    """Correlate the ranks of two maps of each image (Spearman), as Sec. 5.3 of {cite}`selvaraju2017gradcam` does.

    The paper does not say at which resolution. Here both maps are brought to one grid first, by default the coarser of
    the two, so that no number is made up: a finer map is averaged over the pixels that a place of the grid touches.
    A map that is coarser than a given `size` is enlarged bilinearly.

    Args:
        maps: ``(b, rows, columns)``.
        others: Maps of the same images, of any resolution.
        size: Rows and columns of the grid; None for the fewer rows and the fewer columns of the two.

    Returns:
        ``(b,)`` in [-1, 1]; equal numbers share their mean rank. NaN where a map is constant: it orders nothing.

    Raises:
        BadInput: another number of maps, or a grid of less than two places.
        NotFinite: a map holds NaN or infinite numbers.
    """
    for one in (maps, others):
        check_finite(one)
    check_as_many(maps, others, "others")
    grid = (min(maps.shape[1], others.shape[1]), min(maps.shape[2], others.shape[2])) if size is None else size
    if min(grid) < 1 or grid[0] * grid[1] < 2:
        raise BadInput(f"a grid of {grid[0]}x{grid[1]} has no order to compare; choose maps or a size of more places")
    first, second = (_standard_ranks(_brought(one, grid)) for one in (maps, others))
    return torch.from_numpy((first * second).mean(1)).to(maps)


def _brought(maps: LayerMaps, grid: tuple[int, int]) -> np.ndarray:
    """Average each direction that is finer than the grid, enlarge each that is coarser -> ``(b, places)``."""
    fewer = (min(maps.shape[1], grid[0]), min(maps.shape[2], grid[1]))
    averaged = F.adaptive_avg_pool2d(maps.detach().double()[:, None], fewer)[:, 0]
    return enlarged(averaged, grid).flatten(1).cpu().numpy()


def _standard_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks of mean 0 and standard deviation 1; NaN where all values are equal."""
    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    deviation = np.sqrt((ranks**2).mean(1, keepdims=True))
    return np.divide(ranks, deviation, out=np.full_like(ranks, np.nan), where=deviation > 0)
