"""The explorer's folder: its tiles, its numbers, and that it is written whole or not at all."""

import base64
import html
import json
import re
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from atlas.sheets import atlas, random_level
from PIL import Image

from innerview.atlas import tiles
from innerview.atlas.export import STEPS, Sheet, export_explorer, packed
from innerview.atlas.tiles import GROUND, LARGEST, pyramid, strips
from innerview.core.errors import BadInput, NotFinite, OutputError
from innerview.optimize.icons import Icons

LABELS = ["ant", "bee", "cat", "dog", "elk", "fox"]
JPEG = 4  # of 255 levels: flat icons on whole blocks lose next to nothing


def export(folder, *sheets, labels=LABELS, keep=3, title="A map"):
    return export_explorer(folder, sheets, labels, title=title, keep=keep)


def received(path: Path):
    """What a data file hands to the page."""
    text = path.read_text(encoding="utf-8")
    start, end = f'receive("{path.stem}", ', ");\n"
    assert text.startswith(start)
    assert text.endswith(end)
    return json.loads(text[len(start) : -len(end)])


def joined(folder: Path, side: int) -> np.ndarray:
    """The picture that tiles make, each in its place and none larger than `side`."""
    tiles = {tuple(map(int, path.stem.split("_"))): np.asarray(Image.open(path)) for path in folder.glob("*.jpg")}
    columns, rows = (max(place) + 1 for place in zip(*tiles, strict=True))
    assert len(tiles) == columns * rows
    assert all(tile.shape[:2] == (side, side) for (c, r), tile in tiles.items() if c < columns - 1 and r < rows - 1)
    return np.concatenate([np.concatenate([tiles[c, r] for c in range(columns)], axis=1) for r in range(rows)])


def sheet_of(level) -> np.ndarray:
    """The sheet, icon by icon."""
    icon = level.icons.images.shape[-1]
    sheet = np.full((level.grid.density * icon,) * 2 + (3,), float(GROUND))
    for row, column, image in zip(level.grid.rows, level.grid.columns, level.icons.images, strict=True):
        sheet[row * icon : (row + 1) * icon, column * icon : (column + 1) * icon] = image.permute(1, 2, 0) * 255
    return sheet


