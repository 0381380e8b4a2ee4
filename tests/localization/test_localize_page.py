"""The book's page on localizing without boxes: its code runs from top to bottom, and says what is so."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import innerview as iv
from innerview.localization import DataSet, Judged, composites
from innerview.training import Training

PAGE = Path(__file__).parents[2] / "book" / "localize.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
CLASSES = ("0", "1", "2")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Run every block in a folder with three classes of generated photographs."""
    names: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        made = composites(60, size=64, classes=3, parts=(1.0, 0.5), digits="training")
        for place, (image, label) in enumerate(zip(made.images, made.labels.tolist(), strict=True)):
            iv.write_image(f"photographs/{CLASSES[label]}/{place:02}.jpg", image[None])
        for block in BLOCKS:
            exec(compile(block, PAGE.name, "exec"), names)
        names["files"] = {path.name for path in Path("trained/heads").iterdir()}
        names["state"] = load_file("trained/heads/state.safetensors")
        yield names  # later reading needs the folder


def test_the_classes_are_the_folders(names):
    data = names["data"]
    assert isinstance(data, DataSet)
    assert data.classes == CLASSES
    assert len(data.paths) == 60


def test_the_training_left_what_the_page_names(names):
    trained = names["trained"]
    assert isinstance(trained, Training)
    assert {"state.safetensors", "log.jsonl", "epochs.csv"} <= names["files"]
    assert len(trained.history) == 6 * 3
    assert trained.history[-3:].mean() < trained.history[:3].mean()


def test_the_box_lies_in_the_photograph(names):
    box = names["box"]
    assert box.shape == (1, 4)
    assert 0 <= box.min() <= box.max() <= 224


def test_the_validation_is_a_share(names):
    assert 0 <= names["validate"](names["trained"].model)["accuracy"] <= 1


def test_the_numbers_are_what_the_page_says(names):
    judged = names["judged"]
    assert isinstance(judged, Judged)
    assert len(judged.ranks) == 20
    assert 0 <= judged.error(None, "tuned") <= judged.error(1, "tuned") <= 100
    assert 0 <= judged.box_accuracy_v2("best") <= 100


def test_the_whole_network_has_something_to_train_at_each_pace(names):
    model, samples, recipe = names["model"], names["samples"], names["whole"]
    trainable = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert any(name.startswith("backbone.") for name in trainable)
    assert any(name.startswith("heads.b.") for name in trainable)
    assert recipe.mixed
    images, labels = samples.batch(torch.arange(3), torch.Generator())
    assert images.shape == (3, 3, 224, 224)
    assert labels.shape == (3,)
