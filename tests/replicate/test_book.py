import importlib.util
import json
import re
import socket
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from docutils.core import publish_parts
from myst_parser.parsers.docutils_ import Parser

from innerview.core.errors import BadInput
from innerview.replicate import book, pages
from innerview.replicate.embedding import Page
from innerview.replicate.exhibits import Exhibit, Origin, exhibits, pictures_of, title_of

REPOSITORY = Path(__file__).parents[2]
RUN = {
    "preset": "book", "machine": {"cpu": "A_b processor", "cores": 2}, "device": "cpu",
    "date": "2026-01-02T03:04:05+00:00", "seconds": 61.0, "fallback": False, "threads": 2, "seed": 0,
}  # fmt: skip
CLAIM = {
    "id": "few", "source": "Table 1", "statement": "There are few <b>dots</b> | and $n < 3$ `lines_`.", "paper": 60.09,
    "measured": 61.5, "unit": "%", "tolerance": 4.0, "verdict": "reproduced", "note": "",
}  # fmt: skip


def exhibit(name="abel2015_toy", origin: Origin = "run", told=RUN, claims=(CLAIM,)) -> Exhibit:
    return Exhibit(name, "A toy", origin, told, claims, Path("nowhere"))


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a `b_c` d", "a `b_c` d"),
        ("$a < b$ and <b>", "$a < b$ and \\<b\\>"),
        ("- no list\n  of lines", "\\- no list of lines"),
        ("{doc}", "\\{doc\\}"),
        ("`a` `b`", "`a` `b`"),
        ("", ""),
    ],
)
def test_prose_keeps_code_and_mathematics_and_escapes_the_rest(text, markdown):
    assert pages.prose(text) == markdown


def test_a_claim_shows_both_values_the_tolerance_and_the_verdict():
    table = pages.claims_table([CLAIM])
    assert "\\<b\\>dots\\<\\/b\\> \\| and $n < 3$ `lines_`" in table
    assert "60\\.09 ± 4 \\%" in table
    assert "61\\.5 \\%" in table
    assert "{bdg-success}`reproduced`" in table


def test_a_claim_without_numbers_shows_a_dash_and_truth_is_yes_or_no():
    nothing = CLAIM | {"paper": None, "measured": None, "tolerance": None, "verdict": "not measured", "note": "why"}
    assert pages.claims_table([nothing]).count("  - \\-") == 2
    assert "\n\n    why\n" in pages.claims_table([nothing])
    assert "  - yes\n" in pages.claims_table([CLAIM | {"measured": True, "unit": ""}])


def test_the_scorecard_counts_verdicts_and_says_what_was_not_run():
    shown = [exhibit(), exhibit("boole2016_toy", "reference"), exhibit("cauchy2017_toy", "nothing", {}, ())]
    page = pages.claims_part(shown, "book")
    assert "{bdg-success}`reproduced`\n  - 2\n" in page
    assert "* - All\n  - 2" in page
    assert page.count("replications/boole2016_toy") == 2
    assert "`book` preset on A\\_b processor\\, 2 cores, 2026-01-02, in 1 min 1 s" in page
    assert "innerview replicate cauchy2017_toy --preset book" in page
    assert pages.SMOKE not in page
    assert pages.SMOKE in pages.claims_part(shown, "smoke")


def test_a_run_on_the_embedded_model_says_so():
    assert pages.EMBEDDED in pages.facts(exhibit(told=RUN | {"fallback": True}), "book")
    assert pages.EMBEDDED not in pages.facts(exhibit(), "book")


def test_the_facts_stand_below_the_heading_of_the_first_cell():
    first = {"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", "\n", "Text"]}
    changed = book.with_facts({"cells": [first, "rest"], "nbformat": 4}, "facts")
    *cells, rest = changed["cells"]
    assert [cell["source"] for cell in cells] == ["# Title", "facts", "\nText"]
    assert rest == "rest"


def test_papers_stand_in_the_contents_in_their_order():
    text = "- caption: X\n  chapters:\n    - file: a\n    - glob: replications/*\n    - file: b\n"
    listed = ["replications/zeno2015_toy", "replications/abel2016_toy"]
    lines = book.table_of_contents(text, listed).splitlines()
    files = ("a", "replications/zeno2015_toy", "replications/abel2016_toy", "b")
    assert lines[2:] == [f"    - file: {file}" for file in files]


def test_methods_stand_in_a_place_of_their_own():
    text = "- glob: replications/*\n- file: methods\n- glob: methods/*\n"
    lines = book.table_of_contents(text, ["replications/zeno2015_toy", "methods/averaging"]).splitlines()
    assert lines == ["- file: replications/zeno2015_toy", "- file: methods", "- file: methods/averaging"]


