"""Photographs on a map, as the explorer takes them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from atlas.test_export import received
from PIL import Image

from innerview.atlas import photograph_sheet
from innerview.atlas.export import export_explorer
from innerview.core.errors import BadInput

CELLS = torch.tensor([[2, 1], [0, 0], [1, 2], [0, 2]])
CLASSES = [1, 0, 1, 2]


def photographs() -> torch.Tensor:
    return torch.rand(4, 3, 1, 1, generator=torch.Generator().manual_seed(0)).expand(-1, -1, 16, 16).contiguous()


def test_every_photograph_lies_in_its_cell_with_its_class(tmp_path: Path) -> None:
    images, layout = photographs(), torch.rand(4, 2)
    sheet = photograph_sheet(images, layout, CELLS, CLASSES, title="All of them")
    (level,) = sheet.atlas.levels
    assert (level.grid.rows * 3 + level.grid.columns).tolist() == [0, 2, 5, 7]  # the grid's order
    assert level.grid.counts.tolist() == [1] * 4
    for photo, (row, column) in enumerate(CELLS.tolist()):
        cell = int(level.grid.cells[photo])
        assert level.grid.members(cell).tolist() == [photo]
        assert (int(level.grid.rows[cell]), int(level.grid.columns[cell])) == (row, column)
        assert torch.equal(level.icons.images[cell], images[photo])
        assert level.attributions[cell].tolist() == [float(one == CLASSES[photo]) for one in range(3)]
    export_explorer(tmp_path / "out", [sheet], ["ant", "bee", "cat"], title="Insects", keep=1)
    assert received(tmp_path / "out/data/contents.js")["sheets"][0]["layer"] == ""
    picture = np.asarray(Image.open(tmp_path / "out/tiles/all-of-them/0/0_0.jpg"), dtype=float)
    for photo, (row, column) in enumerate(CELLS.tolist()):
        wanted = images[photo, :, 0, 0].numpy() * 255
        assert np.abs(picture[row * 16 + 8, column * 16 + 8] - wanted).max() <= 4


def test_what_makes_no_sheet_is_refused() -> None:
    layout = torch.rand(4, 2)
    with pytest.raises(BadInput, match="two photographs lie in the same cell"):
        photograph_sheet(photographs(), layout, CELLS.clamp(max=1), CLASSES, title="All")
    with pytest.raises(BadInput, match="as many of each, not 4, 4, 4, 3"):
        photograph_sheet(photographs(), layout, CELLS, CLASSES[:3], title="All")
