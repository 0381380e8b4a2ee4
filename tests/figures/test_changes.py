"""Changes made visible: by how much, and on which grey."""

import numpy as np
import pytest
import torch

from innerview.core.errors import BadInput
from innerview.figures.changes import amplified

GREY = torch.full((1, 3, 40, 40), 0.3)


def test_a_change_is_enlarged_on_grey_as_far_as_fits():
    changed = GREY.clone()
    changed[0, 0, :20], changed[0, 2, 20:] = 0.3 + 8 / 255, 0.3 - 4 / 255
    drawn, times = amplified(GREY, changed)
    assert times == 15
    assert drawn.shape == (40, 40, 3)
    assert drawn.dtype == np.uint8
    assert np.unique(drawn[:20, :, 0]).tolist() == pytest.approx([255 * 0.5 + 15 * 8], abs=0.6)
    assert np.unique(drawn[20:, :, 2]).tolist() == pytest.approx([255 * 0.5 - 15 * 4], abs=0.6)
    assert np.unique(drawn[..., 1]).tolist() == [128]


def test_a_few_large_values_do_not_hide_the_others():
    changed = GREY + 0.01
    changed[0, 0, 0, 0] = 1
    drawn, times = amplified(GREY, changed)
    assert times in (49, 50)  # 0.01 in float32 may be a little more
    assert drawn[0, 0, 0] == 255
    assert drawn[1, 1, 1] > 250


def test_no_change_is_grey_and_a_large_one_is_shown_as_it_is():
    drawn, times = amplified(GREY, GREY)
    assert times == 1
    assert np.unique(drawn).tolist() == [128]
    assert amplified(torch.zeros_like(GREY), torch.ones_like(GREY))[1] == 1


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="a change is that of one image"):
        amplified(GREY, GREY[..., :30])
    with pytest.raises(BadInput, match="a change is that of one image"):
        amplified(GREY.repeat(2, 1, 1, 1), GREY.repeat(2, 1, 1, 1))
