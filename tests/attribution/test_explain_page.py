"""The book's page on explaining a prediction in practice: its code runs from top to bottom, and says what is so."""

import re
import shlex
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor, nn
from torchvision.models import VisionTransformer
from typer.main import get_command

import innerview as iv
from innerview import cli, evaluation
from innerview.attribution import METHODS, ClassMaps
from innerview.attribution.methods import chosen
from innerview.core.images import from_array
from innerview.evaluation import Curve, SanityCheck

PAGE = Path(__file__).parents[2] / "book" / "explain.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def transformer() -> nn.Module:
    """Return the reader's own network: a vision transformer, its last layer as if trained."""
    network = VisionTransformer(64, 16, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=10)
    nn.init.normal_(network.heads.get_parameter("head.weight"))
    return network


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Run every block in a folder with the photograph of a cat: at half the size, and in five steps of deletion."""
    torch.manual_seed(0)
    names: dict[str, object] = {}
    mine = ModuleType("my_project")
    vars(mine)["network"] = transformer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "my_project", mine)
        patch.chdir(tmp_path_factory.mktemp("page"))
        iv.write_image("cat.jpg", from_array(data.chelsea()))
        for curve in (evaluation.deletion, evaluation.insertion):
            patch.setattr(evaluation, curve.__name__, partial(curve, steps=5))
        for block in BLOCKS:
            half = block.replace("size=224", "size=112").replace("[[60, 20, 300, 220]]", "[[30, 10, 150, 110]]")
            exec(compile(half, PAGE.name, "exec"), names)
        names["files"] = {path.name: rendered(path) for path in Path().glob("*.png")}
    return names


def rendered(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def tensor(names: dict[str, object], name: str) -> Tensor:
    found = names[name]
    assert isinstance(found, Tensor)
    return found


def test_every_picture_is_there(names):
    files = names["files"]
    assert isinstance(files, dict)
    assert set(files) == {"grad_cam.png", "methods.png", "boxes.png"}
    photo = tensor(names, "photo")
    assert photo.shape[-2] == 112
    assert files["grad_cam.png"][0] == 2 * photo.shape[-1] + 16


def test_targets_are_what_the_table_says(names):
    tabby, both, rather = (tensor(names, name) for name in ("tabby", "both", "rather"))
    torch.testing.assert_close(both[:1], tabby, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(both[1:], tabby, rtol=0.1)
    assert not torch.allclose(rather, tabby, rtol=0.1)
    several = names["several"]
    assert isinstance(several, ClassMaps)
    assert several.maps.shape == (1, 3, *tabby.shape[1:])
    predicted = several.classes[0, 0]
    torch.testing.assert_close(several.maps[:, 0], tensor(names, "heat"), rtol=1e-3, atol=1e-4)
    assert int(predicted) == int(several.logits.argmax())


def test_tokens_lie_as_the_page_says(names):
    said = re.search(r"^tokens = .*# \((.*)\)$", TEXT, re.MULTILINE)
    assert said is not None
    assert ", ".join(map(str, tensor(names, "tokens").shape)) == said.group(1)
    torch.testing.assert_close(tensor(names, "tokens"), tensor(names, "same"))


def test_numbers_are_numbers_and_the_cat_is_found(names):
    falls, rises, random = names["falls"], names["rises"], names["random"]
    assert isinstance(falls, Curve)
    assert isinstance(rises, Curve)
    assert isinstance(random, SanityCheck)
    assert float(falls.area) < float(rises.area)
    assert random.layers == ("fc", "blocks.15")
    assert -1 <= float(tensor(names, "agreement")) <= 1
    assert float(tensor(names, "overlap")) > 0.3


def test_the_page_names_every_method():
    for name in METHODS:
        assert f"`{name}`" in TEXT, name
        assert hasattr(iv, name)
    assert f"the {len(METHODS)} methods" in TEXT


def test_the_commands_of_the_page_are_ones_that_there_are():
    command: Any = get_command(cli.app)
    lines = [line.partition("#")[0] for line in TEXT.splitlines() if line.startswith("innerview explain ")]
    assert len(lines) == 5
    for line in lines:
        given = command.commands["explain"].make_context("explain", shlex.split(line)[2:]).params
        assert given["images"][0] == Path("cat.jpg")
        assert chosen(given["method"])
        assert given["out"].suffix == ".png"
