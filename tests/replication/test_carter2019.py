"""The replication of the activation atlas: measures in closed form, patches, atlases, and all of it without weights."""

import dataclasses
import importlib
import json
import math
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from innerview.adversarial import patch_attack
from innerview.atlas import DataSet, Grid, Level, Sampling, collect
from innerview.atlas.sources import ImageFiles, read_images
from innerview.core.errors import BadInput
from innerview.models import class_index, find_layer, imagenet_classes
from innerview.optimize.icons import Icons
from innerview.replicate import Run, load_paper
from innerview.replicate.photos import photo

ROOT = Path(__file__).parents[2]
NAME = "carter2019_activation_atlas"
WITHOUT = "the weights were not looked for"


@pytest.fixture(scope="module")
def paper():
    return load_paper(ROOT, NAME)


@pytest.fixture(scope="module")
def module(paper):
    """A module of the replication."""
    return lambda name: importlib.import_module(f"{type(paper.presets['book']).__module__.rpartition('.')[0]}.{name}")


@pytest.fixture(scope="module")
def run(paper, tmp_path_factory):
    """A smoke run on the embedded model, with fewer steps; what one test computed, the next finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INNERVIEW_MISSING", WITHOUT)
        out = tmp_path_factory.mktemp("results")
        begun = Run.start(paper, preset="smoke", out=out, settings={"limit": "16"}, device="cpu")
    assert begun.fallback
    icons = begun.config.atlas.icons
    quick = replace(icons, recipe=replace(icons.recipe, steps=4))
    begun.config = replace(begun.config, atlas=replace(begun.config.atlas, icons=quick))
    return begun


def changed(run: Run, seed: int | None = None, **settings: Any) -> Run:
    """Return a run in the same folder with other settings."""
    other = replace(run, config=replace(run.config, **settings), seed=run.seed if seed is None else seed)
    other._models = run._models
    return other


def configurations(paper):
    presets = [paper.config(name) for name in paper.presets]
    return [*presets, *map(paper.embedded, presets)]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def level(places: list[tuple[int, int]], attributions: Tensor, images: Tensor | None = None) -> Level:
    """Return a level with one activation in each cell."""
    count = len(places)
    rows, columns = torch.tensor(places).reshape(-1, 2).T
    cells = Grid(100, rows, columns, torch.ones(count, dtype=torch.long), torch.arange(count))
    pictures = torch.zeros(count, 3, 2, 2) if images is None else images
    icons = Icons(pictures, torch.zeros(count), torch.zeros(count, dtype=torch.bool))
    return Level(cells, torch.zeros(count, 4), attributions, icons)


SQUARE = list(product(range(8), range(8)))


# Neighbours


def test_neighbours_are_the_pairs_at_distance_one(module):
    kept = [place for place, number in zip(SQUARE, random(64).tolist(), strict=True) if number > -0.5]
    found = module("measures").neighbours(level(kept, random(len(kept), 3)))
    wanted = {
        (one, other)
        for one, other in combinations(range(len(kept)), 2)
        if abs(kept[one][0] - kept[other][0]) + abs(kept[one][1] - kept[other][1]) == 1
    }
    assert 20 < len(kept) < 64
    assert len(found) == len(wanted)
    assert {tuple(sorted(pair)) for pair in found.tolist()} == wanted


@pytest.mark.parametrize("kept", [[(3, 3)], [(0, 0), (1, 1)], [(0, 0), (0, 2), (2, 1)]])
def test_cells_that_do_not_touch_have_no_neighbours_and_say_so(module, kept):
    measures, alone = module("measures"), level(kept, random(len(kept), 3))
    assert measures.neighbours(alone).shape == (0, 2)
    for measure in (measures.coherence, measures.images_alike):
        with pytest.raises(BadInput, match=f"no two of {len(kept)} cells share an edge"):
            measure(alone, 0)


def test_attributions_that_change_gradually_are_coherent_and_random_ones_are_not(module):
    coherence = module("measures").coherence
    places = torch.tensor(SQUARE, dtype=torch.float32)
    classes = random(2, 40, seed=1)
    ours, shuffled = coherence(level(SQUARE, places @ classes), 0)
    assert ours > 0.8
    assert abs(shuffled) < 0.1
    ours, shuffled = coherence(level(SQUARE, random(64, 40)), 0)
    assert abs(ours) < 0.05
    assert abs(shuffled) < 0.05


def test_coherence_in_closed_form(module):
    """Left one class, right another: a pair is alike, 1, or across, -1, and what all share does not count."""
    coherence, shared = module("measures").coherence, 100 * random(5)
    one, other = shared + torch.eye(5)[0], shared + torch.eye(5)[1]
    halves = torch.stack([one if column < 4 else other for _, column in SQUARE])
    board = torch.stack([one if (row + column) % 2 else other for row, column in SQUARE])
    ours, shuffled = coherence(level(SQUARE, halves), 0)
    assert ours == pytest.approx((104 - 8) / 112, abs=1e-4)  # 112 pairs, 8 of them across
    assert shuffled == pytest.approx(-1 / 63, abs=0.06)  # a cell's others are 31 like it and 32 unlike it
    assert coherence(level(SQUARE, board), 0)[0] == pytest.approx(-1, abs=1e-4)


def test_shuffles_follow_the_seed(module):
    made, coherence = level(SQUARE, random(64, 40)), module("measures").coherence
    assert coherence(made, 1) == coherence(made, 1)
    assert coherence(made, 1)[0] == coherence(made, 2)[0]
    assert coherence(made, 1)[1] != coherence(made, 2)[1]


def test_cells_that_are_all_the_same_are_no_number_that_is_not_one(module):
    measures = module("measures")
    made = level(SQUARE, torch.ones(64, 5), torch.full((64, 3, 4, 4), 0.5))
    assert measures.coherence(made, 0) == (0, 0)
    assert measures.images_alike(made, 0) == (0, 0)


def test_likeness_of_icons_is_the_correlation_of_their_pixels(module):
    images = torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    places = [(0, 0), (0, 1), (1, 0), (1, 1)]
    found, _ = module("measures").images_alike(level(places, random(4, 3), images), 0)
    pairs = [(0, 1), (2, 3), (0, 2), (1, 3)]
    wanted = np.mean([np.corrcoef(images[a].flatten(), images[b].flatten())[0, 1] for a, b in pairs])
    assert found == pytest.approx(wanted, abs=1e-5)
    brighter = 0.5 * images + torch.tensor([0.0, 0.1, 0.2, 0.3])[:, None, None, None]
    assert module("measures").images_alike(level(places, random(4, 3), brighter), 0)[0] == pytest.approx(
        found, abs=1e-5
    )


def test_icons_and_their_negatives_on_a_board_are_opposites(module):
    picture = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = torch.stack([picture if (row + column) % 2 else 1 - picture for row, column in SQUARE])
    ours, shuffled = module("measures").images_alike(level(SQUARE, random(64, 3), images), 0)
    assert ours == pytest.approx(-1, abs=1e-5)
    assert abs(shuffled) < 0.06


# Entropy


@pytest.mark.parametrize("count", [1, 2, 3, 10])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_equal_classes_have_the_logarithm_of_their_number_as_entropy(module, count, scale):
    row = torch.full((1, 12), -5.0)
    row[0, :count] = scale
    assert float(module("measures").entropies(row)) == pytest.approx(math.log2(count), abs=1e-6)


def test_entropies_are_of_each_row_and_ignore_what_is_negative(module):
    rows = torch.tensor([[1.0, 0, 0, 0], [2, 1, 1, 0], [2, 1, 1, -7], [-1, -1, -1, -1], [0, 0, 0, 0]])
    found = module("measures").entropies(rows)
    torch.testing.assert_close(found, torch.tensor([0, 1.5, 1.5, 0, 0], dtype=torch.float64))


# Removal


class Deep(nn.Module):
    """A classifier whose layer `low` sees a curved rest, and whose layer `high` a linear one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.low, self.high, self.fc = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 8, 3), nn.Linear(8, 5)
        self.requires_grad_(requires_grad=False).eval()

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.tanh(9 * self.low(images - 0.5))
        return self.fc(self.high(maps).mean((2, 3)))


