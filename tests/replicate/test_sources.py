import functools
import linecache

import pytest

from innerview.core.seeds import generator
from innerview.replicate.sources import NO_RESULT, function_digest, source_digest

FILES = {
    "__init__.py": "",
    "one/__init__.py": "from replication.one.deep import depth\nfrom replication.one.other import other\n",
    "one/paper.py": '"""A paper."""\nimport innerview.figures\nfrom replication.one import depth\nX = depth\n',
    "one/deep.py": "import innerview.core.seeds\nfrom . import base\n\ndef depth():\n    return base.BASE\n",
    "one/base.py": "BASE = 1\n",
    "one/other.py": "def other():\n    return 2\n",
}


@pytest.fixture
def papers(tmp_path):
    folder = tmp_path / "replication"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "text", "counts"),
    [
        ("one/base.py", "BASE = 2\n", True),  # reached through two imports and a package that passes the name on
        ("one/deep.py", FILES["one/deep.py"].replace("BASE", "BASE + 0"), True),
        ("one/paper.py", FILES["one/paper.py"] + "Y = 1\n", True),
        ("one/paper.py", '"""Another text."""\n\n# remark\n' + FILES["one/paper.py"].partition("\n")[2], False),
        ("one/deep.py", FILES["one/deep.py"].replace("    return", '    """Say how deep."""\n    return  '), False),
        ("one/other.py", "def other():\n    return 3\n", False),
        ("one/__init__.py", FILES["one/__init__.py"] + "Z = 1\n", False),
    ],
)
def test_code_counts_as_far_as_it_is_imported_and_remarks_do_not(papers, file, text, counts):
    before = source_digest([papers / "one/paper.py"], papers)
    (papers / file).write_text(text, encoding="utf-8")
    assert (source_digest([papers / "one/paper.py"], papers) != before) is counts


def test_what_is_left_out_does_not_count(papers):
    paper = papers / "one/paper.py"
    everything = source_digest([paper], papers, ())
    assert everything == source_digest([paper], papers, ("innerview.cli",))
    assert everything != source_digest([paper], papers, ("innerview.core",))
    paper.write_text("import innerview\n", encoding="utf-8")
    assert source_digest([paper], papers, NO_RESULT) != source_digest([paper], papers)


def test_a_functions_digest_names_it_and_sees_through_partial(papers):
    one = function_digest(test_what_is_left_out_does_not_count, papers)
    other = function_digest(test_code_counts_as_far_as_it_is_imported_and_remarks_do_not, papers)
    assert one != other
    assert one.split()[1] == other.split()[1]
    assert function_digest(functools.partial(test_what_is_left_out_does_not_count, 1), papers) == one


def test_a_function_of_a_notebook_counts_by_its_text_and_what_it_names(tmp_path):
    def of_notebook(text):
        name = f"<cell {len(linecache.cache)}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        scope = {"generator": generator, "__name__": "no_file"}
        exec(compile(text, name, "exec"), scope)
        return function_digest(scope["cell"], tmp_path)

    plain = of_notebook("def cell():\n    return 1\n")
    assert plain == of_notebook("def cell():\n    return 1\n")
    assert plain != of_notebook("def cell():\n    return 2\n")
    assert of_notebook("def cell():\n    return generator(1)\n").split()[-1] != plain.split()[-1]
