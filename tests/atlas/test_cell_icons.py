"""Icons of cells: the best of several tries, in one orientation where that is asked for, and really ascended."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from atlas.small import QUICK, Small
from torch import Tensor

from innerview.atlas import IconRecipe, Whitening, cell_icons, whitening
from innerview.atlas.icons import best
from innerview.core.errors import BadInput
from innerview.core.images import to_array
from innerview.core.store import Store
from innerview.core.work import Work
from innerview.models import activations
from innerview.optimize import Fourier, Icons, Pixels, Recipe, direction, icons

LAYER = "conv2"
RECIPE = IconRecipe(size=16, recipe=QUICK, batch=2)


@pytest.fixture(scope="module")
def seen() -> Tensor:
    """Activations of noise, ``(n, 8)``."""
    images = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return activations(Small(), images, LAYER)[LAYER].permute(0, 2, 3, 1).flatten(0, 2)


@pytest.fixture(scope="module")
def whitened(seen: Tensor) -> Whitening:
    return whitening(seen)


@pytest.fixture(scope="module")
def directions(seen: Tensor) -> Tensor:
    return seen[:80:20]


def same(one: Icons, other: Icons) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("images", "values", "dead"))


def test_an_icon_is_that_of_the_unit_direction_whitened(directions: Tensor, whitened: Whitening) -> None:
    wanted = directions @ whitened.inverse
    wanted = wanted / wanted.norm(dim=1, keepdim=True)
    make = partial(direction, LAYER, cosine_power=3.0)
    literally = icons(Small(), make, wanted, size=16, seed=5, recipe=QUICK)
    found = cell_icons(Small(), LAYER, directions, whitened, replace(RECIPE, cosine_power=3.0, seed=5))
    torch.testing.assert_close(found.images, literally.images, rtol=0, atol=1e-4)
    torch.testing.assert_close(found.values, literally.values, rtol=1e-3, atol=1e-6)
    longer = cell_icons(Small(), LAYER, directions * 50, whitened, replace(RECIPE, cosine_power=3.0, seed=5))
    torch.testing.assert_close(longer.values, found.values, rtol=1e-3, atol=1e-6)


def objective(images: Tensor, directions: Tensor, whitened: Whitening, power: float = 4.0) -> list[float]:
    """Measure (h S v) max(0.1, cos)^n position by position, with S v of length 1."""
    found = []
    maps = activations(Small(), images, LAYER)[LAYER]
    for cell, v in enumerate(directions):
        along = whitened.inverse @ v
        along = along / along.norm()
        products = [
            float(h @ along) * max(0.1, float(h @ along / (h.norm() + 1e-4))) ** power for h in maps[cell].flatten(1).T
        ]
        found.append(sum(products) / len(products))
    return found


def test_the_ascent_raises_the_whitened_objective(directions: Tensor, whitened: Whitening) -> None:
    start, end = (
        cell_icons(Small(), LAYER, directions, whitened, replace(RECIPE, recipe=Recipe(steps=steps, transforms=())))
        for steps in (0, 30)
    )
    assert bool((end.values > start.values + 0.1 * start.values.abs()).all())
    for found in (start, end):
        assert found.values.tolist() == pytest.approx(objective(found.images, directions, whitened), rel=1e-2, abs=1e-5)


def test_of_several_tries_each_cell_keeps_its_best(directions: Tensor, whitened: Whitening) -> None:
    one_by_one = [cell_icons(Small(), LAYER, directions, whitened, replace(RECIPE, seed=seed)) for seed in (0, 4, 8)]
    found = cell_icons(Small(), LAYER, directions, whitened, replace(RECIPE, tries=3))
    values = torch.stack([one.values for one in one_by_one])
    assert torch.equal(found.values, values.amax(0))
    assert len(set(values.argmax(0).tolist())) > 1  # not all from one try
    for cell, chosen in enumerate(values.argmax(0).tolist()):
        assert torch.equal(found.images[cell], one_by_one[chosen].images[cell])


def test_no_two_tries_of_any_cells_start_alike(directions: Tensor, whitened: Whitening) -> None:
    at_start = replace(RECIPE, recipe=replace(QUICK, steps=0))
    starts = [
        cell_icons(Small(), LAYER, directions, whitened, replace(at_start, seed=seed)).images for seed in (0, 4, 8)
    ]
    assert len({to_array(image[None]).tobytes() for image in torch.cat(starts)}) == 12


@pytest.mark.parametrize("aligned", [False, True])
def test_more_tries_are_never_worse(directions: Tensor, whitened: Whitening, aligned: bool) -> None:
    values = [
        cell_icons(Small(), LAYER, directions, whitened, replace(RECIPE, tries=tries, aligned=aligned)).values
        for tries in (1, 2, 4)
    ]
    assert all(bool((more >= fewer).all()) for fewer, more in pairwise(values))
    assert bool((values[2] > values[0]).any())


def distances(images: Tensor) -> Tensor:
    return torch.pdist(images.flatten(1))


@pytest.mark.parametrize("kind", [Fourier(), Pixels()], ids=["fourier", "pixels"])
def test_aligned_icons_of_one_direction_are_equal(directions: Tensor, whitened: Whitening, kind: Any) -> None:
    recipe = replace(RECIPE, recipe=replace(QUICK, parameterization=kind), batch=2)
    alike = directions[:1].expand(4, -1)
    aligned, free = (
        cell_icons(Small(), LAYER, alike, whitened, replace(recipe, aligned=aligned)).images
        for aligned in (True, False)
    )
    assert float(distances(aligned).max()) < 1e-4  # across units of work, too
    assert float(distances(free).min()) > 0.1


def test_aligned_icons_of_neighbours_are_more_alike(directions: Tensor, whitened: Whitening) -> None:
    near = directions[:1] + 0.001 * torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    recipe = replace(RECIPE, recipe=Recipe(steps=20, transforms=()))
    aligned, free = (
        cell_icons(Small(), LAYER, near, whitened, replace(recipe, aligned=aligned)) for aligned in (True, False)
    )
    assert float(distances(aligned.images).mean()) < 0.7 * float(distances(free.images).mean())
    assert float(distances(aligned.images).min()) > 0


def test_icons_are_kept_and_found_again(directions: Tensor, whitened: Whitening, tmp_path: Path) -> None:
    work, recipe = Work(Store(tmp_path)), replace(RECIPE, tries=2)
    found = cell_icons(Small(), LAYER, directions, whitened, recipe, work=work)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) == 4  # two tries of two units
    assert same(found, cell_icons(Small(), LAYER, directions, whitened, recipe, work=work))
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert same(found, cell_icons(Small(), LAYER, directions, whitened, recipe))
    for change in ({"aligned": True}, {"cosine_power": 1.0}, {"seed": 100}):
        other = replace(recipe, **change)
        assert not same(found, cell_icons(Small(), LAYER, directions, whitened, other, work=work))


def test_the_best_of_tries_takes_all_of_a_try() -> None:
    tries = [
        Icons(torch.full((3, 3, 2, 2), float(number)), torch.tensor(values), torch.tensor(dead))
        for number, (values, dead) in enumerate(
            [([1.0, 5.0, 0.0], [False, False, True]), ([2.0, 4.0, 3.0], [False, False, False])]
        )
    ]
    found = best(tries)
    assert found.values.tolist() == [2, 5, 3]
    assert found.dead.tolist() == [False, False, False]
    assert found.images[:, 0, 0, 0].tolist() == [1, 0, 1]


def test_what_cannot_be_is_said(directions: Tensor, whitened: Whitening) -> None:
    with pytest.raises(BadInput, match="an icon takes at least one try, not 0"):
        cell_icons(Small(), LAYER, directions, whitened, replace(RECIPE, tries=0))
    zero = directions.clone()
    zero[2] = 0
    with pytest.raises(BadInput, match="cell 2 sees nothing: its mean activation is zero; leave it out"):
        cell_icons(Small(), LAYER, zero, whitened, RECIPE)