def removed(module, monkeypatch, layer: str, cells: Tensor, most: int = 128):
    """Run the removal on a tiny network, of whose activations it is given which cell each lies in."""
    measures, model = module("measures"), Deep()
    draws = torch.Generator().manual_seed(1)
    source = DataSet([torch.rand(3, 12, 12, generator=draws) for _ in range(30)], "noise")
    found = collect(model, source, layer, Sampling(positions=2, size=12, keep=5))
    count = int(cells.max()) + 1
    inside = cells[cells >= 0].bincount(minlength=count)
    grid = Grid(count, torch.zeros(count, dtype=torch.long), torch.arange(count), inside, cells)
    icons = Icons(torch.zeros(count, 3, 2, 2), torch.zeros(count), torch.zeros(count, dtype=torch.bool))
    made = Level(grid, grid.mean(found.activations.float()), found.attributed().mean(grid), icons)
    monkeypatch.setattr(measures, "atlas", lambda *_: SimpleNamespace(levels=[made]))
    monkeypatch.setattr(measures, "collection", lambda *_: found)
    monkeypatch.setattr(measures, "photographs", lambda *_: source)
    config = SimpleNamespace(model="deep", sampling=Sampling(size=12))
    begun = SimpleNamespace(
        config=config, seed=0, device="cpu", model=lambda _: model, part=lambda _, compute, *_told: compute()
    )
    return measures.removal(begun, layer, most, batch=7)


