"""The book's page on your own model: its code runs from top to bottom."""

import re
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

import innerview as iv
from innerview.models import torchvision_models

PAGE = Path(__file__).parents[2] / "book" / "own_model.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 4, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": self.head(images).mean((2, 3))}


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(2), nn.AdaptiveAvgPool1d(1), nn.Flatten())


def module(name: str, **names: object) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    return made


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page takes for granted: the reader's module and photographs, timm, weights; and patience: two steps."""
    torch.manual_seed(0)
    digits = partial(nn.Sequential, nn.Conv2d(1, 4, 5), nn.Flatten(), nn.Linear(4 * 24 * 24, 10))
    mine = module("my_project", MyNetwork=small, CLASSES=["a", "b", "c", "d"], DigitNetwork=digits, TwoHeads=TwoHeads)
    network = small()
    vars(network)["pretrained_cfg"] = {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}
    monkeypatch.setitem(sys.modules, "my_project", mine)
    monkeypatch.setitem(sys.modules, "timm", module("timm", create_model=lambda *_, **__: network))
    monkeypatch.chdir(tmp_path)
    iv.write_image("dog.jpg", torch.rand(1, 3, 96, 96))
    iv.write_image("garden.jpg", torch.rand(1, 3, 96, 128))
    torch.save(torchvision_models.get_model("resnet50", weights=None).state_dict(), "weights.pth")
    monkeypatch.setattr(torchvision_models, "fetch_url", lambda _: "weights.pth")
    monkeypatch.setattr(iv, "visualize", partial(iv.visualize, steps=2), raising=False)
    recipe = partial(iv.DreamRecipe, steps=2)
    monkeypatch.setattr(iv, "DreamRecipe", lambda octaves, tile: recipe(octaves=octaves - 2, tile=tile), raising=False)


@pytest.mark.usefixtures("reader")
def test_every_code_block_runs_and_every_shape_is_the_one_said() -> None:
    names: dict[str, object] = {}
    said = []
    for block in BLOCKS:
        exec(compile(block, PAGE.name, "exec"), names)
        for expression, shape in re.findall(r"^(.*\S)  # (\(\d.*\))$", block, re.MULTILINE):
            assert str(tuple(eval(expression, names))) == shape, expression
            said.append(expression)
    assert len(said) == 3
    assert Path("dream.png").exists()
