"""What an atlas costs: reckoned by hand, and beside a larger run whose sizes are known to the byte."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from atlas.scale import FULL, RECIPE, Place, Slow
from atlas.small import LAYER, write_images

from innerview.atlas import Reduction
from innerview.atlas.cost import measure_costs
from innerview.atlas.estimate import BLOCK, DATA, EDGE, Costs, LayerCosts, LayoutCosts
from innerview.atlas.explore import ExplorerRecipe
from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.folders import image_paths
from innerview.optimize import Recipe

LAYERS = (
    LayerCosts("conv1", channels=6, image=0.5, activation=40, step=0.001, icon=1000, shown=300),
    LayerCosts("norm", channels=8, image=0.25, activation=50, step=0.002, icon=2000, shown=500),
)
BY_HAND = ExplorerRecipe(
    ("conv1", "norm"),
    classes=(1,),
    pairs=((0, 2),),
    sampling=replace(RECIPE.sampling, positions=2, shard=4, keep=3),
    full=replace(
        FULL, densities=(10, 20), minimum=10, icons=replace(FULL.icons, recipe=Recipe(steps=100), tries=3, batch=16)
    ),
    narrow=replace(FULL, densities=(4,), minimum=5, icons=replace(FULL.icons, recipe=Recipe(steps=10), batch=4)),
    class_count=300,
)
COSTS = Costs(BY_HAND, LAYERS, LayoutCosts("pca", pair=0, vector=0.01), process=1000)


def test_by_hand() -> None:
    found = COSTS.estimate(1000, filled=0.5)
    assert found.collecting == pytest.approx(1000 * 0.75)
    assert found.cells == {10: 50, 20: 200}
    # 50 cells fill four batches of 16, the last with copies in the reckoning; 200 cells thirteen
    assert found.icons[10] == pytest.approx(3 * 64 * 100 * 0.003)
    assert found.icons[20] == pytest.approx(3 * 208 * 100 * 0.003)
    assert found.views == pytest.approx(2 * 8 * 10 * 0.002)
    assert found.layout == pytest.approx(2 * 2000 * 0.01 + 2 * 300 * 0.01)
    assert found.seconds == pytest.approx(found.collecting + sum(found.icons.values()) + found.views + found.layout)
    icons = 250 * (3 * 1000 + 300 + DATA) + 250 * (3 * 2000 + 500 + DATA) + 2 * 8 * (2000 + 500 + DATA)
    assert found.disk == pytest.approx(2000 * (40 + 8 + 50 + 8) + icons)
    assert found.memory == pytest.approx(1000 + 2000 * (40 + 50 + 2 * 8 * 3 + 8 * 8))


def test_no_more_cells_than_activations_fill() -> None:
    assert COSTS.estimate(100, filled=0.5).cells == {10: 20, 20: 20}


@pytest.mark.parametrize(("workers", "shards", "batches"), [(1, 25, 4), (2, 13, 2), (3, 9, 2), (8, 4, 1), (100, 1, 1)])
def test_workers_share_whole_units(workers: int, shards: int, batches: int) -> None:
    """The layout is one worker's."""
    found = COSTS.estimate(100, replace(BY_HAND, full=replace(BY_HAND.full, minimum=1)), workers=workers, filled=0.5)
    assert found.collecting == pytest.approx(shards * 4 * 0.75)
    assert found.icons[10] == pytest.approx(3 * batches * 16 * 100 * 0.003)
    assert found.layout == pytest.approx(COSTS.estimate(100).layout)


def test_a_recipe_of_other_densities_tries_and_steps() -> None:
    icons = replace(BY_HAND.full.icons, tries=1, recipe=Recipe(steps=50))
    other = replace(BY_HAND, classes=(), pairs=(), full=replace(BY_HAND.full, densities=(10,), icons=icons))
    found = COSTS.estimate(1000, other, filled=0.5)
    assert found.icons == {10: pytest.approx(COSTS.estimate(1000, filled=0.5).icons[10] / 6)}
    assert found.views == 0


