"""Icons: each is the ascent of its own objective and seed, however the work is cut, kept and handed out."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from optimize.linear import IMAGES, MODEL
from PIL import Image
from torch import nn

from innerview.core.errors import BadInput, LayerNotFound
from innerview.core.images import to_array
from innerview.core.store import Store
from innerview.core.work import Work
from innerview.models import activations
from innerview.optimize import (
    ActivationGrid,
    Icons,
    Recipe,
    Spritemap,
    activation_grid,
    ascend,
    channel,
    direction,
    icons,
    spritemap,
    visualize,
)

QUICK = Recipe(steps=3, pieces=1)  # with pieces of one, batches of any size give the same bits
OF_LAYER = partial(channel, "2")


class Network(nn.Sequential):
    """Small and random; counts its runs, and breaks off at one of them once. Channel 4 of its last layer is dead."""

    def __init__(self, breaks_at=None):
        torch.manual_seed(0)
        super().__init__(nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.ReLU())
        self.requires_grad_(False)
        last: Any = self[2]
        last.weight[4] = 0
        last.bias.fill_(0.5)[4] = 0
        self.runs, self.breaks_at = 0, breaks_at

    def forward(self, input):  # noqa: A002  (torch's name)
        self.runs += 1
        if self.runs == self.breaks_at:
            raise KeyboardInterrupt
        return super().forward(input)


def same(one: Icons, other: Icons) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("images", "values", "dead"))


# Icons


def test_an_icon_is_the_visualization_of_its_objective_and_seed():
    found = icons(Network(), OF_LAYER, [1, 3, 1], size=16, seed=7, recipe=QUICK)
    assert found.images.shape == (3, 3, 16, 16)
    for place, index in enumerate([1, 3, 1]):
        alone = visualize(Network(), channel("2", index), size=16, seed=7 + place, recipe=QUICK)
        assert torch.equal(found.images[place], alone.images[0])
        assert torch.equal(found.values[place], alone.values[0])
    assert not torch.equal(found.images[0], found.images[2])  # the same channel, from another seed


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 16])
def test_batches_change_nothing_and_hold_the_items_in_their_order(batch):
    asked = []

    def make(items):
        asked.append(tuple(items))
        return channel("2", items)

    channels = [5, 1, 0, 3, 2]
    found = icons(Network(), make, channels, size=16, recipe=QUICK, batch=batch)
    assert asked == [tuple(channels[start : start + batch]) for start in range(0, 5, batch)]
    assert same(found, icons(Network(), OF_LAYER, channels, size=16, recipe=QUICK))


def test_directions_are_items_too():
    vectors = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    found = icons(Network(), partial(direction, "2"), vectors, size=16, recipe=QUICK, batch=2)
    for place, vector in enumerate(vectors):
        alone = visualize(Network(), direction("2", vector), size=16, seed=place, recipe=QUICK)
        assert torch.equal(found.images[place], alone.images[0])


def test_dead_units_are_marked_and_no_error():
    found = icons(Network(), partial(channel, "3"), [4, 0, 4], size=16, recipe=QUICK, batch=1)
    assert found.dead.tolist() == [True, False, True]
    assert found.values[[0, 2]].tolist() == [0, 0]


@pytest.mark.parametrize(("items", "batch"), [([], 16), (torch.zeros(0, 6), 16), ([1], 0)])
def test_nothing_to_make_is_refused(items, batch):
    with pytest.raises(BadInput, match="cannot be made; give at least one of each"):
        icons(Network(), OF_LAYER, items, size=16, recipe=QUICK, batch=batch)


# Work


def test_what_was_interrupted_goes_on_and_makes_nothing_twice(tmp_path):
    whole = Network()
    wanted = icons(whole, OF_LAYER, range(5), size=16, recipe=QUICK, batch=2)
    a_third = whole.runs // 3
    work, broken = Work(Store(tmp_path)), Network(breaks_at=whole.runs // 2)
    with pytest.raises(KeyboardInterrupt):
        icons(broken, OF_LAYER, range(5), size=16, recipe=QUICK, batch=2, work=work)
    assert len(list(tmp_path.iterdir())) == 1
    again = Network()
    found = icons(again, OF_LAYER, range(5), size=16, recipe=QUICK, batch=2, work=work)
    assert same(found, wanted)
    assert 0 < again.runs <= whole.runs - a_third
    third = Network()
    assert same(icons(third, OF_LAYER, range(5), size=16, recipe=QUICK, batch=2, work=work), wanted)
    assert third.runs == 0


def other_weights():
    model: Any = Network()
    model[0].weight += 0.1
    return model


@pytest.mark.parametrize(
    "change",
    [
        {"model": other_weights()},
        {"items": [1, 2]},
        {"make": partial(channel, "1")},
        {"make": partial(direction, "2"), "items": torch.eye(6)[:2]},
        {"size": 17},
        {"seed": 1},
        {"recipe": replace(QUICK, steps=2)},
        {"recipe": replace(QUICK, transforms=())},
    ],
    ids=["model", "items", "layer", "objective", "size", "seed", "steps", "transforms"],
)
def test_kept_icons_are_not_taken_for_others(tmp_path, change):
    asked: dict[str, Any] = {"model": Network(), "make": OF_LAYER, "items": [0, 1], "size": 16, "recipe": QUICK}
    icons(**asked, work=Work(Store(tmp_path)))
    changed = asked | change
    found = icons(**changed, work=Work(Store(tmp_path)))
    assert same(found, icons(**changed))
    assert len(list(tmp_path.iterdir())) == 2


def test_other_directions_are_other_files(tmp_path):
    work, make = Work(Store(tmp_path)), partial(direction, "2")
    for vectors in (torch.eye(6)[:2], torch.eye(6)[:2] + 0.1, torch.eye(6)[:2]):
        found = icons(Network(), make, vectors, size=16, recipe=QUICK, work=work)
        assert same(found, icons(Network(), make, vectors, size=16, recipe=QUICK))
    assert len(list(tmp_path.iterdir())) == 2


def test_threads_give_the_same(tmp_path):
    model = Network()
    with ThreadPoolExecutor(3) as executor:
        work = Work(Store(tmp_path), executor)
        found = icons(model, OF_LAYER, range(6), size=16, recipe=QUICK, batch=1, work=work)
    assert same(found, icons(Network(), OF_LAYER, range(6), size=16, recipe=QUICK))
    assert len(list(tmp_path.iterdir())) == 6
    assert "forward" not in vars(model)
    assert not any(module._forward_hooks for module in model.modules())


# Sprites


@pytest.fixture(scope="module")
def sprites():
    """Five channels of the small network, the last dead."""
    return spritemap(Network(), "3", [3, 0, 1, 5, 4], size=16, seed=2, recipe=QUICK, batch=2)


def test_sprites_are_the_icons_of_the_channels(sprites):
    assert sprites.layer == "3"
    assert sprites.channels == (3, 0, 1, 5, 4)
    assert same(sprites.icons, icons(Network(), partial(channel, "3"), [3, 0, 1, 5, 4], size=16, seed=2, recipe=QUICK))


def test_every_channel_of_the_layer_by_default():
    assert spritemap(Network(), "2", size=16, recipe=replace(QUICK, steps=0)).channels == (0, 1, 2, 3, 4, 5)
    assert spritemap(MODEL.float(), "tokens", size=4, recipe=replace(QUICK, steps=0, transforms=())).channels == (
        *range(5),
    )
    MODEL.double()


def test_the_index_says_where_on_the_sheet_each_channel_lies(sprites):
    sheet, index = sprites.sheet(), sprites.index()
    assert sheet.shape == (32, 48, 3)
    assert (index["layer"], index["size"], index["columns"]) == ("3", 16, 3)
    assert [entry["channel"] for entry in index["icons"]] == [3, 0, 1, 5, 4]
    assert len({(entry["left"], entry["top"]) for entry in index["icons"]}) == 5
    arrays = to_array(sprites.icons.images)
    for entry, array, value in zip(index["icons"], arrays, sprites.icons.values.tolist(), strict=True):
        block = sheet[entry["top"] : entry["top"] + 16, entry["left"] : entry["left"] + 16]
        np.testing.assert_array_equal(block, array)
        assert entry["value"] == pytest.approx(value, abs=5e-5)
    assert (sheet[16:, 32:] == 255).all()


def test_dead_channels_are_marked_in_the_index(sprites):
    assert [entry["channel"] for entry in sprites.index()["icons"] if entry["dead"]] == [4]


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (4, 2), (5, 3), (9, 3), (10, 4)])
def test_a_sheet_is_about_as_wide_as_high(count, columns):
    made = Icons(torch.zeros(count, 3, 2, 2), torch.zeros(count), torch.zeros(count, dtype=torch.bool))
    assert Spritemap("a", tuple(range(count)), made).columns == columns


def test_a_spritemap_is_written_as_a_picture_and_its_index(sprites, tmp_path):
    sprites.write(tmp_path / "sheets" / "a.png")
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["a.json", "a.png"]
    with Image.open(tmp_path / "sheets" / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), sprites.sheet())
    assert json.loads((tmp_path / "sheets" / "a.json").read_text()) == sprites.index()


@pytest.mark.parametrize(
    ("layer", "channels", "error", "message"),
    [
        ("2", [0, 6], BadInput, "'2' has the channels 0 to 5; 0, 6 is out of range"),
        ("2", [], BadInput, "0 icons in batches of 16 cannot be made"),
        ("4", None, LayerNotFound, "no layer '4'"),
    ],
)
def test_sprites_that_cannot_be_are_said(layer, channels, error, message):
    with pytest.raises(error, match=message):
        spritemap(Network(), layer, channels, size=16, recipe=QUICK)


# Grids


@pytest.fixture(scope="module")
def image():
    return torch.rand(1, 3, 19, 15, generator=torch.Generator().manual_seed(3))


def test_a_grid_holds_the_activations_and_an_icon_for_each_place(image):
    model = Network()
    found = activation_grid(model, image, "2", size=16, recipe=QUICK, batch=4)
    read = activations(model, image, "2")["2"][0]
    assert read.shape == (6, 6, 4)
    assert torch.equal(found.vectors, read)
    assert found.icons.images.shape == (24, 3, 16, 16)
    place = 2 * 4 + 1  # row 2, column 1
    wanted = direction("2", read[:, 2, 1], cosine_power=1.0)
    assert torch.equal(found.icons.images[place], ascend(model, wanted, size=16, seed=place, recipe=QUICK).images[0])


def test_fewer_places_are_averages(image):
    model = Network()
    found = activation_grid(model, image, "2", places=2, size=16, recipe=QUICK)
    read = activations(model, image, "2")["2"][0]
    wanted = read.reshape(6, 2, 3, 2, 2).mean((2, 4))
    torch.testing.assert_close(found.vectors, wanted)
    assert len(found.icons.images) == 4
    more = activation_grid(model, image, "2", places=5, size=16, recipe=replace(QUICK, steps=0))
    assert more.vectors.shape == (6, 5, 4)  # not more than the layer has


VECTORS = torch.tensor([[[3.0, 0.0], [0.5, -2.0]], [[4.0, 1.0], [0.0, 1.5]], [[0.0, 2.0], [2.5, 0.0]]])
LENGTHS = [[5.0, 5.0**0.5], [6.5**0.5, 2.5]]


def grid_of(images, vectors=VECTORS):
    count = len(images)
    return ActivationGrid(vectors, Icons(images, torch.zeros(count), torch.zeros(count, dtype=torch.bool)))


def test_the_strongest_channels_of_each_place_come_first():
    indices, values = grid_of(torch.zeros(4, 3, 8, 8)).strongest(2)
    assert indices.tolist() == [[[1, 2], [2, 1]], [[0, 1], [0, 2]]]
    assert values.tolist() == [[[4, 2], [2.5, 1.5]], [[3, 1], [0.5, 0]]]


def test_the_areas_of_scaled_icons_are_as_the_lengths_of_their_vectors():
    found = grid_of(torch.zeros(4, 3, 20, 20))
    assert not found.sheet().any()
    sheet = found.sheet(scaled=True)
    assert sheet.shape == (40, 40, 3)
    for row in range(2):
        for column in range(2):
            block = sheet[20 * row : 20 * row + 20, 20 * column : 20 * column + 20, 0]
            side = round(20 * (LENGTHS[row][column] / 5) ** 0.5)
            start = (20 - side) // 2
            wanted = np.full((20, 20), 255)
            wanted[start : start + side, start : start + side] = 0
            np.testing.assert_array_equal(block, wanted)


def test_a_sheet_lays_the_places_out_as_the_layer_does():
    levels = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])[:, None, None, None].expand(6, 3, 8, 8)
    for scaled in (False, True):
        sheet = grid_of(levels, torch.ones(4, 2, 3)).sheet(scaled)
        assert sheet.shape == (16, 24, 3)
        assert sheet[::8, ::8, 0].tolist() == [[0, 51, 102], [153, 204, 255]]


class Relu(nn.Sequential):
    """Sees nothing in black."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Conv2d(3, 8, 1, bias=False), nn.ReLU())


