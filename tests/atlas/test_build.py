"""An atlas from images to icons: what was made before is found again, what changed is made anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from atlas.small import CLASSES, LAYER, QUICK, SAMPLING, SIZE, Small, random_collection
from torch import Tensor

from innerview.atlas import (
    Atlas,
    AtlasRecipe,
    Collection,
    DataSet,
    IconRecipe,
    Reduction,
    build_atlas,
    cell_icons,
    collect,
    grid,
    reduce,
    whitening,
)
from innerview.core.errors import BadInput
from innerview.core.store import Store
from innerview.core.work import Work

ICONS = IconRecipe(size=12, recipe=QUICK, batch=4)
RECIPE = AtlasRecipe((2, 3), minimum=3, reduction=Reduction("pca"), icons=ICONS)
IMAGES = DataSet(
    [torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(one)) for one in range(20)], "noise"
)


@pytest.fixture(scope="module")
def collection() -> Collection:
    return collect(Small(), IMAGES, LAYER, replace(SAMPLING, positions=2, shard=20))


class Counting(Small):
    """Counts its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def forward(self, images: Tensor) -> Tensor:
        self.runs += 1
        return super().forward(images)


def same(one: Atlas, other: Atlas) -> bool:
    return torch.equal(one.layout, other.layout) and all(
        torch.equal(a.grid.cells, b.grid.cells)
        and torch.equal(a.directions, b.directions)
        and torch.equal(a.attributions, b.attributions)
        and torch.equal(a.icons.images, b.icons.images)
        and torch.equal(a.icons.values, b.icons.values)
        for a, b in zip(one.levels, other.levels, strict=True)
    )


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_an_atlas_is_its_steps_one_after_the_other(collection: Collection) -> None:
    found = build_atlas(Small(), collection, RECIPE)
    activations = collection.activations.float()
    whitened = whitening(collection.activations)
    assert found.layer == LAYER
    assert torch.equal(found.layout, reduce(collection.activations, whitened, RECIPE.reduction))
    assert [level.grid.density for level in found.levels] == [2, 3]
    for level in found.levels:
        cells = grid(found.layout, level.grid.density, minimum=3)
        assert torch.equal(level.grid.cells, cells.cells)
        dense = torch.stack([collection.attributed().of(target) for target in range(CLASSES)], 1)
        for cell in range(len(cells)):
            members = cells.members(cell)
            torch.testing.assert_close(level.directions[cell], activations[members].mean(0))
            torch.testing.assert_close(level.attributions[cell], dense[members].mean(0))
        assert level.icons.images.shape == (len(cells), 3, 12, 12)
        icons = cell_icons(Small(), LAYER, level.directions, whitened, ICONS)
        assert torch.equal(level.icons.images, icons.images)


def test_a_second_run_makes_nothing_anew(collection: Collection, tmp_path: Path) -> None:
    work, first, second = Work(Store(tmp_path)), Counting(), Counting()
    found = build_atlas(first, collection, RECIPE, work=work)
    before = files(tmp_path)
    assert first.runs > 0
    assert same(build_atlas(second, collection, RECIPE, work=work), found)
    assert second.runs == 0
    assert files(tmp_path) == before
    assert same(found, build_atlas(Small(), collection, RECIPE))


def test_damaged_files_are_made_anew(collection: Collection, tmp_path: Path) -> None:
    work = Work(Store(tmp_path))
    build_atlas(Counting(), collection, RECIPE, work=work)
    before = files(tmp_path)
    layout = next(path for path in tmp_path.iterdir() if path.name.startswith("pca-layout"))
    icon = next(path for path in sorted(tmp_path.iterdir()) if path.name.startswith("icons"))
    layout.write_bytes(layout.read_bytes()[:-20])
    flipped = bytearray(icon.read_bytes())
    flipped[-5] ^= 4
    icon.write_bytes(flipped)
    model = Counting()
    found = build_atlas(model, collection, RECIPE, work=work)
    assert same(found, build_atlas(Small(), collection, RECIPE))
    assert 0 < model.runs <= QUICK.steps * 4 + 4  # one unit of at most four icons, image by image
    after = files(tmp_path)
    assert after.keys() == before.keys()
    assert {name for name in before if after[name] != before[name]} == {layout.name, icon.name}


def test_a_change_of_the_icons_does_not_lay_out_anew(collection: Collection, tmp_path: Path) -> None:
    work = Work(Store(tmp_path))
    build_atlas(Small(), collection, RECIPE, work=work)
    changed = replace(RECIPE, icons=replace(ICONS, aligned=True))
    assert same(build_atlas(Small(), collection, changed, work=work), build_atlas(Small(), collection, changed))
    layouts = [name for name in files(tmp_path) if "layout" in name]
    assert len(layouts) == 1


def test_from_images_to_an_atlas_and_again(tmp_path: Path) -> None:
    work, sampling, atlases, runs = Work(Store(tmp_path)), replace(SAMPLING, positions=2), [], []
    for _ in range(2):
        model = Counting()
        found = collect(model, IMAGES, LAYER, sampling, work=work)
        atlases.append(build_atlas(model, found, RECIPE, work=work))
        runs.append(model.runs)
    assert same(*atlases)
    assert runs[0] > 20
    assert runs[1] == 1  # to look at the layer


def test_a_layout_and_a_whitening_of_one_s_own(collection: Collection) -> None:
    layout = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    whole = whitening(random_collection(200).activations)
    found = build_atlas(Small(), collection, replace(RECIPE, densities=(2,)), layout=layout, whitened=whole)
    assert torch.equal(found.layout, layout)
    assert torch.equal(found.levels[0].grid.cells, grid(layout, 2, minimum=3).cells)
    icons = cell_icons(Small(), LAYER, found.levels[0].directions, whole, ICONS)
    assert torch.equal(found.levels[0].icons.images, icons.images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": replace(RECIPE, densities=())}, "an atlas has at least one density"),
        ({"recipe": replace(RECIPE, densities=(2, 7))}, "40 activations are fewer than the 49 cells of 7x7"),
        ({"recipe": replace(RECIPE, minimum=41)}, "no cell of 2x2 holds 41 of 40 activations"),
        ({"layout": torch.rand(39, 2)}, "a layout of 39 places for 40 activations; give one for each"),
    ],
)
def test_what_cannot_be_is_said_before_the_icons_are_made(
    collection: Collection, change: dict[str, Any], message: str
) -> None:
    model = Counting()
    asked: dict[str, Any] = {"recipe": RECIPE} | change
    with pytest.raises(BadInput, match=message):
        build_atlas(model, collection, **asked)
    assert model.runs == 0


def test_an_atlas_takes_attributions(collection: Collection) -> None:
    with pytest.raises(BadInput, match="were collected without attributions"):
        build_atlas(Small(), replace(collection, attributions=None), RECIPE)
