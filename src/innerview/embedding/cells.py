"""Grid assignment: each point of a map gets a cell of its own, so that pictures lie side by side, none over another."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from innerview.core.errors import BadInput, NotFinite

Cells = Int[Tensor, "n 2"]
"""Row and column of each point."""


def grid_assignment(points: Float[Tensor, "n 2"], shape: tuple[int, int] | None = None, *, exact: int = 2000) -> Cells:
    r"""Give each point the cell of a grid so that all together move least, as in {cite}`karpathy2014codes`.

    $$\min_\pi \sum_i \| p_i - c_{\pi(i)} \|^2$$

    over the assignments $\pi$ of points to cells, no cell taken twice: a linear assignment problem. Its time grows
    with the third power of the points, so more than `exact` of them are halved first: those on one side of the median
    get the cells of that side, along the grid's longer side, again and again. Both halves are solved exactly; only
    points near a cut may lie a little off.

    Args:
        points: ``(n, 2)``, x to the right and y downwards; the grid is stretched over their range.
        shape: Rows and columns; by default the smallest square that holds all points.
        exact: Most points that are assigned at once; 2000 take some seconds.

    Returns:
        ``(n, 2)``, row and column of each point.

    Raises:
        BadInput: no points, more points than cells, or `exact` is not positive.
        NotFinite: a point is NaN or infinite.
    """
    if points.ndim != 2 or points.shape[1] != 2:
        raise BadInput(f"points are rows of two numbers, (n, 2), not {tuple(points.shape)}")
    side = int(np.ceil(np.sqrt(len(points))))
    rows, columns = shape or (side, side)
    if not len(points) or not len(points) <= rows * columns or exact < 1:
        raise BadInput(f"{len(points)} points do not fit {rows}x{columns} cells, {exact} at once; give a larger grid")
    if not torch.isfinite(points).all():
        raise NotFinite("the map holds NaN or infinite points; check what it was made from")
    places = points.detach().cpu().double().numpy()
    low, span = places.min(0), np.ptp(places, axis=0)
    unit = np.where(span > 0, (places - low) / np.where(span > 0, span, 1), 0.5)
    on_grid = unit[:, ::-1] * (rows, columns) - 0.5  # in cells, row first; the centre of the first cell is 0
    found = np.zeros((len(places), 2), np.int64)
    _assign(on_grid, np.arange(len(places)), (0, rows, 0, columns), exact, found)
    return torch.from_numpy(found)


Block = tuple[int, int, int, int]
"""First row, the row behind the last, and likewise the columns."""


def _assign(places: np.ndarray, chosen: np.ndarray, block: Block, exact: int, found: np.ndarray) -> None:
    """Write the cells of the chosen points, all inside a block, into `found`."""
    top, bottom, left, right = block
    if len(chosen) <= exact:
        cells = np.stack(np.meshgrid(np.arange(top, bottom), np.arange(left, right), indexing="ij"), -1).reshape(-1, 2)
        found[chosen] = cells[_matched(places[chosen], cells)]
        return
    axis = 0 if bottom - top >= right - left else 1
    cut = (top + bottom) // 2 if axis == 0 else (left + right) // 2
    halves: list[Block] = (
        [(top, cut, left, right), (cut, bottom, left, right)] if axis == 0
        else [(top, bottom, left, cut), (top, bottom, cut, right)]
    )  # fmt: skip
    sizes = [(one[1] - one[0]) * (one[3] - one[2]) for one in halves]
    first = min(sizes[0], max(len(chosen) - sizes[1], round(len(chosen) * sizes[0] / sum(sizes))))
    order = chosen[np.argsort(places[chosen, axis], kind="stable")]
    for part, half in zip((order[:first], order[first:]), halves, strict=True):
        _assign(places, part, half, exact, found)


def _matched(places: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the cell of each place, as an index, such that the squared distances sum to the least."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415
    from scipy.spatial.distance import cdist  # noqa: PLC0415

    return linear_sum_assignment(cdist(places, cells, "sqeuclidean"))[1]