def test_where_the_network_is_linear_above_attribution_is_what_removal_takes(module, monkeypatch):
    found = removed(module, monkeypatch, "high", torch.arange(60))
    torch.testing.assert_close(found.lost, found.said, rtol=2e-3, atol=2e-4)  # activations are kept in half precision
    assert found.correlation > 0.999
    assert found.said.std() > 10 * (found.lost - found.said).abs().max()


def test_where_the_network_is_curved_above_attribution_is_not_what_removal_takes(module, monkeypatch):
    found = removed(module, monkeypatch, "low", torch.arange(60))
    assert found.correlation < 0.95
    assert len(found.said) == 60


def test_what_lies_in_no_cell_is_left_out_and_no_more_are_taken_than_asked_for(module, monkeypatch):
    cells = torch.full((60,), -1)
    cells[torch.arange(60) % 3 > 0] = torch.arange(40)
    found = removed(module, monkeypatch, "high", cells)
    assert len(found.lost) == 40
    torch.testing.assert_close(found.lost, found.said, rtol=2e-3, atol=2e-4)
    few = removed(module, monkeypatch, "high", cells, most=9)
    assert len(few.lost) == len(few.said) == 9


def test_correlation_is_pearsons(module):
    one, other = random(30), random(30, seed=1)
    said, lost = torch.stack([one, other]), torch.stack([one + other, one - other])
    wanted = [np.corrcoef(row, taken)[0, 1] for row, taken in zip(said, lost, strict=True)]
    assert module("measures").Removal(said, lost).correlation == pytest.approx(np.mean(wanted), abs=1e-5)


# Photographs


