"""Every page of a built book, opened from the file system in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import pytest
from browser.explorers import DESKTOP, Reader
from playwright.sync_api import Browser, Dialog, FrameLocator, Page, expect

pytestmark = pytest.mark.browser

LOCAL = ("file:", "data:", "blob:")
LOOK = """async () => {
  await window.MathJax?.startup?.promise;
  const images = [...document.images];
  await Promise.all(images.map(image => image.decode().catch(() => null)));
  return {
    title: document.title,
    images: images.map(image => ({
      source: image.currentSrc.slice(0, 120), width: image.naturalWidth, alt: image.alt,
    })),
    mathematics: document.querySelectorAll("span.math, div.math").length,
    typeset: document.querySelectorAll("mjx-container").length,
    failed: document.querySelectorAll("mjx-merror").length,
    ids: [...document.querySelectorAll("[id]")].map(element => element.id),
    links: [...document.querySelectorAll("a[href]")].map(link => link.href),
    injected: window.injected ?? null,
  };
}"""


class Opened:
    """What a page is and what happened while it was opened."""

    def __init__(self, browser: Browser, path: Path, query: str = "") -> None:
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.context = browser.new_context()
        self.page = self.context.new_page()
        self._listen(self.page)
        self.page.goto(f"{path.as_uri()}{query}")
        self.told: dict[str, Any] = self.page.evaluate(LOOK)

    def _listen(self, page: Page) -> None:
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._refuse)
        page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url[:200]}"))
        page.on("request", lambda request: None if request.url.startswith(LOCAL) else self.outside.append(request.url))

    def _refuse(self, dialog: Dialog) -> None:
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="session")
def opened(browser: Browser, html: Path) -> Iterator[dict[Path, Opened]]:
    """All pages, by their file."""
    pages = {path: Opened(browser, path) for path in sorted(html.rglob("*.html")) if "_static" not in path.parts}
    yield pages
    for page in pages.values():
        page.context.close()


def found(opened: dict[Path, Opened], html: Path, key: str) -> dict[str, Any]:
    return {str(path.relative_to(html)): value for path, page in opened.items() if (value := getattr(page, key))}


def test_there_are_the_pages_of_a_book(opened, html):
    names = {str(path.relative_to(html)) for path in opened}
    assert {"index.html", "run.html", "scorecard.html", "models.html", "own_model.html", "bibliography.html"} <= names
    assert {"api/core.html", "api/optimize.html", "contributing/architecture.html", "changelog.html"} <= names
    assert any(name.startswith("replications/") for name in names)
    assert all(page.told["title"] for page in opened.values())


def test_no_page_reports_an_error(opened, html):
    assert found(opened, html, "errors") == {}


def test_no_page_asks_any_server(opened, html):
    assert found(opened, html, "outside") == {}


def test_every_picture_is_there_and_has_an_alternative_text(opened, html):
    pictures = [(path, image) for path, page in opened.items() for image in page.told["images"]]
    assert len(pictures) > len(opened)  # the logo is on each page
    broken = [(str(path.relative_to(html)), image) for path, image in pictures if not (image["width"] and image["alt"])]
    assert broken == []


def test_mathematics_is_typeset_on_every_page_that_has_some(opened, html):
    counts = {
        str(path.relative_to(html)): (told["mathematics"], told["typeset"], told["failed"])
        for path, told in ((path, page.told) for path, page in opened.items())
    }
    assert any(wanted for wanted, _, _ in counts.values())
    assert {name: count for name, count in counts.items() if count[0] > count[1] or count[2]} == {}


def test_answers_of_a_quiz_unfold_without_a_network(opened, html, browser):
    lessons = [path for path in opened if path.parent.name == "lessons"]
    assert lessons
    for path in lessons:
        page = Opened(browser, path)
        answers = page.page.locator("details", has=page.page.get_by_text("Answer", exact=True)).all()
        assert answers, path
        for answer in answers:
            expect(answer.locator("> :not(summary)").first).not_to_be_visible()
            answer.locator("summary").click()
            expect(answer.locator("> :not(summary)").first).to_be_visible()
        assert page.outside == page.errors == []
        page.context.close()


def test_lessons_and_student_notebooks_can_be_downloaded(opened, html):
    lessons = {path: page for path, page in opened.items() if path.parent.name == "lessons"}
    for path, page in lessons.items():
        files = [link for link in page.told["links"] if link.endswith(f"{path.stem}.ipynb") and "_downloads" in link]
        texts = [Path(unquote(file.removeprefix("file://"))).read_text(encoding="utf-8") for file in files]
        assert ["YOUR CODE HERE" in text for text in texts] == [False, True], path


def test_links_inside_the_book_lead_somewhere(opened, html):
    ids = {path: set(page.told["ids"]) for path, page in opened.items()}
    dead = []
    for path, page in opened.items():
        for link in page.told["links"]:
            address, fragment = urldefrag(link)
            if not address.startswith("file:"):
                continue
            target = Path(unquote(address.removeprefix("file://").partition("?")[0]))
            missing = fragment and target in ids and unquote(fragment) not in ids[target] | {"top"}
            if not target.is_file() or missing:
                dead.append((str(path.relative_to(html)), link.removeprefix(html.as_uri())))
    assert dead == []


def test_the_search_finds_pages_without_a_server(browser, html):
    search = Opened(browser, html / "search.html", "?q=objective")
    search.page.wait_for_selector("ul.search li a", timeout=20_000)
    found = search.page.locator("ul.search li a").all_text_contents()
    search.page.wait_for_timeout(500)  # excerpts, if any, are asked for after the list
    search.context.close()
    assert found
    assert (search.errors, search.outside) == ([], [])


def test_each_replication_that_was_run_offers_its_notebook(opened, html, is_small):
    offered = 0
    for path, page in opened.items():
        if path.parent.name != "replications" or not (html / "_sources/replications" / f"{path.stem}.ipynb").exists():
            continue
        links = page.page.locator("a.download").all()
        targets = [html / "replications" / str(link.get_attribute("href")) for link in links]
        notebooks = [json.loads(target.resolve().read_text(encoding="utf-8")) for target in targets]
        assert any(cell["outputs"] for notebook in notebooks for cell in notebook["cells"] if "outputs" in cell), path
        assert page.page.locator(".dropdown-download-buttons a[href$='.ipynb']").count() == 1
        offered += 1
    assert offered == 1 or not is_small


@pytest.fixture(scope="session")
def small(opened, html, is_small):
    """The pages of the small book, by name without the ending."""
    if not is_small:
        pytest.skip("the book that was given has no toy papers")
    return {str(path.relative_to(html).with_suffix("")): page.page for path, page in opened.items()}


def test_a_figure_has_its_caption_and_alternative_text(small):
    figure = small["replications/toy2016_dots"].locator("figure")
    assert figure.count() == 1
    assert figure.locator("img").get_attribute("alt") == 'Blue dots, "round": in a row'
    assert "Dots in a row: count them." in figure.locator("figcaption").inner_text()


def test_text_from_data_is_shown_as_it_is(small):
    scorecard = small["scorecard"].locator("article").inner_text()
    assert "{doc}nowhere, <script>alert(1)</script> and 2_3_4 | 5 stay as they are." in scorecard
    assert "counted, not <img src=x onerror=alert(2)>" in scorecard
    assert "Table <1> | *x*" in scorecard
    assert "3 ± 1 <i>dots</i>" in scorecard
    assert "A <small> processor" in scorecard
    assert small["scorecard"].locator("table.claims mjx-container").count() == 1
    assert small["scorecard"].locator("table.claims code").first.inner_text() == "dots.png"


def test_what_was_not_run_says_so_and_how_to_run_it(small):
    page = small["replications/toy2017_lines"].locator("article").inner_text()
    assert "has not been run with the smoke preset" in page
    assert "innerview replicate toy2017_lines --preset smoke" in page
    assert "2026-01-02" in page
    assert "10.8 cm" in page
    assert "Not run yet" in small["index"].locator("article").inner_text()


def test_the_landing_page_shows_a_picture_of_each_paper_that_was_run(small):
    cards = small["index"].locator(".gallery .sd-card")
    assert [card.locator("img").count() for card in cards.all()] == [1, 0]
    assert cards.first.locator("img").get_attribute("alt") == 'Blue dots, "round": in a row'
    assert cards.first.locator("a").get_attribute("href") == "replications/toy2016_dots.html"


# An explorer inside a page, used as a reader uses it: first in its frame, then in a window of its own.


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
