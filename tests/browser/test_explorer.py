"""The explorer of an atlas, opened from the file system in a real browser: what is seen, not what was called."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from atlas.sheets import atlas
from browser.explorers import (
    CLOSE,
    DASH,
    DESKTOP,
    FAINTEST,
    FRAMES,
    LABELS,
    PHONE,
    TIMES,
    WHOLE,
    Reader,
    cells,
    color,
    made,
)
from playwright.sync_api import Browser, Page, expect

from innerview.atlas import photograph_sheet
from innerview.atlas.export import Sheet, export_explorer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sheets = [
        Sheet(atlas(made(4), made(8)), "Mixed 4c"),
        Sheet(atlas(made(4, blue=0.9), made(8, blue=0.9)), "Mixed 5b"),
        Sheet(atlas(made(4, blue=0.6)), "Bees", "Classes"),
    ]
    return export_explorer(tmp_path_factory.mktemp("explorer") / "map", sheets, LABELS, title="Six & more", keep=3)


@pytest.fixture
def visit(browser: Browser, index: Path) -> Iterator[Callable[..., Reader]]:
    """Open the explorer; afterwards nothing was asked of anybody and nothing went wrong."""
    readers: list[Reader] = []

    def visit(fragment: str = WHOLE, **settings: Any) -> Reader:
        options: dict[str, Any] = {"viewport": DESKTOP, "reduced_motion": "reduce", **settings}
        reader = Reader(browser.new_context(**options).new_page())
        readers.append(reader)
        return reader.open(index.as_uri() + fragment)

    yield visit
    for reader in readers:
        assert (reader.errors, reader.outside) == ([], [])
        assert not reader.page.locator("#problem").is_visible()
        reader.page.context.close()


def wanted(places, density, blue=0.3):
    return np.array([color(row, column, density, blue) for row, column in places]) * 255


def test_each_cell_is_in_its_place_and_an_empty_one_shows_the_ground(visit):
    reader = visit()
    assert np.abs(reader.seen(cells(4), 4) - wanted(cells(4), 4)).max() <= CLOSE
    assert reader.seen([(0, 0)], 4).tolist() == [[255, 255, 255]]
    total = sum(10 + 3 * cell for cell in range(15))
    assert reader.text("#status") == f"4 {TIMES} 4 · 15 cells · {total} activations"
    assert reader.page.title() == "Six & more"


def test_the_ground_is_dark_in_dark_mode(visit):
    reader = visit(color_scheme="dark")
    assert reader.seen([(0, 0)], 4).max() < 40
    reader.page.emulate_media(color_scheme="light")
    reader.settle()
    assert reader.seen([(0, 0)], 4).tolist() == [[255, 255, 255]]


def test_zooming_in_shows_the_denser_grid_and_its_tiles(visit):
    reader = visit()
    reader.press("+")
    assert reader.text("#status").startswith(f"8 {TIMES} 8 · 62 cells")
    inside = [(row, column) for row in range(3, 5) for column in range(3, 5)]
    assert np.abs(reader.seen(inside, 8) - wanted(inside, 8)).max() <= CLOSE
    reader.press("-")
    assert reader.density() == 4


def test_the_wheel_zooms_towards_the_pointer(visit):
    reader = visit(reduced_motion="no-preference")
    reader.page.mouse.move(*reader.place(3, 3, 4))
    for _ in range(4):
        reader.page.mouse.wheel(0, -200)
        reader.page.wait_for_timeout(70)
    reader.settle()
    assert reader.density() == 8
    assert float(reader.view()["x"]) > 0.55
    assert float(reader.view()["y"]) > 0.55


def test_the_level_of_the_tiles_is_that_of_the_numbers_at_every_zoom(visit):
    reader = visit()
    for zoom in (0.9, 1.05, 1.06, 1.3, 2.5):  # a cell of the denser grid is 0.7 of its icon at 1.054
        reader.page.evaluate(f"location.hash = 'x=0.5&y=0.5&zoom={zoom:.3f}'")
        reader.settle()
        levels = reader.page.evaluate("explorer.map.item.getTilesToDraw().map(({level}) => level)")
        assert set(levels) == {{4: 0, 8: 1}[reader.density()]}, zoom


def test_hovering_shows_icon_count_and_the_strongest_classes(visit):
    reader = visit()
    reader.page.mouse.move(*reader.place(1, 3, 4))
    assert reader.text("#cell-count") == f"{10 + 3 * (1 * 4 + 3 - 1)} activations"
    assert reader.text("#cell-place") == "row 2, column 4"
    assert reader.table("top") == [["ant", "2.00"], ["bee", "0.33"], ["cat", "0.01"]]
    reader.page.mouse.move(*reader.place(3, 0, 4))
    assert reader.table("top") == [["bee", "1.00"], ["cat", "0.01"], ["ant", "0.00"]]
    shares = [
        style.split("%")[0]
        for style in reader.page.locator("#top i").evaluate_all("all => all.map(i => i.style.inlineSize)")
    ]
    assert [float(share) for share in shares] == pytest.approx([50, 0.5, 0], abs=0.1)  # of the level's largest, 2
    reader.page.wait_for_timeout(100)
    box = reader.page.locator("#icon").bounding_box()
    icon = reader.pixels()[round(box["y"] + box["height"] / 2), round(box["x"] + box["width"] / 2)]
    assert np.abs(icon - wanted([(3, 0)], 4)[0]).max() <= CLOSE
    reader.page.mouse.move(*reader.place(0, 0, 4))
    assert reader.page.locator("#cell-none").is_visible()


def test_the_cell_that_is_pointed_at_has_an_outline(visit):
    reader = visit()
    x, y = reader.place(2, 2, 4)
    half = 0.95 * 680 / 8
    before = reader.pixels()
    reader.page.mouse.move(x, y)
    reader.page.wait_for_timeout(100)
    changed = np.abs(reader.pixels() - before)[:, :680].max(axis=2) > 60
    rows, columns = changed.nonzero()
    assert (columns.min(), columns.max()) == pytest.approx((x - half, x + half), abs=4)
    assert (rows.min(), rows.max()) == pytest.approx((y - half, y + half), abs=4)
    assert not changed[round(y - half + 8) : round(y + half - 8), round(x - half + 8) : round(x + half - 8)].any()


def test_a_class_fades_cells_by_their_attribution(visit):
    reader = visit()
    reader.press("/")
    expect(reader.page.locator("#first")).to_be_focused()
    reader.page.keyboard.type("ant")
    reader.press("Enter")
    opacity = np.array([FAINTEST + (1 - FAINTEST) * column / 3 for _, column in cells(4)])[:, None]
    faded = 255 + opacity * (wanted(cells(4), 4) - 255)
    assert np.abs(reader.seen(cells(4), 4) - faded).max() <= CLOSE
    assert reader.text("#legend-ends").split() == ["0", "2.00"]
    assert reader.text("#legend p") == f"Full opacity: an attribution of 2.00 logits, the largest at 4 {TIMES} 4."
    assert reader.view()["class"] == "0"
    reader.page.locator("#first-search button").click()
    reader.settle()
    assert np.abs(reader.seen(cells(4), 4) - wanted(cells(4), 4)).max() <= CLOSE
    assert not reader.page.locator("#legend").is_visible()


def test_a_class_that_no_cell_holds_is_said_to_be_nowhere(visit):
    reader = visit(f"{WHOLE}&class=5")
    assert reader.text("#legend p") == f"No cell at 4 {TIMES} 4 has fox among its 3 strongest classes."
    reader.page.mouse.move(*reader.place(1, 1, 4))
    assert reader.table("chosen") == [["fox", DASH]]


def test_two_classes_tint_cells_by_their_difference(visit):
    reader = visit(f"{WHOLE}&class=0")
    reader.page.locator("#second").click()
    reader.page.keyboard.type("bee")
    reader.press("Enter")
    found = dict(zip(cells(4), reader.seen(cells(4), 4), strict=True))
    colors = {"blue": (0, 0x65, 0xA3), "orange": (0xB8, 0x4A, 0), "ground": (255, 255, 255)}
    for row, column in cells(4):  # ant is 2 column / 3, bee row / 3; the largest difference is 2
        share = (2 * column - row) / 3 / 2
        hue = np.array(colors["blue" if share > 0 else "orange"])
        icon = wanted([(row, column)], 4)[0]
        veiled = icon + (1 - FAINTEST) * (1 - abs(share)) * (255 - icon)  # the ground over the icon
        tinted = veiled + 0.5 * abs(share) ** 0.5 * (hue - veiled)  # the hue over both
        assert np.abs(found[row, column] - tinted).max() <= CLOSE, (row, column)
    ends = reader.text("#legend-ends").split("\n")
    assert [end for end in ends if end] == ["bee +2.00", "0", "ant +2.00"]
    reader.page.mouse.move(*reader.place(2, 1, 4))
    assert reader.table("chosen") == [["ant", "0.67"], ["bee", "0.67"]]
    assert (reader.view()["class"], reader.view()["against"]) == ("0", "1")


def test_a_click_on_a_class_of_a_cell_chooses_it(visit):
    reader = visit()
    reader.page.mouse.click(*reader.place(3, 0, 4))
    reader.page.locator("#top button", has_text="bee").click()
    assert reader.page.locator("#first").input_value() == "bee"
    assert reader.table("chosen") == [["bee", "1.00"]]


def test_suggestions_are_ordered_announced_and_taken_back(visit):
    reader = visit()
    box = reader.page.locator("#first")
    box.click()
    expect(box).to_have_attribute("aria-expanded", "true")
    options = reader.page.locator("#first-list [role=option]")
    assert [text.split("\n")[0] for text in options.all_inner_texts()][:3] == [
        "ant",
        "bee",
        "cat",
    ]  # the strongest first
    reader.page.keyboard.type("BEE")
    assert [text.split("\n")[0] for text in options.all_inner_texts()] == ["bee", "sea bee"]
    reader.page.keyboard.press("ArrowDown")
    active = box.get_attribute("aria-activedescendant")
    assert reader.page.locator(f"#{active}").inner_text().startswith("sea bee")
    expect(reader.page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    reader.page.keyboard.type("x")
    assert reader.text("#first-list") == "No class has this name."
    reader.page.keyboard.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    assert box.input_value() == ""
    assert "class" not in reader.view()


def test_switching_keeps_classes_and_within_a_group_the_place(visit):
    reader = visit("#x=0.6&y=0.4&zoom=2&class=0&cell=8.4.5")
    before = reader.view()
    reader.press("]")
    assert reader.page.locator("#sheet").evaluate("select => select.selectedOptions[0].text") == "Mixed 5b"
    assert reader.view() == {**before, "map": "mixed-5b"}
    places = [(3, 6), (4, 6)]
    faded = 255 + (FAINTEST + (1 - FAINTEST) * 6 / 7) * (wanted(places, 8, blue=0.9) - 255)
    assert np.abs(reader.seen(places, 8) - faded).max() <= CLOSE
    reader.page.locator("#sheet").select_option("bees")
    reader.settle()
    assert (reader.view()["map"], reader.view()["class"]) == ("bees", "0")
    assert "cell" not in reader.view()
    assert float(reader.view()["zoom"]) < 1
    assert reader.text("#status").startswith(f"mixed · 4 {TIMES} 4")  # the title does not name the layer
    assert reader.page.locator("#sheet optgroup").evaluate_all("all => all.map(g => g.label)") == ["Layers", "Classes"]
    reader.press("]", "]", "[")  # around
    assert reader.view()["map"] == "mixed-4c"


def test_maps_that_are_switched_fast_end_with_the_last(visit):
    reader = visit()
    for key in "]]]]":
        reader.page.keyboard.press(key)
    reader.settle()
    assert reader.view()["map"] == "mixed-5b"
    assert np.abs(reader.seen(cells(4), 4) - wanted(cells(4), 4, blue=0.9)).max() <= CLOSE


def test_numbers_that_come_late_do_not_replace_those_of_the_grid_in_view(visit):
    reader = visit()
    reader.page.evaluate("""() => {
      const level = explorer.atlases.level.bind(explorer.atlases);
      const late = density => new Promise(done => setTimeout(done, density === 8 ? 400 : 0));
      explorer.atlases.level = (sheet, density) => late(density).then(() => level(sheet, density));
    }""")
    reader.page.keyboard.press("+")
    reader.page.evaluate(FRAMES)
    reader.page.keyboard.press("-")
    reader.page.wait_for_timeout(600)
    reader.settle()
    assert reader.density() == 4
    reader.page.mouse.move(*reader.place(1, 3, 4))
    assert reader.text("#cell-place") == "row 2, column 4"


def test_arrows_move_from_cell_to_cell_over_gaps_and_are_told(visit):
    reader = visit(f"{WHOLE}&cell=4.1.1")
    reader.page.locator("#map").focus()
    reader.press("ArrowUp")
    assert reader.view()["cell"] == "4.0.1"
    assert reader.text("#said") == "Row 1, column 2 of 4: 10 activations; ant 0.67, cat 0.01, bee 0.00."
    reader.press("ArrowLeft")  # straight ahead there is none
    assert reader.view()["cell"] == "4.1.0"
    reader.press("ArrowLeft")  # nor anything beyond
    assert reader.view()["cell"] == "4.1.0"
    reader.press("ArrowRight", "ArrowDown", "ArrowLeft")
    assert reader.view()["cell"] == "4.2.0"
    assert reader.text("#cell-place") == "row 3, column 1"
    x = float(reader.view()["x"])
    reader.press("Shift+ArrowRight")
    assert float(reader.view()["x"]) > x + 0.1
    assert reader.view()["cell"] == "4.2.0"


def test_a_cell_that_is_held_stays_in_view_and_follows_the_density(visit):
    reader = visit("#x=0.5&y=0.5&zoom=2&cell=8.4.4")
    reader.page.locator("#map").focus()
    reader.press(*["ArrowRight"] * 3)
    assert reader.view()["cell"] == "8.4.7"
    x, _ = reader.place(4, 7, 8)
    assert x < 680
    reader.press("0")
    assert reader.density() == 4
    assert reader.text("#cell-place") == "row 3, column 4"
    assert reader.view()["cell"] == "4.2.3"


def test_a_cell_that_is_held_becomes_a_neighbour_where_the_denser_grid_has_none(visit):
    reader = visit(f"{WHOLE}&cell=4.2.2")  # its centre is the corner of 8.5.5, which is empty
    reader.press("+")
    assert reader.view()["cell"] in {"8.4.4", "8.4.5", "8.5.4"}
    assert reader.page.locator("#cell-count").is_visible()
    reader.press("-")
    assert reader.view()["cell"] == "4.2.2"


def test_escape_lets_go_of_the_cell_then_of_the_classes(visit):
    reader = visit(f"{WHOLE}&class=0&against=1&cell=4.1.1")
    reader.press("Escape")
    assert {"class", "against", "cell"} & set(reader.view()) == {"class", "against"}
    reader.press("Escape")
    assert {"class", "against", "cell"} & set(reader.view()) == set()


def test_help_opens_and_closes_by_key_and_keys_rest_meanwhile(visit):
    reader = visit()
    reader.press("?", "]")
    assert reader.page.locator("#help").is_visible()
    assert "3 a cell" in reader.text("#help")
    reader.press("Escape")
    assert not reader.page.locator("#help").is_visible()
    assert reader.page.locator("#sheet").input_value() == "mixed-4c"


def test_a_link_restores_what_was_seen(visit):
    first = visit(reduced_motion="no-preference")
    first.press("+", "/")
    first.page.keyboard.type("ant")
    first.press("Enter")
    first.page.locator("#second").click()
    first.page.keyboard.type("bee")
    first.press("Enter")
    first.page.mouse.click(*first.place(4, 5, 8))
    first.page.locator("#map").focus()
    first.press("]", "Shift+ArrowRight")
    first.page.mouse.move(2, 690)
    first.page.locator("#copy").focus()
    second = visit(f"#{urlsplit(first.page.url).fragment}")
    second.page.mouse.move(2, 690)
    second.page.locator("#copy").focus()
    first.settle()
    second.settle()
    assert second.view() == first.view()
    assert second.view() == {**second.view(), "map": "mixed-5b", "class": "0", "against": "1", "cell": "8.4.5"}
    for part in ("#legend", "#cell", "#status"):
        assert second.text(part) == first.text(part)
    for box in ("#sheet", "#first", "#second"):
        assert second.page.locator(box).input_value() == first.page.locator(box).input_value()
    assert (np.abs(second.pixels() - first.pixels()).max(axis=2) > 16).mean() < 0.002  # links round


def test_back_and_forward_walk_through_choices(visit):
    reader = visit(f"{WHOLE}&class=0")
    reader.press("]")
    reader.page.mouse.click(*reader.place(2, 1, 4))
    reader.settle()
    reader.page.go_back()
    reader.settle()
    assert ("cell" in reader.view(), reader.view()["map"]) == (False, "mixed-5b")
    reader.page.go_back()
    reader.settle()
    assert reader.page.locator("#sheet").input_value() == "mixed-4c"
    assert reader.page.locator("#first").input_value() == "ant"
    reader.page.go_forward()
    reader.settle()
    reader.page.go_forward()
    reader.settle()
    assert reader.view()["cell"] == "4.2.1"
    assert reader.text("#cell-place") == "row 3, column 2"


def test_a_link_that_says_nonsense_shows_the_start(visit):
    reader = visit("#map=none&x=a&y=&zoom=-3&class=77&against=-1&cell=9.9&more=%3Cb%3E")
    assert reader.page.locator("#sheet").input_value() == "mixed-4c"
    assert reader.density() == 4
    assert not reader.page.locator("#legend").is_visible()


def test_the_link_can_be_copied(visit):
    reader = visit(f"{WHOLE}&class=0")
    reader.page.locator("#copy").click()
    expect(reader.page.locator("#copy")).to_have_text("Copied")
    reader.page.locator("#second").click()
    reader.page.keyboard.press("Control+v")
    assert reader.page.locator("#second").input_value() == reader.page.url


def test_a_phone_has_the_panel_below_and_takes_taps(visit):
    reader = visit(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=1)
    map_box, panel = (reader.page.locator(name).bounding_box() for name in ("#map", "aside"))
    assert panel["y"] >= map_box["y"] + map_box["height"] - 1
    assert (map_box["width"], panel["width"]) == (390, 390)
    assert reader.page.evaluate("document.documentElement.scrollWidth") == 390
    reader.page.touchscreen.tap(*reader.place(1, 2, 4))
    reader.settle()
    assert reader.view()["cell"] == "4.1.2"
    assert reader.table("top")[0] == ["ant", "1.33"]
    assert reader.text("#said").startswith("Row 2, column 3 of 4: 25 activations")
    assert reader.page.locator("#top tr").first.is_visible()
    reader.page.locator("#top button").first.tap()
    assert reader.page.locator("#first").input_value() == "ant"


@contextmanager
def framed(browser: Browser, index: Path) -> Iterator[Page]:
    around = index.parents[1] / "page.html"
    around.write_text(f'<p>Book</p><iframe src="{index.as_uri()}" width="700" height="560"></iframe>' + "<p>x</p>" * 90)
    context = browser.new_context(viewport={"width": 800, "height": 700}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(around.as_uri())
    yield page
    context.close()


def test_in_a_frame_it_offers_a_full_window_and_lets_the_page_scroll(browser, index, visit):
    assert not visit().page.locator("#full").is_visible()
    with framed(browser, index) as page:
        frame = page.frame_locator("iframe")
        expect(frame.locator("#map.ready")).to_be_attached()
        expect(frame.locator("#status")).to_contain_text(f"4 {TIMES} 4")
        length = page.evaluate("history.length")
        box = page.locator("iframe").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 200, box["y"] + 300)
        expect(frame.locator("#cell-count")).to_be_visible()
        page.mouse.wheel(0, 200)
        page.wait_for_function("scrollY > 100")
        assert page.evaluate("history.length") == length
        with page.context.expect_page() as opened:
            frame.locator("#full").click()
        expect(opened.value.locator("#map.ready")).to_be_attached()
        assert re.search(r"#map=mixed-4c&.*cell=4\.\d\.\d", opened.value.url)


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ("data/contents.js", "The file data/contents.js is missing or damaged"),
        ("data/mixed-4c-4.js", "The file data/mixed-4c-4.js is missing"),
        ("tiles/mixed-4c/0/0_0.jpg", "The picture tiles/mixed-4c/0/0_0.jpg is missing"),
        ("openseadragon.min.js", "The file openseadragon.min.js is missing"),
    ],
)
def test_what_is_missing_is_said_in_the_page(browser, index, tmp_path, lost, told):
    folder = tmp_path / "copy"
    shutil.copytree(index.parent, folder)
    (folder / lost).unlink()
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    expect(page.locator("#problem")).to_contain_text(told)
    context.close()


def test_numbers_that_are_cut_off_are_said_to_be_damaged(browser, index, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(index.parent, folder)
    file = folder / "data/mixed-4c-4.js"
    file.write_text(file.read_text()[:-40])
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    expect(page.locator("#problem")).to_contain_text("The file data/mixed-4c-4.js is damaged")
    context.close()


def test_without_scripts_the_page_says_what_it_needs(browser, index):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(index.as_uri())
    assert "needs JavaScript" in page.locator("#no-script").inner_text()
    context.close()


def test_every_control_has_a_name(visit):
    reader = visit(f"{WHOLE}&class=0&against=1&cell=4.1.1")
    unnamed = reader.page.evaluate(
        "() => [...document.querySelectorAll('button, select, input, a, canvas#icon, #map, dialog')]"
        ".filter(one => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))"
        ".map(one => one.outerHTML)"
    )
    assert unnamed == []
    assert reader.page.evaluate("document.documentElement.lang") == "en"


def test_a_map_of_photographs_speaks_of_photographs(browser: Browser, tmp_path: Path) -> None:
    """Where an atlas has no layer its cells are photographs, and a class fades the others."""
    images = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9]])[:, :, None, None].expand(-1, -1, 64, 64)
    cells = torch.tensor([[0, 0], [0, 1], [1, 1]])
    sheet = photograph_sheet(images.contiguous(), torch.rand(3, 2), cells, [1, 0, 1], title="All")
    page = export_explorer(tmp_path / "out", [sheet], ["ant", "bee"], title="Insects", keep=1)
    options: dict[str, Any] = {"viewport": DESKTOP, "reduced_motion": "reduce"}
    reader = Reader(browser.new_context(**options).new_page()).open(f"{page.as_uri()}{WHOLE}&class=1")
    assert reader.text("#status") == f"2 {TIMES} 2 · 3 cells · 3 photographs"
    assert reader.text("#legend p") == "In full: photographs of bee."
    reader.page.mouse.move(*reader.place(0, 1, 2))
    reader.settle()
    assert reader.text("#cell-count") == "1 photograph"
    assert "Class of the photograph" in reader.text("#top")
    assert "ant" in reader.text("#top")
    reader.page.keyboard.press("?")
    assert "Each cell is one photograph" in reader.text("#help")
    assert not reader.page.locator("#help-keep").is_visible()
    assert (reader.errors, reader.outside) == ([], [])


HOSTILE = (
    "<img src=x onerror=fired=1>", "</script><script>fired=1</script>", '" onmouseover="fired=1', "`${fired=1}`",
    "<svg onload=fired=1>", "javascript:fired=1",
)  # fmt: skip


def test_names_made_to_run_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    sheets = [Sheet(atlas(made(4), layer=text), f"{place} {text}", text) for place, text in enumerate(HOSTILE)]
    page = export_explorer(tmp_path / "out", sheets, HOSTILE, title=HOSTILE[0], keep=6)
    options: dict[str, Any] = {"viewport": DESKTOP, "reduced_motion": "reduce"}
    reader = Reader(browser.new_context(**options).new_page())
    for place in range(len(sheets)):
        reader.open(f"{page.as_uri()}{WHOLE}&map={sheets[place].name}&class=0&against=1&cell=4.1.1")
        reader.page.locator("#first-search input").fill("fired")
        assert reader.page.locator("#first-search [role=option]").all_inner_texts()
        assert {row[0] for row in reader.table("top")} == set(HOSTILE)
        assert HOSTILE[0] in reader.text("h1")
        assert reader.page.evaluate("typeof fired") == "undefined"
    assert (reader.errors, reader.outside) == ([], [])
    reader.page.context.close()


def test_what_would_run_in_the_page_is_kept_from_it(browser: Browser, index: Path) -> None:
    """Were a name ever taken for HTML, the page's policy would still not run it."""
    page = browser.new_context().new_page()
    page.goto(index.as_uri())
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=fired=1>')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), { text: 'fired = 1' }))")
    page.evaluate(FRAMES)
    assert page.evaluate("typeof fired") == "undefined"
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'asked', error => error.name)") == "TypeError"
    page.context.close()