@pytest.mark.parametrize(
    ("method", "seconds", "held"),
    [
        ("umap", {1000: 2.0 + 1.5, 20_000: 800 + 12}, FULL.reduction.neighbors * EDGE),
        ("tsne", {1024: 2e-6 * 1024**2 + 3e-6 * 1024 * 10}, 3 * FULL.reduction.neighbors * EDGE),
        ("pca", {1000: 2.0 + 3e-3}, 0),
    ],
)
def test_layouts_grow_as_their_methods_do(method: str, seconds: dict[int, float], held: int) -> None:
    layout = LayoutCosts(method, pair=2e-6, vector=3e-6)
    for count, wanted in seconds.items():
        assert layout.seconds(count) == pytest.approx(wanted)
    without, whole = (replace(COSTS, layout=replace(layout, method=one)).estimate(10_000) for one in ("pca", method))
    assert whole.memory - without.memory == pytest.approx(20_000 * max(held, 8 * BLOCK if held else 0))


@pytest.mark.parametrize("change", [{"images": 0}, {"workers": 0}, {"filled": 0.0}, {"filled": 1.5}])
def test_what_cannot_be_reckoned_with(change: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"images": 10} | change
    with pytest.raises(BadInput, match="cannot reckon with"):
        COSTS.estimate(**asked)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("images")
    write_images(folder, 40)
    recipe = replace(RECIPE, layers=(LAYER,), classes=(), pairs=(), sampling=replace(RECIPE.sampling, shard=8))
    return Place(tmp_path_factory.mktemp("whole"), folder, recipe)


def test_the_sizes_of_a_larger_run(place: Place) -> None:
    """Of eight images the files of forty are foretold; headers of files make the difference."""
    place.build()
    costs = measure_costs(Slow(), image_paths(place.images), place.recipe, vectors=50)
    (layer,) = costs.layers
    assert layer.channels == 6
    collected = sum((place.parts / name).stat().st_size for name in place.finished(f"{LAYER}-activations-*"))
    assert layer.activation * 80 == pytest.approx(collected, rel=0.01)
    icons = [(place.parts / name).stat().st_size for name in place.finished("icons-*")]
    assert layer.icon == pytest.approx(max(icons) / place.recipe.full.icons.batch, rel=0.01)
    assert 50 < layer.shown < 12 * 12 * 3
    parts = sum((place.parts / name).stat().st_size for name in place.finished())
    cells = 2**2 + 4**2
    room = costs.estimate(40, filled=1.0).disk - cells * (layer.shown + DATA)
    assert room == pytest.approx(parts, rel=0.15)


def test_the_time_is_that_of_the_network(place: Place) -> None:
    """A network that sleeps takes at least its sleep: two runs for three images, one for the two icons of a batch."""
    pause = 0.03
    recipe = replace(place.recipe, full=replace(FULL, icons=replace(FULL.icons, recipe=Recipe(steps=3))))
    (layer,) = measure_costs(Slow(pause), image_paths(place.images), recipe, vectors=50).layers
    assert layer.image > pause / 3
    assert layer.step > pause / 2
    assert layer.step < 40 * pause  # once a step, not once a run


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_neighbours_are_told_from_the_rest(place: Place, method: str) -> None:
    recipe = replace(place.recipe, full=replace(FULL, reduction=Reduction(method, neighbors=5)))
    layout = measure_costs(Slow(), image_paths(place.images), recipe, vectors=200).layout
    assert layout.method == method
    assert layout.pair > 0
    assert layout.vector > 0


def test_what_is_wrong_is_said_at_once(place: Place) -> None:
    with pytest.raises(LayerNotFound):
        measure_costs(Slow(), image_paths(place.images), replace(place.recipe, layers=("nomr",)))
    with pytest.raises(BadInput, match="at least one path"):
        measure_costs(Slow(), [], place.recipe)


def test_images_that_cannot_be_read_do_not_count(tmp_path: Path, place: Place) -> None:
    paths = write_images(tmp_path, 4)
    paths[1].write_text("no image")
    with pytest.warns(UserWarning, match="skipped 1 of 4"):
        costs = measure_costs(Slow(), paths, place.recipe, vectors=50)
    assert costs.layers[0].image > 0
