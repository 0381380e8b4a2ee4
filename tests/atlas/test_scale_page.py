"""The book's page on atlases of a million images: its script runs, small, and its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from atlas.small import write_images

PAGE = Path(__file__).parents[2] / "book" / "scale.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
SMALLER = {
    "IconRecipe(80, Recipe(steps=1024), tries=4, batch=64)": "IconRecipe(32, Recipe(steps=1), batch=4)",
    '(20, 40, 80, 160), minimum=10, reduction=Reduction("umap")': '(1, 2), minimum=1, reduction=Reduction("pca")',
    '"inception_4c"': '"blocks.5"',
    "size=224, shard=2048": "size=64, shard=2",
    '"googlenet"': '"efficientnet_lite0"',
    "n_workers=8": "n_workers=2",
    'choose_device("auto")': 'choose_device("cpu")',
}


@pytest.mark.slow
def test_the_script_makes_an_explorer(tmp_path: Path) -> None:
    (script,) = BLOCKS
    for large, small in SMALLER.items():
        assert script.count(large) == 1
        script = script.replace(large, small)
    (tmp_path / "atlas.py").write_text(script)
    write_images(tmp_path / "images", 6)
    command = [sys.executable, "atlas.py", "images", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = Path(done.stdout.strip().splitlines()[-1])
    assert page == tmp_path.resolve() / "out" / "explorer" / "index.html"
    assert (page.parent / "data" / "blocks-5-2.js").is_file()
    parts = [path.name for path in (tmp_path / "out" / "parts").iterdir()]
    assert sum(name.startswith("blocks.5-activations") for name in parts) == 3


@pytest.mark.parametrize(
    "option", re.findall(r"--[a-z-]+", " ".join(re.findall(r"innerview atlas [^`]*", PAGE.read_text())))
)
def test_the_commands_have_these_options(option: str) -> None:
    from innerview.cli import atlas  # noqa: PLC0415

    source = Path(atlas.__file__).read_text(encoding="utf-8")
    assert option in source or f"{option.removeprefix('--')}: " in source