def test_the_committed_contents_name_a_place_for_papers_and_methods():
    text = (REPOSITORY / "book/_toc.yml").read_text(encoding="utf-8")
    listed = ["replications/zeno2015_toy", "methods/averaging", "lessons/01_lines", "exercises/01_lines"]
    found = book.table_of_contents(text, listed)
    assert "- file: replications/zeno2015_toy\n" in found
    assert "- file: lessons/01_lines\n" in found
    assert "- file: methods/averaging\n" in found
    assert "glob:" not in found.partition("- caption: Library")[0]


def test_synchronising_removes_what_is_gone_and_leaves_alone_what_is_unchanged(tmp_path):
    book.synchronise(tmp_path, {"a.md": b"1", "b/c.md": b"2"})
    before = (tmp_path / "a.md").stat().st_mtime_ns
    book.synchronise(tmp_path, {"a.md": b"1", "d.md": b"3"})
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"a.md", "d.md"}
    assert (tmp_path / "a.md").stat().st_mtime_ns == before


def results_with_pages(root: Path, *names: str) -> tuple[Exhibit, Path]:
    """Write a notebook that shows pages, and the pages of the first name alone; return how the book sees it."""
    folder = root / "results/book/toy2020"
    for file in ("index.html", "data/numbers.js", "tiles/a.png"):
        path = folder / names[0] / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{names[0]} {file}".encode())
    bundles = [Page(folder / name, f'The "{name}" of <all>', 300)._repr_mimebundle_() for name in names]
    outputs = [{"output_type": "display_data", "metadata": {}, "data": bundle} for bundle in bundles]
    heading = {"cell_type": "markdown", "metadata": {}, "source": ["# On means\n", "Text"]}
    cells = [heading, {"cell_type": "code", "metadata": {}, "source": [], "outputs": outputs}]
    (folder / "notebook.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}), encoding="utf-8")
    return Exhibit("toy2020", "On means", "run", RUN, (CLAIM,), folder), folder


def frames(notebook: bytes) -> list[str]:
    outputs = json.loads(notebook)["cells"][-1]["outputs"]
    return [output["data"]["text/html"] for output in outputs]


def test_a_page_in_a_notebook_goes_to_the_static_files_and_the_frame_finds_it_there(root):
    shown, folder = results_with_pages(root, "explorer")
    sources = book._replication(shown, "book")
    pages_of = {name: content for name, content in sources.items() if name.startswith("static/")}
    place = "static/pages/toy2020/explorer"
    assert pages_of == {
        f"{place}/{file}": f"explorer {file}".encode() for file in ("index.html", "data/numbers.js", "tiles/a.png")
    }
    (frame,) = frames(sources["replications/toy2020.ipynb"])
    assert f'src="../_{place}/index.html"' in frame
    assert 'src="explorer/' not in frame
    assert "html_static_path: [static]" in (REPOSITORY / "book/_config.yml").read_text(encoding="utf-8")
    raw = (folder / "notebook.ipynb").read_bytes()
    assert sources["notebooks/toy2020.ipynb"] == raw
    assert 'src="explorer/index.html"' in frames(raw)[0]
    assert (folder / "explorer/index.html").read_bytes() == b"explorer index.html"


def test_a_page_shown_twice_is_copied_once_and_both_frames_find_it(root):
    shown, _ = results_with_pages(root, "explorer", "explorer")
    sources = book._replication(shown, "book")
    assert all("../_static/pages/toy2020/explorer/" in one for one in frames(sources["replications/toy2020.ipynb"]))
    assert len([name for name in sources if name.startswith("static/")]) == 3


def test_a_notebook_without_pages_brings_no_static_files(root):
    shown, folder = results_with_pages(root, "explorer")
    text = (folder / "notebook.ipynb").read_text(encoding="utf-8")
    (folder / "notebook.ipynb").write_text(text.replace("data-page", "data-other"), encoding="utf-8")
    assert set(book._replication(shown, "book")) == {"notebooks/toy2020.ipynb", "replications/toy2020.ipynb"}


@pytest.mark.parametrize("names", [("explorer", "gone"), ("explorer", "data")])
def test_a_page_that_is_missing_is_one_line(root, names):
    shown, folder = results_with_pages(root, *names)
    (folder / "data").mkdir()
    with pytest.raises(
        BadInput, match=rf"{names[1]}/index\.html, which is missing; remove .*toy2020 --preset book"
    ) as found:
        book._replication(shown, "book")
    assert "\n" not in str(found.value)


def test_only_pictures_with_an_alternative_text_go_to_the_gallery_tagged_ones_first():
    def cell(alt: str | None, *tags: str, data: str = "") -> dict:
        words = {"figure": {"caption": f"see {alt}"}, "image": {"alt": alt} if alt else {}}
        return {"metadata": {"mystnb": words, "tags": list(tags)}, "outputs": [{"data": {"image/png": data}}]}

    text = {"metadata": {}, "cell_type": "markdown"}
    notebook = {"cells": [text, cell(None), cell("first"), cell("chosen", "gallery")]}
    assert [picture.alt for picture in pictures_of(notebook)] == ["chosen", "first"]


def test_the_title_is_the_first_heading_of_the_script():
    assert title_of("# ---\n# %% [markdown]\n# # On *means*\n#\n# ## More\n") == "On *means*"
    assert title_of("x = 1\n") is None


def test_the_line_for_modules_becomes_the_documentation_of_each():
    page = pages.with_modules("# core\n\n% modules: innerview.core\n")
    assert "## core.images" in page
    assert ".. automodule:: innerview.core.images" in page
    assert all(not name.rpartition(".")[2].startswith("_") for name in pages.public_modules("innerview.models"))


def test_every_room_has_a_page_in_the_reference():
    rooms = {path.parent.name for path in REPOSITORY.glob("src/innerview/*/__init__.py")} - {"cli"}
    assert {path.stem for path in REPOSITORY.glob("book/api/*.md")} == rooms | {"index"}
    contents = (REPOSITORY / "book/_toc.yml").read_text(encoding="utf-8")
    assert all(f"- file: api/{room}\n" in contents for room in rooms)


def test_a_paper_without_results_shows_the_reference_with_the_sentences_of_its_claims(root):
    (shown,) = exhibits(root, "book")
    assert (shown.origin, shown.title, shown.told) == ("nothing", "On means", {})
    mean = {"id": "mean", "measured": 0.5, "paper": 0.5, "unit": "1", "tolerance": None, "verdict": "reproduced"}
    reference = RUN | {"claims": [mean]}
    (root / "replication/toy2020/reference.json").write_text(json.dumps(reference), encoding="utf-8")
    (shown,) = exhibits(root, "book")
    assert shown.origin == "reference"
    assert [(claim["statement"], claim["source"]) for claim in shown.claims] == [
        ("The mean of uniform numbers is one half.", "Eq. 1")
    ]


def test_an_unfinished_run_counts_as_not_run(root):
    folder = root / "results/book/toy2020"
    folder.mkdir(parents=True)
    (folder / "notebook.ipynb").write_text("{}", encoding="utf-8")
    assert exhibits(root, "book")[0].origin == "nothing"


def test_a_damaged_result_is_one_line(root):
    folder = root / "results/book/toy2020"
    folder.mkdir(parents=True)
    for name in ("notebook.ipynb", "run.json", "claims.json"):
        (folder / name).write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match=r"run\.json is not JSON"):
        exhibits(root, "book")


