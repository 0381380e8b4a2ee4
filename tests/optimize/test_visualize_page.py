"""The book's page on feature visualization in practice: its code runs from top to bottom."""

import json
import re
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

import innerview as iv

PAGE = Path(__file__).parents[2] / "book" / "visualize.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.mirror
@pytest.mark.usefixtures("googlenet")
def test_every_code_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With photographs of noise, and less patience: two steps, four channels."""
    monkeypatch.chdir(tmp_path)
    Path("photographs").mkdir()
    draws = torch.Generator().manual_seed(0)
    for number in range(10):
        iv.write_image(f"photographs/{number}.png", torch.rand((1, 3, 64, 64), generator=draws))
    iv.write_image("garden.jpg", torch.rand((1, 3, 96, 128), generator=draws))
    hasty = iv.Recipe(steps=2)
    monkeypatch.setattr(iv, "visualize", partial(iv.visualize, steps=24, size=48), raising=False)
    monkeypatch.setattr(iv, "spritemap", partial(iv.spritemap, channels=range(4), recipe=hasty), raising=False)
    monkeypatch.setattr(iv, "activation_grid", partial(iv.activation_grid, recipe=hasty), raising=False)
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block.replace(", size=112", ""), PAGE.name, "exec"), names)
    with Image.open("wheel.png") as picture:
        assert picture.mode == "RGBA"
    assert [icon["channel"] for icon in json.loads(Path("inception_4d.json").read_text())["icons"]] == [0, 1, 2, 3]
    assert len(list(Path("icons").iterdir())) == 1 + 4  # the sheet is one unit of work, the grid's 49 icons are four


def test_the_page_names_every_parameterization_metric_and_objective_that_there_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    from innerview import optimize  # noqa: PLC0415

    spaces = ("Fourier", "Pixels", "RawPixels", "Laplacian", "Shared", "CPPN", "Maco", "Transparent", "Latent")
    objectives = (
        "neuron", "channel", "layer", "class_logit", "class_probability", "direction", "cosine", "caricature",
        "activation_difference", "diversity", "alignment", "interpolation", "side_by_side", "total_variation",
        "l1", "l2", "blur", "bilateral", "opacity",
    )  # fmt: skip
    for name in (*spaces, *objectives, "L2", "LInf", "Decorrelated", "Smoothed"):
        assert hasattr(optimize, name)
        assert f"{name}(" in text, name
