"""Pages in pages: a frame that finds its folder beside the notebook, and says what it shows in plain text too."""

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from innerview.core.errors import BadInput, OutputError
from innerview.replicate import Run, load_paper
from innerview.replicate.book import EMBEDDED
from innerview.replicate.embedding import Page


class Tags(HTMLParser):
    """Collects tags, each with its attributes as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def run(root, tmp_path) -> Run:
    return Run.start(load_paper(root, "toy2020"), "smoke", tmp_path / "out")


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("<p>Hello</p>", encoding="utf-8")


def frame(page: Page) -> dict[str, str | None]:
    ((tag, attributes),) = Tags(page._repr_mimebundle_()["text/html"]).found
    assert tag == "iframe"
    return attributes


def test_the_frame_names_its_folder_relative_to_the_notebook(tmp_path):
    attributes = frame(Page(tmp_path / "results" / "explorer", "Map", 480))
    assert attributes["src"] == "explorer/index.html"
    assert attributes["data-page"] == "explorer"
    assert "height: 480px" in str(attributes["style"])
    assert attributes["title"] == "Map"
    assert str(tmp_path) not in str(attributes)


def test_a_title_with_signs_of_html_stays_a_title(tmp_path):
    title = '"Cats" & <b>dogs</b> \'n\' more" onload="alert(1)'
    attributes = frame(Page(tmp_path / "explorer", title, 480))
    assert attributes["title"] == title
    assert "onload" not in attributes


def test_the_text_says_what_would_be_shown_and_where(tmp_path):
    page = Page(tmp_path / "explorer", "A map", 480)
    bundle = page._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == repr(page) == "A map: explorer/index.html"


def test_a_page_is_written_beside_the_notebook_and_shown(run):
    page = run.show_page("my_page-2", write, title="Hello", height=300)
    assert (run.folder / "my_page-2" / "index.html").is_file()
    assert (page.folder, page.title, page.height) == (run.folder / "my_page-2", "Hello", 300)
    assert (run.folder / str(frame(page)["src"])).is_file()


def test_the_book_recognises_the_frame_in_the_notebook(run):
    page = run.show_page("my_page-2", write, title='The "map"')
    assert EMBEDDED.findall(json.dumps(page._repr_mimebundle_())) == ["my_page-2"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "a.html", "/tmp", "a\n", 'a"b', "a<b"])
def test_a_name_that_makes_no_folder_is_refused_before_anything_is_written(run, name):
    written = []
    with pytest.raises(BadInput, match=r"a page cannot lie in .*; use letters, digits, - and _"):
        run.show_page(name, written.append, title="Hello")
    assert not written


def test_what_fails_to_be_written_is_said(run):
    def fail(folder: Path) -> None:
        raise OutputError(f"cannot write {folder}")

    with pytest.raises(OutputError, match=r"cannot write .*explorer"):
        run.show_page("explorer", fail, title="Hello")


@pytest.mark.parametrize("name", ["javascript:alert(1)", "a b#c?d", "100%"])
def test_the_name_of_a_folder_is_never_more_than_a_place(tmp_path, name):
    write(tmp_path / name)
    source = str(frame(Page(tmp_path / name, "Hello", 300))["src"])
    assert not urlsplit(source).scheme
    assert unquote(urlsplit(source).path) == f"{name}/index.html"