def test_crops_are_parts_of_the_photographs_in_turn_and_repeat(module):
    crops, names = module("atlases").crops, ("astronaut", "coffee")
    cut = crops(names, 6, 3)
    for number, one in enumerate(cut):
        whole = photo(f"skimage/{names[number % 2]}")[0]
        corners = (whole[:, :-223, :-223] == one[:, :1, :1]).all(0).nonzero().tolist()
        assert any(torch.equal(whole[:, top : top + 224, left : left + 224], one) for top, left in corners)
    assert len({float(one.double().sum()) for one in cut}) == 6
    assert all(torch.equal(one, again) for one, again in zip(cut, crops(names, 6, 3), strict=True))
    assert not torch.equal(cut[0], crops(names, 6, 4)[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten pictures, each all of one shade."""
    made = tmp_path_factory.mktemp("photographs")
    for number in range(10):
        Image.new("RGB", (40, 30), (20 * number,) * 3).save(made / f"{number}.png")
    return made


@pytest.mark.parametrize(
    ("limit", "taken"), [(None, range(10)), (99, range(10)), (10, range(10)), (5, (0, 2, 4, 6, 8)), (4, (0, 2, 5, 7))]
)
def test_fewer_photographs_are_spread_evenly(run, module, folder, limit, taken):
    other = replace(changed(run, imagenet=str(folder), limit=limit), fallback=False)
    source = module("atlases").photographs(other)
    assert [int(path.stem) for path in source.paths] == list(taken)


@pytest.mark.parametrize("limit", [None, 1, 3, 7, 30, 40])
def test_few_photographs_of_ten_classes_are_of_all(run, module, monkeypatch, limit):
    paths = {f"{place:02}": Path(f"class{place // 3}/{place:02}.jpg") for place in range(30)}
    monkeypatch.setattr(module("atlases"), "fetch", lambda _: paths)
    source = module("atlases").ten_classes(replace(changed(run, limit=limit), fallback=False))
    taken = [int(path.stem) for path in source.paths]
    steps = [after - before for before, after in pairwise(taken)]
    assert max(steps, default=0) - min(steps, default=0) <= 1
    assert len(taken) == min(limit or 30, 30)


def test_without_photographs_crops_stand_in_as_many_as_asked_for(run, module):
    atlases = module("atlases")
    thousand, ten = atlases.photographs(run), atlases.ten_classes(run)
    assert len(thousand) == len(ten) == run.config.limit
    assert thousand.name != ten.name
    assert not torch.equal(read_images(thousand, [2]), read_images(ten, [2]))


# Configurations


def test_classes_and_layers_of_every_preset_are_there(paper, embedded):
    for preset in paper.presets:
        config = paper.embedded(paper.config(preset))
        attacks = [name for one in config.attacks for name in (one.source, one.target, one.named)]
        names = (*config.classes, config.through, *config.pair, *config.focus, *attacks)
        assert all(0 <= class_index(embedded, name) < 1000 for name in names)
        assert len({class_index(embedded, name) for name in attacks}) == 9
        for layer in (*config.layers, config.main, config.class_layer, config.other_layer):
            find_layer(embedded, layer)
        assert config.model == config.other_model == "efficientnet_lite0"
        assert config.main in config.layers
        assert config.class_layer in config.layers
        assert list(config.layers) == sorted(config.layers, key=lambda layer: int(layer.rpartition(".")[2]))


@pytest.mark.mirror
def test_layers_and_classes_of_every_preset_are_googlenets(paper, googlenet, module):
    for preset in paper.presets:
        config = paper.config(preset)
        for layer in (*config.layers, config.main, config.class_layer):
            find_layer(googlenet, layer)
        assert config.main in config.layers
        assert config.class_layer in config.layers
    assert set(module("config").STAND_INS) >= {layer for name in paper.presets for layer in paper.config(name).layers}
    assert [class_index(googlenet, name) for name in paper.config("paper").pair] == [801, 983]


def test_an_atlas_that_zooms_doubles(paper):
    for config in configurations(paper):
        for densities in (config.main_densities, config.densities):
            assert all(finer == 2 * coarser for coarser, finer in pairwise(densities))
        assert list(config.shares) == sorted(set(config.shares))
        assert config.shares[0] == 0


def test_the_paper_preset_has_the_articles_numbers(paper):
    config = paper.config("paper")
    assert (config.model, config.layers[-1], config.class_layer) == ("googlenet", "inception_5b", "inception_5b")
    assert (config.sampling.positions, config.sampling.edge) == (1, 1)
    reduction, icons = config.atlas.reduction, config.atlas.icons
    assert (reduction.method, reduction.neighbors, reduction.min_dist) == ("umap", 50, 0.05)
    assert (icons.size, icons.recipe.steps, icons.tries) == (80, 1024, 4)
    assert config.main_densities == (20, 40, 80, 160)
    assert (config.class_count, config.class_density, config.class_minimum) == (3000, 8, 4)
    assert (config.pair, config.pair_count, config.pair_density) == (("snorkel", "scuba diver"), 2000, 10)
    assert config.share == 0.4
    rates = {(one.source, one.target, one.named): (*one.patched, *one.noise) for one in config.attacks}
    assert rates == {
        ("snorkel", "scuba diver", "steam locomotive"): (85.0, 65.4, 13.9, 4.2),
        ("grey whale", "great white shark", "baseball"): (40.5, 18.8, 11.3, 4.3),
        ("frying pan", "wok", "carbonara"): (44.9, 25.6, 18.3, 4.6),
    }


def test_the_released_preset_has_the_notebooks_numbers(paper):
    config = paper.config("released")
    reduction, icons = config.atlas.reduction, config.atlas.icons
    assert (config.main, config.limit) == ("inception_4c", 100_000)
    assert (reduction.method, reduction.neighbors, reduction.min_dist) == ("umap", 20, 0.01)
    assert (config.atlas.minimum, config.atlas.clip, config.main_densities) == (10, (1, 99), (20,))
    assert (icons.recipe.steps, icons.cosine_power, icons.tries) == (512, 4, 1)


def test_a_recipe_follows_the_seed_and_keeps_what_is_not_asked_for(run, module):
    made = module("atlases").recipe(changed(run, seed=7), (4, 8), 3)
    assert (made.densities, made.minimum, made.reduction.seed, made.icons.seed) == ((4, 8), 3, 7, 7)
    plain, own = module("atlases").recipe(run, (4, 8)), run.config.atlas
    assert plain == replace(own, densities=(4, 8))


# Atlases


def test_atlases_have_the_densities_and_the_layers_that_were_asked_for(run, module):
    atlases, config = module("atlases"), run.config
    for layer in config.layers:
        made = atlases.atlas(run, layer)
        densities = config.main_densities if layer == config.main else config.densities
        assert made.layer == layer
        assert [one.grid.density for one in made.levels] == list(densities)
        assert all(int(one.grid.counts.min()) >= config.atlas.minimum for one in made.levels)
    assert atlases.other_atlas(run).layer == config.other_layer
    assert atlases.ten_atlas(run).layer == config.class_layer
    assert not torch.equal(atlases.ten_atlas(run).layout, atlases.atlas(run, config.class_layer).layout)


def test_a_class_atlas_speaks_of_its_class_more_than_the_whole(run, module):
    atlases, config = module("atlases"), run.config
    whole = atlases.atlas(run, config.class_layer).levels[0]
    for name in config.classes:
        (index,) = atlases.indices(run, (name,))
        own = atlases.class_atlas(run, name).levels[0]
        assert own.grid.density == config.class_density
        assert own.attributions[:, index].mean() > whole.attributions[:, index].mean()
        assert len(own.grid.cells) <= config.class_count + len(whole.grid.cells) // 4


def test_two_classes_lie_at_the_two_sides(run, module):
    made = module("atlases").pair_atlas(run).levels[0]
    first, second = module("atlases").indices(run, run.config.pair)
    differences = made.attributions[:, first] - made.attributions[:, second]
    means = [float(differences[made.grid.columns == column].mean()) for column in made.grid.columns.unique()]
    assert len(means) > 1
    assert means == sorted(means)


def test_objectives_differ_in_one_thing_each(paper, module):
    made = module("atlases").objectives(paper.config("book"))
    assert [(one.cosine_power, one.whitened) for one in made.values()] == [
        (0, False),
        (1, False),
        (4, False),
        (4, True),
    ]


def test_studied_cells_are_spread_over_the_atlas(run, module):
    size = len(module("atlases").atlas(run, run.config.main).levels[0].grid)
    for count in (1, 2, 5, 10**6):
        cells = module("atlases").studied_cells(changed_atlas := changed(run, objective_cells=count)).tolist()
        assert changed_atlas.config.objective_cells == count
        assert cells == sorted(set(cells))
        assert len(cells) == min(count, size)
        assert cells[0] == 0
        assert cells[-1] < size
        assert {after - before for before, after in pairwise(cells)} <= {size // len(cells), -(-size // len(cells))}


def test_aligned_icons_have_one_start_and_the_same_cells(run, module):
    atlases, alike = module("atlases"), module("measures").images_alike
    recipe = run.config.atlas
    begun = replace(recipe, icons=replace(recipe.icons, recipe=replace(recipe.icons.recipe, steps=0)))
    other = changed(run, atlas=begun, main_densities=run.config.main_densities[:1])
    own, aligned = atlases.atlas(other, run.config.main).levels[0], atlases.aligned_level(other)
    assert aligned.grid is own.grid
    assert alike(aligned, run.seed)[0] == pytest.approx(1, abs=1e-5)
    assert alike(own, run.seed)[0] < 0.5


# Patches


@pytest.fixture
def most(run, module, monkeypatch):
    """The class with most photographs, and these; runs with other settings find the same photographs."""
    members = module("patching").by_class(run)
    monkeypatch.setattr(module("patching"), "by_class", lambda _: members)
    return max(members.items(), key=lambda entry: len(entry[1]))


def test_the_stand_ins_for_ten_classes_are_what_the_network_sees(run, module):
    found = module("patching").by_class(run)
    assert 1 <= len(found) <= 10
    assert list(found) == sorted(found)
    members = [(source.name, number) for few in found.values() for source, number in few]
    assert len(set(members)) == len(members)
    model = run.model(run.config.model)
    for index, few in found.items():
        source, number = few[-1]
        assert int(model(read_images(source, [number])).argmax()) == index


def test_pairs_differ_and_are_found_again(run, module):
    patching = module("patching")
    pairs = patching.pairs(run)
    assert pairs == patching.pairs(run)
    assert 1 <= len(pairs) <= run.config.found_pairs
    assert len({(pair.source, pair.target) for pair in pairs}) == len(pairs)
    known = set(patching.by_class(run))
    for pair in pairs:
        assert pair.source != pair.target
        assert {pair.source, pair.target} <= known
        assert pair.suggestion.named not in (pair.source, pair.target)
        assert pair.suggestion.strength > 0


@pytest.mark.usefixtures("most")
def test_where_too_few_classes_are_seen_one_pair_is_enough(run, module, monkeypatch):
    made = module("atlases").ten_atlas(run)
    monkeypatch.setattr(module("patching"), "ten_atlas", lambda _: made)
    assert len(module("patching").pairs(changed(run, found_pairs=1000))) == 1


@pytest.mark.parametrize("count", [1, 4, 1000])
def test_victims_are_classified_correctly_and_no_more_than_asked_for(run, module, most, count):
    index, members = most
    found = module("patching").victims(changed(run, victims=count), index)
    assert len(found) == min(count, len(members))  # without weights a class is what the network sees
    assert (run.model(run.config.model)(found).argmax(1) == index).all()
    assert len({float(image.double().sum()) for image in found}) == len(found)


def test_victims_that_are_not_classified_correctly_are_replaced_by_those_that_are(run, module, most, monkeypatch):
    """Of many members only the last are of the class; those that were left out at first have their turn."""
    patching, (index, members) = module("patching"), most
    wrong = next(few for other, few in patching.by_class(run).items() if other != index)[0]
    mixed = [members[0] if place % 8 == 7 else wrong for place in range(24)]
    monkeypatch.setattr(patching, "by_class", lambda _: {index: mixed})
    assert len(patching.victims(changed(run, victims=4), index)) == 3


def test_attacks_are_kept_whole(run, module):
    """What is kept as tensors and read again is what the attack gave."""
    patching, model = module("patching"), run.model(run.config.model)
    images = read_images(module("atlases").photographs(run), [0])
    patches = {"photograph": images.flip(3), "noise": patching.noise(run)}
    kept = patching._tried(run, images, patches, 107)
    assert len(kept) == 2 * 4
    for way, patch in patches.items():
        direct = patch_attack(model, images, patch, 107, share=run.config.share)
        again = patching._attack(kept, way, 107)
        for field in dataclasses.fields(direct):
            one, other = getattr(direct, field.name), getattr(again, field.name)
            assert torch.equal(torch.as_tensor(one), torch.as_tensor(other)), field.name


def test_every_pair_is_attacked_in_every_way(run, module):
    patching = module("patching")
    found = patching.attacked(run)
    assert tuple(found) == patching.pairs(run)
    for pair, ways in found.items():
        assert tuple(ways) == patching.WAYS
        assert {len(one.predicted_before) for one in ways.values()} == {len(patching.victims(run, pair.source))}
        assert [one.predicted.shape[1] for one in ways.values()] == [1, 1, 2, 2]
        for one in ways.values():
            assert (one.predicted_before == pair.source).all()
            assert one.target == pair.target
            assert 0 <= one.success_fixed <= one.success_best <= 1


def test_near_classes_are_attacked_on_the_same_photographs_in_every_way(run, module):
    patching = module("patching")
    found = patching.near(run)
    assert tuple(found) == patching.NEAR_WAYS
    assert {rates["count"] for rates in found.values()} == {run.config.near}
    assert len({rates["before"] for rates in found.values()}) == 1
    for rates in found.values():
        assert 0 <= rates["fixed"] <= rates["best"] <= 1
        assert 0 <= rates["probability fixed"] <= rates["probability best"] <= 1
        assert rates["before"] <= 0.5, "the class that the network thinks of second"


def test_near_without_any_photograph_is_one_line(run, module, monkeypatch):
    monkeypatch.setattr(module("patching"), "_tells_apart", lambda *_: False)
    with pytest.raises(BadInput, match=f"none of {run.config.limit} photographs"):
        module("patching").near(changed(run, near=3))


def test_a_cell_tells_apart_that_speaks_for_the_target_and_has_another_name(module):
    tells = module("patching")._tells_apart
    assert tells(level([(0, 0)], torch.tensor([[0.0, 1.0, 0.1]])), 0, 1)
    assert not tells(level([(0, 0)], torch.tensor([[0.0, 1.0, 0.0]])), 0, 1)
    assert not tells(level([(0, 0)], torch.tensor([[1.0, 1.0, 0.1]])), 0, 1)
    assert not tells(level([(0, 0), (0, 1)], torch.tensor([[2.0, 1.0, 0.1], [0.0, 1.0, -0.1]])), 0, 1)


def test_an_attack_of_the_article_is_repeated_with_its_patch_and_noise(run, module):
    patching, model = module("patching"), run.model(run.config.model)
    attack = run.config.attacks[0]
    patch, noise = patching.article_attack(run, attack)
    assert patch.target == noise.target == class_index(model, "scuba diver")
    assert (len(patch.predicted_before), patch.predicted.shape[1], noise.predicted.shape[1]) == (1, 1, 2)
    assert torch.equal(patch.probabilities_before, noise.probabilities_before)
    before = model(patching.single(run, class_index(model, "snorkel"))).softmax(1)[0, patch.target]
    assert patch.probability_before == pytest.approx(float(before), abs=1e-6)


def test_a_patch_grows_from_nothing(run, module):
    patching, model = module("patching"), run.model(run.config.model)
    found = patching.grown(run, run.config.attacks[1])
    assert found.shares == run.config.shares
    assert found.classes == tuple(class_index(model, name) for name in ("grey whale", "great white shark", "baseball"))
    alone = model(patching.single(run, found.classes[0])).softmax(1)[0, list(found.classes)]
    torch.testing.assert_close(found.probabilities[0], alone, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(found.probabilities[1], alone, rtol=1e-4, atol=1e-6)


def test_what_is_kept_of_attacks_is_not_taken_for_other_photographs(run, module):
    """In the same folder, with a limit by which other crops stand in."""
    patching, attack = module("patching"), run.config.attacks[2]
    other = changed(run, limit=11)
    source = class_index(run.model(run.config.model), attack.source)
    assert not torch.equal(patching.single(run, source), patching.single(other, source))
    first, second = (patching.article_attack(one, attack)[0].probability_before for one in (run, other))
    assert first != second
    first, second = (patching.grown(one, attack).probabilities for one in (run, other))
    assert not torch.equal(first, second)


def test_controls_follow_the_seed_and_the_number(run, module):
    controls = module("patching").random_photographs
    assert controls(run, 3).shape == (2, 3, 224, 224)
    assert torch.equal(controls(run, 3), controls(changed(run), 3))
    assert len({float(controls(run, number).double().sum()) for number in range(8)}) > 5
    one, other = module("patching").noise(run)
    assert not torch.equal(one, other)


@pytest.fixture
def whole(paper, available, tmp_path):
    """A smoke run on the article's network and real photographs."""
    for name in paper.needs(paper.config("smoke")):
        available(name)
    begun = Run.start(paper, preset="smoke", out=tmp_path, device="cpu")
    assert not begun.fallback
    return begun


@pytest.mark.mirror
def test_single_photographs_are_of_their_class_and_a_large_patch_is_itself(whole, module, available):
    patching = module("patching")
    files = available("imagenet_sample")
    for name in ("steam locomotive", "snorkel"):
        index = class_index(whole.model("googlenet"), name)
        (path,) = [path for path in files.values() if path.name.startswith(imagenet_classes()[index].wnid)]
        assert torch.equal(patching.single(whole, index), read_images(ImageFiles((path,)), [0]))
    grown = patching.grown(whole, whole.config.attacks[1])
    assert grown.probabilities[1, 2] > 0.9
    assert grown.probabilities[0, 2] < 0.01
    assert grown.predicted.flatten().tolist() == [grown.classes[0], grown.classes[2]]


@pytest.mark.mirror
def test_ten_classes_have_four_hundred_photographs_each_and_victims_are_theirs(whole, module):
    patching = module("patching")
    found = patching.by_class(whole)
    assert len(found) == 10
    assert {len(members) for members in found.values()} == {400}
    index, members = next(iter(found.items()))
    wnid = imagenet_classes()[index].wnid
    assert all(source.paths[number].parent.name == wnid for source, number in members)
    victims = patching.victims(whole, index)
    assert len(victims) == whole.config.victims
    assert (whole.model("googlenet")(victims).argmax(1) == index).all()


# Figures and claims, without weights or photographs


FIGURES = [
    "method", "atlas", "layers", "specificity", "class", "through", "pair", "focus", "focus_icons", "objective",
    "aligned", "query", "data", "histogram", "other", "patches", "sizes",
]  # fmt: skip


def test_every_figure_is_named_here(module):
    assert {name.removesuffix("_figure") for name in vars(module("figures")) if name.endswith("_figure")} == set(
        FIGURES
    )


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn(run, module, name):
    shown = run.show(getattr(module("figures"), f"{name}_figure")(run), name)
    assert min(shown.pixels) >= 64


@pytest.mark.parametrize("name", ["attacks", "pairs", "near"])
def test_every_table_has_its_columns_in_every_row(run, module, name):
    table = getattr(module("figures"), f"{name}_table")(run)
    assert table.rows
    assert all(set(row) >= set(table.columns) for row in table.rows)


def test_every_claim_is_measured_or_says_why_not(paper, run):
    for claim in paper.claims:
        row = claim.row(run)
        assert row["measured"] is None or math.isfinite(row["measured"])
        assert row["note"]


def contents(folder: Path) -> dict[str, Any]:
    text = (folder / "data/contents.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix('receive("contents", ').removesuffix(");\n"))


def test_the_explorer_holds_a_sheet_for_every_atlas(run, module):
    config, atlases = run.config, module("atlases")
    page = run.show_page("explorer", lambda folder: module("figures").explorer(run, folder), title="Atlases")
    told = contents(page.folder)
    assert (page.folder / "index.html").is_file()
    assert told["labels"] == atlases.labels(run)
    sheets = told["sheets"]
    for key in ("title", "name"):
        assert len({sheet[key] for sheet in sheets}) == len(sheets)
    groups = [sheet["group"] for sheet in sheets]
    assert [groups.count(group) for group in dict.fromkeys(groups)] == [
        len(config.layers), len(config.classes), len(config.layers), 1, 1,
    ]  # fmt: skip
    assert sheets[0]["layer"] == sheets[0]["title"] == config.main
    assert [sheet["layer"] for sheet in sheets if sheet["group"] == "Over layers"] == list(config.layers)
    assert sheets[0]["densities"] == list(config.main_densities)
    for sheet in sheets:
        assert any((page.folder / "tiles" / sheet["name"]).rglob("*.*"))
        assert all((page.folder / f"data/{sheet['name']}-{density}.js").is_file() for density in sheet["densities"])


def test_titles_of_sheets_differ_in_every_preset(paper):
    """What the explorer is given in other presets: the names in links are the letters and digits of the titles."""
    for config in configurations(paper):
        titles = {config.main, *config.layers}
        wanted = len(titles) + len(config.classes) + len(config.layers)
        titles |= {name.capitalize() for name in config.classes}
        titles |= {f"{config.through.capitalize()}, {layer}" for layer in config.layers}
        assert len(titles) == wanted
