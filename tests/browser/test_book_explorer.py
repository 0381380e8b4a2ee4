"""An explorer inside a page of the book, used as a reader uses it: first in its frame, then in a window of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.explorers import DESKTOP, Reader
from playwright.sync_api import Browser, FrameLocator, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def reader(browser: Browser, html: Path, is_small: bool) -> Iterator[Reader]:
    if not is_small:
        pytest.skip("another book is tested, whose explorer shows other things")
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    reader = Reader(context.new_page())
    reader.page.goto((html / "replications" / "toy2016_dots.html").as_uri())
    yield reader
    assert (reader.errors, reader.outside) == ([], [])
    context.close()


@pytest.fixture
def frame(reader: Reader) -> FrameLocator:
    reader.page.locator("iframe.innerview-page").scroll_into_view_if_needed()
    frame = reader.page.frame_locator("iframe.innerview-page")
    expect(frame.locator("#map.ready")).to_be_attached()
    return frame


def test_the_frame_shows_the_map_and_hover_tells_a_cell_s_classes(reader, frame):
    expect(frame.locator("#status")).to_contain_text("16 cells")
    box = frame.locator("#map").bounding_box()
    assert box is not None
    side = 0.4 * min(box["width"], box["height"])  # well inside the map, near its lower right
    reader.page.mouse.move(box["x"] + box["width"] / 2 + side, box["y"] + box["height"] / 2 + side)
    expect(frame.locator("#panel, body").first).to_contain_text("7 activations")
    told = frame.locator("body").inner_text()
    assert told.index("ant") < told.index("cat")


def test_the_book_keeps_its_own_title_for_the_frame(reader):
    assert reader.page.locator("iframe.innerview-page").get_attribute("title") == 'Toy & "atlas"'


def _window(browser: Browser) -> Page:
    options: dict[str, Any] = {"viewport": DESKTOP, "reduced_motion": "reduce"}
    return browser.new_context(**options).new_page()


@pytest.fixture
def alone(reader: Reader, frame: FrameLocator, browser: Browser) -> Iterator[Reader]:
    """Follow the frame's link to a window of its own."""
    source = reader.page.locator("iframe.innerview-page").evaluate("frame => frame.src")
    alone = Reader(_window(browser))
    alone.open(source)
    yield alone
    assert (alone.errors, alone.outside) == ([], [])
    alone.page.context.close()


def test_zooming_in_shows_the_denser_grid(alone):
    assert alone.density() == 4
    before = alone.pixels()
    for _ in range(8):
        if alone.density() == 4:
            alone.press("+")
    assert alone.density() == 8
    assert abs(alone.pixels() - before).mean() > 1


def test_a_class_fades_the_cells_that_do_not_speak_for_it_and_a_link_restores_all(alone, browser):
    plain = alone.seen([(1, 0), (1, 3)], 4)
    alone.page.keyboard.press("/")
    alone.page.keyboard.type("ant")
    alone.press("Enter")
    filtered = alone.seen([(1, 0), (1, 3)], 4)
    assert abs(filtered - plain).sum(1)[0] > 100  # says nothing for ants: nearly the ground
    assert abs(filtered - plain).sum(1)[1] < 20
    other = Reader(_window(browser)).open(alone.page.url)
    assert other.view() == alone.view()
    assert abs(other.pixels() - alone.pixels()).mean() < 1
    other.page.context.close()


def test_two_classes_are_compared_in_two_colours(alone):
    places = [(0, 3), (3, 0)]  # much for ants, much for bees
    plain = alone.seen(places, 4)
    for field, name in (("#first-search", "ant"), ("#second-search", "bee")):
        alone.page.locator(f"{field} input").fill(name)
        alone.press("Enter")
    ants, bees = alone.seen(places, 4) - plain
    assert ants[2] > 40  # bluer
    assert ants[0] < 0
    assert bees[0] > 40  # from green to orange
    assert bees[1] < 0