def test_the_models_table_shows_the_measured_errors_under_their_set():
    sets = {"imagenette160_boxes": "500", "imagenet_sample": "1000"}
    errors = {"googlenet": {"imagenette160_boxes": {"top1": 31.25, "top5": 11.0}}}
    table = pages.models_part({"date": "2026-01-02", "machine": RUN["machine"], "sets": sets, "errors": errors})
    row = table[table.index("`googlenet`") : table.index("`vgg19`")]
    assert row.count("31\\.2 \\/ 11\\.0") == 1
    assert row.index("31\\.2") < row.index(pages.NONE)
    assert "Measured on A\\_b processor\\, 2 cores, 2026-01-02." in table
    empty = pages.models_part({"date": None, "machine": None, "sets": sets, "errors": {}})
    assert "Not measured yet" in empty
    assert "no classes" in empty


def test_the_first_fault_of_a_log_is_found():
    log = "reading\n\x1b[91m/a/b.md:3: WARNING: undefined label: x\x1b[39;49;00m\nERROR: more\n"
    assert book.first_fault(log) == "/a/b.md:3: WARNING: undefined label: x"
    assert book.first_fault("reading\nnothing said\n\n") == "nothing said"


def test_a_faulty_page_fails_the_build_with_one_line(tmp_path):
    staged = tmp_path / "book" / "_generated"
    toc = b"format: jb-book\nroot: index\n"
    book.synchronise(staged, {"_config.yml": b"title: T\n", "_toc.yml": toc, "index.md": b"# T\n\n{doc}`nowhere`\n"})
    with pytest.raises(book.BookFailed, match=r"unknown document.*build\.log") as failure:
        book._run_jupyter_book(staged, tmp_path)
    assert "\n" not in str(failure.value)