def everything(folder: Path):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("icon", "densities"), [(8, (70, 140)), (64, (2, 4, 8)), (9, (61,)), (300, (1, 2)), (600, (1,))]
)
def test_a_pyramid_doubles_and_its_smallest_level_is_one_tile(icon, densities):
    plan = pyramid(icon, densities)
    assert plan.sides[-len(densities) :] == tuple(icon * density for density in densities)
    assert all(smaller == -(-larger // 2) for smaller, larger in zip(plan.sides, plan.sides[1:], strict=False))
    assert plan.sides[0] <= plan.side
    assert plan.below == 0 or plan.sides[1] > plan.side
    assert plan.side % (2 * icon) == 0
    assert plan.side <= max(LARGEST, 2 * icon)


@pytest.mark.parametrize("icon", [8, 24])
def test_tiles_of_a_level_are_the_sheet_of_its_density(tmp_path, icon):
    levels = (random_level(35, icon=icon), random_level(70, icon=icon))
    plan = pyramid(icon, (35, 70))
    export(tmp_path / "out", Sheet(atlas(*levels), "Mixed 4c"))
    for number, level in enumerate(levels):
        picture = joined(tmp_path / "out/tiles/mixed-4c" / str(plan.below + number), plan.side)
        assert picture.shape == (icon * level.grid.density,) * 2 + (3,)
        assert np.abs(picture - sheet_of(level)).max() <= JPEG
        assert np.abs(np.concatenate(list(strips(level, plan))) - sheet_of(level)).max() <= 0.5


def test_levels_below_the_coarsest_grid_are_its_sheet_made_smaller(tmp_path):
    level = random_level(130, icon=9)  # 1170 pixels: 585 and 293 below
    plan = pyramid(9, (130,))
    export(tmp_path / "out", Sheet(atlas(level), "Mixed"))
    sheet = Image.fromarray(sheet_of(level).round().astype(np.uint8))
    folders = sorted((tmp_path / "out/tiles/mixed").iterdir())
    assert [len(joined(folder, plan.side)) for folder in folders] == [293, 585, 1170] == list(plan.sides)
    for step, folder in enumerate(reversed(folders)):
        wanted = sheet
        for _ in range(step):
            wanted = wanted.reduce(2)
        difference = joined(folder, plan.side) - np.asarray(wanted, dtype=float)
        assert np.abs(difference).mean() < 6  # edges run through JPEG blocks here
        assert abs(difference.mean()) < 0.5


def test_numbers_come_back_within_half_a_step():
    level = random_level(12)
    told = packed(level, keep=3)
    assert (told["density"], told["keep"]) == (12, 3)
    kinds = {"rows": "<u2", "columns": "<u2", "counts": "<u4", "classes": "<u2", "values": "<i2"}
    arrays = {name: np.frombuffer(base64.b64decode(told[name]), kind) for name, kind in kinds.items()}
    for name in ("rows", "columns", "counts"):
        assert np.array_equal(arrays[name], getattr(level.grid, name))
    classes = arrays["classes"].reshape(len(level.grid), 3)
    for cell, attributions in enumerate(level.attributions.numpy()):
        assert classes[cell].tolist() == np.argsort(-attributions)[:3].tolist()
    values = arrays["values"].reshape(classes.shape) * told["scale"]
    wanted = np.take_along_axis(level.attributions.numpy(), classes.astype(int), axis=1)
    assert np.abs(values - wanted).max() <= told["scale"] / 2 * (1 + 1e-6)
    assert told["scale"] == pytest.approx(np.abs(wanted).max() / STEPS)


def test_attributions_that_are_all_zero_stay_zero():
    level = random_level(3)
    told = packed(replace(level, attributions=torch.zeros_like(level.attributions)), keep=20)
    assert (told["keep"], told["scale"]) == (6, 1.0)
    assert not np.frombuffer(base64.b64decode(told["values"]), "<i2").any()


def test_the_contents_name_maps_levels_and_labels(tmp_path):
    two = Sheet(atlas(random_level(4), random_level(8), layer="mixed4c"), "Mixed 4c")
    one = Sheet(atlas(random_level(5, icon=16), layer="mixed5b"), "Fireboat & streetcar", "Two classes")
    page = export(tmp_path / "out", two, one, title="Ants <& bees>")
    assert page == tmp_path / "out/index.html"
    told = received(tmp_path / "out/data/contents.js")
    assert told["labels"] == LABELS
    assert told["sheets"] == [
        {
            "name": "mixed-4c", "title": "Mixed 4c", "group": "Layers", "layer": "mixed4c",
            "icon": 8, "tile": 512, "below": 0, "densities": [4, 8],
        },
        {
            "name": "fireboat-streetcar", "title": "Fireboat & streetcar", "group": "Two classes", "layer": "mixed5b",
            "icon": 16, "tile": 512, "below": 0, "densities": [5],
        },
    ]  # fmt: skip
    names = {path.stem for path in (tmp_path / "out/data").iterdir()}
    assert names == {"contents", "mixed-4c-4", "mixed-4c-8", "fireboat-streetcar-5"}
    assert received(tmp_path / "out/data/mixed-4c-8.js") == packed(two.atlas.levels[1], 3)
    written = page.read_text(encoding="utf-8")
    assert "<title>Ants &lt;&amp; bees&gt;</title>" in written
    assert "<h1>Ants &lt;&amp; bees&gt;</h1>" in written


def test_the_page_and_what_it_names_lie_in_the_folder_and_nothing_outside_is_named(tmp_path):
    page = export(tmp_path / "out", Sheet(atlas(random_level(4)), "Mixed"))
    named = re.findall(r'(?:src|href)="([^"]+)"', page.read_text(encoding="utf-8"))
    assert len(named) > 8
    assert [name for name in named if name != "data:," and not (page.parent / name).is_file()] == []
    own = [path for path in page.parent.rglob("*") if path.suffix in {".html", ".css", ".js"}]
    own = [path for path in own if path.name != "openseadragon.min.js"]  # it knows the formats of servers; asks none
    assert len(own) > 8
    assert [path.name for path in own if re.search(r"https?://|@import|url\(", path.read_text(encoding="utf-8"))] == []


def test_a_second_export_replaces_the_first(tmp_path):
    folder = tmp_path / "out"
    export(folder, Sheet(atlas(random_level(4)), "Mixed"), Sheet(atlas(random_level(4)), "Other"))
    export(folder, Sheet(atlas(random_level(5)), "Mixed"))
    assert [path.name for path in (folder / "tiles").iterdir()] == ["mixed"]
    assert received(folder / "data/contents.js")["sheets"][0]["densities"] == [5]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_that_runs_out_of_space_leaves_the_old_one(tmp_path):
    folder = tmp_path / "out"
    export(folder, Sheet(atlas(random_level(4)), "Mixed"))
    before = everything(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(len(content) for content in before.values())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 1, hard))  # the page's files fit, the larger data do not
    try:
        with pytest.raises(OutputError, match=r"cannot write .*out: .*; free space or choose another place"):
            export(folder, Sheet(atlas(random_level(250, icon=1, classes=20)), "Mixed"), labels=["x"] * 20, keep=20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert everything(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_swap_that_fails_puts_the_old_one_back(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    export(folder, Sheet(atlas(random_level(4)), "Mixed"))
    before = everything(folder)
    rename = Path.rename

    def failing(path, target):
        if path.name.endswith(".partial"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OutputError, match="Input/output error"):
        export(folder, Sheet(atlas(random_level(5)), "Mixed"))
    assert everything(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BadInput, match="holds other things than an explorer"):
        export(tmp_path, Sheet(atlas(random_level(4)), "Mixed"))
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(BadInput, match="is a file; give a folder"):
        export(tmp_path / "out", Sheet(atlas(random_level(4)), "Mixed"))
    with pytest.raises(OutputError, match="cannot write"):
        export(tmp_path / "out" / "deeper", Sheet(atlas(random_level(4)), "Mixed"))


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb as WCAG 2 defines it."""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_stands_out_from_its_ground(mode):
    style = (Path(tiles.__file__).parent / "explorer/explorer.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colors = dict(re.findall(r"--(\w+): (#\w{6});", blocks[["light", "dark"].index(mode)]))
    for ink in ("ink", "quiet", "accent", "first", "second"):
        for ground in ("ground", "panel", "soft"):
            bright, dark = sorted((luminance(colors[ink]), luminance(colors[ground])), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


def broken(**changes):
    level = random_level(4)
    images = changes.pop("images", level.icons.images)
    icons = Icons(images, torch.zeros(len(images)), torch.zeros(len(images), dtype=torch.bool))
    return replace(level, icons=icons, **changes)


@pytest.mark.parametrize(
    ("levels", "error", "message"),
    [
        ((), BadInput, "'Mixed' has no level"),
        ((random_level(4), random_level(12)), BadInput, r"densities \[4, 12\]; each must be twice the one before"),
        ((random_level(8), random_level(4)), BadInput, "each must be twice"),
        ((broken(images=torch.zeros(len(random_level(4).grid), 3, 8, 9)),), BadInput, "needs square ones"),
        ((broken(images=torch.zeros(3, 3, 8, 8)),), BadInput, "one for each of the"),
        ((random_level(4), random_level(8, icon=16)), BadInput, "of one size"),
        ((random_level(4, classes=7),), BadInput, "attributions to 7 classes, but there are 6 labels"),
        ((broken(attributions=torch.full((len(random_level(4).grid), 6), torch.nan)),), NotFinite, "NaN or infinite"),
        ((broken(images=torch.full((len(random_level(4).grid), 3, 8, 8), torch.inf)),), NotFinite, "NaN or infinite"),
    ],
)
def test_an_atlas_that_cannot_be_shown_is_refused_in_one_line(tmp_path, levels, error, message):
    with pytest.raises(error, match=message) as raised:
        export(tmp_path / "out", Sheet(atlas(*levels), "Mixed"))
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_lists_of_maps_that_cannot_be_shown_are_refused(tmp_path):
    one = atlas(random_level(4))
    with pytest.raises(BadInput, match="at least one atlas"):
        export(tmp_path / "out")
    with pytest.raises(BadInput, match=r"title of its own.*not 'mixed-4C'; 'Mixed 4c' is like it"):
        export(tmp_path / "out", Sheet(one, "Mixed 4c"), Sheet(one, "mixed-4C"))
    with pytest.raises(BadInput, match="title of its own with letters or digits, not '--'"):
        export(tmp_path / "out", Sheet(one, "--"))
    with pytest.raises(BadInput, match="at least one class a cell, not 0"):
        export(tmp_path / "out", Sheet(one, "Mixed"), keep=0)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_the_unfinished_folder_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".out.partial").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="File exists"):
        export(tmp_path / "out", Sheet(atlas(random_level(4)), "Mixed"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("title", ["../../x", "/etc/x", "a\\..\\b", "C:x", "<script>x</script>", "x\0y", "é/../.."])
def test_no_title_leads_out_of_the_folder_and_none_is_more_than_text(tmp_path, title):
    export(tmp_path / "out", Sheet(atlas(random_level(4)), title), title=title, labels=[title] * 6)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(list((tmp_path / "out/tiles").iterdir())) == 1
    contents = received(tmp_path / "out/data/contents.js")
    assert (contents["sheets"][0]["title"], contents["labels"]) == (title, [title] * 6)
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "<script>x" not in page
    assert page.count(html.escape(title)) == 2
