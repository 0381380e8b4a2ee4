"""Pictures pasted at their points."""

import numpy as np
import pytest

from innerview.core.errors import BadInput, NotFinite
from innerview.figures import scattered


def pictures(count: int, side: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 250, (count, side, side, 3), np.uint8)


def test_each_lies_at_its_point_whole_and_later_ones_on_top() -> None:
    cut = pictures(4)
    points = np.array([[0.0, 0.0], [1.0, 0.5], [0.5, 1.0], [0.48, 1.0]])
    whole = scattered(cut, points, 44)
    for number, (left, top) in ((0, (0, 0)), (1, (40, 20)), (3, (19, 40))):
        assert np.array_equal(whole[top : top + 4, left : left + 4], cut[number])
    assert np.array_equal(whole[40:, 23], cut[2][:, 3])  # the last column of the third is all that is seen
    assert (whole == 255).all(2).sum() == 44**2 - 3 * 16 - 4


def test_what_cannot_be_pasted_is_refused() -> None:
    points = np.zeros((2, 2))
    for wrong in (pictures(2).astype(float), pictures(2)[..., :2], pictures(2)[:, :3]):
        with pytest.raises(BadInput, match=r"pictures \(n, s, s, 3\) of bytes"):
            scattered(wrong, points)
    with pytest.raises(BadInput, match="on 3 pixels"):
        scattered(pictures(2), points, 3)
    with pytest.raises(BadInput, match="2 pictures have one point"):
        scattered(pictures(2), np.zeros((3, 2)))
    with pytest.raises(BadInput, match=r"lie in \[0, 1\]"):
        scattered(pictures(2), points - 0.1)
    with pytest.raises(NotFinite):
        scattered(pictures(2), points * np.nan)