def test_what_cannot_be_built_or_served_is_said(tmp_path):
    with pytest.raises(BadInput, match=r"no preset 'boook'"):
        book.build_book(tmp_path, "boook")
    with pytest.raises(BadInput, match=r"holds no book/_config\.yml"):
        book.build_book(tmp_path)
    with pytest.raises(BadInput, match="not built yet"):
        book.serve_book(tmp_path)


def test_a_port_that_is_taken_is_said(tmp_path):
    html = tmp_path / "book/_build/html"
    html.mkdir(parents=True)
    (html / "index.html").write_text("x", encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match="choose another with --port"):
            book.serve_book(tmp_path, taken.getsockname()[1])
    with pytest.raises(BadInput, match="choose another with --port"):
        book.serve_book(tmp_path, 99_999)


@pytest.fixture(scope="module")
def docstrings():
    """The book's Sphinx extension."""
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("docstrings", REPOSITORY / "book/_ext/docstrings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docstrings"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["docstrings"]


@pytest.mark.parametrize(
    ("docstring", "rst"),
    [
        ("Takes $x_1$.", "Takes :math:`x_1`."),
        ("By {cite}`a,b` and {cite:t}`c`.", "By :cite:`a,b` and :cite:t:`c`."),
        ("Code `a.b`, `x = 1` and ``(b, h)``.", "Code :py:obj:`a.b`, ``x = 1`` and ``(b, h)``."),
        ("A |bar| and name_ here.", "A \\|bar\\| and name\\_ here."),
        ("See :math:`x`.", "See :math:`x`."),
    ],
)
def test_pieces_of_markdown_become_rst(docstrings, docstring, rst):
    assert docstrings.to_rst(docstring) == rst


def test_an_equation_stands_alone_with_its_number(docstrings):
    rst = docstrings.to_rst("Text\n\n$$L = \\sum_k\n  a_k$$ (Eq. 2)\n\nArgs:\n    x: With $$y$$, indented.")
    assert "\n\n.. math:: L = \\sum_k a_k \\qquad \\text{(Eq. 2)}\n\n" in rst
    assert ".. math:: y,\n" in rst


def test_array_types_are_shown_by_their_names(docstrings):
    assert set(docstrings.type_names().values()) >= {"~innerview.core.types.Images", "~innerview.core.types.Values"}
    (written,) = [text for text, name in docstrings.type_names().items() if name.endswith(".Images")]
    shown = docstrings.name_types(None, "function", "f", len, None, f"(images: {written})", "int")
    assert shown == ("(images: ~innerview.core.types.Images)", "int")


HOSTILE = [
    "<script>fired=1</script>",
    "<img src=x onerror=fired=1>",
    '" onmouseover="fired=1',
    "`` ` {raw}`x` ```",
    "{% raw %}{{ 7 }}",
    "$$<script>fired=1</script>$$",
    r"$\href{javascript:fired=1}{x}$",
    "[a](javascript:fired=1)",
    "![a](http://h.example/x.png)",
    "\n```{raw} html\n<script>fired=1</script>\n```\n",
    ":::{raw} html\n<script>fired=1</script>\n:::",
    "http://h.example/x",
    '<a href="http://h.example">',
    "\n    * - cell\n````",
    "`a\n\n<script>fired=1</script>`",
    "{doc}`/index`",
    "</td></tr></table>",
]


class Elements(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str | None] = {}
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_claim_says_is_text_on_the_page(text):
    claim = CLAIM | dict.fromkeys(("source", "statement", "paper", "measured", "unit", "verdict", "note"), text)
    settings = {
        "myst_enable_extensions": ["attrs_inline", "colon_fence", "deflist", "dollarmath"], "math_output": "MathJax",
        "report_level": 5, "embed_stylesheet": False, "stylesheet_path": "",
    }  # fmt: skip
    markdown = pages.claims_table([claim])
    parts = publish_parts(markdown, parser=Parser(), writer_name="html5", settings_overrides=settings)
    found = Elements(parts.get("body", ""))
    assert found.tags <= {"table", "colgroup", "col", "thead", "tbody", "tr", "th", "td", "p", "span"}
    assert found.attributes.keys() <= {"class", "style"}
    assert "javascript:fired=1}" not in "".join(re.findall(r"\\\(.*?\\\)", found.text))
    assert found.text.count(re.findall(r"\w+", text)[-1]) >= 6