def test_a_place_where_the_layer_sees_nothing_stays_white():
    image = torch.rand(1, 3, 2, 3, generator=torch.Generator().manual_seed(0))
    image[..., 0, 1] = image[..., 1, 2] = 0
    found = activation_grid(Relu(), image, "1", size=8, recipe=replace(QUICK, transforms=()))
    assert found.icons.dead.tolist() == [False, True, False, False, False, True]
    assert (found.icons.images[found.icons.dead] == 1).all()
    assert found.icons.values[found.icons.dead].tolist() == [0, 0]
    assert bool((found.icons.images[~found.icons.dead].flatten(1).std(1) > 0).all())
    sheet = found.sheet(scaled=True)
    assert (sheet[:8, 8:16] == 255).all()
    assert not (sheet[:8, :8] == 255).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": torch.rand(2, 3, 16, 16)}, "a grid shows one image, not 2"),
        ({"image": torch.zeros(1, 3, 4, 4), "model": Relu(), "layer": "1"}, "'1' sees nothing in the image"),
        ({"places": 0}, "a grid has at least one place along each side, not 0"),
        ({"model": MODEL, "layer": "tokens", "image": IMAGES[:1]}, "'tokens' has no rows and columns"),
        ({"model": MODEL, "layer": "fc", "image": IMAGES[:1]}, "'fc' has no rows and columns"),
    ],
)
def test_grids_that_cannot_be_are_said(change, message):
    asked: dict[str, Any] = {"model": Network(), "image": torch.rand(1, 3, 16, 16), "layer": "2"}
    with pytest.raises(BadInput, match=message):
        activation_grid(**asked | change, size=16, recipe=QUICK)
