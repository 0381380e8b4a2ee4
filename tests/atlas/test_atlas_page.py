"""The book's page on atlases: its code runs from top to bottom, small, on the embedded model, and says what is so."""

import re
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

import innerview as iv
from innerview import cli

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "atlas.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
SMALLER = {
    'iv.load_model("googlenet")': 'iv.load_model("efficientnet_lite0")',
    '"inception_4c", 10, 10, 6': '"blocks.10", 2, 2, 8',
    "progress=True": "progress=False",
    "IconRecipe(size=64)": "IconRecipe(size=32, recipe=iv.Recipe(steps=2))",
    "Reduction(neighbors=20)": 'Reduction("pca")',
}  # fmt: skip
"""What a test has no time for -> what it does instead."""


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Run every block in a folder with generated photographs."""
    assert all(sum(block.count(large) for block in BLOCKS) == 1 for large in SMALLER)
    names: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        for number in range(8):
            draws = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(number))
            iv.write_image(f"photographs/{number}.png", F.interpolate(draws, 64, mode="bicubic").clamp(0, 1))
        for block in BLOCKS:
            for large, small in SMALLER.items():
                block = block.replace(large, small)  # noqa: PLW2901  (one after another)
            exec(compile(block, PAGE.name, "exec"), names)
        names["files"] = {path.as_posix() for path in Path().rglob("*")}
        yield names


def test_the_explorer_and_the_picture_are_written(names):
    assert {"atlas.png", "explorer/index.html"} <= names["files"]


def test_the_collection_is_what_the_page_says(names):
    assert len(names["found"]) == 8 * 8
    assert names["found"].attributions.count == 1000


def test_levels_double_and_classes_are_found(names):
    assert [level.grid.density for level in names["atlas"].levels] == [2, 4]
    assert names["target"] != names["other"]
    assert 0 <= names["tried"].success_best <= 1


def test_the_page_names_options_that_exist(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["innerview", "atlas", "build", "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    told = capsys.readouterr().out
    asked = set(re.findall(r"(--[a-z-]+)", PAGE.read_text(encoding="utf-8")))
    assert asked
    assert all(option in told for option in asked)
